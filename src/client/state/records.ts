/**
 * Every kind of record that the client keeps, in one list: what it is for, its key, and its encoding. A new kind of
 * state is one entry here; stores need no change.
 */
import { concatBytes } from '../../base/bytes.ts'
import { keyPairFromPrivate } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { MAX_PRE_KEY_ID, decodeSessionRecord, encodeSessionRecord } from '../../protocol/signal/index.ts'
import type { SessionRecord } from '../../protocol/signal/index.ts'
import type { HistoryPolicy } from '../../protocol/noise/client-payload.ts'
import type { WebVersion } from '../../protocol/version.ts'
import { bytes, integer, integers, optional, text, flag } from './record-fields.ts'
import {
  bytesRecord,
  jsonRecord,
  recordBody,
  textRecord,
  unreadableRecord,
  withVersion,
  wrongField,
} from './record-kind.ts'
import type { KeyLister, RecordKind } from './record-kind.ts'

export * from './device-records.ts'
export * from './privacy-records.ts'
export { CHAT_TIMER, UNREADABLE } from './chat-records.ts'

/** The key of records of which an account has one. */
export const SELF = 'self'

/** Who this device is. Made once, before pairing; completed by pairing; never replaced by waton. */
export interface Credentials {
  readonly noiseKey: KeyPair
  readonly identityKey: KeyPair
  readonly registrationId: number
  /** 32 bytes shared with the phone through the QR code. */
  readonly advSecret: Uint8Array
  /** Which signed pre-key is the current one. */
  readonly signedPreKeyId: number
  readonly history: HistoryPolicy
  /** Set by pair-success and not before; it counts once a login has confirmed it. */
  readonly linked?: LinkedAccount
}

/** What pairing adds to the credentials. */
export interface LinkedAccount {
  /** Phone-number JID without device. */
  readonly pn: string
  readonly lid?: string
  readonly deviceId: number
  readonly name?: string
  readonly platform?: string
  /** Serialised `ADVSignedDeviceIdentity` with the account signature key: goes into every pre-key message. */
  readonly deviceIdentity: Uint8Array
  /** Our answer to pair-success may not have reached the server: only a login tells whether it knows this device. */
  readonly isUnconfirmed: boolean
}

/** How far pre-keys were made and uploaded. Ids are 24 bits and wrap. */
export interface PreKeyState {
  /** The id that the next new key gets. */
  readonly nextId: number
  /** Keys from here to `nextId` were made and may not be on the server. */
  readonly firstUnuploadedId: number
  /** Whether the server has ever confirmed an upload. */
  readonly uploaded: boolean
  /** No one-time pre-key below it is kept; 1 when absent. */
  readonly oldestId?: number
  /** No tombstone below it is kept; 1 when absent. */
  readonly oldestSpentId?: number
  /** When the server's directory was last found to be not ours and filled again. */
  readonly repairedAtMs?: number
}

/** A signed pre-key that is no longer published. Messages made with it still arrive. */
export interface RetiredSignedPreKey {
  readonly id: number
  readonly retiredAtMs: number
}

/** Where the rotation of the signed pre-key stands; which key is current is said by {@link Credentials}. */
export interface SignedPreKeyState {
  /** Made, durable, and perhaps with the server; it becomes the current one when the server says so. */
  readonly candidateId?: number
  /** A refused rotation is not tried again before. */
  readonly notBeforeMs?: number
  /** Oldest first. */
  readonly retired: readonly RetiredSignedPreKey[]
}

/** What the server told us about how to connect. */
export interface ConnectionHints {
  readonly routingInfo?: Uint8Array
  readonly propsHash?: string
  /** Server time minus ours, in milliseconds. */
  readonly clockSkewMs?: number
  /** A version of WhatsApp Web that the server wanted and that is newer than the built-in one. */
  readonly webVersion?: FetchedVersion
  readonly tokens?: TokenSwitches
}

/** A version of WhatsApp Web that was looked up. */
export interface FetchedVersion extends WebVersion {
  readonly fetchedAtMs: number
}

/** What the server holds against this account, kept so that a new process does not try in vain. */
export interface Standing {
  /** The device is not on the account any more: its credentials are kept and not used (promise G8). */
  readonly quarantine?: Quarantine
  /** No login before it is over. */
  readonly ban?: {
    readonly code?: number
    readonly atMs: number
    readonly expiresAtMs: number
  }
}

/** Credentials put aside. */
export interface Quarantine {
  readonly reason: string
  readonly serverCode?: number
  readonly atMs: number
}

/** The server whose certificates were checked last: the next handshake may resume with its key. */
export interface KnownServer {
  /** Static Noise key, 32 bytes. */
  readonly key: Uint8Array
  /** Both certificates are valid from here. Seconds since the Unix epoch, inclusive. */
  readonly notBeforeSeconds: number
  /** Both certificates are valid until here. Seconds since the Unix epoch, inclusive. */
  readonly notAfterSeconds: number
  /** The root that they led to, 32 bytes. */
  readonly rootKey: Uint8Array
  readonly rootSerial: number
}

/** A signed pre-key with its private half. */
export interface StoredSignedPreKey {
  readonly id: number
  readonly keyPair: KeyPair
  readonly signature: Uint8Array
  readonly createdAtMs: number
}

/** What the server says about a collection of app state that was not fetched since. */
export interface DirtyCollection {
  /** The newest version, when the server said. */
  readonly version?: number
  readonly atMs: number
}

/** What the server wants of privacy tokens; each is what is usual when absent. */
export interface TokenSwitches {
  /** Whether messages to people carry one. */
  readonly isWanted?: boolean
  /** Whether ours are handed out to LIDs instead of phone numbers. */
  readonly isIssuedToLid?: boolean
  /** Whether messages to people who have not handed out one carry one that follows from the account's salt. */
  readonly isSaltUsed?: boolean
}

/** How often the sender of an unreadable message was asked to send it again. */
export interface RetryCount {
  readonly count: number
}

/** A message whose content the own phone may still give, and what is known of it without. */
export interface Placeholder {
  /** `waiting` to be asked for, `asked` once and for all, or `closed` because its content is here. */
  readonly state: 'waiting' | 'asked' | 'closed'
  /** When to ask. */
  readonly dueAtMs: number
  readonly id: string
  /** As on the wire. */
  readonly chat: string
  readonly kind: 'direct' | 'group' | 'broadcast' | 'status'
  /** The device that wrote it. */
  readonly author: string
  readonly isFromMe: boolean
  readonly isOffline: boolean
  readonly sentAtSeconds: number
  readonly pushName?: string
}

/** The mark of a copy. */
export interface BackupStamp {
  readonly madeAtMs: number
}

/** Events that a consumer was cut off from. */
export interface LostStretch {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** How far a durable consumer got: everything up to `low` is finished. */
export interface ConsumerProgress {
  readonly low: number
  /** Finished events above it, in records of version 1; since version 2 they are {@link CONSUMER_AHEAD}. */
  readonly finished?: readonly number[]
  /** What it will never see, because it was behind for so long that the log had to be cut; until it has been told. */
  readonly lost?: LostStretch
}

/** How much of the disk the event log takes, with its messages, up to an event. */
export interface LogSize {
  readonly sizeBytes: number
  readonly upTo: number
}

/** An event that a consumer could not handle. */
export interface DeadLetterRecord {
  readonly seq: number
  /** What the last attempt failed with. */
  readonly reason: string
  /** Attempts so far; 0 when it was not counted yet. */
  readonly attempts: number
  /** When it was given up, in milliseconds since the epoch; 0 when it was not noted yet. */
  readonly atMs: number
  /** Somebody asked for another round of attempts. */
  readonly isRetrying: boolean
}

function keyPair(value: unknown): KeyPair {
  const pair = value as { publicKey?: unknown; privateKey?: unknown }
  return { publicKey: bytes(pair.publicKey, 32), privateKey: bytes(pair.privateKey, 32) }
}

function historyPolicy(value: unknown): HistoryPolicy {
  if (value !== 'none' && value !== 'recent' && value !== 'full') throw wrongField('a history policy')
  return value
}

async function watermarksAbove(keys: KeyLister): Promise<PreKeyState> {
  const made = [...(await keys.listKeys('pre-key', '')), ...(await keys.listKeys('spent-pre-key', ''))]
  const highest = made.reduce((most, id) => Math.max(most, Number(id)), 0)
  const nextId = highest >= MAX_PRE_KEY_ID ? 1 : highest + 1
  return { nextId, firstUnuploadedId: nextId, uploaded: highest > 0 }
}

function linkedAccount(value: unknown): LinkedAccount {
  const linked = value as Record<string, unknown>
  return {
    pn: text(linked.pn),
    deviceId: integer(linked.deviceId),
    deviceIdentity: bytes(linked.deviceIdentity),
    isUnconfirmed: linked.isUnconfirmed === true,
    ...optional('lid', linked.lid, text),
    ...optional('name', linked.name, text),
    ...optional('platform', linked.platform, text),
  }
}

function retiredKeys(value: unknown): RetiredSignedPreKey[] {
  if (!Array.isArray(value)) throw wrongField('a list')
  return value.map((one: Record<string, unknown>) => ({
    id: integer(one.id),
    retiredAtMs: integer(one.retiredAtMs),
  }))
}

function fetchedVersion(value: unknown): FetchedVersion {
  const { primary, secondary, tertiary, fetchedAtMs } = value as Record<string, unknown>
  return {
    primary: integer(primary),
    secondary: integer(secondary),
    tertiary: integer(tertiary),
    fetchedAtMs: integer(fetchedAtMs),
  }
}

function tokenSwitches(value: unknown): TokenSwitches {
  const { isWanted, isIssuedToLid, isSaltUsed } = value as Record<string, unknown>
  return {
    ...optional('isWanted', isWanted, flag),
    ...optional('isIssuedToLid', isIssuedToLid, flag),
    ...optional('isSaltUsed', isSaltUsed, flag),
  }
}

function quarantine(value: unknown): Quarantine {
  const { reason, serverCode, atMs } = value as Record<string, unknown>
  return { reason: text(reason), atMs: integer(atMs), ...optional('serverCode', serverCode, integer) }
}

/** Credentials, under {@link SELF}. */
export const CREDENTIALS: RecordKind<Credentials> = jsonRecord(
  'credentials',
  1,
  (parsed) => ({
    noiseKey: keyPair(parsed.noiseKey),
    identityKey: keyPair(parsed.identityKey),
    registrationId: integer(parsed.registrationId),
    advSecret: bytes(parsed.advSecret, 32),
    signedPreKeyId: integer(parsed.signedPreKeyId),
    history: historyPolicy(parsed.history),
    ...optional('linked', parsed.linked, linkedAccount),
  }),
  { onUnreadable: 'refuse' },
)

/**
 * Pre-key watermarks, under {@link SELF}. Damaged ones follow from the keys themselves: an id above all that were ever
 * made is safe, while beginning anew would replace keys that are on the server.
 */
export const PRE_KEY_STATE: RecordKind<PreKeyState> = jsonRecord(
  'pre-key-state',
  1,
  (parsed) => ({
    nextId: integer(parsed.nextId),
    firstUnuploadedId: integer(parsed.firstUnuploadedId),
    uploaded: parsed.uploaded === true,
    ...optional('oldestId', parsed.oldestId, integer),
    ...optional('oldestSpentId', parsed.oldestSpentId, integer),
    ...optional('repairedAtMs', parsed.repairedAtMs, integer),
  }),
  { rebuild: watermarksAbove },
)

/** Where rotation stands, under {@link SELF}; absent until the first. */
export const SIGNED_PRE_KEY_STATE: RecordKind<SignedPreKeyState> = jsonRecord(
  'signed-pre-key-state',
  1,
  (parsed): SignedPreKeyState => ({
    ...optional('candidateId', parsed.candidateId, integer),
    ...optional('notBeforeMs', parsed.notBeforeMs, integer),
    retired: retiredKeys(parsed.retired),
  }),
)

/** Connection hints, under {@link SELF}. */
export const CONNECTION_HINTS: RecordKind<ConnectionHints> = jsonRecord(
  'connection-hints',
  1,
  (parsed): ConnectionHints => ({
    ...optional('routingInfo', parsed.routingInfo, (value) => bytes(value)),
    ...optional('propsHash', parsed.propsHash, text),
    ...optional('clockSkewMs', parsed.clockSkewMs, integer),
    ...optional('webVersion', parsed.webVersion, fetchedVersion),
    ...optional('tokens', parsed.tokens, tokenSwitches),
  }),
)

/** The server that is known, under {@link SELF}. */
export const KNOWN_SERVER: RecordKind<KnownServer> = jsonRecord('known-server', 1, (parsed) => ({
  key: bytes(parsed.key, 32),
  notBeforeSeconds: integer(parsed.notBeforeSeconds),
  notAfterSeconds: integer(parsed.notAfterSeconds),
  rootKey: bytes(parsed.rootKey, 32),
  rootSerial: integer(parsed.rootSerial),
}))

/** What the server holds against the account, under {@link SELF}. */
export const STANDING: RecordKind<Standing> = jsonRecord('standing', 1, (parsed): Standing => ({
  ...optional('quarantine', parsed.quarantine, quarantine),
  ...optional('ban', parsed.ban, (value) => {
    const { code, atMs, expiresAtMs } = value as Record<string, unknown>
    return {
      ...optional('code', code, integer),
      atMs: integer(atMs),
      expiresAtMs: integer(expiresAtMs),
    }
  }),
}))

/** Signed pre-keys by id. */
export const SIGNED_PRE_KEY: RecordKind<StoredSignedPreKey> = jsonRecord('signed-pre-key', 1, (parsed) => ({
  id: integer(parsed.id),
  keyPair: keyPair(parsed.keyPair),
  signature: bytes(parsed.signature, 64),
  createdAtMs: integer(parsed.createdAtMs),
}))

/** The signed pre-key of today as part of the credentials: a damaged one is a reason not to start. */
export const CURRENT_SIGNED_PRE_KEY: RecordKind<StoredSignedPreKey> = {
  ...SIGNED_PRE_KEY,
  onUnreadable: 'refuse',
}

/**
 * One-time pre-keys by id: the private key, and since version 2 the public one behind it, because a login that checks
 * 800 of them would otherwise compute 800 of them.
 */
export const PRE_KEY: RecordKind<KeyPair> = {
  kind: 'pre-key',
  isRarelyRead: true,
  encode: (pair) => withVersion(2, concatBytes(pair.privateKey, pair.publicKey)),
  decode(stored) {
    const body = recordBody('pre-key', 2, stored)
    if (stored[0] === 1 && body.length === 32) return keyPairFromPrivate(body)
    if (stored[0] !== 2 || body.length !== 64) throw unreadableRecord('pre-key')
    return { privateKey: body.subarray(0, 32), publicKey: body.subarray(32) }
  },
}

/** Tombstones of one-time pre-keys that were used, by id: told apart from ids that never existed. */
export const SPENT_PRE_KEY: RecordKind<string> = textRecord('spent-pre-key')

/** Signal sessions by address (`user.device`, canonical). */
export const SESSION: RecordKind<SessionRecord> = {
  kind: 'session',
  encode: encodeSessionRecord,
  decode: decodeSessionRecord,
}

/** LID user by phone-number user. */
export const LID_BY_PN: RecordKind<string> = textRecord('lid-by-pn')

/** Phone-number user by LID user. */
export const PN_BY_LID: RecordKind<string> = textRecord('pn-by-lid')

/** The phone-number user under whom a person was known by when their LID was learned, by LID user: see `wasRecorded`. */
export const FORMER_ADDRESS: RecordKind<string> = textRecord('former-address')

/** Collections of app state that have news, by name, until they are fetched. */
export const DIRTY_COLLECTION: RecordKind<DirtyCollection> = jsonRecord(
  'dirty-collection',
  1,
  (parsed): DirtyCollection => ({
    ...optional('version', parsed.version, integer),
    atMs: integer(parsed.atMs),
  }),
)

/** App-state sync keys by key id in hexadecimal: serialised `AppStateSyncKeyData`. Shared by the phone once. */
export const APP_STATE_KEY: RecordKind<Uint8Array> = bytesRecord('app-state-key')

/** History notifications by message id: serialised `HistorySyncNotification`, kept until imported. */
export const HISTORY_NOTIFICATION: RecordKind<Uint8Array> = bytesRecord('history-notification')

/** Retry requests made, by message. */
export const RETRY_COUNT: RecordKind<RetryCount> = jsonRecord('retry-count', 1, (parsed) => ({
  count: integer(parsed.count),
}))

const PLACEHOLDER_STATES: readonly unknown[] = ['waiting', 'asked', 'closed'] satisfies Placeholder['state'][]
const CHAT_KINDS: readonly unknown[] = [
  'direct',
  'group',
  'broadcast',
  'status',
] satisfies Placeholder['kind'][]

/** Messages without content, by id, chat and sender. */
export const PLACEHOLDER: RecordKind<Placeholder> = jsonRecord('placeholder', 1, (parsed): Placeholder => {
  const { state, kind } = parsed
  if (!PLACEHOLDER_STATES.includes(state) || !CHAT_KINDS.includes(kind)) throw wrongField('a placeholder')
  return {
    state: state as Placeholder['state'],
    kind: kind as Placeholder['kind'],
    dueAtMs: integer(parsed.dueAtMs),
    id: text(parsed.id),
    chat: text(parsed.chat),
    author: text(parsed.author),
    isFromMe: parsed.isFromMe === true,
    isOffline: parsed.isOffline === true,
    sentAtSeconds: integer(parsed.sentAtSeconds),
    ...optional('pushName', parsed.pushName, text),
  }
})

/** Durable consumers by name. Without its progress a consumer would skip events or repeat all of them. */
export const CONSUMER: RecordKind<ConsumerProgress> = jsonRecord(
  'consumer',
  2,
  (parsed): ConsumerProgress => ({
    low: integer(parsed.low),
    ...optional('finished', parsed.finished, integers),
    ...optional('lost', parsed.lost, (value) => {
      const { from, to, count } = value as Record<string, unknown>
      return { from: integer(from), to: integer(to), count: integer(count) }
    }),
  }),
  { onUnreadable: 'refuse', wayOut: 'Restore the store from a backup, or give the consumer another name' },
)

/** The size of the event log, under {@link SELF}. A lost one is counted again. */
export const EVENT_LOG_SIZE: RecordKind<LogSize> = jsonRecord('event-log-size', 1, (parsed) => ({
  sizeBytes: integer(parsed.sizeBytes),
  upTo: integer(parsed.upTo),
}))

/**
 * Events above a consumer's low-water mark, by `name:chunk`: one bit for each of the 1,024 of a chunk, the lowest first.
 * Without one its events are handled again.
 */
export const CONSUMER_AHEAD: RecordKind<Uint8Array> = {
  kind: 'consumer-ahead',
  encode: (bits) => withVersion(1, bits),
  decode(stored) {
    const bits = recordBody('consumer-ahead', 1, stored)
    if (bits.length !== 128) throw unreadableRecord('consumer-ahead')
    return bits
  },
}

/** Events that a consumer gave up on, by `name:seq`. */
export const DEAD_LETTER: RecordKind<DeadLetterRecord> = jsonRecord('dead-letter', 2, (parsed) => ({
  seq: integer(parsed.seq),
  reason: text(parsed.reason),
  attempts: parsed.attempts === undefined ? 0 : integer(parsed.attempts),
  atMs: parsed.atMs === undefined ? 0 : integer(parsed.atMs),
  isRetrying: parsed.isRetrying === true,
}))

/** The bytes of records that could not be read, by `kind/key`: kept for whoever can still make something of them. */
export const QUARANTINE: RecordKind<Uint8Array> = bytesRecord('quarantine')

/**
 * Marks a copy that was not opened yet, under {@link SELF}; see `incarnation.ts`. One that cannot be read is a stamp all the
 * same.
 */
export const BACKUP_STAMP: RecordKind<BackupStamp> = jsonRecord(
  'backup-stamp',
  1,
  (parsed) => ({ madeAtMs: integer(parsed.madeAtMs) }),
  { rebuild: () => Promise.resolve({ madeAtMs: 0 }) },
)

/** What is written to find out whether the store can be written, under {@link SELF}. */
export const STORE_PROBE: RecordKind<string> = textRecord('store-probe')

export {
  FAN_OUT_CHECK,
  PEER_MESSAGE,
  RESEND_HISTORY,
  RESEND_ORDER,
  SESSION_RENEWAL,
} from '../retry/records.ts'
