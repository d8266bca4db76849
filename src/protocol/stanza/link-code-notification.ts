/**
 * What the server tells a device that has announced a pairing code: the phone's answer, or that a new code is due. The
 * keys in it are used in `protocol/pairing/link-code.ts`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` link_code_companion_reg; whatsmeow `pair-code.go` for the passkey
 *   step; WhatsApp Web `WASmaxInMdRefreshCodeNotifyCompanionRequest` for the new code
 */
import { childOf, requireBytes, requireChild, type BinaryNode } from '../binary/node.ts'

const KEY_BYTES = 32

/** What the phone did after a code was announced. */
export type LinkCodeNotification =
  /** Its owner entered a code. */
  | {
      readonly type: 'primary-hello'
      readonly ref: Uint8Array
      /** 32 bytes. */
      readonly primaryIdentity: Uint8Array
      /** For `unwrapEphemeral`, which checks it. */
      readonly wrappedPrimaryEphemeral: Uint8Array
    }
  /** The account is protected by a passkey: the phone answers without its key, and a code alone cannot link. */
  | { readonly type: 'passkey' }
  /** The code of this ref is not good any more. */
  | {
      readonly type: 'refresh'
      readonly ref: Uint8Array
      /** Whether a person has to ask for the next one; otherwise it is shown without a question. */
      readonly isManual: boolean
    }

/** Whether the stanza is one for {@link parseLinkCodeNotification}. */
export function isLinkCodeNotification({ tag, attrs }: BinaryNode): boolean {
  return tag === 'notification' && attrs.type === 'link_code_companion_reg'
}

/**
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="link_code_companion_reg">
 *   <link_code_companion_reg stage="primary_hello">
 *     <link_code_pairing_wrapped_primary_ephemeral_pub>80 bytes</link_code_pairing_wrapped_primary_ephemeral_pub>
 *     <primary_identity_pub>32 bytes</primary_identity_pub>
 *     <link_code_pairing_ref>...</link_code_pairing_ref>
 *   </link_code_companion_reg></notification>
 * <notification ... type="link_code_companion_reg">
 *   <link_code_companion_reg stage="refresh_code" force_manual_refresh="false">
 *     <link_code_pairing_ref>...</link_code_pairing_ref></link_code_companion_reg></notification>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_CHILD`, `WATON_STANZA_CONTENT`
 */
export function parseLinkCodeNotification(stanza: BinaryNode): LinkCodeNotification {
  const registration = requireChild(stanza, 'link_code_companion_reg')
  const { stage, force_manual_refresh: isForced } = registration.attrs
  if (stage === 'refresh_code') {
    const ref = requireBytes(requireChild(registration, 'link_code_pairing_ref'))
    return { type: 'refresh', ref, isManual: isForced === 'true' }
  }
  const wrapped = childOf(registration, 'link_code_pairing_wrapped_primary_ephemeral_pub')
  if (wrapped === undefined) return { type: 'passkey' }
  return {
    type: 'primary-hello',
    ref: requireBytes(requireChild(registration, 'link_code_pairing_ref')),
    primaryIdentity: requireBytes(requireChild(registration, 'primary_identity_pub'), KEY_BYTES),
    wrappedPrimaryEphemeral: requireBytes(wrapped),
  }
}
