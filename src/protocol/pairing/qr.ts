/**
 * The text of the QR code that the phone scans to link this device. Text only: drawing it is the caller's. The server
 * hands out the refs; a code is good for one ref.
 */
import { toBase64 } from '../../base/bytes.ts'
import type { DeviceDescription } from '../noise/client-payload.ts'

/** The page that the phone's camera opens when it is not WhatsApp that scans. The values follow the `#`. */
const QR_PREFIX = 'https://wa.me/settings/linked_devices#'

/** Kinds of companion as the QR code numbers them. @source Baileys 7.0.0-rc14 CompanionWebClientType */
const CLIENT_TYPES: ReadonlyMap<string, number> = new Map([
  ['Chrome', 1],
  ['Edge', 2],
  ['Firefox', 3],
  ['IE', 4],
  ['Opera', 5],
  ['Safari', 6],
])
const CLIENT_TYPE_ELECTRON = 7
const CLIENT_TYPE_WINDOWS_APP = 8
const CLIENT_TYPE_OTHER = 9

/** What a QR code says. */
export interface QrContent {
  /** One `ref` of the server's `pair-device` stanza. */
  readonly ref: string
  /** 32 bytes. */
  readonly noisePublicKey: Uint8Array
  /** 32 bytes. */
  readonly identityPublicKey: Uint8Array
  /** 32 bytes that only this device and the phone that scans will know. */
  readonly advSecret: Uint8Array
  /** See {@link clientTypeOf}. */
  readonly clientType: number
}

/** The number that tells the phone what kind of companion this is, for its picture in the list of linked devices. */
export function clientTypeOf({ os, browser }: DeviceDescription): number {
  if (browser === 'Desktop') return os === 'Windows' ? CLIENT_TYPE_WINDOWS_APP : CLIENT_TYPE_ELECTRON
  return CLIENT_TYPES.get(browser) ?? CLIENT_TYPE_OTHER
}

/**
 * The text to show as a QR code.
 *
 * @returns a link: `https://wa.me/settings/linked_devices#` and, joined by commas, the ref, the Noise key, the identity
 *   key and the ADV secret in base64, and the client type
 * @source Baileys 7.0.0-rc14 buildPairingQRData
 */
export function buildQr(content: QrContent): string {
  const keys = [content.noisePublicKey, content.identityPublicKey, content.advSecret].map(toBase64)
  return QR_PREFIX + [content.ref, ...keys, String(content.clientType)].join(',')
}
