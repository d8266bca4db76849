/**
 * Asking the own phone to upload a file again that the media servers have no longer. Its answer is a notification
 * (`notifications/media-retry.ts`).
 */
import { node } from '../binary/node.ts'
import type { BinaryNode } from '../binary/node.ts'

/** What is asked. */
export interface MediaRetryRequest {
  /** This account, without device: the phone is asked. */
  readonly to: string
  readonly messageId: string
  /** The chat of the message. */
  readonly chat: string
  /** Whether this account wrote the message. */
  readonly isFromMe: boolean
  /** Who wrote it, where the chat does not say. */
  readonly participant?: string
  /** Shows that we have the media key. */
  readonly sealed: { readonly ciphertext: Uint8Array; readonly iv: Uint8Array }
}

/**
 * ```xml
 * <receipt id="3EB0..." to="15550000001@s.whatsapp.net" type="server-error">
 *   <encrypt><enc_p>...</enc_p><enc_iv>12 bytes</enc_iv></encrypt>
 *   <rmr jid="15550000002@s.whatsapp.net" from_me="false" participant="..."/></receipt>
 * ```
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` encryptMediaRetryRequest
 */
export function buildMediaRetryRequest(request: MediaRetryRequest): BinaryNode {
  const { to, messageId, chat, isFromMe, participant, sealed } = request
  return node('receipt', { id: messageId, to, type: 'server-error' }, [
    node('encrypt', {}, [node('enc_p', {}, sealed.ciphertext), node('enc_iv', {}, sealed.iv)]),
    node('rmr', { jid: chat, from_me: String(isFromMe), participant }),
  ])
}
