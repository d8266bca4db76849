/**
 * Somebody linked or unlinked a device (`type="devices"`, and inside of `account_sync` for our own account).
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleDevicesNotification; whatsmeow `notification.go`
 */
import { childrenOf, numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'

/** One device. */
export interface NotifiedDevice {
  /** Device JID. */
  readonly jid: string
  /** Its number in the account's list of devices. */
  readonly keyIndex?: number
}

/** One change; `update` says only that the list is old. */
export interface DevicesChange {
  /** What happened; `update`: the list is old, and nothing more is said. */
  readonly action: 'add' | 'remove' | 'update'
  /** The devices that the server names. */
  readonly devices: readonly NotifiedDevice[]
}

const ACTIONS = ['add', 'remove', 'update'] as const

/**
 * The changes, in order; children of other names are passed over.
 *
 * ```xml
 * <notification from="15550000002@s.whatsapp.net" id="..." t="..." type="devices" lid="100000000002@lid">
 *   <add device_hash="2:..."><device jid="15550000002:3@s.whatsapp.net" key-index="2" lid="100000000002:3@lid"/>
 *   <key-index-list ts="..."/></add></notification>
 * ```
 */
export function parseDevices(stanza: BinaryNode): readonly DevicesChange[] {
  return childrenOf(stanza).flatMap((child) => {
    const action = ACTIONS.find((name) => name === child.tag)
    return action === undefined ? [] : [{ action, devices: devicesIn(child) }]
  })
}

/** The `<device>` children. */
export function devicesIn(owner: BinaryNode): readonly NotifiedDevice[] {
  return childrenOf(owner, 'device').map((device) => {
    const keyIndex = numberAttribute(device, 'key-index')
    return { jid: requireAttribute(device, 'jid'), ...(keyIndex === undefined ? {} : { keyIndex }) }
  })
}
