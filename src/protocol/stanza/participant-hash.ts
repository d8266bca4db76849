/**
 * The hash by which client and server tell whether they mean the same devices. The server puts its own into the ack of a
 * message when it knows devices that got no copy, or the other way round.
 *
 * @source whatsmeow `send.go` participantListHashV2; whatsapp-rust `messages.rs` participant_list_hash (the same, in the
 *   alphabet for addresses); Baileys 7.0.0-rc14 `Utils/generics.js` generateParticipantHashV2 keeps six characters of it
 */
import { toBase64, utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../crypto/index.ts'
import { parseJid } from '../jid.ts'

/** Bytes of the digest that are kept: eight characters. */
const DIGEST_BYTES = 6

/** Characters that every implementation has. */
const LEAST_LENGTH = 8

/**
 * The hash of a set of devices, whatever their order.
 *
 * @param devices - device JIDs
 * @returns `2:` and eight characters
 */
export function participantHash(devices: readonly string[]): string {
  const names = devices.map(fullName).sort()
  return `2:${toBase64(sha256(utf8Bytes(names.join(''))).subarray(0, DIGEST_BYTES))}`
}

/** A device as it is hashed: `15550000001.0:0@s.whatsapp.net`, with what is left out elsewhere. */
export function fullName(jid: string): string {
  const { user, server, device } = parseJid(jid)
  return `${user}.0:${String(device)}@${server}`
}

/** Whether two hashes are of the same devices, whichever alphabet and length they are written in. */
export function sameParticipants(one: string, other: string): boolean {
  const [a, b] = [plain(one), plain(other)]
  const length = Math.min(a.length, b.length)
  return length >= LEAST_LENGTH && a.slice(0, length) === b.slice(0, length)
}

function plain(hash: string): string {
  return hash.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '')
}
