/**
 * Somebody linked or unlinked a device (`type="devices"`, and inside of `account_sync` for our own account).
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleDevicesNotification; whatsmeow `notification.go`
 */
import { childOf, childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'
import { parseKeyIndex, type UsyncKeyIndex } from '../iq/usync/devices.ts'

/** One device. */
export interface NotifiedDevice {
  /** Device JID. */
  readonly jid: string
  /** Its number in the account's list of devices. */
  readonly keyIndex?: number
}

/** Some devices, and what is said about the list that they belong to. */
export interface NotifiedDevices {
  /** The devices that the server names. */
  readonly devices: readonly NotifiedDevice[]
  /** The hash over the whole list as it is now, by phone number: see `participantHash`. */
  readonly hash?: string
  /** The same by LID. */
  readonly lidHash?: string
  /** What the phone has signed about the list. */
  readonly keyIndex?: UsyncKeyIndex
}

/** One change; `update` says only that the list is old. */
export interface DevicesChange extends NotifiedDevices {
  /** What happened; `update`: the list is old, and nothing more is said. */
  readonly action: 'add' | 'remove' | 'update'
}

const ACTIONS = ['add', 'remove', 'update'] as const

/**
 * The changes, in order; children of other names are passed over.
 *
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="devices" lid="100000000002@lid">
 *   <add device_hash="2:..." device_lid_hash="2:...">
 *     <device jid="15550000002:3@s.whatsapp.net" key-index="2" lid="100000000002:3@lid"/>
 *     <key-index-list ts="...">ADVSignedKeyIndexList</key-index-list></add></notification>
 * <notification ... type="devices"><update hash="..."/></notification>
 * ```
 */
export function parseDevices(stanza: BinaryNode): readonly DevicesChange[] {
  return childrenOf(stanza).flatMap((child) => {
    const action = ACTIONS.find((name) => name === child.tag)
    return action === undefined ? [] : [{ action, ...devicesIn(child) }]
  })
}

/** The `<device>` children with what stands around them; in `account_sync` the hash is called `dhash`. */
export function devicesIn(owner: BinaryNode): NotifiedDevices {
  const devices = childrenOf(owner, 'device').map((device) => {
    const keyIndex = numberAttribute(device, 'key-index')
    return { jid: requireAttribute(device, 'jid'), ...(keyIndex === undefined ? {} : { keyIndex }) }
  })
  const hash = owner.attrs.device_hash ?? owner.attrs.dhash
  const lidHash = owner.attrs.device_lid_hash
  const keyIndex = childOf(owner, 'key-index-list')
  return {
    devices,
    ...(hash === undefined ? {} : { hash }),
    ...(lidHash === undefined ? {} : { lidHash }),
    ...(keyIndex === undefined ? {} : { keyIndex: parseKeyIndex(keyIndex) }),
  }
}
