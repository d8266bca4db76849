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
  lid: string | undefined
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

/**
 * A collection of app state has a new version.
 *
 * @source whatsmeow `notification.go` handleAppStateNotification; Baileys 7.0.0-rc14 `lib/Socket/messages-recv.js`
 */
export function appStateChanged(facts: {
  id: string
  from: string
  name: string
  version: number
  nowSeconds: number
}): BinaryNode {
  const attributes = { from: facts.from, id: facts.id, type: 'server_sync', t: facts.nowSeconds }
  const { name, version } = facts
  return node('notification', attributes, [node('collection', { name, version })])
}

/** What a change of somebody's linked devices tells. */
export interface DeviceChange {
  readonly id: string
  readonly action: 'add' | 'remove'
  /** The person, without device. */
  readonly from: string
  readonly lid: string | undefined
  readonly device: { readonly jid: string; readonly lid: string | undefined; readonly keyIndex: number }
  /** The hash over the list as it is now, and the same by LID. */
  readonly hash: string
  readonly lidHash: string | undefined
  /** What the phone has signed last about its devices. */
  readonly keyIndexList: { readonly atSeconds: number; readonly signed: Uint8Array } | undefined
  readonly nowSeconds: number
}

/**
 * A person linked or removed a device.
 *
 * @source whatsmeow `notification.go` handleDeviceNotification for the hashes; Baileys 7.0.0-rc14
 *   `Socket/messages-recv.js` for the rest
 */
export function devicesChanged(change: DeviceChange): BinaryNode {
  const { device } = change
  const attributes = {
    from: change.from,
    id: change.id,
    type: 'devices',
    t: change.nowSeconds,
    lid: change.lid,
  }
  const { hash, lidHash, keyIndexList } = change
  const children = [node('device', { jid: device.jid, lid: device.lid, 'key-index': device.keyIndex })]
  if (keyIndexList !== undefined)
    children.push(node('key-index-list', { ts: keyIndexList.atSeconds }, keyIndexList.signed))
  const action = node(change.action, { device_hash: hash, device_lid_hash: lidHash }, children)
  return node('notification', attributes, [action])
}
