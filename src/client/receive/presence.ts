/** Presence of others: told to listeners, never stored, and nobody waits for an answer. */
import { isGroup } from '../../protocol/jid.ts'
import { addressPairs } from '../../protocol/stanza/address-pairs.ts'
import { parsePresence } from '../../protocol/stanza/presence.ts'
import { learnMapping, personOf } from '../identity/addresses.ts'
import type { StanzaHandler } from './context.ts'

/** See the file comment. */
export const receivePresence: StanzaHandler = async (unit, stanza, { effects }) => {
  for (const { pn, lid } of addressPairs(stanza)) await learnMapping(unit, pn, lid)
  const { from, participant, isAvailable, lastSeenSeconds, isLastSeenHidden, onlineCount } =
    parsePresence(stanza)
  const event = {
    from: await personOf(unit, participant ?? from),
    ...(isGroup(from) ? { group: from } : {}),
    isAvailable,
    ...(lastSeenSeconds === undefined ? {} : { lastSeenAtMs: lastSeenSeconds * 1000 }),
    isLastSeenHidden,
    ...(onlineCount === undefined ? {} : { onlineCount }),
  }
  unit.onCommit(() => {
    effects.presence(event)
  })
  return []
}
