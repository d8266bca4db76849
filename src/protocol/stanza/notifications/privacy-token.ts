/**
 * A token with which somebody may be written to (`type="privacy_token"`): they, or our phone, hand it out.
 *
 * @source whatsmeow `notification.go` handlePrivacyTokenNotification; Baileys 7.0.0-rc14 handlePrivacyTokenNotification
 */
import { childOf, childrenOf, contentBytes, numberAttribute, type BinaryNode } from '../../binary/node.ts'

/** One token. */
export interface PrivacyToken {
  /** Whom it is for: ourselves, or somebody to whom an own device gave one. */
  readonly jid?: string
  /** What it is for, e.g. `trusted_contact`. */
  readonly type: string
  /** As it is: it means nothing to a client. */
  readonly token: Uint8Array
  /** When the server made it, in seconds since the epoch. */
  readonly atSeconds?: number
}

/**
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="privacy_token" sender_lid="100000000002@lid">
 *   <tokens><token jid="15550000001@s.whatsapp.net" t="1700000000" type="trusted_contact">...</token></tokens></notification>
 * ```
 */
export function parsePrivacyTokens(stanza: BinaryNode): readonly PrivacyToken[] {
  const tokens = childOf(stanza, 'tokens')
  if (tokens === undefined) return []
  return childrenOf(tokens, 'token').flatMap((child) => {
    const token = contentBytes(child)
    if (token === undefined || token.length === 0) return []
    const { jid, type = '' } = child.attrs
    const atSeconds = numberAttribute(child, 't')
    return [
      {
        ...(jid === undefined ? {} : { jid }),
        type,
        token,
        ...(atSeconds === undefined ? {} : { atSeconds }),
      },
    ]
  })
}
