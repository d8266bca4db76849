import { describe, expect, test } from 'vitest'
import type { ClientEvents } from 'waton'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, overWebSocket, startWorld } from '../helpers/world.ts'

describe.each(['a WebSocket', 'the socket in memory'])('a client linked over %s', (way) => {
  const isWebSocket = way === 'a WebSocket'

  test('links by QR code, opens, and knows who it is', async () => {
    const simulator = await startWorld(1)
    const phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const client = await linkedClient(simulator, phone, {
      endpoint: isWebSocket ? overWebSocket(simulator) : simulator.endpoint,
    })
    expect(client.state).toBe('open')
    expect(client.me).toMatchObject({ pn: '15550000001@s.whatsapp.net', deviceId: 1 })
    expect(client.me?.lid).toMatch(/@lid$/)
    expect(phone.devices).toHaveLength(1)
  })

  test('exchanges texts with another person, with receipts', async () => {
    const simulator = await startWorld(2)
    const { alice, bob } = await addPair(simulator)
    const client = await linkedClient(simulator, alice, {
      endpoint: isWebSocket ? overWebSocket(simulator) : simulator.endpoint,
    })
    const received: ClientEvents['message'][] = []
    client.on('message', (event) => {
      received.push(event)
    })

    const sent = await client.send('15550000002@s.whatsapp.net', { text: 'hello Bob' })
    await sent.acked
    const shown = await bob.waitForMessage((message) => message.text === 'hello Bob')
    expect(shown).toMatchObject({ id: sent.id, fromMe: false })
    await sent.delivered
    const onPhone = await alice.waitForMessage((message) => message.text === 'hello Bob')
    expect(onPhone.fromMe).toBe(true)

    const reply = await bob.send('15550000001@s.whatsapp.net', { text: 'hello Alice' })
    const event = await until('the reply', () => received.find(({ payload }) => payload.id === reply.id))
    expect(event.payload).toMatchObject({
      content: { text: 'hello Alice' },
      fromMe: false,
      origin: 'live',
      sender: { pn: '15550000002@s.whatsapp.net' },
    })
    await until('both ticks', () => bob.receiptsFor(reply.id).delivered)
  })
})
