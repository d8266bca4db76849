/**
 * The server's hash over the devices of an account, by which a client finds out whether its list is right.
 *
 * @source whatsmeow `send.go` participantListHashV2
 */
import { toBase64, utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { SERVER_LID, SERVER_USER } from '../../protocol/jid.ts'
import type { Account, Addressing } from './account.ts'

/** `2:` and six bytes of SHA-256 over the sorted names of the devices, in one of the two addressings. */
export function deviceHash(account: Account, addressing: Addressing): string {
  const { phoneNumber, lidUser } = account.facts
  const [user, server] = addressing === 'pn' ? [phoneNumber, SERVER_USER] : [lidUser, SERVER_LID]
  const names = [...account.devices.keys()].map((id) => `${user}.0:${String(id)}@${server}`)
  return `2:${toBase64(sha256(utf8Bytes(names.sort().join(''))).subarray(0, 6))}`
}
