/** Something about contacts: another number, another profile. The mapping of a new number is learned with the stanza. */
import { parseContacts } from '../../../protocol/stanza/notifications/contacts.ts'
import type { ContactChange } from '../../../protocol/stanza/notifications/contacts.ts'
import { userJid } from '../../../protocol/jid.ts'
import type { Person } from '../../events.ts'
import { personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const CONTACTS: NotificationKind = notificationKind({
  type: 'contacts',
  parse: parseContacts,
  async apply(unit, changes, { atMs }, { unknowns }) {
    for (const change of changes) {
      if (change.type === 'unknown') unknowns.count('notification', `contacts/${change.tag}`)
      else await tell(unit, change, atMs)
    }
  },
})

/** The list of contacts is the phone's: that somebody is on it, or is to be compared, comes with app state. */
async function tell(unit: Unit, change: ContactChange, atMs: number): Promise<void> {
  if (change.type === 'number') {
    const contact = await personOf(unit, change.after)
    // not by its mapping: what the former number belongs to now may be somebody else
    const pn = userJid(change.before)
    const before: Person = { jid: pn, pn }
    unit.event('contact.changed', { contact, what: 'number', before, atMs }, contact.jid)
  } else if (change.type === 'profile' && change.jid !== undefined) {
    const contact = await personOf(unit, change.jid)
    unit.event('contact.changed', { contact, what: 'profile', atMs }, contact.jid)
  }
}
