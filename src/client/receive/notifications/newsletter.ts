/** Something in a newsletter. Its messages go the way of all messages. */
import { node } from '../../../protocol/binary/node.ts'
import type { BinaryNode } from '../../../protocol/binary/node.ts'
import { parseNewsletter } from '../../../protocol/stanza/notifications/newsletter.ts'
import type { NewsletterChange } from '../../../protocol/stanza/notifications/newsletter.ts'
import { personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { receiveMessage } from '../message.ts'
import { notificationKind } from './kind.ts'
import type { Notification, NotificationKind } from './kind.ts'

/** See the file comment. */
export const NEWSLETTER: NotificationKind = notificationKind({
  type: 'newsletter',
  parse: parseNewsletter,
  async apply(unit, changes, notification, context) {
    for (const change of changes) await applyChange(unit, change, notification, context)
  },
})

async function applyChange(
  unit: Unit,
  change: NewsletterChange,
  { from: chat, raw, atMs }: Notification,
  context: ReceiveContext,
): Promise<void> {
  switch (change.type) {
    case 'reactions': {
      const { serverId, counts: reactions } = change
      unit.event('newsletter.reactions', { chat, serverId, reactions, atMs }, chat)
      return
    }
    case 'views':
      unit.event('newsletter.views', { chat, serverId: change.serverId, count: change.count, atMs }, chat)
      return
    case 'participant': {
      const { action, role } = change
      const participant = await personOf(unit, change.jid)
      const named = role === undefined ? {} : { role }
      unit.event('newsletter.participant', { chat, participant, action, ...named, atMs }, chat)
      return
    }
    case 'settings': {
      const { name, description } = change
      const settings = {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
      }
      unit.event('newsletter.changed', { chat, settings, atMs }, chat)
      return
    }
    case 'message':
      // the notification is what is answered: the message has no stanza of its own
      await receiveMessage(unit, asStanza(change.message, chat, raw), context)
      return
    case 'unknown':
      context.unknowns.count('notification', `newsletter/${change.tag}`)
  }
}

/** The message as it would come by itself. */
function asStanza({ attrs, content }: BinaryNode, from: string, { attrs: { t } }: BinaryNode): BinaryNode {
  const id = attrs.message_id ?? attrs.id ?? attrs.server_id
  const { server_id: serverId, type = 'text' } = attrs
  return node('message', { id, from, type, t: attrs.t ?? t, server_id: serverId }, content)
}
