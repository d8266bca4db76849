/** Who has to hear of something: the devices of an account's contacts, and the announcements made to them. */
import { devicesChanged } from '../stanza/notification.ts'
import type { Account } from '../world/account.ts'
import type { Device } from '../world/device.ts'
import type { World } from '../world/world.ts'
import { deviceHash } from './device-hash.ts'

/** Every device of everybody who wrote with the account. */
export function contactDevices(world: World, account: Account): readonly Device[] {
  return account.contactNumbers.flatMap(
    (phoneNumber) => world.accountOf(phoneNumber)?.devicesExcept(-1) ?? [],
  )
}

/** Tells the account's other devices and its contacts that a device was linked or removed. */
export function announceDevice(
  world: World,
  account: Account,
  device: Device,
  action: 'add' | 'remove',
): void {
  const { id, facts } = device
  const lid = world.shownLid(account)
  const hasLid = lid !== undefined
  const change = {
    action,
    from: account.jid('pn'),
    lid,
    device: {
      jid: account.jid('pn', id),
      lid: hasLid ? account.jid('lid', id) : undefined,
      keyIndex: facts.keyIndex,
    },
    hash: deviceHash(account, 'pn'),
    lidHash: hasLid ? deviceHash(account, 'lid') : undefined,
    keyIndexList: account.keyIndexList,
    nowSeconds: world.nowSeconds(),
  }
  for (const other of [...account.devicesExcept(id), ...contactDevices(world, account)]) {
    world.post(other, devicesChanged({ ...change, id: world.nextStanzaId() }), 'ack')
  }
}

/** Takes a device away from its account: it is thrown off and everybody is told. */
export function removeDevice(world: World, account: Account, device: Device): void {
  account.devices.delete(device.id)
  device.mailbox.clear()
  device.outlet?.remove()
  announceDevice(world, account, device, 'remove')
}
