/** Linking: what a client believes, what it refuses and with which words, and that codes go on being shown until then. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import { ManualClock, faultyStore, writeFault } from 'waton/testing'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { World, newClient, scriptedServer, settle, uncaught } from './support.ts'

describe('a forged approval', () => {
  test.each([
    ['hmac', { code: '401', text: 'hmac-mismatch' }],
    ['account-signature', { code: '401', text: 'signature-mismatch' }],
    ['account-key', { code: '401', text: 'signature-mismatch' }],
  ] as const)(
    '(%s) is refused with its code, leaves no trace, and an honest one works after it',
    async (forge, words) => {
      const world = new World(`forge ${forge}`)
      const { alice } = await world.addPair()
      const store = new MemoryStore()
      const client = newClient(world, { store })
      const qrs: string[] = []
      client.on('pairing.qr', ({ qr }) => {
        qrs.push(qr)
      })
      const opened = client.connect()
      const first = await until('a code', () => qrs[0])
      const before = await store.readRecord('default', 'credentials', 'self')
      const refusal = { code: 'WATON_SIMULATOR_PAIRING_REFUSED', details: words }
      await expect(alice.linkDevice(first, { forge })).rejects.toMatchObject(refusal)
      expect(client.me).toBeUndefined()
      expect(await store.readRecord('default', 'credentials', 'self')).toEqual(before)
      const second = await until('another code', () => qrs.find((qr) => qr !== first))
      await alice.linkDevice(second)
      await opened
      expect(client.me).toMatchObject({ pn: alice.pn })
      expect(world.violations).toEqual([])
    },
  )
})

/** A server that offers codes and never hears of a phone. */
function offering(
  count: number,
  times = 1,
): (channel: { write: (stanza: BinaryNode) => void }, connection: number) => void {
  return (channel, connection) => {
    const refs = Array.from({ length: count }, (_, index) =>
      node('ref', {}, new TextEncoder().encode(`2@ref-${String(connection)}-${String(index)}`)),
    )
    const offer = node(
      'iq',
      { from: '@s.whatsapp.net', id: `offer${String(connection)}`, type: 'set', xmlns: 'md' },
      [node('pair-device', {}, refs)],
    )
    for (let time = 0; time < times; time += 1) channel.write(offer)
  }
}

function qrsOf(client: Client): string[] {
  const qrs: string[] = []
  client.on('pairing.qr', ({ qr }) => {
    qrs.push(qr.split('ref-')[1]?.split(',')[0] ?? qr)
  })
  return qrs
}

describe('codes', () => {
  test('are shown one after the other, the first for longer, and then new ones are fetched at once', async () => {
    const clock = new ManualClock()
    const server = scriptedServer(clock, offering(3), (channel, stanza) => {
      if (stanza.attrs.xmlns === 'w:p')
        channel.write(node('iq', { type: 'result', id: stanza.attrs.id, from: '@s.whatsapp.net' }))
    })
    const client = new Client({ store: new MemoryStore(), endpoint: server.endpoint, clock })
    onTestFinished(() => client.close())
    const qrs = qrsOf(client)
    client.connect().catch(() => undefined)
    await until('a code', () => qrs[0])
    await clock.advanceAndSettle(59_000)
    expect(qrs).toEqual(['1-0'])
    expect(server.stanzas[0]).toMatchObject({ tag: 'iq', attrs: { type: 'result', id: 'offer1' } })
    await clock.advanceAndSettle(2_000)
    expect(qrs).toEqual(['1-0', '1-1'])
    await clock.advanceAndSettle(20_000)
    expect(qrs).toEqual(['1-0', '1-1', '1-2'])
    await clock.advanceAndSettle(20_000)
    expect(qrs).toEqual(['1-0', '1-1', '1-2', '2-0'])
    await client.close()
    expect(clock.pending).toBe(0)
  })

  test('offered twice are one row of codes, not two', async () => {
    const clock = new ManualClock()
    const server = scriptedServer(clock, offering(3, 2))
    const client = new Client({
      store: new MemoryStore(),
      endpoint: server.endpoint,
      clock,
      timing: { keepAliveMs: 1e9 },
    })
    onTestFinished(() => client.close())
    const qrs = qrsOf(client)
    client.connect().catch(() => undefined)
    await until('both offers', () => qrs[1])
    await clock.advanceAndSettle(61_000)
    expect(qrs).toEqual(['1-0', '1-0', '1-1'])
    await client.close()
    expect(clock.pending).toBe(0)
  })
})

describe('a client that cannot write', () => {
  test('while it is linked stays unlinked, and is linked by the next code', async () => {
    const errors = uncaught()
    const world = new World('full disk')
    const { alice } = await world.addPair()
    let isFull = false
    const store = faultyStore(new MemoryStore(), {
      commit: () => (isFull ? { error: writeFault() } : undefined),
    })
    const client = newClient(world, { store })
    const qrs: string[] = []
    client.on('pairing.qr', ({ qr }) => {
      qrs.push(qr)
    })
    const opened = client.connect()
    const first = await until('a code', () => qrs[0])
    isFull = true
    await expect(alice.linkDevice(first)).rejects.toMatchObject({
      code: expect.stringMatching(/^WATON_SIMULATOR/) as string,
    })
    expect(client.me).toBeUndefined()
    isFull = false
    const second = await until('another code', () => qrs.find((qr) => qr !== first))
    await alice.linkDevice(second)
    await opened
    await settle()
    expect(client.me).toMatchObject({ pn: alice.pn })
    expect(errors).toEqual([])
  })
})
