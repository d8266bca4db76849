/**
 * What the server tells a device that shows codes and has no account yet, beside the answers to typed codes
 * (`link-code-notification.ts`): that the secret of its codes is to be replaced, and that a passkey must be presented.
 *
 * @source WhatsApp Web `WAWebHandleCompanionReqRefreshNotification`, as Baileys pull request 2765 describes it (either
 *   child, a new secret, the same ref); whatsapp-rust `passkey` and whatsmeow `pair-passkey.go` for the passkey steps
 */
import { ProtocolError } from '../../base/errors.ts'
import { childOf, type BinaryNode } from '../binary/node.ts'
import { isLinkCodeNotification } from './link-code-notification.ts'

/** See the file comment. */
export type CompanionNotification =
  /** Make a new secret, and show the code again with it. */
  | { readonly type: 'refresh' }
  /** A passkey of the account is asked for. */
  | { readonly type: 'passkey-request' }
  /** The phone's part of a passkey exchange. */
  | { readonly type: 'passkey-continuation' }

/** Either child says the same. */
const REFRESH_CHILDREN = ['companion_reg_refresh', 'pair-device-rotate-qr'] as const

const TYPES: ReadonlyMap<string | undefined, CompanionNotification> = new Map([
  ['companion_reg_refresh', { type: 'refresh' }],
  ['passkey_prologue_request', { type: 'passkey-request' }],
  ['crsc_continuation', { type: 'passkey-continuation' }],
])

/** Whether the stanza concerns a device that is being linked: one of this file, or an answer to a typed code. */
export function isLinkingNotification(stanza: BinaryNode): boolean {
  return isLinkCodeNotification(stanza) || (stanza.tag === 'notification' && TYPES.has(stanza.attrs.type))
}

/**
 * Reads a notification of this file; `undefined` for any other.
 *
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="companion_reg_refresh"><companion_reg_refresh/></notification>
 * <notification from="@s.whatsapp.net" id="..." t="..." type="passkey_prologue_request">
 *   <passkey_request_options>{"challenge":"...","rpId":"whatsapp.com"}</passkey_request_options></notification>
 * <notification from="@s.whatsapp.net" id="..." t="..." type="crsc_continuation">
 *   <primary_ephemeral_identity>...</primary_ephemeral_identity></notification>
 * ```
 *
 * What the passkey steps carry is not read: they are recognised, not carried out.
 *
 * @throws {ProtocolError} `WATON_PAIRING_REFRESH` when a refresh comes without either of its children
 */
export function parseCompanionNotification(stanza: BinaryNode): CompanionNotification | undefined {
  const notification = TYPES.get(stanza.attrs.type)
  if (notification?.type !== 'refresh') return notification
  if (REFRESH_CHILDREN.some((tag) => childOf(stanza, tag) !== undefined)) return notification
  throw new ProtocolError(
    'WATON_PAIRING_REFRESH',
    'the server asked for new codes in a form that nobody knows: the codes stay as they are',
  )
}
