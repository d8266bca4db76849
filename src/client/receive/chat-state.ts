/** Chat states of others: told to listeners, never stored, and nobody waits for an answer. */
import { userJid } from '../../protocol/jid.ts'
import { addressPairs } from '../../protocol/stanza/address-pairs.ts'
import { parseChatState } from '../../protocol/stanza/chat-state.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import type { StanzaHandler } from './context.ts'

/** See the file comment. */
export const receiveChatState: StanzaHandler = async (unit, stanza, { effects, unknowns }) => {
  for (const { pn, lid } of addressPairs(stanza)) await learnMapping(unit, pn, lid)
  const parsed = parseChatState(stanza)
  if (parsed === undefined || parsed.state === 'unknown') {
    unknowns.count('stanza', `chatstate/${parsed?.tag ?? '(empty)'}`)
    return []
  }
  const { from, participant, state } = parsed
  const chat = await canonicalJid(unit, userJid(from))
  const event = { chat, from: await personOf(unit, participant ?? from), state }
  unit.onCommit(() => {
    effects.chatState(event)
  })
  return []
}
