/**
 * Somebody linked or unlinked a device. The list that we hold follows the change where the server's hash says that both
 * mean the same devices then; otherwise it is stale, and the next send asks for it.
 */
import { parseJid, userJid } from '../../../protocol/jid.ts'
import { parseDevices } from '../../../protocol/stanza/notifications/devices.ts'
import type { DevicesChange } from '../../../protocol/stanza/notifications/devices.ts'
import { canonicalJid, personJid, personOf } from '../../identity/addresses.ts'
import {
  accountKeyOf,
  changedList,
  markStale,
  noteIdentityChange,
  wholeList,
} from '../../identity/device-list.ts'
import type { NextList } from '../../identity/device-list.ts'
import { DEVICE_LIST } from '../../state/records.ts'
import type { DeviceList } from '../../state/records.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const DEVICES: NotificationKind = notificationKind({
  type: 'devices',
  parse: parseDevices,
  async apply(unit, changes, { from, atMs }, context) {
    // whatever it says, and we do not know it
    if (changes.length === 0) await markStale(unit, userJid(from))
    for (const change of changes) await applyDevices(unit, change, { from, atMs }, context)
  },
})

/** What the server says of devices besides naming them. */
interface About {
  /** Whose they are. */
  readonly from: string
  readonly atMs: number
  /** They are all that there are. @default false */
  readonly areAll?: boolean
}

/** Changes the list of devices of somebody, and tells of it. */
export async function applyDevices(
  unit: Unit,
  change: DevicesChange,
  { from, atMs, areAll = false }: About,
  context: ReceiveContext,
): Promise<void> {
  const user = userJid(from)
  const key = personJid(await canonicalJid(unit, user))
  const before = await unit.read(DEVICE_LIST, key)
  if (before !== undefined) {
    const next = await nextList(unit, change, { before, user, areAll }, context)
    if (next === undefined) await markStale(unit, user)
    else {
      if (next.isOtherAccount) await noteIdentityChange(unit, user, atMs)
      if (next.refusal !== undefined) {
        context.logger.warn({ code: next.refusal.code }, 'a list of device keys was not believed')
        context.unknowns.count('answer', 'devices/key-index-list that does not verify')
      }
      unit.put(DEVICE_LIST, key, next.list)
    }
  }
  const contact = await personOf(unit, from)
  const numbers = [...new Set(change.devices.map(({ jid }) => parseJid(jid).device))]
  unit.event('devices.changed', { contact, action: change.action, devices: numbers, atMs }, contact.jid)
}

async function nextList(
  unit: Unit,
  change: DevicesChange,
  { before, user, areAll }: { before: DeviceList; user: string; areAll: boolean },
  { self }: ReceiveContext,
): Promise<NextList | undefined> {
  // an update without devices says only that the list is old
  if (change.devices.length === 0 || (change.action === 'update' && !areAll)) return undefined
  // somebody else's devices cannot change this list
  for (const { jid } of change.devices)
    if (personJid(await canonicalJid(unit, jid)) !== personJid(await canonicalJid(unit, user)))
      return undefined
  const about = { user, accountKey: await accountKeyOf(unit, self, user) }
  return areAll ? wholeList(unit, before, change, about) : changedList(unit, before, change, about)
}
