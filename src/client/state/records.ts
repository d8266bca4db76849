/**
 * Every kind of record that the client keeps, in one list: what it is for, its key, and its encoding. A new kind of
 * state is one entry here; stores need no change.
 */
import { keyPairFromPrivate } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { decodeSessionRecord, encodeSessionRecord } from '../../protocol/signal/index.ts'
import type { SessionRecord } from '../../protocol/signal/index.ts'
import type { HistoryPolicy } from '../../protocol/noise/client-payload.ts'
import type { WebVersion } from '../../protocol/version.ts'
import {
  bytesRecord,
  jsonRecord,
  recordBody,
  textRecord,
  unreadableRecord,
  withVersion,
  wrongField,
} from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

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
}

/** What the server told us about how to connect. */
export interface ConnectionHints {
  readonly routingInfo?: Uint8Array
  readonly propsHash?: string
  /** Server time minus ours, in milliseconds. */
  readonly clockSkewMs?: number
  /** A version of WhatsApp Web that the server wanted and that is newer than the built-in one. */
  readonly webVersion?: FetchedVersion
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

/** A signed pre-key with its private half. */
export interface StoredSignedPreKey {
  readonly id: number
  readonly keyPair: KeyPair
  readonly signature: Uint8Array
  readonly createdAtMs: number
}

/** The devices of one user as the server last listed them. */
export interface DeviceList {
  readonly deviceIds: readonly number[]
  readonly fetchedAtMs: number
}

/** How often the sender of an unreadable message was asked to send it again. */
export interface RetryCount {
  readonly count: number
}

/** How far a durable consumer got: everything up to `low`, and `finished` above it. */
export interface ConsumerProgress {
  readonly low: number
  readonly finished: readonly number[]
}

/** An event that a consumer could not handle. */
export interface DeadLetter {
  readonly seq: number
  readonly reason: string
}

function bytes(value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw wrongField('bytes')
  return value
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongField('a whole number')
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw wrongField('a text')
  return value
}

function integers(value: unknown): number[] {
  if (!Array.isArray(value)) throw wrongField('a list')
  return value.map(integer)
}

function optional<Name extends string, Value>(
  name: Name,
  value: unknown,
  read: (value: unknown) => Value,
): { [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: read(value) }) as { [Key in Name]?: Value }
}

function keyPair(value: unknown): KeyPair {
  const pair = value as { publicKey?: unknown; privateKey?: unknown }
  return { publicKey: bytes(pair.publicKey, 32), privateKey: bytes(pair.privateKey, 32) }
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

function fetchedVersion(value: unknown): FetchedVersion {
  const { primary, secondary, tertiary, fetchedAtMs } = value as Record<string, unknown>
  return {
    primary: integer(primary),
    secondary: integer(secondary),
    tertiary: integer(tertiary),
    fetchedAtMs: integer(fetchedAtMs),
  }
}

function quarantine(value: unknown): Quarantine {
  const { reason, serverCode, atMs } = value as Record<string, unknown>
  return { reason: text(reason), atMs: integer(atMs), ...optional('serverCode', serverCode, integer) }
}

/** Credentials, under {@link SELF}; those of devices that were given up, under keys of their own. */
export const CREDENTIALS: RecordKind<Credentials> = jsonRecord('credentials', 1, (parsed) => ({
  noiseKey: keyPair(parsed.noiseKey),
  identityKey: keyPair(parsed.identityKey),
  registrationId: integer(parsed.registrationId),
  advSecret: bytes(parsed.advSecret, 32),
  signedPreKeyId: integer(parsed.signedPreKeyId),
  history: text(parsed.history) as HistoryPolicy,
  ...optional('linked', parsed.linked, linkedAccount),
}))

/** Pre-key watermarks, under {@link SELF}. */
export const PRE_KEY_STATE: RecordKind<PreKeyState> = jsonRecord('pre-key-state', 1, (parsed) => ({
  nextId: integer(parsed.nextId),
  firstUnuploadedId: integer(parsed.firstUnuploadedId),
  uploaded: parsed.uploaded === true,
}))

/** Connection hints, under {@link SELF}. */
export const CONNECTION_HINTS: RecordKind<ConnectionHints> = jsonRecord(
  'connection-hints',
  1,
  (parsed): ConnectionHints => ({
    ...optional('routingInfo', parsed.routingInfo, (value) => bytes(value)),
    ...optional('propsHash', parsed.propsHash, text),
    ...optional('clockSkewMs', parsed.clockSkewMs, integer),
    ...optional('webVersion', parsed.webVersion, fetchedVersion),
  }),
)

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

/** One-time pre-keys by id: the private key; the public one follows from it. */
export const PRE_KEY: RecordKind<KeyPair> = {
  kind: 'pre-key',
  encode: (pair) => withVersion(1, pair.privateKey),
  decode(stored) {
    const privateKey = recordBody('pre-key', 1, stored)
    if (privateKey.length !== 32) throw unreadableRecord('pre-key')
    return keyPairFromPrivate(privateKey)
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

/** Device lists by canonical user JID. */
export const DEVICE_LIST: RecordKind<DeviceList> = jsonRecord('device-list', 1, (parsed): DeviceList => ({
  deviceIds: integers(parsed.deviceIds),
  fetchedAtMs: integer(parsed.fetchedAtMs),
}))

/** App-state sync keys by key id in hexadecimal: serialised `AppStateSyncKeyData`. Shared by the phone once. */
export const APP_STATE_KEY: RecordKind<Uint8Array> = bytesRecord('app-state-key')

/** History notifications by message id: serialised `HistorySyncNotification`, kept until imported. */
export const HISTORY_NOTIFICATION: RecordKind<Uint8Array> = bytesRecord('history-notification')

/** Retry requests made, by message. */
export const RETRY_COUNT: RecordKind<RetryCount> = jsonRecord('retry-count', 1, (parsed) => ({
  count: integer(parsed.count),
}))

/** Durable consumers by name. */
export const CONSUMER: RecordKind<ConsumerProgress> = jsonRecord(
  'consumer',
  1,
  (parsed): ConsumerProgress => ({
    low: integer(parsed.low),
    finished: integers(parsed.finished),
  }),
)

/** Events that a consumer gave up on, by consumer and sequence number. */
export const DEAD_LETTER: RecordKind<DeadLetter> = jsonRecord('dead-letter', 1, (parsed) => ({
  seq: integer(parsed.seq),
  reason: text(parsed.reason),
}))
