/** `<notification>` stanzas: what the server tells a device on its own account. Each is answered by an ack. */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER } from './iq.ts'

/** Few one-time pre-keys are left: the device should upload more. */
export function preKeysLow(facts: { id: string; count: number; nowSeconds: number }): BinaryNode {
  const attributes = { from: SERVER, id: facts.id, type: 'encrypt', t: facts.nowSeconds }
  return node('notification', attributes, [node('count', { value: facts.count })])
}

/** A person starts over with a new identity key (a reinstalled phone). */
export function identityChanged(facts: {
  id: string
  from: string
  lid: string
  nowSeconds: number
}): BinaryNode {
  const attributes = { from: facts.from, id: facts.id, type: 'encrypt', t: facts.nowSeconds, lid: facts.lid }
  return node('notification', attributes, [node('identity')])
}

/**
 * Somebody has handed out a token of trust.
 *
 * @source whatsmeow `notification.go` handlePrivacyTokenNotification
 */
export function tokenGiven(facts: {
  id: string
  from: string
  lid: string
  /** The device that is told. */
  to: string
  token: Uint8Array
  atSeconds: number
  nowSeconds: number
}): BinaryNode {
  const { id, from, lid, to, token, atSeconds, nowSeconds } = facts
  const attributes = { from, id, type: 'privacy_token', t: nowSeconds, sender_lid: lid }
  const child = node('token', { jid: to, t: atSeconds, type: 'trusted_contact' }, token)
  return node('notification', attributes, [node('tokens', {}, [child])])
}

/** What a change of somebody's linked devices tells. */
export interface DeviceChange {
  readonly id: string
  readonly action: 'add' | 'remove'
  /** The person, without device. */
  readonly from: string
  readonly lid: string
  readonly device: { readonly jid: string; readonly lid: string; readonly keyIndex: number }
  readonly nowSeconds: number
}

/** A person linked or removed a device. @source whatsmeow `notification.go` handleDeviceNotification */
export function devicesChanged(change: DeviceChange): BinaryNode {
  const { device } = change
  const attributes = {
    from: change.from,
    id: change.id,
    type: 'devices',
    t: change.nowSeconds,
    lid: change.lid,
  }
  const child = node('device', { jid: device.jid, lid: device.lid, 'key-index': device.keyIndex })
  return node('notification', attributes, [node(change.action, {}, [child])])
}
