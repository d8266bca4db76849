/** USync protocol: which devices people have, and what their phone has signed about them. */
import {
  childOf,
  childrenOf,
  contentBytes,
  node,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
} from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/** One device of a user. */
export interface UsyncDevice {
  /** 0 is the phone. */
  readonly id: number
  /** Which of the account's signed device keys it uses; linked devices without one cannot be sent to. */
  readonly keyIndex?: number
  /** Lives at the provider; addressed through the `hosted` servers. */
  readonly isHosted: boolean
}

/** The account's own signed word on which device keys are valid. */
export interface UsyncKeyIndex {
  readonly timestampSeconds: number
  /** Serialised `ADVSignedKeyIndexList`: see `readKeyIndexList`. */
  readonly signedList?: Uint8Array
  readonly expectedTimestampSeconds?: number
}

/** The device list of a user. */
export interface UsyncDevices {
  /** `undefined` when the answer has no list at all; empty for a user without devices. */
  readonly list?: readonly UsyncDevice[]
  /** The server's hash over the list. */
  readonly hash?: string
  readonly keyIndex?: UsyncKeyIndex
}

/** The number of the device that lives at a provider. @source Baileys 7.0.0-rc14 `Signal/libsignal.js` jidToSignalProtocolAddress */
export const HOSTED_DEVICE_ID = 99

/**
 * ```xml
 * <devices version="2"/>
 * <user jid="..."><devices device_hash="2:..." ts="..."/></user>
 * <devices><device-list hash="2:..."><device id="0"/><device id="3" key-index="2"/>
 *     <device id="99" key-index="4" is_hosted="true"/></device-list>
 *   <key-index-list ts="..." expected_ts="...">ADVSignedKeyIndexList</key-index-list></devices>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `USyncDeviceProtocol.js`; whatsapp-rust `iq/usync.rs` for the hash of what is known
 */
export const DEVICES: UsyncProtocol<'devices', UsyncDevices> = {
  name: 'devices',
  tag: 'devices',
  query: () => node('devices', { version: '2' }),
  target: ({ devices }) =>
    devices === undefined
      ? undefined
      : node('devices', { device_hash: devices.hash, ts: devices.timestampSeconds }),
  parse(element) {
    const list = childOf(element, 'device-list')
    const keyIndex = childOf(element, 'key-index-list')
    return {
      ...(list === undefined ? {} : { list: childrenOf(list, 'device').map(parseDevice) }),
      ...(list?.attrs.hash === undefined ? {} : { hash: list.attrs.hash }),
      ...(keyIndex === undefined ? {} : { keyIndex: parseKeyIndex(keyIndex) }),
    }
  },
}

function parseDevice(device: BinaryNode): UsyncDevice {
  requireAttribute(device, 'id')
  const id = numberAttribute(device, 'id') ?? 0
  const keyIndex = numberAttribute(device, 'key-index')
  return {
    id,
    ...(keyIndex === undefined ? {} : { keyIndex }),
    isHosted: device.attrs.is_hosted === 'true' || id === HOSTED_DEVICE_ID,
  }
}

/** `<key-index-list ts="..." expected_ts="...">ADVSignedKeyIndexList</key-index-list>`, here and in notifications. */
export function parseKeyIndex(list: BinaryNode): UsyncKeyIndex {
  const expected = numberAttribute(list, 'expected_ts')
  const signedList = contentBytes(list)
  return {
    timestampSeconds: numberAttribute(list, 'ts') ?? 0,
    ...(signedList === undefined || signedList.length === 0 ? {} : { signedList }),
    ...(expected === undefined ? {} : { expectedTimestampSeconds: expected }),
  }
}
