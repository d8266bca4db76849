/**
 * Information bulletins (`<ib>`): what the server tells about the connection and the offline queue. None is acknowledged;
 * what a child means is in `bulletins/`, one file for each.
 */
import { childrenOf } from '../../protocol/binary/node.ts'
import type { Answer } from './answers.ts'
import type { ApplyBulletin } from './bulletins/kind.ts'
import { BULLETINS } from './bulletins/registry.ts'
import type { StanzaHandler } from './context.ts'

/** See the file comment. All of a stanza is read before any of it changes something. */
export const receiveInfo: StanzaHandler = async (unit, stanza, context) => {
  const steps: ApplyBulletin[] = []
  for (const bulletin of childrenOf(stanza)) {
    const apply = BULLETINS.get(bulletin.tag)?.read(bulletin)
    if (apply === undefined) context.unknowns.count('stanza', `ib/${bulletin.tag}`)
    else steps.push(apply)
  }
  const answers: Answer[] = []
  for (const apply of steps) {
    const answer = await apply(unit, context)
    if (answer !== undefined) answers.push({ kind: 'stanza', stanza: answer })
  }
  return answers
}
