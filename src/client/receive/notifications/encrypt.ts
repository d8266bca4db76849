/**
 * Keys: the server is short of ours, or somebody has new ones. Whoever registers anew has lost their sessions; those that
 * we hold are marked and not deleted, because what was sent before may still arrive with them.
 *
 * @source Baileys 7.0.0-rc14 `Utils/identity-change-handler.js`: changes of companions and of ourselves are passed over
 */
import { isServer, parseJid, userJid } from '../../../protocol/jid.ts'
import { parseEncrypt } from '../../../protocol/stanza/notifications/encrypt.ts'
import { canonicalJid, personOf } from '../../identity/addresses.ts'
import { markStale, noteIdentityChange } from '../../identity/device-list.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { notificationKind } from './kind.ts'
import type { Notification, NotificationKind } from './kind.ts'

/** See the file comment. */
export const ENCRYPT: NotificationKind = notificationKind({
  type: 'encrypt',
  parse: parseEncrypt,
  async apply(unit, said, notification, context) {
    switch (said.type) {
      case 'pre-keys-low':
      // the count is asked for first, and what is missing is uploaded
      case 'digest':
        unit.onCommit(() => {
          context.effects.preKeysLow()
        })
        return
      case 'identity-changed':
        await identityChanged(unit, notification, context)
        return
      case 'unknown':
        context.unknowns.count('notification', `encrypt/${said.tags.join(' ')}`)
    }
  },
})

async function identityChanged(
  unit: Unit,
  { from, atMs }: Notification,
  { self, unknowns }: ReceiveContext,
): Promise<void> {
  if (isServer(from) || parseJid(from).device !== 0) {
    unknowns.count('notification', 'encrypt/identity of a companion')
    return
  }
  if (self.isOwn(from)) return
  const user = await canonicalJid(unit, userJid(from))
  await noteIdentityChange(unit, user, atMs)
  // the devices that were linked to the former registration are gone
  await markStale(unit, user)
  unit.event('identity.changed', { contact: await personOf(unit, from), atMs }, user)
}
