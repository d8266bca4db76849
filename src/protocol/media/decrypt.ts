/**
 * Decrypting a file from the media servers, piece by piece, with every check in the same pass: the MAC, the SHA-256 of
 * what was fetched, the SHA-256 of the file, and its length. What the message does not tell is not checked.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` downloadEncryptedContent (which checks none of it); whatsmeow
 * `download.go` downloadAndDecrypt
 */
import { EMPTY_BYTES, concatBytes, equalBytes } from '../../base/bytes.ts'
import { CryptoError, UsageError } from '../../base/errors.ts'
import {
  aesCbcDecryptStream,
  constantTimeEqual,
  hmacSha256Stream,
  sha256Stream,
  type CipherStream,
  type DigestStream,
} from '../crypto/index.ts'
import { type MediaKind, mediaKeys } from './keys.ts'
import { MEDIA_MAC_BYTES, encryptedMediaBytes, isEncryptedSize } from './size.ts'

/** What opens a file, and what the message says of it. */
export interface MediaDecryption {
  /** 32 bytes, from the message. */
  readonly mediaKey: Uint8Array
  /** What kind of file it is: with another kind it does not open. */
  readonly kind: MediaKind
  /** SHA-256 of what is fetched, from the message. Without it a fault of the way cannot be told from a wrong key. */
  readonly encSha256?: Uint8Array
  /** SHA-256 of the file, from the message. */
  readonly sha256?: Uint8Array
  /** Bytes of the file, from the message. */
  readonly lengthBytes?: number
}

/** Decrypts one file. */
export interface MediaDecryptor {
  /**
   * Takes the next fetched bytes and gives the next bytes of the file, in memory of their own. **They are not to be
   * believed before `finish` has returned**: put them where nobody reads them yet.
   *
   * @throws {CryptoError} `WATON_MEDIA_LENGTH` as soon as more was fetched than the file can have
   */
  push(chunk: Uint8Array): Uint8Array
  /**
   * Gives the last bytes of the file, after everything was found right. The faults, in the order in which they are
   * looked for:
   *
   * @throws {CryptoError} `WATON_MEDIA_TRUNCATED` (retryable) when the end is missing
   * @throws {CryptoError} `WATON_MEDIA_HASH` when a SHA-256 differs: of what was fetched (`details.of` is `upload`,
   * retryable), or of the file (`file`, final)
   * @throws {CryptoError} `WATON_MEDIA_MAC` when key or kind are not those of the file, or it was altered
   * @throws {CryptoError} `WATON_CRYPTO_PADDING` when a sender with the key did not pad
   * @throws {CryptoError} `WATON_MEDIA_LENGTH` when the file is longer or shorter than the message says
   */
  finish(): Uint8Array
}

/**
 * Begins to decrypt a file. Each call runs to its end at once: pieces of 1 MiB or less keep the program responsive.
 *
 * @throws {ProtocolError} `WATON_MEDIA_KEY` when the media key has not 32 bytes
 * @throws {UsageError} `WATON_MEDIA_KIND` when the kind is unknown; `WATON_MEDIA_FINISHED` when it is used after its end
 * or after a fault
 */
export function createMediaDecryptor(options: MediaDecryption): MediaDecryptor {
  return new Decryptor(options)
}

class Decryptor implements MediaDecryptor {
  readonly #options: MediaDecryption
  readonly #cipher: CipherStream
  readonly #mac: DigestStream
  readonly #plain: DigestStream = sha256Stream()
  readonly #encrypted: DigestStream = sha256Stream()
  /** The last bytes fetched, up to the length of a MAC: they may be it. */
  #held: Uint8Array = EMPTY_BYTES
  #fetchedBytes = 0
  #lengthBytes = 0
  #isFinished = false

  constructor(options: MediaDecryption) {
    const { iv, cipherKey, macKey } = mediaKeys(options.mediaKey, options.kind)
    this.#options = options
    this.#cipher = aesCbcDecryptStream(cipherKey, iv)
    this.#mac = hmacSha256Stream(macKey)
    this.#mac.update(iv)
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#check()
    this.#fetchedBytes += chunk.length
    if (this.#fetchedBytes > this.#expectedBytes()) {
      this.#isFinished = true
      throw this.#wrongLength()
    }
    this.#encrypted.update(chunk)
    if (chunk.length < MEDIA_MAC_BYTES) return this.#pushFew(chunk)
    const before = this.#held.length === 0 ? EMPTY_BYTES : this.#open(this.#held)
    const cut = chunk.length - MEDIA_MAC_BYTES
    this.#held = chunk.slice(cut)
    const opened = this.#open(chunk.subarray(0, cut))
    return before.length === 0 ? opened : concatBytes(before, opened)
  }

  finish(): Uint8Array {
    this.#check()
    this.#isFinished = true
    this.#checkFetched()
    const last = this.#cipher.finish()
    this.#plain.update(last)
    this.#lengthBytes += last.length
    const { sha256, lengthBytes } = this.#options
    if (lengthBytes !== undefined && lengthBytes !== this.#lengthBytes) throw this.#wrongLength()
    if (sha256 !== undefined && !equalBytes(sha256, this.#plain.digest())) throw wrongFile()
    return last
  }

  /** A piece that is shorter than a MAC pushes only so much of what is held. */
  #pushFew(chunk: Uint8Array): Uint8Array {
    const joined = concatBytes(this.#held, chunk)
    const cut = Math.max(joined.length - MEDIA_MAC_BYTES, 0)
    this.#held = joined.subarray(cut)
    return this.#open(joined.subarray(0, cut))
  }

  #open(ciphertext: Uint8Array): Uint8Array {
    if (ciphertext.length === 0) return EMPTY_BYTES
    this.#mac.update(ciphertext)
    const opened = this.#cipher.push(ciphertext)
    this.#plain.update(opened)
    this.#lengthBytes += opened.length
    return opened
  }

  /** Whether what was fetched is what was uploaded, and the key is its key. */
  #checkFetched(): void {
    const { encSha256 } = this.#options
    const isUpload = encSha256 !== undefined && equalBytes(encSha256, this.#encrypted.digest())
    // with the right digest the length of the message is wrong, not that of the file; that is looked at later
    const isShort = !isUpload && this.#fetchedBytes < this.#shortestBytes()
    if (isShort || !isEncryptedSize(this.#fetchedBytes)) throw this.#truncated()
    if (encSha256 !== undefined && !isUpload) throw wrongUpload()
    if (!constantTimeEqual(this.#mac.digest().subarray(0, MEDIA_MAC_BYTES), this.#held)) throw wrongMac()
  }

  /** Bytes that can be fetched at most. */
  #expectedBytes(): number {
    const { lengthBytes } = this.#options
    return lengthBytes === undefined ? Infinity : encryptedMediaBytes(lengthBytes)
  }

  /** Bytes that must be fetched at least. */
  #shortestBytes(): number {
    return encryptedMediaBytes(this.#options.lengthBytes ?? 0)
  }

  #truncated(): CryptoError {
    return new CryptoError(
      'WATON_MEDIA_TRUNCATED',
      'the end of the encrypted file is missing: the transfer was cut; fetch it again',
      {
        action: 'retry',
        details: { fetchedBytes: this.#fetchedBytes, expectedBytes: this.#shortestBytes() },
      },
    )
  }

  #wrongLength(): CryptoError {
    return new CryptoError(
      'WATON_MEDIA_LENGTH',
      'the file is longer or shorter than its message says, so it is not what was sent; discard it',
      { details: { fetchedBytes: this.#fetchedBytes, expectedBytes: this.#expectedBytes() } },
    )
  }

  #check(): void {
    if (!this.#isFinished) return
    throw new UsageError(
      'WATON_MEDIA_FINISHED',
      'this file has ended or was found wrong; make another decryptor to read it again',
    )
  }
}

function wrongUpload(): CryptoError {
  return new CryptoError(
    'WATON_MEDIA_HASH',
    'what was fetched is not what was uploaded: its SHA-256 differs; fetch it again, from another host if there is one',
    { action: 'retry', details: { of: 'upload' } },
  )
}

function wrongFile(): CryptoError {
  return new CryptoError(
    'WATON_MEDIA_HASH',
    'the file is not what its message says: its SHA-256 differs; discard it',
    { details: { of: 'file' } },
  )
}

function wrongMac(): CryptoError {
  return new CryptoError(
    'WATON_MEDIA_MAC',
    'the encrypted file does not fit its key: it was altered, or the message carries another key or kind; discard it',
  )
}
