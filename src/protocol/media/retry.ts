/**
 * The crypto of a media retry: a file that the servers have deleted can be asked of the phone of the account, which has
 * it still and uploads it again. Only the sealed parts are here; the stanzas around them are in `stanza/`.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` encryptMediaRetryRequest and decryptMediaRetryData; whatsmeow
 * `mediaretry.go`
 */
import { utf8Bytes } from '../../base/bytes.ts'
import type { RandomSource } from '../../base/random.ts'
import { aesGcmOpen, aesGcmSeal, hkdfSha256 } from '../crypto/index.ts'
import { decodeProto, encodeProto } from '../proto/codec.ts'
import { MediaRetryNotification, ServerErrorReceipt } from '../proto/media.ts'
import { checkMediaKey } from './keys.ts'

const RETRY_INFO = 'WhatsApp Media Retry Notification'
const IV_BYTES = 12

/** The message whose file is asked for. */
export interface MediaRetryTarget {
  /** The media key in the message, 32 bytes. */
  readonly mediaKey: Uint8Array
  /** The id of the message. */
  readonly messageId: string
}

/** What travels in `<encrypt>`: `<enc_p>` and `<enc_iv>`. */
export interface SealedMediaRetry {
  /** Ciphertext and tag. */
  readonly ciphertext: Uint8Array
  /** 12 bytes. */
  readonly iv: Uint8Array
}

/** Why a phone did not upload a file again. */
export type MediaRetryFailure = 'general-error' | 'not-found' | 'decryption-error' | 'unknown'

/** What a phone answers. */
export type MediaRetryResult =
  | {
      /** The file is on the servers again. */
      readonly ok: true
      /** Where, below any media host. It comes from outside: check it as you check that of a message. */
      readonly directPath: string
    }
  | {
      /** The file is not there. */
      readonly ok: false
      /** Why. */
      readonly reason: MediaRetryFailure
    }

const FAILURES: Readonly<Record<number, MediaRetryFailure>> = {
  [MediaRetryNotification.ResultType.GENERAL_ERROR]: 'general-error',
  [MediaRetryNotification.ResultType.NOT_FOUND]: 'not-found',
  [MediaRetryNotification.ResultType.DECRYPTION_ERROR]: 'decryption-error',
}

/** The failure that a number stands for: in a sealed answer, and in the `code` of `<error>` in an open one. */
export function mediaRetryFailure(code: number | undefined): MediaRetryFailure {
  return (code === undefined ? undefined : FAILURES[code]) ?? 'unknown'
}

/**
 * Seals the request that asks the phone to upload a file again.
 *
 * @throws {ProtocolError} `WATON_MEDIA_KEY` when the media key has not 32 bytes
 */
export function sealMediaRetryRequest(target: MediaRetryTarget, random: RandomSource): SealedMediaRetry {
  const iv = random.bytes(IV_BYTES)
  const receipt = encodeProto(ServerErrorReceipt, { stanzaId: target.messageId }, 'ServerErrorReceipt')
  const ciphertext = aesGcmSeal(retryKey(target), iv, receipt, utf8Bytes(target.messageId))
  return { ciphertext, iv }
}

/**
 * Opens what the phone answered.
 *
 * @throws {CryptoError} `WATON_CRYPTO_TAG` when it was not sealed with this key for this message;
 * `WATON_CRYPTO_LENGTH` when it has no iv
 * @throws {ProtocolError} `WATON_PROTO_MALFORMED` when there is no answer inside; `WATON_MEDIA_KEY` when the media key
 * has not 32 bytes
 */
export function openMediaRetryResult(target: MediaRetryTarget, sealed: SealedMediaRetry): MediaRetryResult {
  const opened = aesGcmOpen(retryKey(target), sealed.iv, sealed.ciphertext, utf8Bytes(target.messageId))
  const answer = decodeProto(MediaRetryNotification, opened, 'MediaRetryNotification')
  const isSuccess = answer.result === MediaRetryNotification.ResultType.SUCCESS
  if (isSuccess && answer.directPath) return { ok: true, directPath: answer.directPath }
  return { ok: false, reason: mediaRetryFailure(answer.result ?? undefined) }
}

function retryKey({ mediaKey }: MediaRetryTarget): Uint8Array {
  checkMediaKey(mediaKey)
  return hkdfSha256(mediaKey, 32, { info: RETRY_INFO })
}
