/**
 * Encrypting a file for the media servers, piece by piece: AES-256-CBC, and behind it the first 10 bytes of an HMAC over
 * iv and ciphertext. Both SHA-256 (of the file, and of what is uploaded) come out of the same pass.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` encryptedStream; whatsmeow `upload.go`
 */
import { concatBytes } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import {
  aesCbcEncryptStream,
  hmacSha256Stream,
  sha256Stream,
  type CipherStream,
  type DigestStream,
} from '../crypto/index.ts'
import { type MediaKind, mediaKeys } from './keys.ts'
import { SidecarBuilder } from './sidecar.ts'
import { MEDIA_MAC_BYTES } from './size.ts'

/** What a file is encrypted with. */
export interface MediaEncryption {
  /** 32 random bytes, never used for another file. */
  readonly mediaKey: Uint8Array
  /** What kind of file it is. */
  readonly kind: MediaKind
  /** Whether a sidecar is made, which lets a video or sound be played while it is fetched. @default false */
  readonly sidecar?: boolean
}

/** What is known of a file once it is encrypted. */
export interface EncryptedMedia {
  /** The last piece of what is uploaded. */
  readonly chunk: Uint8Array
  /** SHA-256 of the file, 32 bytes. */
  readonly sha256: Uint8Array
  /** SHA-256 of what is uploaded, 32 bytes. */
  readonly encSha256: Uint8Array
  /** Bytes of the file. */
  readonly lengthBytes: number
  /** Bytes of what is uploaded. */
  readonly encryptedBytes: number
  /** Ten bytes for each 64 KiB, when it was asked for. */
  readonly sidecar?: Uint8Array
}

/** Encrypts one file. */
export interface MediaEncryptor {
  /** Takes the next bytes of the file and gives the next bytes of what is uploaded, in memory of their own. */
  push(chunk: Uint8Array): Uint8Array
  /** Ends the file. */
  finish(): EncryptedMedia
}

/**
 * Begins to encrypt a file. Each call runs to its end at once: pieces of 1 MiB or less keep the program responsive.
 *
 * @throws {ProtocolError} `WATON_MEDIA_KEY` when the media key has not 32 bytes
 * @throws {UsageError} `WATON_MEDIA_KIND` when the kind is unknown; `WATON_MEDIA_FINISHED` when it is used after its end
 */
export function createMediaEncryptor(options: MediaEncryption): MediaEncryptor {
  return new Encryptor(options)
}

class Encryptor implements MediaEncryptor {
  readonly #cipher: CipherStream
  readonly #mac: DigestStream
  readonly #plain: DigestStream = sha256Stream()
  readonly #encrypted: DigestStream = sha256Stream()
  readonly #sidecar: SidecarBuilder | undefined
  #lengthBytes = 0
  #encryptedBytes = 0
  #isFinished = false

  constructor({ mediaKey, kind, sidecar = false }: MediaEncryption) {
    const { iv, cipherKey, macKey } = mediaKeys(mediaKey, kind)
    this.#cipher = aesCbcEncryptStream(cipherKey, iv)
    this.#mac = hmacSha256Stream(macKey)
    this.#mac.update(iv)
    if (sidecar) {
      this.#sidecar = new SidecarBuilder(macKey)
      this.#sidecar.push(iv)
    }
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#check()
    this.#plain.update(chunk)
    this.#lengthBytes += chunk.length
    const ciphertext = this.#cipher.push(chunk)
    this.#mac.update(ciphertext)
    this.#count(ciphertext)
    return ciphertext
  }

  finish(): EncryptedMedia {
    this.#check()
    this.#isFinished = true
    const last = this.#cipher.finish()
    this.#mac.update(last)
    this.#count(last)
    const mac = this.#mac.digest().slice(0, MEDIA_MAC_BYTES)
    this.#count(mac)
    return {
      chunk: concatBytes(last, mac),
      sha256: this.#plain.digest(),
      encSha256: this.#encrypted.digest(),
      lengthBytes: this.#lengthBytes,
      encryptedBytes: this.#encryptedBytes,
      ...(this.#sidecar === undefined ? {} : { sidecar: this.#sidecar.finish() }),
    }
  }

  /** Takes note of bytes that are uploaded. */
  #count(bytes: Uint8Array): void {
    this.#encrypted.update(bytes)
    this.#encryptedBytes += bytes.length
    this.#sidecar?.push(bytes)
  }

  #check(): void {
    if (!this.#isFinished) return
    throw new UsageError(
      'WATON_MEDIA_FINISHED',
      'this file has ended; make another encryptor for another file',
    )
  }
}
