/** Somebody, or a group, has another picture. */
import { isGroup } from '../../../protocol/jid.ts'
import { parsePicture } from '../../../protocol/stanza/notifications/picture.ts'
import { personOf } from '../../identity/addresses.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const PICTURE: NotificationKind = notificationKind({
  type: 'picture',
  parse: parsePicture,
  async apply(unit, changes, { participant, atMs }) {
    for (const { jid, isRemoved, pictureId, author = participant } of changes) {
      if (isGroup(jid)) {
        const settings = { pictureId: isRemoved ? '' : (pictureId ?? 'unknown') }
        const by = author === undefined ? {} : { author: await personOf(unit, author) }
        unit.event('group.changed', { chat: jid, ...by, settings, atMs }, jid)
        continue
      }
      const contact = await personOf(unit, jid)
      const named = pictureId === undefined ? {} : { pictureId }
      unit.event('contact.picture', { contact, isRemoved, ...named, atMs }, contact.jid)
    }
  },
})
