/**
 * What the server tells a companion that has no account yet, beside the answers to typed codes: that its codes need another
 * secret, and that the account wants a passkey. Each is a notification and is answered by an ack.
 *
 * @source WhatsApp Web `WAWebHandleCompanionReqRefreshNotification`; whatsapp-rust `passkey` and whatsmeow `pair-passkey.go`
 */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER } from './iq.ts'
import { findViolation } from './shape.ts'
import type { Shape } from './shape.ts'

/** The two children by which a new secret is asked for; they mean the same. */
export type RefreshChild = 'companion_reg_refresh' | 'pair-device-rotate-qr'

/** The two notifications of a passkey exchange that come from the server. */
export type PasskeyStep = 'request' | 'continuation'

/** What every notification has. */
export interface NoticeFacts {
  readonly id: string
  readonly nowSeconds: number
}

/** The codes that are shown need another secret. */
export function refreshRequest({ id, nowSeconds }: NoticeFacts, child: RefreshChild): BinaryNode {
  const attributes = { from: SERVER, id, type: 'companion_reg_refresh', t: nowSeconds }
  return node('notification', attributes, [node(child)])
}

/** The account wants a passkey, or its phone goes on with an exchange. */
export function passkeyStep(
  { id, nowSeconds }: NoticeFacts,
  step: PasskeyStep,
  bytes: Uint8Array,
): BinaryNode {
  const [type, child] =
    step === 'request'
      ? ['passkey_prologue_request', 'passkey_request_options']
      : ['crsc_continuation', 'primary_ephemeral_identity']
  return node('notification', { from: SERVER, id, type, t: nowSeconds }, [node(child, {}, bytes)])
}

const ACK_SHAPE: Shape = { required: ['id', 'class', 'type', 'to'] }

/** What is wrong with the ack of such a notification, as a sentence; `undefined` when nothing is. */
export function findNoticeAckViolation(ack: BinaryNode, notice: BinaryNode): string | undefined {
  if (ack.attrs['class'] !== 'notification') return 'a notification is acknowledged as something else'
  if (ack.attrs['type'] !== notice.attrs['type']) return 'an ack has another type than its notification'
  return findViolation(ack, ACK_SHAPE)
}
