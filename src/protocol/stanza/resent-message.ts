/**
 * A message once more, for one device: because it could not read its copy, or because it got none. The copy stands in the
 * stanza itself; beside others in `<participants>` the server refuses it with 479.
 *
 * ```xml
 * <message id="3EB0..." to="15550000002:3@s.whatsapp.net" type="text" device_fanout="false">
 *   <enc v="2" type="pkmsg" count="1">...</enc><device-identity/>
 * </message>
 * <message id="3EB0..." to="15550000001:2@s.whatsapp.net" recipient="15550000002@s.whatsapp.net" ...>   to an own device
 * ```
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` relayMessage with `participant`; whatsmeow `retry.go`
 *   handleRetryReceipt; whatsapp-rust `src/retry.rs` (479 for a fan-out)
 */
import { childOf, childrenOf, node, type BinaryNode, type NodeAttributes } from '../binary/node.ts'
import type { EncryptedCopy } from './message.ts'

/** A message for one device. */
export interface ResentMessage {
  /** The id that it went out with first. */
  readonly id: string
  /** The stanza's `type`. */
  readonly type: string
  readonly copy: EncryptedCopy
  /** Which of the device's requests this answers; left out when it has not asked. */
  readonly count?: number
  /** The chat, for another device of this account. */
  readonly recipient?: string
  /** Serialised `ADVSignedDeviceIdentity` with account key, for a `pkmsg`. */
  readonly deviceIdentity: Uint8Array
  /** Attributes of the `<enc>`, as the first delivery had them, e.g. `mediatype`. */
  readonly encAttributes?: NodeAttributes
  /** Further attributes of the stanza, as the first delivery had them, e.g. `edit`. */
  readonly attributes?: NodeAttributes
  /** Children about the content. Reporting and privacy tokens belong to the first delivery. */
  readonly extra?: readonly BinaryNode[]
}

/** Builds the stanza. */
export function buildResentMessage(message: ResentMessage): BinaryNode {
  const { id, type, copy, count, recipient, deviceIdentity, encAttributes, attributes, extra } = message
  const about = { id, to: copy.jid, type, ...attributes, device_fanout: 'false', recipient }
  return node('message', about, [
    node('enc', { v: '2', type: copy.type, ...encAttributes, count }, copy.ciphertext),
    ...(copy.type === 'pkmsg' ? [node('device-identity', {}, deviceIdentity)] : []),
    ...(extra ?? []),
  ])
}

/** The devices that a sent message has copies for. */
export function copiedDevices(sent: BinaryNode): readonly string[] {
  const participants = childOf(sent, 'participants')
  const copies = participants === undefined ? [] : childrenOf(participants, 'to')
  return copies.flatMap(({ attrs }) => attrs.jid ?? [])
}
