/**
 * Notifications: what changed at the server, the phone or other people. This file reads the common attributes of all of
 * them, and the content of the kinds that sending and receiving depend on; other kinds keep their children as they are.
 * Every notification is answered with an ack.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` processNotification; whatsmeow `notification.go`
 */
import { childOf, childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../binary/node.ts'
import { addressPairs, pairOf, type AddressPair } from './address-pairs.ts'

/** One device in a `devices` notification. */
export interface NotifiedDevice {
  /** Device JID. */
  readonly jid: string
  readonly keyIndex?: number
}

/** What a notification says, for the kinds that are read. */
export type NotificationContent =
  /** The server is short of our one-time pre-keys. */
  | { readonly type: 'pre-keys-low'; readonly count: number }
  /** Somebody registered anew: their sessions are void. */
  | { readonly type: 'identity-changed' }
  /** App state has new versions. */
  | {
      readonly type: 'server-sync'
      readonly collections: readonly { readonly name: string; readonly version?: number }[]
    }
  /** Somebody linked or unlinked a device; `update` says only that the list is old. */
  | {
      readonly type: 'devices'
      readonly action: 'add' | 'remove' | 'update'
      readonly devices: readonly NotifiedDevice[]
      readonly deviceHash?: string
    }
  /** Something of our own account changed; `parts` are the names of what did, e.g. `devices`, `privacy`, `blocklist`. */
  | {
      readonly type: 'account-sync'
      readonly parts: readonly string[]
      readonly devices: readonly NotifiedDevice[]
    }
  /** Any other kind. */
  | { readonly type: 'other' }

/** A notification. */
export interface ParsedNotification {
  readonly id: string
  /** A person, a group, or the server. */
  readonly from: string
  /** The stanza's `type`, e.g. `encrypt`, `w:gp2`. */
  readonly kind: string
  readonly participant?: string
  readonly pushName?: string
  readonly atSeconds?: number
  readonly isOffline: boolean
  /** Phone numbers and LIDs that the stanza says belong together. */
  readonly addresses: readonly AddressPair[]
  readonly content: NotificationContent
  readonly raw: BinaryNode
}

/**
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="encrypt"><count value="3"/></notification>
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="encrypt"><identity/></notification>
 * <notification from="15550000001@s.whatsapp.net" id="..." t="..." type="server_sync"><collection name="regular" version="4"/></notification>
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="devices" lid="100000000002@lid">
 *   <add device_hash="2:..."><device jid="15550000002:3@s.whatsapp.net" key-index="2" lid="100000000002:3@lid"/>
 *   <key-index-list ts="..."/></add></notification>
 * <notification from="15550000001@s.whatsapp.net" id="..." t="..." type="account_sync"><devices dhash="2:...">
 *   <device jid="15550000001:3@s.whatsapp.net"/></devices></notification>
 * ```
 */
export function parseNotification(stanza: BinaryNode): ParsedNotification {
  const { participant, notify, offline } = stanza.attrs
  const kind = requireAttribute(stanza, 'type')
  const atSeconds = numberAttribute(stanza, 't')
  return {
    id: requireAttribute(stanza, 'id'),
    from: requireAttribute(stanza, 'from'),
    kind,
    ...(participant === undefined ? {} : { participant }),
    ...(notify === undefined ? {} : { pushName: notify }),
    ...(atSeconds === undefined ? {} : { atSeconds }),
    isOffline: offline !== undefined,
    addresses: notifiedPairs(stanza),
    content: contentOfKind(kind, stanza),
    raw: stanza,
  }
}

function contentOfKind(kind: string, stanza: BinaryNode): NotificationContent {
  switch (kind) {
    case 'encrypt':
      return encryptContent(stanza)
    case 'server_sync':
      return { type: 'server-sync', collections: childrenOf(stanza, 'collection').map(collectionOf) }
    case 'devices':
      return devicesContent(stanza)
    case 'account_sync': {
      const devices = childOf(stanza, 'devices')
      const parts = childrenOf(stanza).map((child) => child.tag)
      return { type: 'account-sync', parts, devices: devices === undefined ? [] : devicesOf(devices) }
    }
    default:
      return { type: 'other' }
  }
}

function encryptContent(stanza: BinaryNode): NotificationContent {
  const count = childOf(stanza, 'count')
  if (count !== undefined) return { type: 'pre-keys-low', count: numberAttribute(count, 'value') ?? 0 }
  return childOf(stanza, 'identity') === undefined ? { type: 'other' } : { type: 'identity-changed' }
}

function collectionOf(collection: BinaryNode): { readonly name: string; readonly version?: number } {
  const version = numberAttribute(collection, 'version')
  return { name: requireAttribute(collection, 'name'), ...(version === undefined ? {} : { version }) }
}

function devicesContent(stanza: BinaryNode): NotificationContent {
  for (const action of ['add', 'remove', 'update'] as const) {
    const child = childOf(stanza, action)
    if (child === undefined) continue
    const { device_hash: deviceHash } = child.attrs
    return {
      type: 'devices',
      action,
      devices: devicesOf(child),
      ...(deviceHash === undefined ? {} : { deviceHash }),
    }
  }
  return { type: 'other' }
}

function devicesOf(owner: BinaryNode): readonly NotifiedDevice[] {
  return childrenOf(owner, 'device').map((device) => {
    const keyIndex = numberAttribute(device, 'key-index')
    return { jid: requireAttribute(device, 'jid'), ...(keyIndex === undefined ? {} : { keyIndex }) }
  })
}

/** Device notifications name the LID beside the person and beside each device. */
function notifiedPairs(stanza: BinaryNode): readonly AddressPair[] {
  const owners = [stanza, ...childrenOf(stanza).flatMap((child) => childrenOf(child, 'device'))]
  const pairs = owners.flatMap((owner) => pairOf(owner.attrs.jid ?? owner.attrs.from, owner.attrs.lid) ?? [])
  const known = new Map([...addressPairs(stanza), ...pairs].map((pair) => [`${pair.pn} ${pair.lid}`, pair]))
  return [...known.values()]
}
