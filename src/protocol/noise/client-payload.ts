/**
 * The `ClientPayload`: what a device says about itself in the last handshake message. A new device registers its keys with
 * it, a linked one logs in. Bytes in, bytes out; encrypting it is the handshake's work. Field values are what Baileys
 * 7.0.0-rc14 sends, except for the listed {@link CLIENT_PAYLOAD_DIFFERENCES}.
 */
import { uint24Bytes, uint32Bytes, utf8Bytes } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { md5 } from '../crypto/index.ts'
import { parseJid } from '../jid.ts'
import { encodeProto } from '../proto/codec.ts'
import { ClientPayload, DeviceProps } from '../proto/connection.ts'
import { WEB_VERSION, type WebVersion } from '../version.ts'

/** How the device shows in the phone's list of linked devices. */
export interface DeviceDescription {
  /** Operating system, e.g. `Ubuntu`; the name shown next to the browser. */
  readonly os: string
  /** Browser, e.g. `Chrome`; unusual names are refused by some accounts. */
  readonly browser: string
}

/** What the phone is asked to send after linking: nothing that is kept, the recent part, or everything it has. */
export type HistoryPolicy = 'none' | 'recent' | 'full'

/** What both payloads say. */
export interface ClientPayloadOptions {
  /** @default {@link WEB_VERSION} */
  readonly version?: WebVersion
  /** @default {@link DEFAULT_DEVICE} */
  readonly device?: DeviceDescription
  /** Fixed when the device is linked; later logins only repeat it. @default 'recent' */
  readonly history?: HistoryPolicy
  /** Two letters, ISO 3166-1. @default 'US' */
  readonly countryCode?: string
  /** The account's name, when known. */
  readonly pushName?: string
}

/** The keys that a new device registers. */
export interface RegistrationKeys {
  /** The device's own number, 14 bits. */
  readonly registrationId: number
  /** 32 bytes. */
  readonly identityPublicKey: Uint8Array
  /** The current signed pre-key, without its private half. */
  readonly signedPreKey: {
    readonly id: number
    readonly publicKey: Uint8Array
    readonly signature: Uint8Array
  }
}

/** The description sent when the user gives none: an ordinary browser, because odd ones are refused by some accounts. */
export const DEFAULT_DEVICE: DeviceDescription = { os: 'Ubuntu', browser: 'Chrome' }

/** Where the payloads differ on purpose from what Baileys 7.0.0-rc14 sends with the same settings. */
export const CLIENT_PAYLOAD_DIFFERENCES: readonly { readonly field: string; readonly reason: string }[] = [
  {
    field: 'defaults: userAgent.appVersion, deviceProps.os, deviceProps.requireFullSync',
    reason:
      'values, not encoding: waton announces the version of its own schema, calls itself Ubuntu/Chrome instead of Mac OS/Chrome, and asks for recent history unless told otherwise',
  },
]

/** Version of the companion device description that WhatsApp Web announces. @source Baileys generateRegistrationNode */
const DEVICE_PROPS_VERSION = { primary: 10, secondary: 15, tertiary: 7 }
/** Says that the registered keys are Curve25519 keys. */
const KEY_BUNDLE_TYPE = Uint8Array.of(5)
/** Megabytes of history that the device claims to have room for. */
const STORAGE_QUOTA_MB = 10_240

/**
 * The first payload of a device that is not linked yet: it carries the public keys that the phone will sign.
 *
 * @returns the encoded `ClientPayload`
 */
export function buildRegistrationPayload(
  keys: RegistrationKeys,
  options: ClientPayloadOptions = {},
): Uint8Array {
  const { primary, secondary, tertiary } = options.version ?? WEB_VERSION
  const payload: ClientPayload.$Properties = {
    ...commonFields(options),
    passive: false,
    pull: false,
    devicePairingData: {
      buildHash: md5(utf8Bytes(`${String(primary)}.${String(secondary)}.${String(tertiary)}`)),
      deviceProps: buildDeviceProps(options),
      eRegid: uint32Bytes(keys.registrationId),
      eKeytype: KEY_BUNDLE_TYPE,
      eIdent: keys.identityPublicKey,
      eSkeyId: uint24Bytes(keys.signedPreKey.id),
      eSkeyVal: keys.signedPreKey.publicKey,
      eSkeySig: keys.signedPreKey.signature,
    },
  }
  return encodeProto(ClientPayload, payload, 'ClientPayload')
}

/**
 * The payload of a linked device.
 *
 * @param deviceJid - the device's own phone-number jid, e.g. `15550000001:3@s.whatsapp.net`
 * @returns the encoded `ClientPayload`
 * @throws {UsageError} `WATON_LOGIN_JID` when the jid does not name a device of a phone number
 */
export function buildLoginPayload(deviceJid: string, options: ClientPayloadOptions = {}): Uint8Array {
  const { user, device } = parseJid(deviceJid)
  if (!/^[0-9]{5,15}$/.test(user)) {
    throw new UsageError(
      'WATON_LOGIN_JID',
      'a device logs in with its phone-number jid (digits@s.whatsapp.net); the stored credentials hold another one',
      { action: 'check-store' },
    )
  }
  const payload: ClientPayload.$Properties = {
    ...commonFields(options),
    passive: true,
    pull: true,
    username: Number(user),
    device,
    lidDbMigrated: false,
  }
  return encodeProto(ClientPayload, payload, 'ClientPayload')
}

function commonFields(options: ClientPayloadOptions): ClientPayload.$Properties {
  const { primary, secondary, tertiary } = options.version ?? WEB_VERSION
  const { UserAgent } = ClientPayload
  const isAndroid = looksLikeAndroid(options)
  return {
    connectType: ClientPayload.ConnectType.WIFI_UNKNOWN,
    connectReason: ClientPayload.ConnectReason.USER_ACTIVATED,
    userAgent: {
      platform: isAndroid ? UserAgent.Platform.ANDROID : UserAgent.Platform.WEB,
      releaseChannel: UserAgent.ReleaseChannel.RELEASE,
      appVersion: { primary, secondary, tertiary },
      mcc: '000',
      mnc: '000',
      osVersion: '0.1',
      osBuildNumber: '0.1',
      device: 'Desktop',
      localeLanguageIso6391: 'en',
      localeCountryIso31661Alpha2: options.countryCode ?? 'US',
    },
    ...(isAndroid ? {} : { webInfo: { webSubPlatform: subPlatformOf(options) } }),
    ...(options.pushName ? { pushName: options.pushName } : {}),
  }
}

function looksLikeAndroid({ device = DEFAULT_DEVICE }: ClientPayloadOptions): boolean {
  return device.browser.toLowerCase().includes('android')
}

/** Desktop applications get the full history only under their own platform. @source Baileys getWebInfo */
function subPlatformOf({
  device = DEFAULT_DEVICE,
  history,
}: ClientPayloadOptions): ClientPayload.WebInfo.WebSubPlatform {
  const { WebSubPlatform } = ClientPayload.WebInfo
  if (history === 'full' && device.browser === 'Desktop') {
    if (device.os === 'Mac OS') return WebSubPlatform.DARWIN
    if (device.os === 'Windows') return WebSubPlatform.WIN32
  }
  return WebSubPlatform.WEB_BROWSER
}

/**
 * `none` announces what `recent` announces: the protocol has no way to ask for nothing. Under `none` the client takes what
 * it needs itself from what comes, and records no chats and no messages.
 */
function buildDeviceProps(options: ClientPayloadOptions): Uint8Array {
  const { device = DEFAULT_DEVICE, history = 'recent' } = options
  const props: DeviceProps.$Properties = {
    os: device.os,
    version: DEVICE_PROPS_VERSION,
    platformType: platformTypeOf(device.browser),
    requireFullSync: history === 'full',
    historySyncConfig: {
      storageQuotaMb: STORAGE_QUOTA_MB,
      inlineInitialPayloadInE2EeMsg: true,
      supportCallLogHistory: false,
      supportBotUserAgentChatHistory: true,
      supportCagReactionsAndPolls: true,
      supportBizHostedMsg: true,
      supportRecentSyncChunkMessageCountTuning: true,
      supportHostedGroupMsg: true,
      supportFbidBotChatHistory: true,
      supportMessageAssociation: true,
      supportGroupHistory: false,
    },
  }
  return encodeProto(DeviceProps, props, 'DeviceProps')
}

/** The kind of companion: the one named like the browser, else Chrome. @source Baileys getPlatformType */
function platformTypeOf(browser: string): DeviceProps.PlatformType {
  const { PlatformType } = DeviceProps
  const name = browser.toUpperCase()
  if (name === 'ANDROID') return PlatformType.ANDROID_PHONE
  return isPlatformName(name) && name !== 'UNKNOWN' ? PlatformType[name] : PlatformType.CHROME
}

function isPlatformName(name: string): name is keyof typeof DeviceProps.PlatformType {
  return Object.hasOwn(DeviceProps.PlatformType, name)
}
