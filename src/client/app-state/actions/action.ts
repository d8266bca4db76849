/**
 * What a kind of change in app state is: how it is read, and what it changes here. One file declares those of one family;
 * `registry.ts` lists them. Whatever comes was verified before: it was written by a device of this account, and may be wrong
 * all the same.
 */
import type { Logger } from '../../../base/logger.ts'
import type { BinaryNode } from '../../../protocol/binary/node.ts'
import { tryParseJid, userJid } from '../../../protocol/jid.ts'
import type { SyncActionValue } from '../../../protocol/proto/app-state.ts'
import type { ChangeOrigin } from '../../events.ts'
import { canonicalJid } from '../../identity/addresses.ts'
import type { Self } from '../../identity/self.ts'
import type { Unit } from '../../state/unit.ts'
import type { Unknowns } from '../../unknowns.ts'

/** What the actions speak to. */
export interface ActionContext {
  readonly self: Self
  readonly unknowns: Unknowns
  readonly logger: Logger
  /** Sends the server a stanza that nobody waits for, if there is a connection. Called after the commit. */
  readonly send: (stanza: BinaryNode) => void
}

/** One change, ready to be read. */
export interface Change {
  /** The name of the action, and what it is about. */
  readonly index: readonly string[]
  /** What is said of it; empty when it was taken away. */
  readonly value: SyncActionValue.$Properties
  /** Whether the entry was taken away: it is as if nobody had ever set it. */
  readonly isRemoval: boolean
  /** When, in milliseconds since the epoch. */
  readonly atMs: number
  readonly origin: ChangeOrigin
}

/** What reading gives for a change that is sound and that nobody has to be told. */
export const SILENT: unique symbol = Symbol('silent')

/** One kind, whatever it reads. */
export interface ActionKind {
  /** The first part of the index. */
  readonly name: string
  /** The same once more, later, is something new: a chat can be read or cleared again. */
  readonly isMoment: boolean
  /** False when the change cannot be understood: nothing was changed then. */
  readonly receive: (unit: Unit, change: Change, context: ActionContext) => Promise<boolean>
}

/** Declares a kind: `read` is pure and gives `undefined` for what cannot be understood, `apply` stages what follows from it. */
export function actionKind<Said extends object>(kind: {
  readonly name: string
  readonly isMoment?: true
  readonly read: (change: Change) => Said | typeof SILENT | undefined
  readonly apply: (unit: Unit, said: Said, change: Change, context: ActionContext) => Promise<void>
}): ActionKind {
  return {
    name: kind.name,
    isMoment: kind.isMoment === true,
    async receive(unit, change, context) {
      const said = kind.read(change)
      if (said === undefined) return false
      if (said !== SILENT) await kind.apply(unit, said, change, context)
      return true
    },
  }
}

/** Below it a number is taken for seconds: as milliseconds it would be before 1974, as seconds it is after the year 5000. */
const SECONDS_BELOW = 1e11

/** The last moment that a date can have. */
const LAST_MS = 8.64e15

/** Milliseconds since the epoch, from what is said in these or in seconds; `undefined` for what is no moment at all. */
export function momentOf(value: number | null | undefined): number | undefined {
  if (value === null || value === undefined || !Number.isSafeInteger(value) || value <= 0) return undefined
  const ms = value < SECONDS_BELOW ? value * 1000 : value
  return ms > LAST_MS ? undefined : ms
}

/** The address in a part of an index, without a device; `undefined` when there is none. */
export function addressIn(part: string | null | undefined): string | undefined {
  if (!part) return undefined
  const jid = tryParseJid(part)
  return jid === undefined || jid.user === '' ? undefined : userJid(part)
}

/** The chat that events about the account as a whole are recorded with. */
export function accountChat(unit: Unit, { self }: ActionContext): Promise<string> {
  return canonicalJid(unit, self.pn)
}

/** The members that have a value: what is absent is left out of events. */
export function present<Members extends object>(members: Members): Present<Members> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(entries) as Present<Members>
}

/** See {@link present}. */
export type Present<Members> = { readonly [Name in keyof Members]?: NonNullable<Members[Name]> }
