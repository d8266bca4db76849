/**
 * Devices that come and go, and a phone that is installed anew, with waton and an unmodified Baileys on the same server:
 * both must write to the devices that there are, and to no others.
 */
import { expect, test } from 'vitest'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'

const CAROL = '15550000003@s.whatsapp.net'

test('waton and Baileys both follow the devices of somebody else, and their new phone', async () => {
  const simulator = await startWorld(31)
  const [alice, bob, carol] = await Promise.all(
    ['Alice', 'Bob', 'Carol'].map((name, index) =>
      simulator.addPhone({ phoneNumber: `1555000000${String(index + 1)}`, name }),
    ),
  )
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('no phones')
  const waton = await linkedClient(simulator, alice)
  const baileys = await Baileys.link(simulator, bob)
  const read: string[] = []

  const both = async (text: string): Promise<void> => {
    await (
      await waton.send(CAROL, { text: `${text} of waton` })
    ).delivered
    await baileys.send(CAROL, `${text} of Baileys`)
    for (const who of ['waton', 'Baileys'])
      await carol.waitForMessage((message) => message.text === `${text} of ${who}`)
  }
  const isRead = (text: string): boolean =>
    ['waton', 'Baileys'].every((who) => read.includes(`${text} of ${who}`))

  /** Waits until both clients have answered so many notifications of a type. */
  const heard = async (type: string, times: number): Promise<void> => {
    for (const device of ['15550000001:1@s.whatsapp.net', '15550000002:1@s.whatsapp.net'])
      await until(`${device} to have heard`, () => {
        const acks = simulator.trace.stanzas({ tag: 'ack', direction: 'client-to-server', device })
        return acks.filter(({ node }) => node.attrs.type === type).length >= times
      })
  }

  await both('one device')
  const linked = await linkedClient(simulator, carol)
  linked.on('message', ({ payload: { content } }) => {
    if ('text' in content && typeof content.text === 'string') read.push(content.text)
  })
  await heard('devices', 1)
  await both('two devices')
  await until('the linked device to have both', () => isRead('two devices'))
  await carol.unlinkDevice(1)
  await heard('devices', 2)
  await both('one device again')

  await carol.reinstall()
  await heard('encrypt', 1)
  await both('new phone')
  await both('new phone again')
  expect(carol.undecryptable).toEqual([])
  expect(simulator.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
})
