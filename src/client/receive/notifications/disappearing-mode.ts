/** Somebody has another default for vanishing messages. */
import { parseDisappearingMode } from '../../../protocol/stanza/notifications/disappearing-mode.ts'
import { personOf } from '../../identity/addresses.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const DISAPPEARING_MODE: NotificationKind = notificationKind({
  type: 'disappearing_mode',
  parse: parseDisappearingMode,
  async apply(unit, { seconds, setAtSeconds }, { from, atMs }) {
    const contact = await personOf(unit, from)
    const setAtMs = setAtSeconds === undefined ? atMs : setAtSeconds * 1000
    unit.event('contact.disappearing', { contact, seconds, atMs: setAtMs }, contact.jid)
  },
})
