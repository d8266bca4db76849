/**
 * What is remembered about the sessions with one device: the current session and those it replaced. A record is an
 * immutable value: every operation makes a new one that shares all untouched parts with the old, so a failed
 * decryption has changed nothing and a failed commit only has to forget the new value. Bytes are made in
 * record-codec.ts; the protocol lives in session.ts.
 *
 * Records hold private keys. The class shows none of its content to `console.log` and `JSON.stringify`.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { KeyPair } from '../crypto/index.ts'
import type { ReceivingChain, SkippedSeed } from './chain.ts'

/** Receiving chains kept per session, as in Signal's clients: older ones can only serve messages long lost. */
export const MAX_RECEIVING_CHAINS = 5
/** Seeds of passed-over messages kept per session, all chains together; the oldest go first. */
export const MAX_SKIPPED_SEEDS = 2000
/** Replaced sessions kept per device, as in libsignal. */
export const MAX_ARCHIVED_SESSIONS = 40
/** Replaced sessions are forgotten after this time; a server keeps undelivered messages for about 30 days. */
export const ARCHIVED_SESSION_LIFE_MS: number = 60 * 24 * 60 * 60 * 1000

/** The pre-keys that our messages must name until the other side has answered. */
export interface PendingPreKey {
  readonly signedPreKeyId: number
  readonly preKeyId: number | undefined
}

/** Our own half of the ratchet. */
export interface SendingState {
  readonly ratchetKey: KeyPair
  /** The chain key of the next message; `undefined` when a new remote ratchet key waits for our half of the step. */
  readonly chainKey: Uint8Array | undefined
  /** The counter of the next message, which is also the number of messages sent with `ratchetKey`. */
  readonly counter: number
  /** The last counter of the chain before, which messages carry. */
  readonly previousCounter: number
}

/** One session: everything two devices derived from one agreement. */
export interface SessionState {
  /** The initiator's base key, 32 bytes; it identifies the session on both sides. */
  readonly baseKey: Uint8Array
  readonly remoteIdentityKey: Uint8Array
  readonly remoteRegistrationId: number
  readonly rootKey: Uint8Array
  readonly sending: SendingState
  /** The newest chain first, at most {@link MAX_RECEIVING_CHAINS}. */
  readonly receiving: readonly ReceivingChain[]
  readonly pendingPreKey: PendingPreKey | undefined
  /** When a newer session took this one's place, in epoch milliseconds; 0 for the current session. */
  readonly archivedAtMs: number
  /** Set by {@link asCopy}: it never becomes the current session again. */
  readonly isReceiveOnly?: boolean
}

/** All sessions with one device, as an opaque immutable value. */
export class SessionRecord {
  readonly #current: SessionState | undefined
  readonly #archived: readonly SessionState[]

  /** @internal */
  constructor(current: SessionState | undefined, archived: readonly SessionState[]) {
    this.#current = current
    this.#archived = archived
  }

  /** The session that messages are sent in. @internal */
  get current(): SessionState | undefined {
    return this.#current
  }

  /** Replaced sessions, the latest first. @internal */
  get archived(): readonly SessionState[] {
    return this.#archived
  }

  /** Counts only: a record must never reach a log with its keys. */
  toJSON(): { readonly open: boolean; readonly archived: number } {
    return { open: this.#current !== undefined, archived: this.#archived.length }
  }
}

/** A record without any session. */
export const EMPTY_RECORD: SessionRecord = new SessionRecord(undefined, [])

/** Makes `session` the current one and archives the one before; drops what is too old or too much. */
export function withNewSession(record: SessionRecord, session: SessionState, nowMs: number): SessionRecord {
  const { current, archived } = record
  const rest = current === undefined ? archived : [{ ...current, archivedAtMs: nowMs }, ...archived]
  return new SessionRecord(session, prune(rest, nowMs))
}

/**
 * The record of a copy, while the original may go on elsewhere: every session is archived and only decrypts from now on.
 * A sending chain that two devices continue would protect two plaintexts with one key.
 */
export function asCopy(record: SessionRecord, nowMs: number): SessionRecord {
  const sessions = allSessions(record).map((session) =>
    session === record.current ? { ...session, archivedAtMs: nowMs } : session,
  )
  const archived = sessions.map((session): SessionState => ({ ...session, isReceiveOnly: true }))
  return new SessionRecord(undefined, prune(archived, nowMs))
}

/**
 * The record without a current session: the one that it had only decrypts from now on, and never becomes the current one
 * again. For a session that nothing can be encrypted in.
 */
export function withoutCurrent(record: SessionRecord, nowMs: number): SessionRecord {
  const { current, archived } = record
  if (current === undefined) return record
  const retired = { ...current, archivedAtMs: nowMs, isReceiveOnly: true }
  return new SessionRecord(undefined, prune([retired, ...archived], nowMs))
}

/**
 * Puts the advanced state of a session in place of the old one. A session that was archived becomes the current one
 * again: the other side writes in it, so it is the one that surely exists on both sides. One that may only receive stays
 * where it is.
 */
export function withAdvancedSession(
  record: SessionRecord,
  before: SessionState,
  after: SessionState,
  nowMs: number,
): SessionRecord {
  if (before === record.current) return new SessionRecord(after, record.archived)
  if (before.isReceiveOnly === true) {
    const archived = record.archived.map((session) => (session === before ? after : session))
    return new SessionRecord(record.current, archived)
  }
  const others = record.archived.filter((session) => session !== before)
  return withNewSession(new SessionRecord(record.current, others), { ...after, archivedAtMs: 0 }, nowMs)
}

/** Every session of the record, the current one first. */
export function allSessions(record: SessionRecord): readonly SessionState[] {
  return record.current === undefined ? record.archived : [record.current, ...record.archived]
}

/** The chain of a session that the remote ratchet key names. */
export function findChain(session: SessionState, ratchetKey: Uint8Array): ReceivingChain | undefined {
  for (const chain of session.receiving) if (equalBytes(chain.ratchetKey, ratchetKey)) return chain
  return undefined
}

/** The session with `chain` put in: in place of its older value, or as the newest. Keeps both bounds. */
export function withChain(
  receiving: readonly ReceivingChain[],
  chain: ReceivingChain,
): readonly ReceivingChain[] {
  const index = receiving.findIndex((other) => equalBytes(other.ratchetKey, chain.ratchetKey))
  const next = index < 0 ? [chain, ...receiving].slice(0, MAX_RECEIVING_CHAINS) : receiving.with(index, chain)
  return next.some((other) => other.skipped.length > 0) ? limitSkipped(next) : next
}

function limitSkipped(receiving: readonly ReceivingChain[]): readonly ReceivingChain[] {
  let room = MAX_SKIPPED_SEEDS
  return receiving.map((chain) => {
    const skipped = newest(chain.skipped, room)
    room -= skipped.length
    return skipped === chain.skipped ? chain : { ...chain, skipped }
  })
}

function newest(skipped: readonly SkippedSeed[], count: number): readonly SkippedSeed[] {
  return skipped.length <= count ? skipped : skipped.slice(skipped.length - count)
}

function prune(archived: readonly SessionState[], nowMs: number): readonly SessionState[] {
  const isFresh = (session: SessionState): boolean => nowMs - session.archivedAtMs <= ARCHIVED_SESSION_LIFE_MS
  return archived.length <= MAX_ARCHIVED_SESSIONS && archived.every(isFresh)
    ? archived
    : archived.filter(isFresh).slice(0, MAX_ARCHIVED_SESSIONS)
}
