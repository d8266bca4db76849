/**
 * The phone's answer to a request to upload media again (`type="mediaretry"`): where it lies now, encrypted with a key that
 * follows from the media key, or why not.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages-media.js` decodeMediaRetryNode
 */
import {
  childOf,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
  type BinaryNode,
} from '../../binary/node.ts'

/** See the file comment. */
export interface MediaRetry {
  /** The message whose media it is. */
  readonly messageId: string
  /** The chat of the message, as on the wire. */
  readonly chat: string
  /** Whether this account wrote the message. */
  readonly isFromMe: boolean
  /** In groups: who wrote the message, as on the wire. */
  readonly participant?: string
  /** Encrypted `MediaRetryNotification`; absent when the phone could not help. */
  readonly sealed?: { readonly ciphertext: Uint8Array; readonly iv: Uint8Array }
  /** The phone's number for why not. */
  readonly errorCode?: number
}

/**
 * ```xml
 * <notification from="15550000001@s.whatsapp.net" id="3EB0..." t="..." type="mediaretry">
 *   <encrypt><enc_p>...</enc_p><enc_iv>12 bytes</enc_iv></encrypt>
 *   <rmr jid="15550000002@s.whatsapp.net" from_me="false" participant="..."/></notification>
 * <notification ... type="mediaretry"><error code="2"/><rmr jid="..." from_me="false"/></notification>
 * ```
 */
export function parseMediaRetry(stanza: BinaryNode): MediaRetry {
  const about = requireChild(stanza, 'rmr')
  const { participant } = about.attrs
  const error = childOf(stanza, 'error')
  return {
    messageId: requireAttribute(stanza, 'id'),
    chat: requireAttribute(about, 'jid'),
    isFromMe: about.attrs.from_me === 'true',
    ...(participant === undefined ? {} : { participant }),
    ...(error === undefined
      ? { sealed: sealedIn(requireChild(stanza, 'encrypt')) }
      : { errorCode: numberAttribute(error, 'code') ?? 0 }),
  }
}

function sealedIn(encrypt: BinaryNode): { readonly ciphertext: Uint8Array; readonly iv: Uint8Array } {
  return {
    ciphertext: requireBytes(requireChild(encrypt, 'enc_p')),
    iv: requireBytes(requireChild(encrypt, 'enc_iv')),
  }
}
