/** Something of our own account was changed on another device. */
import { parseAccountSync } from '../../../protocol/stanza/notifications/account-sync.ts'
import type { AccountChange } from '../../../protocol/stanza/notifications/account-sync.ts'
import { canonicalJid, personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { applyDevices } from './devices.ts'
import { notificationKind } from './kind.ts'
import type { Notification, NotificationKind } from './kind.ts'

/** See the file comment. */
export const ACCOUNT_SYNC: NotificationKind = notificationKind({
  type: 'account_sync',
  parse: parseAccountSync,
  async apply(unit, changes, notification, context) {
    for (const change of changes) await applyChange(unit, change, notification, context)
  },
})

async function applyChange(
  unit: Unit,
  change: AccountChange,
  { atMs }: Notification,
  context: ReceiveContext,
): Promise<void> {
  const { self, unknowns } = context
  const account = await canonicalJid(unit, self.pn)
  switch (change.type) {
    case 'devices':
      await applyDevices(
        unit,
        { ...change, action: 'update' },
        { from: self.pn, atMs, areAll: true },
        context,
      )
      return
    case 'blocklist': {
      const changes = []
      for (const { jid, isBlocked } of change.changes)
        changes.push({ contact: await personOf(unit, jid), isBlocked })
      unit.event('blocklist.changed', { changes, atMs }, account)
      return
    }
    case 'disappearing-mode': {
      const setAtMs = change.setAtSeconds === undefined ? atMs : change.setAtSeconds * 1000
      unit.event(
        'account.changed',
        { disappearingSeconds: change.seconds, atMs: setAtMs, origin: 'live' },
        account,
      )
      return
    }
    case 'picture':
      unit.event(
        'contact.picture',
        { contact: await personOf(unit, self.pn), isRemoved: false, atMs },
        account,
      )
      return
    case 'privacy':
      unit.event('account.changed', { privacy: change.settings, atMs, origin: 'live' }, account)
      return
    case 'unknown':
      unknowns.count('notification', `account_sync/${change.tag}`)
  }
}
