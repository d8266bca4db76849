/** Logging out, word for word as Baileys does it. */
import { expect, test } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import type { Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'

async function removalIn(simulator: Simulator): Promise<BinaryNode> {
  return until('the removal', () => {
    const [asked] = simulator.trace
      .stanzas({ tag: 'iq', direction: 'client-to-server', xmlns: 'md', type: 'set' })
      .filter(
        ({ node, device }) => device?.includes(':1@') === true && JSON.stringify(node).includes('remove-'),
      )
    return asked?.node
  })
}

test('a client and Baileys ask for the same, and the phone lists neither afterwards', async () => {
  const asked: BinaryNode[] = []
  for (const party of ['waton', 'baileys'] as const) {
    const simulator = await startWorld(`logout ${party}`.length)
    const phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const device =
      party === 'waton' ? await linkedClient(simulator, phone) : await Baileys.link(simulator, phone)
    expect(phone.devices).toHaveLength(1)
    await device.logout()
    asked.push(await removalIn(simulator))
    await until('the phone to know', () => phone.devices.length === 0)
  }
  const [ours, theirs] = asked.map(({ tag, attrs: { id, ...attrs }, content }) => {
    expect(id).not.toBe('')
    return { tag, attrs, content }
  })
  expect(ours).toEqual(theirs)
})
