/**
 * The hash over the devices of a message that the server puts into its ack when a fan-out has missed one of them.
 *
 * @source whatsmeow `send.go` participantListHashV2: SHA-256 over the sorted names `user.agent:device@server`, six bytes in
 *   base64 behind `2:`; whatsapp-rust `src/send.rs`: a normal ack has none
 */
import { toBase64, utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { parseJid } from '../../protocol/jid.ts'

const HASHED_BYTES = 6

/** The hash of device JIDs. */
export function hashParticipants(jids: readonly string[]): string {
  const names = jids.map((jid) => {
    const { user, device, server } = parseJid(jid)
    return `${user}.0:${String(device)}@${server}`
  })
  const digest = sha256(utf8Bytes(names.sort().join('')))
  return `2:${toBase64(digest.slice(0, HASHED_BYTES))}`
}
