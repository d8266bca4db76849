/** Where to connect next time: kept for the next connection. */
import { parseEdgeRouting } from '../../../protocol/stanza/bulletins/edge-routing.ts'
import { CONNECTION_HINTS, SELF } from '../../state/records.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** See the file comment. */
export const EDGE_ROUTING: BulletinKind = bulletinKind({
  tag: 'edge_routing',
  parse: parseEdgeRouting,
  apply: async (unit, { routingInfo }) => {
    const hints = (await unit.read(CONNECTION_HINTS, SELF)) ?? {}
    unit.put(CONNECTION_HINTS, SELF, { ...hints, routingInfo })
    return undefined
  },
})
