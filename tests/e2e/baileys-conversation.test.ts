/**
 * waton and an unmodified Baileys talk through the simulated server, each linked to its own phone. What one encrypts the
 * other decrypts; what one acknowledges the other understands. Neither knows what the other is.
 */
import { describe, expect, test } from 'vitest'
import type { ClientEvents } from 'waton'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'

describe('waton and Baileys', () => {
  test('exchange texts both ways, with each other and with the phones, receipts included', async () => {
    const simulator = await startWorld(11)
    const { alice: alicePhone, bob: bobPhone } = await addPair(simulator)
    const waton = await linkedClient(simulator, alicePhone)
    const baileys = await Baileys.link(simulator, bobPhone)
    const received: ClientEvents['message'][] = []
    const unreadable: ClientEvents['message.undecryptable'][] = []
    waton.on('message', (event) => {
      received.push(event)
    })
    waton.on('message.undecryptable', (event) => {
      unreadable.push(event)
    })

    for (let round = 1; round <= 5; round += 1) {
      const question = `question ${String(round)}`
      const sent = await waton.send(BOB, { text: question })
      const got = await baileys.waitForText(question)
      expect(got.key).toMatchObject({ id: sent.id, fromMe: false })
      await bobPhone.waitForMessage((message) => message.text === question)
      await alicePhone.waitForMessage((message) => message.text === question && message.fromMe)
      await sent.acked
      await sent.delivered

      const answer = await baileys.send(ALICE, `answer ${String(round)}`)
      const event = await until('the answer', () => received.find(({ payload }) => payload.id === answer.id))
      expect(event.payload).toMatchObject({
        content: { text: `answer ${String(round)}` },
        fromMe: false,
        sender: { pn: BOB },
      })
      await alicePhone.waitForMessage((message) => message.id === answer.id)
      await until('Baileys to see its answer delivered', () => baileys.statusOf(answer.id) >= 3)
    }

    const last = await waton.send(BOB, { text: 'read this' })
    await baileys.read(await baileys.waitForText('read this'))
    await last.read

    expect(unreadable).toEqual([])
    expect(baileys.messages.filter(({ messageStubType }) => messageStubType !== undefined)).toEqual([])
    expect(
      simulator.trace.stanzas({ tag: 'receipt' }).filter(({ node }) => node.attrs.type === 'retry'),
    ).toEqual([])
  })
})
