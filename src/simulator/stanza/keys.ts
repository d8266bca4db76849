/**
 * Key bundles on the wire: the upload a device makes, the bundle another device gets, and the digest by which a device
 * checks that the server still has what it uploaded.
 *
 * ```xml
 * <registration>4 bytes</registration> <type>05</type> <identity>32 bytes</identity>
 * <list><key><id>3 bytes</id><value>32 bytes</value></key>...</list>
 * <skey><id>3 bytes</id><value>32 bytes</value><signature>64 bytes</signature></skey>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/signal.js` getNextPreKeysNode; whatsapp-rust `wacore/src/iq/prekeys.rs`
 */
import { uint24Bytes, uint32Bytes, uintFromBytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { childrenOf, node, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha1, verify } from '../../protocol/crypto/index.ts'
import type { ChildShape } from './shape.ts'

/** The only key type there is: Curve25519. */
const KEY_TYPE = 5
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** A one-time pre-key's public half. */
export interface PublicPreKey {
  readonly id: number
  readonly publicKey: Uint8Array
}

/** A signed pre-key's public half. */
export interface PublicSignedPreKey extends PublicPreKey {
  readonly signature: Uint8Array
}

/** The lasting keys of a device. */
export interface DevicePublicKeys {
  readonly registrationId: number
  readonly identityKey: Uint8Array
  readonly signedPreKey: PublicSignedPreKey
}

/** What a device uploads. */
export interface KeyUpload extends DevicePublicKeys {
  readonly preKeys: readonly PublicPreKey[]
}

/** What another device gets to start a session. */
export interface KeyBundle extends DevicePublicKeys {
  readonly preKey: PublicPreKey | undefined
  /** The device's signed ADV identity; only linked devices have one. */
  readonly deviceIdentity: Uint8Array | undefined
}

const LEAF: ChildShape = { content: 'bytes', min: 1 }

/** The shape of `<skey>`. */
export const SKEY_SHAPE: ChildShape = {
  min: 1,
  content: { children: { id: LEAF, value: LEAF, signature: LEAF } },
}

/** The shape of `<key>` with a one-time pre-key. */
export const KEY_SHAPE: ChildShape = { content: { children: { id: LEAF, value: LEAF } } }

/** One upload carries at most this many one-time pre-keys (clients send 812). */
const MAX_KEYS_PER_UPLOAD = 1_000

/** The children of an upload. */
export const UPLOAD_CHILDREN: Readonly<Record<string, ChildShape>> = {
  registration: LEAF,
  type: LEAF,
  identity: LEAF,
  list: { min: 1, content: { children: { key: { ...KEY_SHAPE, min: 1, max: MAX_KEYS_PER_UPLOAD } } } },
  skey: SKEY_SHAPE,
}

/**
 * Reads and verifies an upload.
 *
 * @throws {ProtocolError} `WATON_SIMULATOR_KEYS` naming the part that is wrong
 */
export function readKeyUpload(upload: BinaryNode): KeyUpload {
  const type = uintFromBytes(bytesOf(upload, 'type', 1))
  if (type !== KEY_TYPE) throw wrongKeys(`the key type is ${String(type)}, not 5`)
  const identityKey = bytesOf(upload, 'identity', KEY_BYTES)
  const signedPreKey = readSignedPreKey(requireChild(upload, 'skey'))
  verifySignedPreKey(identityKey, signedPreKey)
  const preKeys = childrenOf(requireChild(upload, 'list'), 'key').map(readPreKey)
  if (new Set(preKeys.map((key) => key.id)).size !== preKeys.length)
    throw wrongKeys('two one-time pre-keys share an id')
  return {
    registrationId: uintFromBytes(bytesOf(upload, 'registration', 4)),
    identityKey,
    signedPreKey,
    preKeys,
  }
}

/** Reads `<skey>` without verifying its signature. */
export function readSignedPreKey(skey: BinaryNode): PublicSignedPreKey {
  return { ...readPreKey(skey), signature: bytesOf(skey, 'signature', SIGNATURE_BYTES) }
}

/** @throws {ProtocolError} `WATON_SIMULATOR_KEYS` unless the identity key signed the pre-key (with its type byte 05) */
export function verifySignedPreKey(identityKey: Uint8Array, signedPreKey: PublicSignedPreKey): void {
  const signed = new Uint8Array(KEY_BYTES + 1)
  signed[0] = KEY_TYPE
  signed.set(signedPreKey.publicKey, 1)
  if (!verify(identityKey, signed, signedPreKey.signature)) {
    throw wrongKeys('the identity key did not sign the signed pre-key')
  }
}

/** The children of `<user>` in a key answer. */
export function bundleChildren(bundle: KeyBundle): BinaryNode[] {
  const children = [
    node('registration', {}, uint32Bytes(bundle.registrationId)),
    node('type', {}, Uint8Array.of(KEY_TYPE)),
    node('identity', {}, bundle.identityKey),
    signedPreKeyChild(bundle.signedPreKey),
  ]
  if (bundle.preKey !== undefined) {
    const { id, publicKey } = bundle.preKey
    children.push(node('key', {}, [node('id', {}, uint24Bytes(id)), node('value', {}, publicKey)]))
  }
  if (bundle.deviceIdentity !== undefined) children.push(node('device-identity', {}, bundle.deviceIdentity))
  return children
}

/**
 * `<digest>` over everything the server holds for a device.
 *
 * @source hash order: whatsapp-rust `wacore/src/iq/prekeys.rs` (after WA Web `WAWebDigestKeyJob`): SHA-1 of identity,
 *   signed pre-key, its signature, then every one-time pre-key in the order of the list
 */
export function digestChild(keys: DevicePublicKeys, preKeys: readonly PublicPreKey[]): BinaryNode {
  const { identityKey, signedPreKey } = keys
  const publicKeys = preKeys.map((key) => key.publicKey)
  const hash = sha1(identityKey, signedPreKey.publicKey, signedPreKey.signature, ...publicKeys)
  const ids = preKeys.map((key) => node('id', {}, uint24Bytes(key.id)))
  return node('digest', {}, [
    node('registration', {}, uint32Bytes(keys.registrationId)),
    node('type', {}, Uint8Array.of(KEY_TYPE)),
    node('identity', {}, identityKey),
    signedPreKeyChild(signedPreKey),
    node('list', {}, ids),
    node('hash', {}, hash),
  ])
}

function signedPreKeyChild(key: PublicSignedPreKey): BinaryNode {
  return node('skey', {}, [
    node('id', {}, uint24Bytes(key.id)),
    node('value', {}, key.publicKey),
    node('signature', {}, key.signature),
  ])
}

function readPreKey(key: BinaryNode): PublicPreKey {
  return { id: uintFromBytes(bytesOf(key, 'id', 3)), publicKey: bytesOf(key, 'value', KEY_BYTES) }
}

function bytesOf(parent: BinaryNode, tag: string, lengthBytes: number): Uint8Array {
  const bytes = requireBytes(requireChild(parent, tag))
  if (bytes.length !== lengthBytes) {
    throw wrongKeys(`<${tag}> has ${String(bytes.length)} bytes instead of ${String(lengthBytes)}`)
  }
  return bytes
}

function wrongKeys(what: string): ProtocolError {
  return new ProtocolError(
    'WATON_SIMULATOR_KEYS',
    `a device uploaded keys that the server does not accept: ${what}`,
  )
}
