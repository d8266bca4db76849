/**
 * The hash over a set of devices by which both sides find out whether they mean the same ones: of a person's device list
 * (`device_hash`), and of those that a message went to (`phash`).
 *
 * @source whatsmeow `send.go` participantListHashV2; whatsapp-rust `wacore/src/messages.rs` participant_list_hash and its
 *   vectors
 */
import { toBase64, utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../crypto/index.ts'
import { parseJid } from '../jid.ts'

/** Bytes of the digest that are kept. */
const HASH_BYTES = 6
const VERSION = '2:'

/**
 * @param devices - device JIDs in any order, all in the form of address that the hash is over
 * @returns e.g. `2:5s+YxCff`
 * @throws {ProtocolError} `WATON_JID_INVALID`
 */
export function participantHash(devices: readonly string[]): string {
  const names = devices.map((jid) => {
    const { user, server, device } = parseJid(jid)
    return `${user}.0:${String(device)}@${server}`
  })
  const digest = sha256(...names.sort().map(utf8Bytes))
  return VERSION + toBase64(digest.subarray(0, HASH_BYTES))
}
