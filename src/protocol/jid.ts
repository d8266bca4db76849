/**
 * JIDs: the addresses of people, devices, groups and services, as text `user[:device]@server`. This file takes them
 * apart, puts them together and answers what kind one is. It is not the byte form (`binary/`) and knows nothing of
 * which LID belongs to which phone number (a matter of the client).
 *
 * The text form and the server names are those that the web client's companions use.
 * @source Baileys 7.0.0-rc14 `WABinary/jid-utils.js`, `Signal/libsignal.js` jidToSignalProtocolAddress
 */
import { ProtocolError, UsageError } from '../base/errors.ts'

/** Server of people addressed by phone number ("PN"). */
export const SERVER_USER = 's.whatsapp.net'
/** Older spelling of {@link SERVER_USER}; still arrives in some places and means the same people. */
export const SERVER_LEGACY_USER = 'c.us'
/** Server of people addressed by their privacy-preserving id ("LID"). */
export const SERVER_LID = 'lid'
/** Server of groups and communities. */
export const SERVER_GROUP = 'g.us'
/** Server of the phone-number devices that a company hosts at the provider. */
export const SERVER_HOSTED = 'hosted'
/** Server of the LID devices that a company hosts at the provider. */
export const SERVER_HOSTED_LID = 'hosted.lid'
/** Server of status updates and broadcast lists. */
export const SERVER_BROADCAST = 'broadcast'
/** Server of channels. */
export const SERVER_NEWSLETTER = 'newsletter'
/** Server of the assistants inside WhatsApp. */
export const SERVER_BOT = 'bot'
/** Server of people on Messenger. */
export const SERVER_MESSENGER = 'msgr'
/** Server of people on other networks (interoperability). */
export const SERVER_INTEROP = 'interop'

/**
 * The WhatsApp server itself, as queries name it in `to`: a JID without a user, which is how the server writes it in
 * `from` too. Compare with {@link isServer}, which knows the other spelling.
 */
export const SERVER_JID = '@s.whatsapp.net'
/** Where status updates are sent and come from. */
export const STATUS_JID = 'status@broadcast'

/** Highest device number that an address of the main servers can carry: it is one byte on the wire. */
export const MAX_DEVICE = 255
/** Highest device number on {@link SERVER_MESSENGER} and {@link SERVER_INTEROP}: two bytes on the wire. */
export const MAX_FOREIGN_DEVICE = 65_535
/** Longest text taken for a JID, in characters: real ones have at most about 50, a longer one is never an address. */
const MAX_JID_LENGTH = 256

/** A JID in its parts. */
export interface Jid {
  /** Phone number, LID, group id, ...; empty for the server itself. */
  readonly user: string
  /** What stands after the `@`, e.g. `s.whatsapp.net`. */
  readonly server: string
  /** Device number; 0 is the phone (and what a JID without a device number means). */
  readonly device: number
}

/** The part of a Signal address that tells the servers apart; also the domain byte of a device on the wire. */
const SIGNAL_DOMAINS: ReadonlyMap<string, number> = new Map([
  [SERVER_USER, 0],
  [SERVER_LEGACY_USER, 0],
  [SERVER_BOT, 0],
  [SERVER_LID, 1],
  [SERVER_HOSTED, 128],
  [SERVER_HOSTED_LID, 129],
])

/** More digits than any device number has, and few enough to stay exact. */
const MAX_DEVICE_DIGITS = 15

const USER_PATTERN = /^[^\s\p{Cc}]*$/u
const SERVER_PATTERN = /^[a-z0-9][a-z0-9.-]*$/

/**
 * The device number that canonical decimal text stands for (`0`, `7`, `12`, never `07`), or `undefined`.
 *
 * @param text - what stands between `:` and `@`
 */
export function parseDevice(text: string): number | undefined {
  if (text.length === 0 || text.length > MAX_DEVICE_DIGITS) return undefined
  let value = 0
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return text.length > 1 && text.startsWith('0') ? undefined : value
}

function maxDevice(server: string): number {
  return server === SERVER_MESSENGER || server === SERVER_INTEROP ? MAX_FOREIGN_DEVICE : MAX_DEVICE
}

/** The parts of a JID, or `undefined` when the text is none. Never throws. */
export function tryParseJid(text: string): Jid | undefined {
  const at = text.indexOf('@')
  if (at < 0 || text.length > MAX_JID_LENGTH) return undefined
  const server = text.slice(at + 1)
  const colon = text.indexOf(':')
  const hasDevice = colon >= 0 && colon < at
  const user = text.slice(0, hasDevice ? colon : at)
  if (!SERVER_PATTERN.test(server) || !USER_PATTERN.test(user)) return undefined
  const device = hasDevice ? parseDevice(text.slice(colon + 1, at)) : 0
  if (device === undefined || device > maxDevice(server)) return undefined
  return { user, server, device }
}

/**
 * The parts of a JID.
 *
 * @param text - `user@server` or `user:device@server`; the user may be empty, the device is decimal without leading zeros
 * @throws {ProtocolError} `WATON_JID_INVALID` when the text is not a JID
 */
export function parseJid(text: string): Jid {
  const jid = tryParseJid(text)
  if (jid === undefined) {
    throw new ProtocolError(
      'WATON_JID_INVALID',
      'the text is not a JID: expected user@server or user:device@server, for example 15550000001@s.whatsapp.net',
      { details: { jid: text.slice(0, 64), length: text.length }, action: 'fix-call' },
    )
  }
  return jid
}

/** The text of a JID; device 0 is left out, as everywhere on the wire. */
export function formatJid(jid: Jid): string {
  return jid.device === 0 ? `${jid.user}@${jid.server}` : `${jid.user}:${String(jid.device)}@${jid.server}`
}

/**
 * The person or chat of a JID: without its device number, and with today's spelling of the server of phone numbers.
 *
 * @throws {ProtocolError} `WATON_JID_INVALID`
 */
export function userJid(text: string): string {
  const { user, server } = parseJid(text)
  return `${user}@${server === SERVER_LEGACY_USER ? SERVER_USER : server}`
}

/**
 * The JID of one device of the same person.
 *
 * @param device - 0 (the phone) to 255
 * @throws {ProtocolError} `WATON_JID_INVALID`
 * @throws {UsageError} `WATON_JID_DEVICE` when the device number is outside that range
 */
export function withDevice(text: string, device: number): string {
  if (!Number.isInteger(device) || device < 0 || device > MAX_DEVICE) {
    throw new UsageError(
      'WATON_JID_DEVICE',
      `a device number is a whole number from 0 to ${String(MAX_DEVICE)}`,
      {
        details: { device },
      },
    )
  }
  const { user, server } = parseJid(text)
  return formatJid({ user, server, device })
}

function endsWithServer(text: string | undefined, server: string): boolean {
  if (text === undefined) return false
  const at = text.length - server.length - 1
  return at > 0 && text.endsWith(server) && text.charCodeAt(at) === 0x40
}

/** Whether the JID is a person or device addressed by phone number. */
export function isPn(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_USER) || endsWithServer(text, SERVER_LEGACY_USER)
}

/** Whether the JID is a person or device addressed by LID. */
export function isLid(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_LID)
}

/** Whether the JID is a device hosted by the provider, addressed either way. */
export function isHosted(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_HOSTED) || endsWithServer(text, SERVER_HOSTED_LID)
}

/** Whether the JID is a group or community. */
export function isGroup(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_GROUP)
}

/** Whether the JID is a broadcast list or the status address. */
export function isBroadcast(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_BROADCAST)
}

/** Whether the JID is the status address. */
export function isStatus(text: string | undefined): boolean {
  return text === STATUS_JID
}

/** Whether the JID is a channel. */
export function isNewsletter(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_NEWSLETTER)
}

/** Phone numbers that were given to assistants before they had a server of their own. */
const BOT_NUMBER = /^(?:1313555\d{4}|131655500\d{2})@(?:s\.whatsapp\.net|c\.us)$/

/**
 * Whether the JID is an assistant inside WhatsApp.
 *
 * @source whatsmeow `types/jid.go` IsBot; Baileys 7.0.0-rc14 `WABinary/jid-utils.js` isJidBot
 */
export function isBot(text: string | undefined): boolean {
  return endsWithServer(text, SERVER_BOT) || (text !== undefined && BOT_NUMBER.test(text))
}

/** Whether the text names the WhatsApp server itself, in either spelling (`@s.whatsapp.net`, `s.whatsapp.net`). */
export function isServer(text: string | undefined): boolean {
  return text === SERVER_JID || text === SERVER_USER
}

/** The server under which a person is known, whatever device or spelling: hosted devices belong to the same person. */
function personServer(server: string): string {
  switch (server) {
    case SERVER_LEGACY_USER:
    case SERVER_HOSTED:
      return SERVER_USER
    case SERVER_HOSTED_LID:
      return SERVER_LID
    default:
      return server
  }
}

/**
 * Whether both JIDs belong to one person (or are one chat), whatever their devices. A phone number and a LID are never
 * the same here, even when they belong together: that needs the LID mapping. Never throws.
 */
export function sameUser(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  const first = tryParseJid(a)
  const second = tryParseJid(b)
  if (first === undefined || second === undefined) return false
  return first.user === second.user && personServer(first.server) === personServer(second.server)
}

/**
 * The name under which the Signal session with a device is kept.
 *
 * @returns `user.device` for phone numbers; `user_1.device` for LIDs; `user_128.device` and `user_129.device` for hosted
 *   devices of a phone number and of a LID
 * @throws {ProtocolError} `WATON_JID_INVALID`; `WATON_JID_NOT_A_DEVICE` for groups, broadcasts, channels and users that no
 *   person can have (a `_` or `.` in them would let one device take the address of another)
 * @source Baileys `Signal/libsignal.js` jidToSignalProtocolAddress
 */
export function signalAddress(text: string): string {
  const { user, server, device } = parseJid(text)
  const domain = SIGNAL_DOMAINS.get(server)
  if (domain === undefined || user === '' || user.includes('_') || user.includes('.')) {
    throw new ProtocolError(
      'WATON_JID_NOT_A_DEVICE',
      'the JID is not a person or device, so no Signal session is held with it',
      {
        details: { jid: text.slice(0, 64) },
        action: 'fix-call',
      },
    )
  }
  return domain === 0 ? `${user}.${String(device)}` : `${user}_${String(domain)}.${String(device)}`
}
