/** What is kept of the account itself, one of each: see `records.ts` for all kinds. */
import type { KeyPair } from '../../protocol/crypto/index.ts'
import type { HistoryPolicy } from '../../protocol/noise/client-payload.ts'
import type { WebVersion } from '../../protocol/version.ts'
import { bytes, flag, integer, keyPair, list, optional, text } from './record-fields.ts'
import { jsonRecord, wrongField } from './record-kind.ts'
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
  /** A link that broke off and may stand, put aside while codes are shown again: see `identity/unconfirmed-link.ts`. */
  readonly doubtful?: LinkedAccount
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
  /** While it is unconfirmed: the server has taken our answer, or nobody used another code, so that a login is due. */
  readonly isDue?: boolean
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

/** What the server wants of privacy tokens; each is what is usual when absent. */
export interface TokenSwitches {
  /** Whether messages to people carry one. */
  readonly isWanted?: boolean
  /** Whether ours are handed out to LIDs instead of phone numbers. */
  readonly isIssuedToLid?: boolean
  /** Whether messages to people who have not handed out one carry one that follows from the account's salt. */
  readonly isSaltUsed?: boolean
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

/** A device that was linked, never logged in, and gave way to another link: see `identity/given-up.ts`. */
export interface GivenUpDevice {
  /** Phone-number JID of its account, without device. */
  readonly pn: string
  readonly deviceId: number
  /** Which of the account's device keys it uses: another device of the same number has another one. */
  readonly keyIndex: number
  /** What it logs in with. */
  readonly noiseKey: KeyPair
  readonly givenUpAtMs: number
  /** Logins as this device that the server has refused. */
  readonly refusals: number
}

/** Several of them, the newest last. */
export interface GivenUpDevices {
  readonly devices: readonly GivenUpDevice[]
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

function historyPolicy(value: unknown): HistoryPolicy {
  if (value !== 'none' && value !== 'recent' && value !== 'full') throw wrongField('a history policy')
  return value
}

function linkedAccount(value: unknown): LinkedAccount {
  const linked = value as Record<string, unknown>
  return {
    pn: text(linked.pn),
    deviceId: integer(linked.deviceId),
    deviceIdentity: bytes(linked.deviceIdentity),
    isUnconfirmed: linked.isUnconfirmed === true,
    ...(linked.isDue === true ? { isDue: true } : {}),
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

/** Credentials, under `SELF`. */
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
    ...optional('doubtful', parsed.doubtful, linkedAccount),
  }),
  { onUnreadable: 'refuse' },
)

function givenUpDevice(value: unknown): GivenUpDevice {
  const { pn, deviceId, keyIndex, noiseKey, givenUpAtMs, refusals } = value as Record<string, unknown>
  return {
    pn: text(pn),
    deviceId: integer(deviceId),
    keyIndex: integer(keyIndex),
    noiseKey: keyPair(noiseKey),
    givenUpAtMs: integer(givenUpAtMs),
    refusals: integer(refusals),
  }
}

/** Devices that were given up, under `SELF`. */
export const GIVEN_UP_DEVICES: RecordKind<GivenUpDevices> = jsonRecord(
  'given-up-devices',
  1,
  (parsed): GivenUpDevices => ({ devices: list(parsed.devices, givenUpDevice) }),
)

/** Connection hints, under `SELF`. */
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

/** The server that is known, under `SELF`. */
export const KNOWN_SERVER: RecordKind<KnownServer> = jsonRecord('known-server', 1, (parsed) => ({
  key: bytes(parsed.key, 32),
  notBeforeSeconds: integer(parsed.notBeforeSeconds),
  notAfterSeconds: integer(parsed.notAfterSeconds),
  rootKey: bytes(parsed.rootKey, 32),
  rootSerial: integer(parsed.rootSerial),
}))

/** What the server holds against the account, under `SELF`. */
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
