import { describe, expect, it } from 'vitest'
import type { Clock } from '../base/clock.ts'
import { node } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { seededRandom } from '../base/random.ts'
import { deliverStanza } from './deliver.ts'
import { Delivery } from './server/delivery.ts'
import { Trace } from './trace.ts'
import type { Device } from './world/device.ts'
import { World } from './world/world.ts'

/** Time that stands still: nothing here waits for a timer. */
const STILL: Clock = { nowMs: () => 1_700_000_000_000, schedule: () => ({ cancel: () => undefined }) }
const DEVICE = '15550000001:1@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'

const note = (id: string): BinaryNode => node('notification', { id, from: BOB, type: 'picture' })

function worldWithDevice(): { world: World; device: Device } {
  const world = new World(STILL, seededRandom('deliver'), new Trace(STILL))
  const account = world.createAccount('15550000001', 'Alice')
  const device = world.addDevice(account, {
    id: 1,
    keyIndex: 1,
    platform: 'chrome',
    deviceIdentity: undefined,
    noiseKey: undefined,
    linkedAtSeconds: 0,
  })
  return { world, device }
}

/** Connects the device; returns what it gets. */
function connect(device: Device): BinaryNode[] {
  const got: BinaryNode[] = []
  const delivery = new Delivery(device.mailbox, false, (stanza) => got.push(stanza))
  const nothing = (): void => undefined
  device.outlet = {
    deliver: (entry) => delivery.deliver(entry),
    sendTransient: (stanza) => got.push(stanza),
    replace: nothing,
    remove: nothing,
    endWith: nothing,
    cut: nothing,
    cutAfter: nothing,
  }
  delivery.activate()
  got.length = 0
  return got
}

describe('a stanza on request', () => {
  it.each(['15550000001@s.whatsapp.net', '15550000001:2@s.whatsapp.net', BOB, '1-2@g.us', ''])(
    'is refused for "%s", which is no linked device',
    (jid) => {
      const { world } = worldWithDevice()
      expect(() => deliverStanza(world, jid, note('1'))).toThrow(/linked device|jid/i)
    },
  )

  it('is refused when it is no stanza, or is to be kept in a way that does not exist', () => {
    const { world } = worldWithDevice()
    expect(() => deliverStanza(world, DEVICE, 'ping' as unknown as BinaryNode)).toThrow(/stanza/)
    expect(() => deliverStanza(world, DEVICE, note('1'), { keep: 'for ever' as 'now' })).toThrow(/keep/)
  })

  it('goes out at once as it is when the device is there, and stays until it was answered', () => {
    const { world, device } = worldWithDevice()
    const got = connect(device)
    expect(deliverStanza(world, DEVICE, note('1'))).toBe('sent')
    expect(got).toEqual([note('1')])
    expect(device.mailbox.size).toBe(1)
    expect(device.mailbox.clearByAck({ class: 'notification', id: '1', to: BOB, type: 'picture' })).toBe(
      'cleared',
    )
  })

  it('waits for a device that is away, behind what waits already', () => {
    const { world, device } = worldWithDevice()
    expect(deliverStanza(world, DEVICE, note('1'))).toBe('waiting')
    expect(deliverStanza(world, DEVICE, note('2'))).toBe('waiting')
    expect(device.mailbox.after(0).map(({ stanza }) => stanza.attrs['id'])).toEqual(['1', '2'])
  })

  it('is written one time when it is to be kept for that only', () => {
    const { world, device } = worldWithDevice()
    expect(deliverStanza(world, DEVICE, note('1'), { keep: 'once' })).toBe('waiting')
    connect(device)
    expect(device.mailbox.size).toBe(0)
  })

  it('is lost without the device when nobody answers its class', () => {
    const { world, device } = worldWithDevice()
    const presence = node('presence', { from: BOB })
    expect(deliverStanza(world, DEVICE, presence)).toBe('lost')
    const got = connect(device)
    expect(deliverStanza(world, DEVICE, presence)).toBe('sent')
    expect(got).toEqual([presence])
    expect(device.mailbox.size).toBe(0)
  })

  it('needs a receipt of the sender when it is a copy of what another own device sent', () => {
    const { world, device } = worldWithDevice()
    const copy = node('message', {
      id: 'M',
      from: '15550000001@s.whatsapp.net',
      recipient: BOB,
      type: 'text',
    })
    deliverStanza(world, DEVICE, copy)
    expect(device.mailbox.after(0)[0]?.clearedBy).toBe('sender-receipt')
    deliverStanza(world, DEVICE, { ...copy, attrs: { ...copy.attrs, category: 'peer' } })
    expect(device.mailbox.after(0)[1]?.clearedBy).toBe('receipt')
  })
})
