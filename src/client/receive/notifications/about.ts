/** Somebody wrote something else about themselves. */
import { parseAbout } from '../../../protocol/stanza/notifications/about.ts'
import { personOf } from '../../identity/addresses.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const ABOUT: NotificationKind = notificationKind({
  type: 'status',
  parse: parseAbout,
  async apply(unit, about, { from, atMs }, { unknowns }) {
    if (about === undefined) {
      unknowns.count('notification', 'status/(empty)')
      return
    }
    const contact = await personOf(unit, from)
    unit.event('contact.about', { contact, about, atMs }, contact.jid)
  },
})
