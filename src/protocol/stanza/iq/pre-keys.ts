/**
 * The key directory: how many one-time keys the server still has of us, uploading more, checking what it holds, and
 * fetching the keys of other devices. Which keys to make and when is the client's business.
 *
 * @source Baileys 7.0.0-rc14 `Utils/signal.js`, `Socket/socket.js`; whatsmeow `prekeys.go`
 */
import { uint24Bytes, uint32Bytes, uintFromBytes } from '../../../base/bytes.ts'
import { ProtocolError } from '../../../base/errors.ts'
import { defineIq, type IqQuery } from '../iq.ts'
import {
  childOf,
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
  type BinaryNode,
} from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** Says that keys are Curve25519 keys; the content of `<type>`. */
const KEY_BUNDLE_TYPE = Uint8Array.of(5)
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** A one-time pre-key as it is published. */
export interface PublicPreKey {
  readonly id: number
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A signed pre-key as it is published. */
export interface PublicSignedPreKey extends PublicPreKey {
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Everything another device needs to start a session. The same shape as `PreKeyBundle` of `protocol/signal`. */
export interface FetchedBundle {
  readonly registrationId: number
  /** 32 bytes. */
  readonly identityKey: Uint8Array
  readonly signedPreKey: PublicSignedPreKey
  /** Absent when the device has run out of one-time keys. */
  readonly preKey?: PublicPreKey
}

/** What {@link uploadPreKeys} publishes. */
export interface PreKeyUpload {
  readonly registrationId: number
  /** 32 bytes. */
  readonly identityKey: Uint8Array
  readonly preKeys: readonly PublicPreKey[]
  readonly signedPreKey: PublicSignedPreKey
}

/** What the server holds of us, as {@link fetchPreKeyDigest} reads it. */
export interface PreKeyDigest {
  readonly registrationId: number
  readonly identityKey: Uint8Array
  readonly signedPreKey: PublicSignedPreKey
  readonly preKeyIds: readonly number[]
  /** SHA-1 over identity key, signed pre-key, signature and pre-keys, when the server sends it. */
  readonly hash?: Uint8Array
}

/** What {@link fetchPreKeys} asks for. */
export interface PreKeyRequest {
  /** Device JIDs. */
  readonly devices: readonly string[]
  /** Asks for keys although a session exists, because the other side's identity changed. @default false */
  readonly identityChanged?: boolean
}

/** `errorCode` of a device whose published keys are incomplete; never a code of the server. */
export const INVALID_BUNDLE = -1

/** The answer for one device: its keys, or why there are none. */
export type PreKeyAnswer =
  | { readonly jid: string; readonly bundle: FetchedBundle }
  | { readonly jid: string; readonly errorCode: number; readonly errorText?: string }

/**
 * Asks how many of our one-time pre-keys the server still has.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="encrypt"><count/></iq>
 * <iq type="result"><count value="812"/></iq>
 * ```
 */
export const countPreKeys: IqQuery<void, number> = defineIq({
  name: 'pre-keys.count',
  build: () => serverIq('get', 'encrypt', [node('count')]),
  parse: (answer) => {
    const count = requireChild(answer, 'count')
    requireAttribute(count, 'value')
    return numberAttribute(count, 'value') ?? 0
  },
})

/**
 * Publishes one-time pre-keys together with the identity and the signed pre-key.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="encrypt">
 *   <registration>4 bytes</registration><type>05</type><identity>32 bytes</identity>
 *   <list><key><id>3 bytes</id><value>32 bytes</value></key>...</list>
 *   <skey><id>3 bytes</id><value>32 bytes</value><signature>64 bytes</signature></skey>
 * </iq>
 * ```
 */
export const uploadPreKeys: IqQuery<PreKeyUpload, void> = defineIq({
  name: 'pre-keys.upload',
  build: (upload) =>
    serverIq('set', 'encrypt', [
      node('registration', {}, uint32Bytes(upload.registrationId)),
      node('type', {}, KEY_BUNDLE_TYPE),
      node('identity', {}, upload.identityKey),
      node('list', {}, upload.preKeys.map(buildPreKey)),
      buildSignedPreKey(upload.signedPreKey),
    ]),
  parse: () => undefined,
})

/**
 * Replaces the signed pre-key. The same key may be sent twice.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="encrypt">
 *   <rotate><skey><id>3 bytes</id><value>32 bytes</value><signature>64 bytes</signature></skey></rotate>
 * </iq>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js`, `Socket/socket.js` rotateSignedPreKey
 */
export const rotateSignedPreKey: IqQuery<PublicSignedPreKey, void> = defineIq({
  name: 'pre-keys.rotate',
  build: (signedPreKey) =>
    serverIq('set', 'encrypt', [node('rotate', {}, [buildSignedPreKey(signedPreKey)])]),
  parse: () => undefined,
})

/**
 * Asks what the server holds of us, to find out whether both sides still agree.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="encrypt"><digest/></iq>
 * <iq type="result"><digest><registration/><type/><identity/><skey/><list><id/>...</list><hash/></digest></iq>
 * ```
 *
 * @returns `undefined` when the server holds nothing: upload again
 */
export const fetchPreKeyDigest: IqQuery<void, PreKeyDigest | undefined> = defineIq({
  name: 'pre-keys.digest',
  build: () => serverIq('get', 'encrypt', [node('digest')]),
  parse: (answer) => {
    const digest = childOf(answer, 'digest')
    if (digest === undefined || childrenOf(digest).length === 0) return undefined
    const list = childOf(digest, 'list')
    const hash = childOf(digest, 'hash')
    return {
      registrationId: uintFromBytes(requireBytes(requireChild(digest, 'registration'), 4)),
      identityKey: requireBytes(requireChild(digest, 'identity'), KEY_BYTES),
      signedPreKey: parseSignedPreKey(requireChild(digest, 'skey')),
      preKeyIds:
        list === undefined ? [] : childrenOf(list, 'id').map((id) => uintFromBytes(requireBytes(id, 3))),
      ...(hash === undefined ? {} : { hash: requireBytes(hash) }),
    }
  },
})

/**
 * Fetches the keys of devices that we have no session with.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="encrypt"><key><user jid="100000000002:3@lid" reason="identity"/></key></iq>
 * <iq type="result"><list>
 *   <user jid="..."><registration/><type/><identity/><skey/><key/></user>
 *   <user jid="..."><error code="406" text="not-acceptable"/></user>
 * </list></iq>
 * ```
 *
 * @returns one entry for every device that the server mentioned. Keys are what the other device published: an incomplete set
 *   ({@link INVALID_BUNDLE}) or an error spoils only its own entry. Signatures are checked by `startSession`
 */
export const fetchPreKeys: IqQuery<PreKeyRequest, readonly PreKeyAnswer[]> = defineIq({
  name: 'pre-keys.fetch',
  build: ({ devices, identityChanged }) => {
    const reason = identityChanged === true ? 'identity' : undefined
    const users = devices.map((jid) => node('user', { jid, reason }))
    return serverIq('get', 'encrypt', [node('key', {}, users)])
  },
  parse: (answer) => childrenOf(requireChild(answer, 'list'), 'user').map(parseUser),
})

function parseUser(user: BinaryNode): PreKeyAnswer {
  const jid = requireAttribute(user, 'jid')
  const error = childOf(user, 'error')
  if (error !== undefined) {
    const { text } = error.attrs
    return {
      jid,
      errorCode: numberAttribute(error, 'code') ?? 0,
      ...(text === undefined ? {} : { errorText: text }),
    }
  }
  try {
    return { jid, bundle: parseBundle(user) }
  } catch (cause) {
    if (cause instanceof ProtocolError) return { jid, errorCode: INVALID_BUNDLE, errorText: cause.code }
    throw cause
  }
}

function parseBundle(user: BinaryNode): FetchedBundle {
  const preKey = childOf(user, 'key')
  return {
    registrationId: uintFromBytes(requireBytes(requireChild(user, 'registration'), 4)),
    identityKey: requireBytes(requireChild(user, 'identity'), KEY_BYTES),
    signedPreKey: parseSignedPreKey(requireChild(user, 'skey')),
    ...(preKey === undefined ? {} : { preKey: parsePreKey(preKey) }),
  }
}

/** `<key><id>3 bytes</id><value>32 bytes</value></key>` */
export function buildPreKey(preKey: PublicPreKey): BinaryNode {
  return node('key', {}, [node('id', {}, uint24Bytes(preKey.id)), node('value', {}, preKey.publicKey)])
}

/** `<skey><id>3 bytes</id><value>32 bytes</value><signature>64 bytes</signature></skey>` */
export function buildSignedPreKey(preKey: PublicSignedPreKey): BinaryNode {
  return node('skey', {}, [
    node('id', {}, uint24Bytes(preKey.id)),
    node('value', {}, preKey.publicKey),
    node('signature', {}, preKey.signature),
  ])
}

/** What {@link buildPreKey} builds. @throws {ProtocolError} `WATON_STANZA_...` */
export function parsePreKey(key: BinaryNode): PublicPreKey {
  return {
    id: uintFromBytes(requireBytes(requireChild(key, 'id'), 3)),
    publicKey: requireBytes(requireChild(key, 'value'), KEY_BYTES),
  }
}

/** What {@link buildSignedPreKey} builds. @throws {ProtocolError} `WATON_STANZA_...` */
export function parseSignedPreKey(key: BinaryNode): PublicSignedPreKey {
  return { ...parsePreKey(key), signature: requireBytes(requireChild(key, 'signature'), SIGNATURE_BYTES) }
}
