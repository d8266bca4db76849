/**
 * The account's own name. Linking does not tell it; it stands beside every message that another device of the account
 * sends. Once it is known it goes to the server, so that people without the number among their contacts see it.
 *
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` upsertMessage, `Socket/socket.js` (presence with the name alone)
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { buildPresence } from '../../protocol/stanza/presence.ts'
import { CREDENTIALS, SELF } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Self } from './self.ts'

/**
 * Takes over the name that an own device sends under.
 *
 * @returns the stanza that tells the server, to be sent after the commit; `undefined` when the name is not new
 */
export async function learnOwnName(unit: Unit, self: Self, name: string): Promise<BinaryNode | undefined> {
  const credentials = await unit.read(CREDENTIALS, SELF)
  if (credentials?.linked === undefined || credentials.linked.name === name) return undefined
  const updated = { ...credentials, linked: { ...credentials.linked, name } }
  unit.put(CREDENTIALS, SELF, updated)
  unit.onCommit(() => {
    self.update(updated)
  })
  return buildPresence({ name })
}
