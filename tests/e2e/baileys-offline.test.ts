/** What waits for a device reaches an unmodified Baileys, so that the queue is not only one that waton can empty. */
import { expect, test } from 'vitest'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

test(
  'Baileys takes in what waited for it, behind the first few stanzas and in order',
  { timeout: 180_000 },
  async () => {
    const simulator = await startWorld(31)
    const { alice, bob } = await addPair(simulator)
    const baileys = await Baileys.link(simulator, alice)
    await baileys.disconnect()
    const device = '15550000001:1@s.whatsapp.net'
    const texts = Array.from({ length: 20 }, (_none, index) => `text ${String(index)}`)
    for (const text of texts) await bob.send(alice.pn, { text })
    await until('the texts to wait', () => simulator.unanswered(device).length >= texts.length)
    await baileys.connect()
    await until('all answers', () => simulator.unanswered(device).length === 0)
    // it may sit on what it has for half a minute before it tells
    const got = (): readonly (string | undefined)[] =>
      baileys.messages.map(({ text }) => text).filter((text) => text?.startsWith('text '))
    await until('Baileys to tell', () => got().length >= texts.length, 90_000)
    expect(got()).toEqual(texts)
    const pulls = simulator.trace
      .stanzas({ direction: 'client-to-server', device, tag: 'ib' })
      .filter(({ node }) => JSON.stringify(node).includes('offline_batch'))
    // a Baileys that is slow asks again
    expect(pulls.length).toBeGreaterThan(0)
    expect(simulator.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
  },
)
