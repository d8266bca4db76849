/**
 * The stanzas that a phone writes, each as a pure function. They are written from the protocol on purpose and share
 * nothing with the library's own builders: two writers that agree prove more than one that is used twice.
 *
 * @source reference Baileys 7.0.0-rc14 `Utils/signal.js`, `Socket/messages-send.js`, `Socket/messages-recv.js`;
 *   whatsapp-rust for receipts and retry reasons
 */
import { uint24Bytes, uint32Bytes } from '../../base/bytes.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER_JID } from '../../protocol/jid.ts'
import type { PreKeyPair } from '../../protocol/signal/index.ts'
import type { DeviceKeys } from './device-keys.ts'

/** Curve25519, the only key type; it stands before no key here, only in `<type>`. */
const KEY_TYPE = Uint8Array.of(5)

/** One encrypted copy. */
export interface EncryptedCopy {
  /** Device JID it is for. */
  readonly to: string
  readonly type: 'msg' | 'pkmsg'
  readonly body: Uint8Array
  /** What kind of file the message has, e.g. `image`. */
  readonly mediaType?: string | undefined
}

/** Why a message could not be decrypted, as the retry receipt says it. @source whatsapp-rust `RetryReason` */
export const RETRY_REASON = {
  unknown: 0,
  noSession: 1,
  invalidKey: 2,
  invalidKeyId: 3,
  invalidMessage: 4,
  futureMessage: 6,
  badMac: 7,
  advFailure: 12,
} as const

/** A value of {@link RETRY_REASON}. */
export type RetryReason = (typeof RETRY_REASON)[keyof typeof RETRY_REASON]

function preKeyNode(preKey: PreKeyPair): BinaryNode {
  return node('key', {}, [node('id', {}, uint24Bytes(preKey.id)), node('value', {}, preKey.publicKey)])
}

function signedPreKeyNode(keys: DeviceKeys): BinaryNode {
  return node('skey', {}, [
    node('id', {}, uint24Bytes(keys.signedPreKey.id)),
    node('value', {}, keys.signedPreKey.publicKey),
    node('signature', {}, keys.signedPreKey.signature),
  ])
}

/** Publishes this device's identity, signed pre-key and fresh one-time pre-keys (no `id`: the connection adds it). */
export function buildKeyUpload(keys: DeviceKeys, preKeys: readonly PreKeyPair[]): BinaryNode {
  return node('iq', { xmlns: 'encrypt', type: 'set', to: SERVER_JID }, [
    node('registration', {}, uint32Bytes(keys.registrationId)),
    node('type', {}, KEY_TYPE),
    node('identity', {}, keys.identity.publicKey),
    node('list', {}, preKeys.map(preKeyNode)),
    signedPreKeyNode(keys),
  ])
}

/** Asks for the key bundles of devices. @param reason - `identity` when the known session is broken */
export function buildKeyFetch(deviceJids: readonly string[], reason?: 'identity'): BinaryNode {
  const users = deviceJids.map((jid) => node('user', { jid, reason }))
  return node('iq', { xmlns: 'encrypt', type: 'get', to: SERVER_JID }, [node('key', {}, users)])
}

/** Asks which devices and LIDs users have. @param sid - any fresh id */
export function buildDeviceQuery(userJids: readonly string[], sid: string): BinaryNode {
  const attributes = { context: 'message', mode: 'query', sid, last: 'true', index: '0' }
  return node('iq', { xmlns: 'usync', type: 'get', to: SERVER_JID }, [
    node('usync', attributes, [
      node('query', {}, [node('devices', { version: '2' }), node('lid')]),
      node(
        'list',
        {},
        userJids.map((jid) => node('user', { jid })),
      ),
    ]),
  ])
}

/** Takes a linked device off the account. */
export function buildRemoveDevice(deviceJid: string): BinaryNode {
  return node('iq', { xmlns: 'md', type: 'set', to: SERVER_JID }, [
    node('remove-companion-device', { jid: deviceJid, reason: 'user_initiated' }),
  ])
}

/** Tells the server that the human is there. */
export function buildPresence(name: string, type: 'available' | 'unavailable'): BinaryNode {
  return node('presence', { name, type })
}

function encNode(copy: EncryptedCopy, count?: number): BinaryNode {
  return node('enc', { v: '2', type: copy.type, mediatype: copy.mediaType, count }, copy.body)
}

/** Hands out a token of trust. */
export function buildTokenIssue(jid: string, atSeconds: number): BinaryNode {
  const token = node('token', { jid, t: atSeconds, type: 'trusted_contact' })
  return node('iq', { to: SERVER_JID, type: 'set', xmlns: 'privacy' }, [node('tokens', {}, [token])])
}

/** A message for all devices of a chat and of this account. */
export function buildFanoutMessage(id: string, chat: string, copies: readonly EncryptedCopy[]): BinaryNode {
  const participants = copies.map((copy) => node('to', { jid: copy.to }, [encNode(copy)]))
  return node('message', { id, to: chat, type: typeOf(copies[0]) }, [node('participants', {}, participants)])
}

function typeOf(copy: EncryptedCopy | undefined): 'media' | 'text' {
  return copy?.mediaType === undefined ? 'text' : 'media'
}

/** A copy for the one device that asked to get a message again. @param recipient - the chat, when the device is ours */
export function buildResentMessage(
  id: string,
  copy: EncryptedCopy,
  options: { readonly count: number; readonly recipient?: string },
): BinaryNode {
  const { recipient } = options
  const attributes = { id, to: copy.to, type: typeOf(copy), device_fanout: 'false', recipient }
  return node('message', attributes, [encNode(copy, options.count)])
}

/** A message between devices of one account (keys, history), invisible to the human. */
export function buildPeerMessage(id: string, copy: EncryptedCopy): BinaryNode {
  const attributes = { id, to: copy.to, type: 'text', category: 'peer', push_priority: 'high' }
  return node('message', attributes, [encNode(copy), node('meta', { appdata: 'default' })])
}

/** Clears a receipt, notification, call or message that came from the server. */
export function buildAck(
  received: BinaryNode,
  options: { readonly from?: string; readonly error?: number } = {},
): BinaryNode {
  const { attrs } = received
  return node('ack', {
    id: attrs['id'],
    class: received.tag,
    to: attrs['from'],
    participant: attrs['participant'],
    recipient: attrs['recipient'],
    type: received.tag === 'message' ? undefined : attrs['type'],
    from: options.from,
    error: options.error,
  })
}

/** What a receipt answers. */
export interface ReceiptTarget {
  /** The `from` of the message. */
  readonly to: string
  readonly participant?: string | undefined
  readonly recipient?: string | undefined
}

/** Says that a message arrived (no `type`), was read, or was our own from another device (`sender`, `peer_msg`). */
export function buildReceipt(
  target: ReceiptTarget,
  ids: readonly string[],
  options: { readonly type?: 'read' | 'sender' | 'peer_msg'; readonly atSeconds?: number } = {},
): BinaryNode {
  const [id, ...others] = ids
  const attributes = {
    id,
    to: target.to,
    participant: target.participant,
    recipient: target.recipient,
    type: options.type,
    t: options.atSeconds,
  }
  if (others.length === 0) return node('receipt', attributes)
  return node('receipt', attributes, [
    node(
      'list',
      {},
      others.map((other) => node('item', { id: other })),
    ),
  ])
}

/**
 * Asks the sender to encrypt a message again.
 *
 * @param options - `count` starts at 1; `keys` and `preKey` put a fresh bundle in, from the second attempt on
 */
export function buildRetryReceipt(
  message: BinaryNode,
  keys: DeviceKeys,
  options: { readonly count: number; readonly reason: RetryReason; readonly preKey?: PreKeyPair },
): BinaryNode {
  const { attrs } = message
  const retry = { count: options.count, id: attrs['id'], t: attrs['t'], v: '1', error: options.reason }
  const content = [node('retry', retry), node('registration', {}, uint32Bytes(keys.registrationId))]
  if (options.preKey !== undefined) {
    content.push(
      node('keys', {}, [
        node('type', {}, KEY_TYPE),
        node('identity', {}, keys.identity.publicKey),
        preKeyNode(options.preKey),
        signedPreKeyNode(keys),
      ]),
    )
  }
  const { id, from, participant, recipient, category } = attrs
  return node('receipt', { id, to: from, participant, recipient, category, type: 'retry' }, content)
}
