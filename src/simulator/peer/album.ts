/**
 * The files on a phone: what its human sends is encrypted and uploaded, what others send is fetched when it is shown, as
 * phones do, and stays. So a phone still has what the servers have forgotten, and can upload it again.
 */
import { toBase64 } from '../../base/bytes.ts'
import { ProtocolError, UsageError } from '../../base/errors.ts'
import type { MediaDesk } from '../link.ts'
import { nowSeconds } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { PhoneMessage } from './mailbox.ts'
import { buildMediaMessage, incomingFile, MEDIA_KINDS } from './media-content.ts'
import type { IncomingFile, OutgoingFile } from './media-content.ts'
import { openFile, sealFile } from './media-file.ts'

const MAX_FILES = 1_000
const MAX_KEPT_BYTES = 128 * 1024 * 1024

/** See the file comment. */
export class Album {
  readonly #account: PhoneAccount
  readonly #desk: MediaDesk | undefined
  /** Files as they travel, by their hash. */
  readonly #kept = new Map<string, Uint8Array>()
  #keptBytes = 0

  constructor(account: PhoneAccount, desk: MediaDesk | undefined) {
    this.#account = account
    this.#desk = desk
  }

  /** Encrypts and uploads a file. @returns the message with it, and the word beside its ciphertext */
  compose(file: OutgoingFile): ReturnType<typeof buildMediaMessage> {
    const { clock, random } = this.#account
    const { purpose, uploadKind } = MEDIA_KINDS[file.kind]
    const { sealed, secrets } = sealFile(purpose, file.bytes, random)
    const { url, directPath } = this.#requireDesk().upload(uploadKind, sealed)
    const { mimetype } = file
    return buildMediaMessage(file, {
      ...secrets,
      ...{ url, directPath, mimetype },
      mediaKeyTimestamp: nowSeconds(clock),
    })
  }

  /** Fetches the file of a message that is shown, when there is one and it is still there. */
  keep({ content }: PhoneMessage): void {
    const file = incomingFile(content)
    if (file === undefined) return
    const sealed = this.#desk?.fetch(file.directPath)
    if (sealed === undefined || this.#kept.has(keyOf(file))) return
    this.#kept.set(keyOf(file), sealed)
    this.#keptBytes += sealed.length
    for (const [key, oldest] of this.#kept) {
      if (this.#kept.size <= MAX_FILES && this.#keptBytes <= MAX_KEPT_BYTES) break
      this.#kept.delete(key)
      this.#keptBytes -= oldest.length
    }
  }

  /** The phone deletes its files. What the servers have stays there. */
  clear(): void {
    this.#kept.clear()
    this.#keptBytes = 0
  }

  /** Opens the file of a message. */
  open({ content, id }: PhoneMessage): Uint8Array {
    const file = incomingFile(content)
    if (file === undefined) {
      throw new UsageError('WATON_PHONE_NO_MEDIA', 'the message has no file: only media can be downloaded', {
        details: { id },
      })
    }
    const sealed = this.#kept.get(keyOf(file)) ?? this.#desk?.fetch(file.directPath)
    if (sealed === undefined) {
      throw new ProtocolError(
        'WATON_PHONE_MEDIA_GONE',
        'the phone cannot fetch the file of the message: the media server does not have it',
        { details: { id } },
      )
    }
    return openFile(file.purpose, sealed, file.secrets)
  }

  /** Uploads a file anew. @returns its new path, `undefined` when the phone does not have it */
  uploadAgain(file: IncomingFile): string | undefined {
    const sealed = this.#kept.get(keyOf(file))
    return sealed === undefined ? undefined : this.#desk?.upload(file.uploadKind, sealed).directPath
  }

  #requireDesk(): MediaDesk {
    if (this.#desk !== undefined) return this.#desk
    throw new UsageError('WATON_PHONE_NO_MEDIA', 'the server of this phone has no place for media')
  }
}

function keyOf({ secrets }: IncomingFile): string {
  return toBase64(secrets.fileEncSha256)
}
