/**
 * Files as they travel: how a phone encrypts one before it is uploaded and opens what it fetched, with every check that
 * there is. Bytes only; which field of a message holds what is in `media-content.ts`.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/messages-media.js` getMediaKeys, encryptedStream; `lib/Defaults/index.js`
 *   MEDIA_HKDF_KEY_MAPPING; whatsmeow `upload.go`, `mediaretry.go`
 */
import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  aesCbcDecrypt,
  aesCbcEncrypt,
  constantTimeEqual,
  hkdfSha256,
  hmacSha256,
  sha256,
} from '../../protocol/crypto/index.ts'

/** What the keys of a file are made for: a file of one kind does not open as another. */
export type KeyPurpose = 'Image' | 'Video' | 'Audio' | 'Document' | 'App State' | 'History'

/** What a message says of its file, and what opens it. */
export interface MediaSecrets {
  /** 32 bytes. */
  readonly mediaKey: Uint8Array
  /** Of the file as it is. */
  readonly fileSha256: Uint8Array
  /** Of the file as it travels. */
  readonly fileEncSha256: Uint8Array
  readonly fileLength: number
}

const MEDIA_KEY_BYTES = 32
const IV_BYTES = 16
const KEY_BYTES = 32
const EXPANDED_BYTES = 112
/** Of the HMAC, that stand behind the ciphertext. */
const MAC_BYTES = 10
const RETRY_INFO = 'WhatsApp Media Retry Notification'

/** Encrypts a file with a key of its own. */
export function sealFile(
  purpose: KeyPurpose,
  file: Uint8Array,
  random: RandomSource,
): { readonly sealed: Uint8Array; readonly secrets: MediaSecrets } {
  const mediaKey = random.bytes(MEDIA_KEY_BYTES)
  const { iv, cipherKey, macKey } = expand(purpose, mediaKey)
  const ciphertext = aesCbcEncrypt(cipherKey, iv, file)
  const sealed = concatBytes(ciphertext, hmacSha256(macKey, iv, ciphertext).subarray(0, MAC_BYTES))
  const hashes = { fileSha256: sha256(file), fileEncSha256: sha256(sealed) }
  return { sealed, secrets: { mediaKey, ...hashes, fileLength: file.length } }
}

/** Checks and decrypts a file. @throws {CryptoError} `WATON_PHONE_MEDIA_WRONG` when it is not what the message speaks of */
export function openFile(purpose: KeyPurpose, sealed: Uint8Array, secrets: MediaSecrets): Uint8Array {
  if (!equalBytes(sha256(sealed), secrets.fileEncSha256)) throw wrong('the hash of what was fetched')
  const { iv, cipherKey, macKey } = expand(purpose, secrets.mediaKey)
  const ciphertext = sealed.subarray(0, -MAC_BYTES)
  const mac = hmacSha256(macKey, iv, ciphertext).subarray(0, MAC_BYTES)
  if (!constantTimeEqual(mac, sealed.subarray(-MAC_BYTES))) throw wrong('the authentication code')
  const file = aesCbcDecrypt(cipherKey, iv, ciphertext)
  if (!equalBytes(sha256(file), secrets.fileSha256)) throw wrong('the hash of the file')
  if (file.length !== secrets.fileLength) throw wrong('the length of the file')
  return file
}

/** The key of a request to upload a file again, and of its answer. */
export function retryKey(mediaKey: Uint8Array): Uint8Array {
  return hkdfSha256(mediaKey, KEY_BYTES, { info: RETRY_INFO })
}

function expand(
  purpose: KeyPurpose,
  mediaKey: Uint8Array,
): { readonly iv: Uint8Array; readonly cipherKey: Uint8Array; readonly macKey: Uint8Array } {
  const expanded = hkdfSha256(mediaKey, EXPANDED_BYTES, { info: `WhatsApp ${purpose} Keys` })
  const cipherEnd = IV_BYTES + KEY_BYTES
  return {
    iv: expanded.subarray(0, IV_BYTES),
    cipherKey: expanded.subarray(IV_BYTES, cipherEnd),
    macKey: expanded.subarray(cipherEnd, cipherEnd + KEY_BYTES),
  }
}

function wrong(what: string): CryptoError {
  return new CryptoError(
    'WATON_PHONE_MEDIA_WRONG',
    `the phone fetched a file that is not the one in the message: ${what} differs`,
  )
}
