/**
 * Linking a device on the wire: the refs for the QR code, the approval that the phone made, and the companion's signed
 * answer, which is checked as strictly as WhatsApp checks it.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/validate-connection.js`; whatsmeow `pair.go`
 */
import { concatBytes, EMPTY_BYTES, equalBytes, utf8Bytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { childOf, node, requireAttribute, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { verify } from '../../protocol/crypto/index.ts'
import { decodeProto, encodeProto } from '../../protocol/proto/codec.ts'
import {
  ADVDeviceIdentity,
  ADVSignedDeviceIdentity,
  ADVSignedDeviceIdentityHMAC,
} from '../../protocol/proto/connection.ts'
import { SERVER } from './iq.ts'
import type { Shape } from './shape.ts'

/** Signed in front of a device signature: "this device belongs to that account". */
const DEVICE_SIGNATURE_PREFIX = Uint8Array.of(6, 1)
const SIGNATURE_BYTES = 64

/** What the phone signed for the new device, as far as the server looks into it. */
export interface IssuedIdentity {
  /** Serialised `ADVDeviceIdentity`. */
  readonly details: Uint8Array
  readonly accountSignatureKey: Uint8Array
  readonly keyIndex: number
}

/** `<pair-device>` with the refs that the companion shows one after the other. */
export function pairDevice(id: string, refs: readonly string[]): BinaryNode {
  const children = refs.map((ref) => node('ref', {}, utf8Bytes(ref)))
  return node('iq', { from: SERVER, type: 'set', id, xmlns: 'md' }, [node('pair-device', {}, children)])
}

/** What `pair-success` tells the companion. */
export interface PairSuccessFacts {
  readonly id: string
  readonly nowSeconds: number
  readonly deviceIdentity: Uint8Array
  readonly platform: string
  readonly jid: string
  readonly lid: string
  readonly businessName: string | undefined
}

/** `<pair-success>`: the phone approved. */
export function pairSuccess(facts: PairSuccessFacts): BinaryNode {
  const children = [
    node('device-identity', {}, facts.deviceIdentity),
    node('platform', { name: facts.platform }),
    node('device', { jid: facts.jid, lid: facts.lid }),
  ]
  if (facts.businessName !== undefined) children.push(node('biz', { name: facts.businessName }))
  const attributes = { from: SERVER, type: 'set', id: facts.id, xmlns: 'md', t: facts.nowSeconds }
  return node('iq', attributes, [node('pair-success', {}, children)])
}

/** The shape of the companion's answer to `pair-success`. */
export const PAIR_SIGN_SHAPE: Shape = {
  required: ['id', 'type'],
  optional: ['to', 'from'],
  content: {
    children: {
      'pair-device-sign': {
        min: 1,
        content: { children: { 'device-identity': { min: 1, required: ['key-index'], content: 'bytes' } } },
      },
    },
  },
}

/**
 * Looks into what the phone issued. The account signature is not verified here: refusing a bad one is the companion's
 * duty, and tests need to see it refuse.
 *
 * @throws {ProtocolError} `WATON_SIMULATOR_PAIRING_IDENTITY` when it is not a device identity at all
 */
export function readIssuedIdentity(deviceIdentity: Uint8Array): IssuedIdentity {
  const { details: signed } = decodeProto(
    ADVSignedDeviceIdentityHMAC,
    deviceIdentity,
    'ADVSignedDeviceIdentityHMAC',
  )
  const { details, accountSignatureKey } = decodeProto(
    ADVSignedDeviceIdentity,
    signed ?? EMPTY_BYTES,
    'ADVSignedDeviceIdentity',
  )
  if (details == null || accountSignatureKey == null) {
    throw wrongIdentity(
      'WATON_SIMULATOR_PAIRING_IDENTITY',
      'the phone approved with an incomplete device identity',
    )
  }
  const { keyIndex } = decodeProto(ADVDeviceIdentity, details, 'ADVDeviceIdentity')
  return { details, accountSignatureKey, keyIndex: keyIndex ?? 0 }
}

/**
 * Checks the companion's answer: the identity the phone issued, completed by a valid device signature and without the
 * account's signature key.
 *
 * @returns the complete signed device identity, as other devices get it (with the account signature key)
 * @throws {ProtocolError} `WATON_SIMULATOR_PAIRING_SIGNATURE` naming what is wrong
 */
export function checkPairSign(
  answer: BinaryNode,
  issued: IssuedIdentity,
  companionIdentityKey: Uint8Array,
): Uint8Array {
  const child = requireChild(requireChild(answer, 'pair-device-sign'), 'device-identity')
  const keyIndex = requireAttribute(child, 'key-index')
  const identity = decodeProto(ADVSignedDeviceIdentity, requireBytes(child), 'ADVSignedDeviceIdentity')
  const { details, accountSignature, accountSignatureKey, deviceSignature } = identity
  const problem = (what: string): ProtocolError =>
    wrongIdentity('WATON_SIMULATOR_PAIRING_SIGNATURE', `the companion's pair-device-sign is wrong: ${what}`)
  if (keyIndex !== String(issued.keyIndex))
    throw problem('its key-index is not the one that the phone issued')
  if (details == null || !equalBytes(details, issued.details))
    throw problem('it is not for the issued identity')
  if (accountSignature?.length !== SIGNATURE_BYTES) throw problem('the account signature is missing')
  if (accountSignatureKey != null && accountSignatureKey.length > 0) {
    throw problem('it carries the account signature key, which must be left out here')
  }
  if (deviceSignature?.length !== SIGNATURE_BYTES) throw problem('the device signature is missing')
  const signed = concatBytes(
    DEVICE_SIGNATURE_PREFIX,
    details,
    companionIdentityKey,
    issued.accountSignatureKey,
  )
  if (!verify(companionIdentityKey, signed, deviceSignature))
    throw problem('the device signature does not verify')
  const complete = {
    details,
    accountSignatureKey: issued.accountSignatureKey,
    accountSignature,
    deviceSignature,
  }
  return encodeProto(ADVSignedDeviceIdentity, complete, 'ADVSignedDeviceIdentity')
}

/** The companion's refusal as code and text, when the answer is one. */
export function readPairRefusal(
  answer: BinaryNode,
): { readonly code: string; readonly text: string } | undefined {
  if (answer.attrs['type'] !== 'error') return undefined
  const error = childOf(answer, 'error')
  return { code: error?.attrs['code'] ?? '', text: error?.attrs['text'] ?? '' }
}

function wrongIdentity(code: string, message: string): ProtocolError {
  return new ProtocolError(code, message)
}
