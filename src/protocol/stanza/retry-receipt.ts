/**
 * The receipt that asks for a message again because it could not be decrypted: ours, and those of others.
 *
 * ```xml
 * <receipt id="3EB0..." to="15550000002:3@s.whatsapp.net" type="retry">
 *   <retry count="1" id="3EB0..." t="1700000000" v="1" error="7"/>
 *   <registration>4 bytes</registration>
 *   <keys><type>05</type><identity/><key/><skey/><device-identity/></keys>   from the second request on
 * </receipt>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` sendRetryRequest; whatsmeow `retry.go`
 */
import {
  childOf,
  childrenOf,
  contentBytes,
  node,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
  type BinaryNode,
} from '../binary/node.ts'
import { uintFromBytes } from '../../base/bytes.ts'
import { buildPreKey, buildSignedPreKey, parsePreKey, parseSignedPreKey } from './iq/pre-keys.ts'
import type { FetchedBundle, PublicPreKey, PublicSignedPreKey } from './iq/pre-keys.ts'

/** The content of `<type>`: Curve25519 keys. */
const KEY_BUNDLE_TYPE = Uint8Array.of(5)

const KEY_BYTES = 32

/** The keys with which the sender can begin a session at once. */
export interface RetryKeys {
  /** 32 bytes. */
  readonly identityKey: Uint8Array
  readonly signedPreKey: PublicSignedPreKey
  /** A fresh one; absent when none could be made. */
  readonly preKey?: PublicPreKey
  /** Serialised `ADVSignedDeviceIdentity` with account key; a phone has none. */
  readonly deviceIdentity?: Uint8Array
}

/** One request. */
export interface RetryReceipt {
  /** The `<message>` that could not be read. */
  readonly message: BinaryNode
  /** Which request for this message it is, from 1. */
  readonly count: number
  /** Why, by the protocol's number; 0 is "unknown". */
  readonly errorCode: number
  /** Our registration id, 4 bytes big endian. */
  readonly registrationId: Uint8Array
  /** What lets the sender start a session at once. */
  readonly keys?: RetryKeys
}

/** Builds the receipt. @throws {ProtocolError} `WATON_STANZA_ATTRIBUTE` when the message has no id or sender */
export function buildRetryReceipt({
  message,
  count,
  errorCode,
  registrationId,
  keys,
}: RetryReceipt): BinaryNode {
  const id = requireAttribute(message, 'id')
  const { participant, recipient, t } = message.attrs
  const category = message.attrs.category === 'peer' ? 'peer' : undefined
  return node(
    'receipt',
    { id, type: 'retry', to: requireAttribute(message, 'from'), participant, recipient, category },
    [
      node('retry', { count, id, t, v: 1, error: errorCode }),
      node('registration', {}, registrationId),
      ...(keys === undefined ? [] : [buildKeys(keys)]),
    ],
  )
}

function buildKeys({ identityKey, signedPreKey, preKey, deviceIdentity }: RetryKeys): BinaryNode {
  return node('keys', {}, [
    node('type', {}, KEY_BUNDLE_TYPE),
    node('identity', {}, identityKey),
    ...(preKey === undefined ? [] : [buildPreKey(preKey)]),
    buildSignedPreKey(signedPreKey),
    ...(deviceIdentity === undefined ? [] : [node('device-identity', {}, deviceIdentity)]),
  ])
}

/**
 * Reads the keys of a retry receipt. Nothing about them is verified here.
 *
 * @returns `undefined` when the receipt has none, or not all that a session takes
 * @throws {ProtocolError} `WATON_STANZA_...` when they are malformed
 */
export function parseRetryKeys({
  keys,
  registrationId,
}: ParsedRetryReceipt): { bundle: FetchedBundle; deviceIdentity?: Uint8Array } | undefined {
  if (keys === undefined || registrationId === undefined) return undefined
  const preKey = childOf(keys, 'key')
  const deviceIdentity = childOf(keys, 'device-identity')
  return {
    bundle: {
      registrationId,
      identityKey: requireBytes(requireChild(keys, 'identity'), KEY_BYTES),
      signedPreKey: parseSignedPreKey(requireChild(keys, 'skey')),
      ...(preKey === undefined ? {} : { preKey: parsePreKey(preKey) }),
    },
    ...(deviceIdentity === undefined ? {} : { deviceIdentity: requireBytes(deviceIdentity) }),
  }
}

/** Somebody's device could not read what this account sent, and asks for it again. */
export interface ParsedRetryReceipt {
  /** The messages, almost always one. */
  readonly ids: readonly string[]
  /** The chat, or the device that asks. */
  readonly from: string
  /** In a group: the device that asks. */
  readonly participant?: string
  /** Between own devices: the chat. */
  readonly recipient?: string
  /** Which request for this message it is, from 1. */
  readonly count: number
  /** The protocol's number for why; 0 is "unknown". */
  readonly errorCode: number
  /** When the message was sent. */
  readonly sentAtSeconds?: number
  /** Tells whether the device has registered anew since its session was made. */
  readonly registrationId?: number
  /** The `<keys>` with which a session can be begun at once, as they came. */
  readonly keys?: BinaryNode
}

/**
 * Reads a receipt of the type `retry`.
 *
 * @throws {ProtocolError} `WATON_STANZA_ATTRIBUTE`, `WATON_STANZA_NUMBER`
 */
export function parseRetryReceipt(stanza: BinaryNode): ParsedRetryReceipt {
  const retry = childOf(stanza, 'retry')
  const { participant, recipient } = stanza.attrs
  const sentAtSeconds = retry === undefined ? undefined : numberAttribute(retry, 't')
  const registrationId = registrationOf(stanza)
  const keys = childOf(stanza, 'keys')
  const list = childOf(stanza, 'list')
  const items = list === undefined ? [] : childrenOf(list, 'item')
  const numberOf = (name: string): number => (retry === undefined ? 0 : (numberAttribute(retry, name) ?? 0))
  return {
    ids: [...new Set([requireAttribute(stanza, 'id'), ...items.map((item) => requireAttribute(item, 'id'))])],
    from: requireAttribute(stanza, 'from'),
    ...(participant === undefined ? {} : { participant }),
    ...(recipient === undefined ? {} : { recipient }),
    count: Math.max(1, numberOf('count')),
    errorCode: numberOf('error'),
    ...(sentAtSeconds === undefined ? {} : { sentAtSeconds }),
    ...(registrationId === undefined ? {} : { registrationId }),
    ...(keys === undefined ? {} : { keys }),
  }
}

/** At most 4 bytes, big endian; anything else says nothing. */
function registrationOf(stanza: BinaryNode): number | undefined {
  const registration = childOf(stanza, 'registration')
  const bytes = registration === undefined ? undefined : contentBytes(registration)
  return bytes === undefined || bytes.length === 0 || bytes.length > 4 ? undefined : uintFromBytes(bytes)
}
