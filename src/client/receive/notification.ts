/**
 * Notifications: something changed on the server, the phone or at other people. Each is acknowledged; what a `type` means
 * is in `notifications/`, one file for each.
 */
import { buildAck } from '../../protocol/stanza/ack.ts'
import { parseNotification } from '../../protocol/stanza/notification.ts'
import { learnMapping } from '../identity/addresses.ts'
import type { StanzaHandler } from './context.ts'
import { NOTIFICATIONS } from './notifications/registry.ts'
import { isFirst } from './once.ts'

/** See the file comment. */
export const receiveNotification: StanzaHandler = async (unit, stanza, context) => {
  const notification = parseNotification(stanza)
  const kind = NOTIFICATIONS.get(notification.kind)
  if (kind === undefined) {
    context.unknowns.count('notification', notification.kind)
    context.logger.debug({ type: notification.kind }, 'a notification of an unknown type was acknowledged')
  }
  if (await isFirst(unit, stanza)) {
    for (const { pn, lid } of notification.addresses) await learnMapping(unit, pn, lid)
    const { atSeconds } = notification
    const atMs = atSeconds === undefined ? unit.nowMs : atSeconds * 1000
    await kind?.receive(unit, { ...notification, atMs }, context)
  }
  return [{ kind: 'stanza', stanza: buildAck(stanza) }]
}
