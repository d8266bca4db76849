/**
 * Takes unfinished outbox rows to the wire while there is a connection: lanes per chat, in order, each row encrypted
 * once. What goes wrong before the wire makes its chat wait (`pauses.ts`) and nobody else's. Accepting messages, and what
 * becomes of them, is the business of `outbox.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import {
  ClosedError,
  StorageError,
  UsageError,
  WatonError,
  describeError,
  errorCode,
} from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { seam } from '../../base/seams.ts'
import type { OutboxRow } from '../../persistence/contract/index.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import { userJid } from '../../protocol/jid.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, phoneJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState, Staged } from '../state/account-state.ts'
import type { Timing } from '../options.ts'
import type { PrivacyTokens } from '../tokens/tokens.ts'
import type { DeviceDirectory } from './devices.ts'
import { encryptItem } from './encrypt.ts'
import type { Recipients } from './encrypt.ts'
import { Lanes } from '../lanes.ts'
import type { NackRepairs, RepairOutcome } from './nack.ts'
import { outboxItem, outboxRow, sendableItem, withStanza } from './outbox-item.ts'
import type { OutboxItem } from './outbox-item.ts'
import type { Setback } from './outbox-fate.ts'
import { Pauses } from './pauses.ts'
import type { WaitReason } from './pauses.ts'
import type { SessionDirectory } from './sessions.ts'
import { UNFINISHED_STATES, isUnfinished } from './states.ts'
import { Wire } from './wire.ts'

/** What the sender works with. */
export interface SenderOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly repairs: NackRepairs
  readonly tokens: PrivacyTokens
  /** How long an answer may take. */
  readonly timing?: Partial<Timing> | undefined
  /** Which devices a message goes to. */
  readonly devices: DeviceDirectory
  /** Sessions with them. */
  readonly sessions: SessionDirectory
  /** A row reached a new state and is durable. */
  readonly onAdvance: (item: OutboxItem) => void
  /** A row can never be sent. */
  readonly onHopeless: (item: OutboxItem, code: string) => Promise<void>
  /** A finished stanza is larger than a connection can carry: it has not left, and never will. */
  readonly onTooLarge: (id: string) => Promise<void>
  /** An attempt failed before the wire. Resolves with whether the message is still to be sent. */
  readonly onSetback: (id: string, setback: Setback) => Promise<boolean>
  /** A repair has ended. Resolves with the message as it is now. */
  readonly onRepaired: (id: string, outcome: RepairOutcome) => Promise<OutboxItem | undefined>
  /** A row cannot be read. */
  readonly onUnreadable: (id: string) => Promise<void>
}

/** Rows read from the store at once. */
const PAGE = 256

/** Messages handed over and not begun, at most; when there are more, they are read from the store again. */
const MAX_OFFERED = 1024

/** Times that a message is encrypted when sessions turn out to be broken: those that were begun a moment ago are not. */
const MAX_ROUNDS = 3

/** Where reading the outbox itself waits. */
const NO_LANE = ''

/** A message that became durable a moment ago, and the position of the one accepted before it. */
interface Offer {
  readonly item: OutboxItem
  readonly previous: number
}

/** What an attempt is busy with: why the message waits when it fails there. */
interface Attempt {
  step: WaitReason
}

/** See the file comment. */
export class OutboxSender {
  readonly #options: SenderOptions
  readonly #lanes: Lanes<OutboxItem>
  readonly #pauses: Pauses
  readonly #wire: Wire
  #loadedUpTo = -1
  /** What comes right behind {@link #loadedUpTo}, so that rows just written are not read back. */
  #offered: Offer[] = []
  /** Counts how often reading began anew: what an older reading found is dropped. */
  #starts = 0
  #isLoading = false
  #loadAgain = false

  constructor(options: SenderOptions) {
    const { clock, random } = options
    this.#options = options
    this.#lanes = new Lanes((item) => this.#process(item))
    this.#wire = new Wire(options, {
      onLate: () => {
        this.restart()
      },
      onTooLarge: (id) => {
        options.onTooLarge(id).catch((error: unknown) => {
          options.logger.warn({ id, reason: describeError(error) }, 'a message that is too large waits')
        })
      },
    })
    this.#pauses = new Pauses(clock, random, () => {
      this.restart()
    })
  }

  /** The connection is ready for messages: unfinished ones go out, in order. */
  resume(connection: Connection): void {
    this.#wire.open(connection)
    this.#pauses.forgive()
    this.restart()
  }

  /** The connection is gone, or may not be written to for now: what was not acknowledged waits for {@link resume}. */
  suspend(): void {
    this.#wire.close()
    this.#pauses.stop()
    this.#lanes.clear()
  }

  /**
   * A new row is in the store.
   *
   * @param previous - the position of the row accepted before it: when that one is not known here, the store is read
   */
  offer(item: OutboxItem, previous: number): void {
    if (this.#wire.connection === undefined) return
    if (this.#offered.length >= MAX_OFFERED) this.#offered = []
    this.#offered.push({ item, previous })
    if (!this.#isLoading) this.wake()
  }

  /** Rows may be in the store that are not known here. */
  wake(): void {
    if (this.#wire.connection === undefined) return
    if (this.#isLoading) {
      this.#loadAgain = true
      return
    }
    this.#isLoading = true
    void this.#load()
      .catch((error: unknown) => {
        this.#options.logger.error({ reason: describeError(error) }, 'the outbox could not be read')
        // of no chat in particular: the pause alone brings the next attempt
        if (this.#wire.connection !== undefined)
          this.#pauses.wait(NO_LANE, { id: '', chat: '', reason: 'store' })
      })
      .finally(() => {
        this.#isLoading = false
        if (!this.#loadAgain && this.#offered.length === 0) return
        this.#loadAgain = false
        this.wake()
      })
  }

  /** The server has answered for this id. */
  answered(id: string, isTaken: boolean): void {
    this.#wire.answered(id)
    if (isTaken && this.#pauses.forget(id)) this.restart()
  }

  /** The server cannot take a message now: its chat waits before the message is repeated. */
  async pause(item: OutboxItem): Promise<void> {
    await this.#pause(item, 'server')
  }

  /** The message is over: what waits behind it goes on. */
  release(id: string): void {
    this.#pauses.headIsOver(id)
    this.restart()
  }

  /** The message was refused for good: a chat that waited for its answer goes on. */
  failed(id: string): void {
    if (this.#pauses.headIsOver(id)) this.restart()
  }

  /** Reads everything that is unfinished again, from the first row on. Chats that wait go on waiting. */
  restart(): void {
    this.#lanes.clear()
    for (const lane of this.#pauses.held()) this.#lanes.block(lane)
    this.#starts += 1
    this.#loadedUpTo = -1
    this.#offered = []
    this.wake()
  }

  /** Whether the connection of the moment has the message, and has not answered. */
  isOnWire(id: string): boolean {
    return this.#wire.has(id)
  }

  /** Whether an encrypted message may have left. */
  hasLeft(id: string): boolean {
    return this.#wire.hasLeft(id)
  }

  /** Keeps an encrypted message from leaving. @returns whether it is certain that it has not left before */
  holdBack(id: string): boolean {
    return this.#wire.holdBack(id)
  }

  /** What was held back may leave after all. */
  letGo(id: string): void {
    this.#wire.letGo(id)
  }

  /** What keeps an unfinished message; `undefined` when nothing does. */
  waitOf(id: string, chat: string): WaitReason | undefined {
    if (this.#wire.connection === undefined) return 'connection'
    if (this.#wire.has(id)) return undefined
    const pause = this.#pauses.of(chat)
    if (pause === undefined || pause.dueAtMs <= this.#options.clock.nowMs()) return undefined
    return pause.id === id ? pause.reason : 'chat'
  }

  async #load(): Promise<void> {
    while (this.#wire.connection !== undefined) {
      const start = this.#starts
      const offered = this.#takeOffered()
      const rows = offered.length > 0 ? [] : await this.#read()
      const items = offered.length > 0 ? offered : await this.#itemsOf(rows)
      this.#pauses.over(NO_LANE)
      // another connection, or a retry, starts over from the first unfinished row
      if (!(await this.#line(items, start))) continue
      const last = rows.at(-1) ?? offered.at(-1)
      if (last === undefined) return
      this.#loadedUpTo = last.position
      await this.#lanes.room()
      if (offered.length > 0 && this.#offered.length === 0) return
    }
  }

  /**
   * Puts messages in their lanes, one after the other: the other address of a person may be learned in between, and is
   * looked for among lanes that have what came before.
   *
   * @returns whether all are in; false when reading began anew
   */
  async #line(items: readonly OutboxItem[], start: number): Promise<boolean> {
    for (const item of items) {
      const lane = await this.#laneOf(item)
      if (start !== this.#starts) return false
      if (!this.#wire.has(item.id)) this.#lanes.add(lane, item)
    }
    return start === this.#starts
  }

  #read(): Promise<readonly OutboxRow[]> {
    const { store, account } = this.#options.state
    return store.listOutbox(account, { states: UNFINISHED_STATES, after: this.#loadedUpTo, limit: PAGE })
  }

  /** The offers that follow what is loaded without a gap; behind a gap only the store knows. */
  #takeOffered(): readonly OutboxItem[] {
    const taken: OutboxItem[] = []
    let known = this.#loadedUpTo
    for (const { item, previous } of this.#offered) {
      if (item.position <= known) continue
      if (previous !== known) {
        if (taken.length > 0) this.#loadAgain = true
        break
      }
      taken.push(item)
      known = item.position
    }
    this.#offered = []
    return taken
  }

  /** The items of the rows that can be read; the others are set aside. */
  async #itemsOf(rows: readonly OutboxRow[]): Promise<readonly OutboxItem[]> {
    const items: OutboxItem[] = []
    for (const row of rows) {
      try {
        items.push(sendableItem(row))
      } catch {
        await this.#options.onUnreadable(row.id)
      }
    }
    return items
  }

  /**
   * The lane of a message: one per person, also when their other address becomes known while messages wait under the
   * first one.
   */
  async #laneOf({ chat, body }: OutboxItem): Promise<string> {
    const { state } = this.#options
    const canonical = await canonicalJid(state, body.to)
    const phone = await phoneJid(state, canonical)
    return [chat, canonical, phone].find((key) => key !== undefined && this.#lanes.isOpen(key)) ?? canonical
  }

  async #process(item: OutboxItem): Promise<void> {
    const { connection } = this.#wire
    if (connection?.isOpen !== true || this.#wire.has(item.id)) return
    const attempt: Attempt = { step: 'devices' }
    try {
      const ready = await this.#repaired(connection, item, attempt)
      if (ready === undefined) return
      if (ready.body.stanza === undefined) await this.#encrypt(connection, ready, attempt)
      else await this.#repeat(connection, ready)
      await this.#left(ready)
    } catch (error) {
      await this.#failed(connection, item, { error, reason: attempt.step }).catch((second: unknown) => {
        // the store fails, too: the row is as it was, and the next connection begins with it
        const reason = describeError(second)
        this.#options.logger.warn({ id: item.id, reason }, 'what became of a message could not be recorded')
      })
    }
  }

  /** The item, after what the server refused it for is repaired; `undefined` when there is nothing left to send. */
  async #repaired(
    connection: Connection,
    item: OutboxItem,
    attempt: Attempt,
  ): Promise<OutboxItem | undefined> {
    const { isRepairDue, serverCode } = item.body.trouble ?? {}
    if (isRepairDue !== true || serverCode === undefined) return item
    attempt.step = 'repair'
    const repair = this.#options.repairs.get(serverCode)
    const { id, chat, body } = item
    const outcome =
      repair === undefined ? 'impossible' : await repair({ id, chat, to: body.to, serverCode }, connection)
    attempt.step = 'devices'
    const next = await this.#options.onRepaired(id, outcome)
    return next !== undefined && isUnfinished(next.state) ? next : undefined
  }

  /** What was encrypted before goes out again, behind earlier messages of the chat whose commits are under way. */
  async #repeat(connection: Connection, { id }: OutboxItem): Promise<void> {
    seam('send:repeating')
    const staged = await this.#options.state.transact(async (unit) => {
      // its fate may have been decided since it was read
      const row = await unit.readOutbox(id)
      if (row?.state !== 'encrypted') return
      const { stanza } = outboxItem(row).body
      if (stanza === undefined) return
      unit.onCommit(() => {
        this.#wire.write(connection, id, decodeNode(stanza))
      })
    })
    staged.committed.catch(() => undefined)
  }

  async #failed(
    connection: Connection,
    item: OutboxItem,
    { error, reason }: { error: unknown; reason: WaitReason },
  ): Promise<void> {
    const { logger, onHopeless, onSetback } = this.#options
    const code = errorCode(error) ?? 'WATON_UNKNOWN'
    const { id } = item
    logger.warn(
      { id, code, waitingFor: reason, reason: describeError(error) },
      'a message could not be sent yet',
    )
    if (isHopeless(error, item)) {
      await onHopeless(item, code)
      return
    }
    if (connection !== this.#wire.connection || !connection.isOpen) return
    // a store that fails is nobody's message's fault, and could not take a note of it
    if (error instanceof StorageError) {
      await this.#pause(item, 'store')
      return
    }
    const { sinceMs } = await this.#pause(item, reason)
    if (!(await onSetback(id, { code, sinceMs }))) this.release(id)
  }

  /** What comes after the message in its chat must not overtake it. */
  async #pause(item: OutboxItem, reason: WaitReason): Promise<{ sinceMs: number }> {
    const lane = await this.#laneOf(item)
    this.#lanes.block(lane)
    return this.#pauses.wait(lane, { id: item.id, chat: item.chat, reason })
  }

  /** A message is on its way to the wire. One that was refused before has nothing follow it until it is answered. */
  async #left(item: OutboxItem): Promise<void> {
    const isProbe = item.body.trouble?.serverCode !== undefined
    if (!isProbe && this.#pauses.isEmpty) return
    const lane = await this.#laneOf(item)
    if (!isProbe) {
      this.#pauses.over(lane)
      return
    }
    this.#lanes.block(lane)
    this.#pauses.probe(lane, item)
  }

  async #encrypt(connection: Connection, item: OutboxItem, attempt: Attempt): Promise<void> {
    let staged: Staged<'done' | 'again'>
    let rounds = 0
    do {
      if (rounds === MAX_ROUNDS) throw sessionsBreak(item.id)
      rounds += 1
      const recipients = await this.#recipients(connection, item, attempt)
      staged = await this.#stage(connection, item, recipients)
    } while (staged.value === 'again')
    // the lane goes on: units are committed, and so written, in this order; after a failed commit all begin anew
    staged.committed.catch((error: unknown) => {
      if (error instanceof WatonError)
        this.#options.logger.debug({ id: item.id, code: error.code }, 'a send was dropped with its commit')
    })
  }

  /** Whom it goes to, with a session for each device whose keys could be had. */
  async #recipients(connection: Connection, { body }: OutboxItem, attempt: Attempt): Promise<Recipients> {
    const { self, devices: directory, sessions } = this.#options
    const { to } = body
    const ownUser = self.userLike(to)
    const users = userJid(to) === ownUser ? [ownUser] : [ownUser, to]
    const devices = await directory.devicesOf(connection, users)
    const selfDevice = self.deviceLike(to)
    const own = (devices.get(ownUser) ?? []).filter((device) => device !== selfDevice)
    const other = users.length === 1 ? [] : (devices.get(to) ?? [])
    attempt.step = 'keys'
    await sessions.ensure(connection, [...own, ...other])
    seam('send:prepared')
    return { own, other }
  }

  /**
   * One unit: the advanced chains and the finished stanza, or neither.
   *
   * @returns `again` when sessions could not be encrypted in: they are set aside, and new ones are to be begun
   */
  async #stage(
    connection: Connection,
    item: OutboxItem,
    recipients: Recipients,
  ): Promise<Staged<'done' | 'again'>> {
    const { state, self, random, tokens, onAdvance } = this.#options
    return state.transact(async (unit) => {
      // whatever is encrypted now could only be repeated later, behind messages that it must not overtake
      requireOpen(connection, item.id)
      const row = await unit.readOutbox(item.id)
      const present = row === undefined ? item : outboxItem(row)
      const { stanza } = present.body
      if (present.state === 'encrypted' && stanza !== undefined) {
        // an attempt of an earlier connection came first: its ciphertext is the one that goes out
        unit.onCommit(() => {
          this.#wire.write(connection, item.id, decodeNode(stanza))
        })
        return 'done'
      }
      if (present.state !== 'queued') return 'done'
      const selfDevice = self.deviceLike(present.body.to)
      const sender = { local: self.local, deviceIdentity: self.deviceIdentity, self: selfDevice }
      const fresh = await encryptItem(unit, present, recipients, { state, sender, random, tokens })
      if (fresh === undefined) return 'again'
      // many devices take a while
      requireOpen(connection, item.id)
      const next = withStanza(present, encodeNode(fresh))
      unit.putOutbox(outboxRow(next))
      seam('send:encrypted')
      this.#wire.encrypted(item.id)
      unit.onCommit(() => {
        onAdvance(next)
        // the chains are durable now: only from here may anybody see the ciphertext
        this.#wire.write(connection, item.id, fresh)
      })
      return 'done'
    })
  }
}

/** Trying again cannot mend it: the server knows nobody at the address, or the message itself is at fault. */
function isHopeless(error: unknown, item: OutboxItem): boolean {
  if (error instanceof UsageError) return error.code !== 'WATON_NOT_LINKED'
  if (!(error instanceof WatonError)) return false
  return error.code === 'WATON_SEND_NO_DEVICES' && error.details.user === item.body.to
}

function sessionsBreak(id: string): ClosedError {
  return new ClosedError(
    'WATON_SEND_NO_SESSION',
    'sessions with new keys could not be encrypted in either; the message waits and is tried again',
    { details: { id }, retryable: true },
  )
}

function requireOpen(connection: Connection, id: string): void {
  if (connection.isOpen) return
  throw new ClosedError(
    'WATON_SEND_DISCONNECTED',
    'the connection ended; the message goes out on the next one',
    {
      details: { id },
      retryable: true,
    },
  )
}
