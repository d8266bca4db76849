/** A business shows something else of itself, or is none any more. */
import { parseBusiness } from '../../../protocol/stanza/notifications/business.ts'
import { personOf } from '../../identity/addresses.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const BUSINESS: NotificationKind = notificationKind({
  type: 'business',
  parse: parseBusiness,
  async apply(unit, changes, { from, atMs }, { unknowns }) {
    for (const change of changes) {
      if (change.type === 'unknown') {
        unknowns.count('notification', `business/${change.tag}`)
        continue
      }
      const contact = await personOf(unit, 'jid' in change ? change.jid : from)
      const name = change.type === 'verified-name' && change.name !== undefined ? { name: change.name } : {}
      unit.event(
        'contact.changed',
        { contact, what: 'business', details: change.type, ...name, atMs },
        contact.jid,
      )
    }
  },
})
