/** The server's hash over the devices of an account, by which a client finds out whether its list is right. */
import { hashParticipants } from '../stanza/participant-hash.ts'
import type { Account, Addressing } from '../world/account.ts'

/** In one of the two addressings. */
export function deviceHash(account: Account, addressing: Addressing): string {
  return hashParticipants([...account.devices.keys()].map((id) => account.jid(addressing, id)))
}
