/** Queries and bulletins about the connection: active and passive, pings, the backlog. */
import { childOf, node, numberAttribute } from '../../protocol/binary/node.ts'
import type { ContentShape } from '../stanza/shape.ts'
import type { IqHandler, StanzaHandler } from './handler.ts'

const active: IqHandler = {
  xmlns: 'passive',
  type: 'set',
  child: 'active',
  content: { children: { active: { min: 1 } } },
  handle: (_query, { sender }) => ({
    then: () => {
      sender.setActive(true)
    },
  }),
}

const passive: IqHandler = {
  xmlns: 'passive',
  type: 'set',
  child: 'passive',
  content: { children: { passive: { min: 1 } } },
  handle: (_query, { sender }) => ({
    then: () => {
      sender.setActive(false)
    },
  }),
}

function ping(child: string, content: ContentShape): IqHandler {
  return { xmlns: 'w:p', type: 'get', child, content, handle: () => ({}) }
}

/** All queries of this file. */
export const SESSION_HANDLERS: readonly IqHandler[] = [
  active,
  passive,
  ping('ping', { children: { ping: { min: 1 } } }),
  ping('', 'none'),
]

/** `<ib>` from a client: it pulls its backlog, or names its session for statistics. */
export const INFO_BULLETIN_HANDLER: StanzaHandler = {
  tag: 'ib',
  shape: {
    optional: ['to', 'id'],
    content: { children: { offline_batch: { required: ['count'] }, unified_session: { required: ['id'] } } },
  },
  handle(stanza, { sender }) {
    const batch = childOf(stanza, 'offline_batch') ?? node('offline_batch')
    const count = numberAttribute(batch, 'count')
    if (count === undefined) return
    if (count < 1) sender.violation(`<ib > offline_batch> asks for ${String(count)} stanzas`)
    else sender.pullOffline(count)
  },
}
