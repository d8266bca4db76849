/** Information bulletins (`<ib>`): what the server tells about the connection and the offline queue. None is answered. */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { parseInfoBulletin } from '../../protocol/stanza/info-bulletin.ts'
import type { Bulletin } from '../../protocol/stanza/info-bulletin.ts'
import { CONNECTION_HINTS, SELF } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Answer } from './answers.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'

/** See the file comment. */
export const receiveInfo: StanzaHandler = async (unit, stanza, context) => {
  const answers: Answer[] = []
  for (const bulletin of parseInfoBulletin(stanza)) {
    const answer = await apply(unit, bulletin, context)
    if (answer !== undefined) answers.push({ kind: 'stanza', stanza: answer })
  }
  return answers
}

async function apply(
  unit: Unit,
  bulletin: Bulletin,
  { effects, logger, offline, unknowns }: ReceiveContext,
): Promise<BinaryNode | undefined> {
  switch (bulletin.type) {
    case 'offline-preview':
      return offline.begin()
    case 'offline-end':
      unit.onCommit(() => {
        effects.offlineDone(bulletin.total)
      })
      return undefined
    case 'edge-routing': {
      const hints = (await unit.read(CONNECTION_HINTS, SELF)) ?? {}
      unit.put(CONNECTION_HINTS, SELF, { ...hints, routingInfo: bulletin.routingInfo })
      return undefined
    }
    case 'dirty':
      unit.onCommit(() => {
        effects.dirty(bulletin.what, bulletin.timestampSeconds)
      })
      return undefined
    case 'client-expiration':
      unit.onCommit(() => {
        effects.versionExpires(bulletin.expiresAtSeconds)
      })
      return undefined
    case 'unknown':
      unknowns.count('stanza', `ib/${bulletin.tag}`)
      return undefined
    case 'downgrade':
      logger.debug({ bulletin: bulletin.type }, 'an information bulletin was not acted on')
      return undefined
  }
}
