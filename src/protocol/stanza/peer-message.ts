/**
 * A message to the own phone that no human sees: a request for data that only the phone has.
 *
 * ```xml
 * <message id="3EB0..." to="15550000001@s.whatsapp.net" type="text" category="peer" push_priority="high_force">
 *   <enc v="2" type="msg">...</enc><meta appdata="default"/>
 * </message>
 * ```
 *
 * @source whatsmeow `send.go` preparePeerMessageNode; Baileys 7.0.0-rc14 `Socket/messages-send.js` sendPeerDataOperationMessage
 */
import { node, type BinaryNode } from '../binary/node.ts'
import type { EncryptedCopy, OutgoingMessage } from './message.ts'

/** A request to the own phone. */
export interface PeerMessage {
  readonly id: string
  /** For the phone; its `jid` is the account's, without device. */
  readonly copy: EncryptedCopy
  /** Serialised `ADVSignedDeviceIdentity` with account key, for a `pkmsg`. */
  readonly deviceIdentity: Uint8Array
}

/** What the stanza of such a message says beside the copy, also when it is sent again. */
export const PEER_PARTS: Required<Pick<OutgoingMessage, 'attributes' | 'extra'>> = {
  attributes: { category: 'peer', push_priority: 'high_force' },
  extra: [node('meta', { appdata: 'default' })],
}

/** Builds the request. */
export function buildPeerMessage({ id, copy, deviceIdentity }: PeerMessage): BinaryNode {
  return node('message', { id, to: copy.jid, type: 'text', ...PEER_PARTS.attributes }, [
    node('enc', { v: '2', type: copy.type }, copy.ciphertext),
    ...(copy.type === 'pkmsg' ? [node('device-identity', {}, deviceIdentity)] : []),
    ...PEER_PARTS.extra,
  ])
}
