/**
 * The two stanzas by which the server links a device, and our answers. The cryptography inside `device-identity` is
 * `protocol/pairing`; here are only the frames.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` (pair-device), `Utils/validate-connection.js`; whatsmeow `pair.go`
 */
import {
  childOf,
  childrenOf,
  contentText,
  node,
  numberAttribute,
  requireAttribute,
  requireBytes,
  requireChild,
  type BinaryNode,
} from '../../binary/node.ts'
import { ProtocolError } from '../../../base/errors.ts'
import { SERVER_JID } from '../../jid.ts'

/** The server's invitation to show QR codes. */
export interface PairDevice {
  /** For {@link buildPairDeviceResult}. */
  readonly id: string
  /** One QR code each, in order; usually six. */
  readonly refs: readonly string[]
}

/** The server's word that a phone has scanned the code. */
export interface PairSuccess {
  /** For the answer. */
  readonly id: string
  /** Serialised `ADVSignedDeviceIdentityHMAC`, for `acceptPairSuccess`. */
  readonly deviceIdentity: Uint8Array
  /** The new device's phone-number JID, e.g. `15550000001:3@s.whatsapp.net`. */
  readonly jid: string
  /** The new device's LID JID. */
  readonly lid?: string
  /** What the phone runs, e.g. `android`. */
  readonly platform?: string
  /** The name of the business, when the account is one. */
  readonly businessName?: string
  /** The server's clock. */
  readonly sentAtSeconds?: number
}

/** Codes taken of one offer at most; servers send six. */
const MAX_REFS = 32

/** Whether the stanza is one of the two of this file. */
export function isPairing(stanza: BinaryNode): 'pair-device' | 'pair-success' | undefined {
  if (stanza.tag !== 'iq') return undefined
  if (childOf(stanza, 'pair-device') !== undefined) return 'pair-device'
  return childOf(stanza, 'pair-success') === undefined ? undefined : 'pair-success'
}

/**
 * ```xml
 * <iq from="@s.whatsapp.net" id="..." type="set" xmlns="md"><pair-device><ref>2@...</ref>...</pair-device></iq>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_CHILD`, `WATON_STANZA_ATTRIBUTE`; `WATON_PAIRING_NO_REFS` when no code can be made of it
 */
export function parsePairDevice(stanza: BinaryNode): PairDevice {
  const offered = childrenOf(requireChild(stanza, 'pair-device'), 'ref').map((ref) => contentText(ref) ?? '')
  const refs = offered.filter((ref) => ref !== '').slice(0, MAX_REFS)
  if (refs.length === 0) {
    throw new ProtocolError(
      'WATON_PAIRING_NO_REFS',
      'the server asked for a QR code and gave nothing to make one of; connect again',
    )
  }
  return { id: requireAttribute(stanza, 'id'), refs }
}

/** The answer to `pair-device`: `<iq to="@s.whatsapp.net" type="result" id="..."/>`. */
export function buildPairDeviceResult(id: string): BinaryNode {
  return node('iq', { to: SERVER_JID, type: 'result', id })
}

/**
 * ```xml
 * <iq from="@s.whatsapp.net" id="..." t="..." type="set" xmlns="md"><pair-success>
 *   <device-identity>ADVSignedDeviceIdentityHMAC</device-identity><biz name="..."/>
 *   <device jid="15550000001:3@s.whatsapp.net" lid="100000000001:3@lid"/><platform name="android"/>
 * </pair-success></iq>
 * ```
 */
export function parsePairSuccess(stanza: BinaryNode): PairSuccess {
  const success = requireChild(stanza, 'pair-success')
  const device = requireChild(success, 'device')
  const { lid } = device.attrs
  const platform = childOf(success, 'platform')?.attrs.name
  const businessName = childOf(success, 'biz')?.attrs.name
  const sentAtSeconds = numberAttribute(stanza, 't')
  return {
    id: requireAttribute(stanza, 'id'),
    deviceIdentity: requireBytes(requireChild(success, 'device-identity')),
    jid: requireAttribute(device, 'jid'),
    ...(lid === undefined ? {} : { lid }),
    ...(platform === undefined ? {} : { platform }),
    ...(businessName === undefined ? {} : { businessName }),
    ...(sentAtSeconds === undefined ? {} : { sentAtSeconds }),
  }
}

/**
 * The answer to `pair-success`. The server then restarts the connection (stream error 515).
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="result" id="..."><pair-device-sign>
 *   <device-identity key-index="3">ADVSignedDeviceIdentity without account key</device-identity>
 * </pair-device-sign></iq>
 * ```
 */
export function buildPairDeviceSign(
  id: string,
  identity: { readonly reply: Uint8Array; readonly keyIndex: number },
): BinaryNode {
  return node('iq', { to: SERVER_JID, type: 'result', id }, [
    node('pair-device-sign', {}, [
      node('device-identity', { 'key-index': identity.keyIndex }, identity.reply),
    ]),
  ])
}

/**
 * Whether the server asks something about linking: one of the two stanzas of this file, or another one of their namespace.
 * Each has to be answered.
 */
export function isLinkingRequest(stanza: BinaryNode): boolean {
  const { id, type, xmlns } = stanza.attrs
  if (stanza.tag !== 'iq' || id === undefined || type === 'result' || type === 'error') return false
  return xmlns === 'md' || isPairing(stanza) !== undefined
}

/**
 * The answer to a request about linking that is refused; for a `pair-success` see `pairingRefusal` of `protocol/pairing`.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="error" id="..."><error code="401" text="hmac-mismatch"/></iq>
 * ```
 */
export function buildPairError(
  id: string,
  refusal: { readonly code: number; readonly text: string },
): BinaryNode {
  return node('iq', { to: SERVER_JID, type: 'error', id }, [
    node('error', { code: refusal.code, text: refusal.text }),
  ])
}
