/** Somebody linked or unlinked a device: the list that we hold is old, and the next send asks for it again. */
import { parseJid, userJid } from '../../../protocol/jid.ts'
import { parseDevices } from '../../../protocol/stanza/notifications/devices.ts'
import type { DevicesChange } from '../../../protocol/stanza/notifications/devices.ts'
import { canonicalJid, personOf } from '../../identity/addresses.ts'
import { DEVICE_LIST } from '../../state/records.ts'
import type { Unit } from '../../state/unit.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const DEVICES: NotificationKind = notificationKind({
  type: 'devices',
  parse: parseDevices,
  async apply(unit, changes, { from, atMs }) {
    unit.delete(DEVICE_LIST, await canonicalJid(unit, userJid(from)))
    for (const change of changes) await applyDevices(unit, change, { from, atMs })
  },
})

/** Drops the device lists of everybody whom a change names, and tells of it. */
export async function applyDevices(
  unit: Unit,
  { action, devices }: DevicesChange,
  { from, atMs }: { readonly from: string; readonly atMs: number },
): Promise<void> {
  for (const { jid } of devices) unit.delete(DEVICE_LIST, await canonicalJid(unit, userJid(jid)))
  const contact = await personOf(unit, from)
  const numbers = [...new Set(devices.map(({ jid }) => parseJid(jid).device))]
  unit.event('devices.changed', { contact, action, devices: numbers, atMs }, contact.jid)
}
