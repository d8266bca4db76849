/**
 * A linked device asks its phone for a file that the servers have forgotten: the request is checked and opened, the file
 * uploaded anew, and the answer sealed with a key that only those have who can read the message.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/messages-media.js` encryptMediaRetryRequest, decodeMediaRetryNode; whatsmeow
 *   `mediaretry.go` (error 2: the phone does not have it); whatsapp-rust `wacore/src/media_retry.rs` (error 3: it could
 *   not read the request; the answer names the message inside too)
 */
import { concatBytes, equalBytes, utf8Bytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import { node, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { aesGcmOpen, aesGcmSeal } from '../../protocol/crypto/index.ts'
import { parseJid } from '../../protocol/jid.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import { MediaRetryNotification } from '../../protocol/proto/message.ts'
import type { MediaDesk } from '../link.ts'
import { nowSeconds } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import type { Album } from './album.ts'
import type { ForwardedReceipt } from './answers.ts'
import type { Mailbox } from './mailbox.ts'
import { incomingFile } from './media-content.ts'
import type { IncomingFile } from './media-content.ts'
import { retryKey } from './media-file.ts'

/** What {@link MediaRetries} works with. */
export interface MediaRetriesOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly album: Album
  readonly mailbox: Mailbox
  readonly desk: MediaDesk | undefined
}

/** What the phone says to a request. */
interface Answer {
  readonly result: MediaRetryNotification.ResultType
  /** Inside the encryption, or beside it. */
  readonly isSealed: boolean
  readonly directPath?: string
}

const IV_BYTES = 12
const STANZA_ID_TAG = 0x0a

/** See the file comment. */
export class MediaRetries {
  readonly #options: MediaRetriesOptions

  constructor(options: MediaRetriesOptions) {
    this.#options = options
  }

  /** Answers one request. @throws {ProtocolError} when it lacks what every request has */
  answer({ from, ids: [id = ''] }: ForwardedReceipt, request: BinaryNode): void {
    const { account, desk } = this.#options
    const rmr = requireChild(request, 'rmr')
    const planned = desk?.takeRetryFault(id)
    if (desk === undefined || planned?.as === 'silence') return
    const file = this.#find(id, rmr)
    const answer: Answer =
      planned === undefined
        ? this.#serve(file, id, request)
        : { result: RESULTS[planned.as], isSealed: planned.isSealed }
    const content =
      answer.isSealed && file !== undefined
        ? this.#seal(id, file.secrets.mediaKey, answer)
        : node('error', { code: answer.result })
    const attributes = { type: 'mediaretry', id, from: account.pn, t: nowSeconds(account.clock) }
    desk.answerRetry(parseJid(from).device, node('notification', attributes, [content, rmr]))
  }

  /** The file of the message that the request names. */
  #find(id: string, { attrs }: BinaryNode): IncomingFile | undefined {
    const { addresses, mailbox } = this.#options
    const chat = addresses.humanJid(attrs['jid'] ?? '')
    const fromMe = attrs['from_me'] === 'true'
    const message = mailbox.messages.findLast(
      (shown) => shown.id === id && shown.chat === chat && shown.fromMe === fromMe,
    )
    return message === undefined ? undefined : incomingFile(message.content)
  }

  #serve(file: IncomingFile | undefined, id: string, request: BinaryNode): Answer {
    if (file === undefined) return { result: RESULTS['not-found'], isSealed: false }
    if (!isRetryRequest(id, file.secrets.mediaKey, request))
      return { result: RESULTS['decryption-error'], isSealed: false }
    const directPath = this.#options.album.uploadAgain(file)
    if (directPath === undefined) return { result: RESULTS['not-found'], isSealed: false }
    return { result: MediaRetryNotification.ResultType.SUCCESS, isSealed: true, directPath }
  }

  #seal(id: string, mediaKey: Uint8Array, { result, directPath }: Answer): BinaryNode {
    const path = directPath === undefined ? {} : { directPath }
    const plain = encodeProto(
      MediaRetryNotification,
      { stanzaId: id, result, ...path },
      'MediaRetryNotification',
    )
    const iv = this.#options.account.random.bytes(IV_BYTES)
    const sealed = aesGcmSeal(retryKey(mediaKey), iv, plain, utf8Bytes(id))
    return node('encrypt', {}, [node('enc_p', {}, sealed), node('enc_iv', {}, iv)])
  }
}

const RESULTS = {
  'general-error': MediaRetryNotification.ResultType.GENERAL_ERROR,
  'not-found': MediaRetryNotification.ResultType.NOT_FOUND,
  'decryption-error': MediaRetryNotification.ResultType.DECRYPTION_ERROR,
} as const

/** Whether the request was sealed by somebody who can read the message, and speaks of it. */
export function isRetryRequest(id: string, mediaKey: Uint8Array, request: BinaryNode): boolean {
  const encrypt = requireChild(request, 'encrypt')
  const sealed = requireBytes(requireChild(encrypt, 'enc_p'))
  const iv = requireBytes(requireChild(encrypt, 'enc_iv'), IV_BYTES)
  try {
    const plain = aesGcmOpen(retryKey(mediaKey), iv, sealed, utf8Bytes(id))
    return equalBytes(plain, serverErrorReceipt(id))
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    return false
  }
}

/** `ServerErrorReceipt`: a message with one field, the id in field 1. */
function serverErrorReceipt(id: string): Uint8Array {
  const text = utf8Bytes(id)
  return concatBytes(Uint8Array.of(STANZA_ID_TAG, text.length), text)
}
