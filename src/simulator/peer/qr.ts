/**
 * Reading a pairing QR code, as the camera of a phone does. This file knows the text only; answering it is
 * `link-device.ts`. Two forms exist: the URL of current clients and the bare comma list of older ones.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/companion-reg-client-utils.js` (URL form), 6.x `Socket/socket.ts` (bare form)
 */
import { UsageError } from '../../base/errors.ts'
import { fromBase64 } from '../../base/bytes.ts'

/** What a companion shows in its QR code. */
export interface PairingQr {
  /** Names the waiting socket to the server. */
  readonly ref: string
  /** The companion's Noise public key, 32 bytes. */
  readonly noiseKey: Uint8Array
  /** The companion's Signal identity public key, 32 bytes. */
  readonly identityKey: Uint8Array
  /** The secret that only somebody who saw the QR code knows, 32 bytes. */
  readonly advSecret: Uint8Array
  /** The kind of client, e.g. `chrome`; `unknown` in the older form, which does not say. */
  readonly platform: string
}

const URL_PREFIX = 'https://wa.me/settings/linked_devices#'
const KEY_BYTES = 32
/** Longest text looked at; a QR code of the largest version holds 4,296 characters. */
const MAX_QR_LENGTH = 4296
/** Position is the number in the QR code. @source Baileys 7.0.0-rc14 `CompanionWebClientType` */
const PLATFORMS: readonly string[] = [
  'unknown',
  'chrome',
  'edge',
  'firefox',
  'ie',
  'opera',
  'safari',
  'electron',
  'uwp',
  'other',
]

function refuse(why: string): UsageError {
  return new UsageError(
    'WATON_PHONE_QR',
    `this is not a pairing QR code: ${why}; pass the text of the QR code as the client printed it`,
  )
}

function key(text: string, name: string): Uint8Array {
  const bytes = fromBase64(text)
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text) || bytes.length !== KEY_BYTES) {
    throw refuse(`its ${name} is not 32 bytes of base64`)
  }
  return bytes
}

/**
 * Reads the text of a pairing QR code.
 *
 * @param text - `https://wa.me/settings/linked_devices#ref,noise,identity,advSecret,platform`, or without the URL, and
 *   then also without the platform; the reference may itself contain commas
 * @throws {UsageError} `WATON_PHONE_QR` when the text is anything else
 */
export function parsePairingQr(text: string): PairingQr {
  if (text.length > MAX_QR_LENGTH) throw refuse('it is longer than a QR code can hold')
  const isUrl = text.startsWith(URL_PREFIX)
  const parts = (isUrl ? text.slice(URL_PREFIX.length) : text).split(',')
  const hasPlatform = isUrl || /^\d$/.test(parts.at(-1) ?? '')
  const platform = hasPlatform ? platformName(parts.pop() ?? '') : 'unknown'
  const [noise, identity, secret] = parts.splice(-3)
  const ref = parts.join(',')
  if (noise === undefined || identity === undefined || secret === undefined)
    throw refuse('parts of it are missing')
  if (!/^[\x21\x22\x24-\x7e]+$/.test(ref))
    throw refuse('its reference is empty or has characters that no server sends')
  return {
    ref,
    noiseKey: key(noise, 'Noise key'),
    identityKey: key(identity, 'identity key'),
    advSecret: key(secret, 'secret'),
    platform,
  }
}

/** The kind of client that a number from 0 to 9 stands for. @throws {UsageError} `WATON_PHONE_QR` */
export function platformName(number: string): string {
  const name = /^\d$/.test(number) ? PLATFORMS[Number(number)] : undefined
  if (name === undefined) throw refuse('its kind of client is not a number from 0 to 9')
  return name
}
