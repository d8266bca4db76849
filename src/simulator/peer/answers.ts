/**
 * Reading what the server answers and forwards: key bundles, device lists, receipts. Pure functions; every one throws
 * `ProtocolError` and nothing else on a stanza that the protocol does not allow.
 *
 * @source reference Baileys 7.0.0-rc14 `Utils/signal.js`, `WAUSync/Protocols/USyncDeviceProtocol.js`
 */
import { uintFromBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import {
  childOf,
  childrenOf,
  contentText,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
} from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { withDevice } from '../../protocol/jid.ts'
import type { PreKeyBundle } from '../../protocol/signal/index.ts'

/** The keys of one device as the server hands them out. */
export interface FetchedBundle {
  readonly jid: string
  readonly bundle: PreKeyBundle
  /** Serialised `ADVSignedDeviceIdentity`; companions have one. */
  readonly deviceIdentity?: Uint8Array
}

/** One user of a device query. */
export interface UserDevices {
  readonly jid: string
  readonly lid?: string
  /** Device JIDs in the addressing of `jid`, the primary included. */
  readonly devices: readonly string[]
}

/** A receipt as forwarded by the server. */
export interface ForwardedReceipt {
  readonly type: string | undefined
  readonly from: string
  readonly participant: string | undefined
  readonly recipient: string | undefined
  readonly ids: readonly string[]
}

const MAX_DEVICES_PER_USER = 1_000

/**
 * The key material inside `<user>` of a key answer or inside `<keys>` of a retry receipt.
 *
 * @param registrationOwner - the stanza whose `<registration>` counts (the receipt itself, for retry receipts)
 */
export function readBundle(owner: BinaryNode, registrationOwner: BinaryNode = owner): PreKeyBundle {
  const skey = requireChild(owner, 'skey')
  const key = childOf(owner, 'key')
  const bundle = {
    registrationId: uintFromBytes(requireBytes(requireChild(registrationOwner, 'registration'), 4)),
    identityKey: requireBytes(requireChild(owner, 'identity'), 32),
    signedPreKey: {
      id: readKeyId(skey),
      publicKey: requireBytes(requireChild(skey, 'value'), 32),
      signature: requireBytes(requireChild(skey, 'signature'), 64),
    },
  }
  if (key === undefined) return bundle
  return {
    ...bundle,
    preKey: { id: readKeyId(key), publicKey: requireBytes(requireChild(key, 'value'), 32) },
  }
}

function readKeyId(owner: BinaryNode): number {
  return uintFromBytes(requireBytes(requireChild(owner, 'id'), 3))
}

/** The bundles of a key answer; devices that the server refused are left out. */
export function readBundles(answer: BinaryNode): readonly FetchedBundle[] {
  const bundles: FetchedBundle[] = []
  for (const user of childrenOf(requireChild(answer, 'list'), 'user')) {
    if (childOf(user, 'error') !== undefined) continue
    const identity = childOf(user, 'device-identity')
    const fetched = { jid: requireAttribute(user, 'jid'), bundle: readBundle(user) }
    bundles.push(identity === undefined ? fetched : { ...fetched, deviceIdentity: requireBytes(identity) })
  }
  return bundles
}

/** The users of a device query answer. */
export function readDevices(answer: BinaryNode): readonly UserDevices[] {
  const list = requireChild(requireChild(answer, 'usync'), 'list')
  return childrenOf(list, 'user').map((user) => {
    const jid = requireAttribute(user, 'jid')
    const owner = childOf(user, 'devices')
    const deviceList = owner === undefined ? undefined : childOf(owner, 'device-list')
    const devices =
      deviceList === undefined
        ? []
        : childrenOf(deviceList, 'device').map((device) => readDevice(jid, device))
    if (devices.length > MAX_DEVICES_PER_USER) {
      throw new ProtocolError(
        'WATON_PHONE_DEVICE_LIST',
        'the server lists more devices for a user than can exist',
        {
          details: { count: devices.length },
        },
      )
    }
    const lid = childOf(user, 'lid')?.attrs['val']
    return lid === undefined ? { jid, devices } : { jid, devices, lid }
  })
}

function readDevice(userJid: string, device: BinaryNode): string {
  const id = numberAttribute(device, 'id')
  if (id === undefined) requireAttribute(device, 'id')
  return withDevice(userJid, id ?? 0)
}

/** A forwarded receipt with all the message ids it speaks of. */
export function readReceipt(receipt: BinaryNode): ForwardedReceipt {
  const list = childOf(receipt, 'list')
  const others =
    list === undefined ? [] : childrenOf(list, 'item').map((item) => requireAttribute(item, 'id'))
  return {
    type: receipt.attrs['type'],
    from: requireAttribute(receipt, 'from'),
    participant: receipt.attrs['participant'],
    recipient: receipt.attrs['recipient'],
    ids: [requireAttribute(receipt, 'id'), ...others],
  }
}

/** The code and text of `<iq type="error">`. */
export function readIqError(answer: BinaryNode): { readonly code: number; readonly text: string } {
  const error = childOf(answer, 'error')
  const code = error === undefined ? undefined : numberAttribute(error, 'code')
  return {
    code: code ?? 0,
    text: error?.attrs['text'] ?? (error === undefined ? '' : (contentText(error) ?? '')),
  }
}
