/**
 * Sessions that decode and that nothing can be encrypted in, as a damaged store may hold them: each is set aside with its
 * bytes and told of once, a new one is begun, and the message leaves. Nobody else waits for it.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import type { QuarantinedEvent } from 'waton/client'
import type { Store } from 'waton/persistence'
import { SESSION } from '../../src/client/state/records.ts'
import { signalAddress } from '../../src/protocol/jid.ts'
import { SessionRecord } from '../../src/protocol/signal/session-record.ts'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import { uint32Bytes } from '../../src/base/bytes.ts'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, FastClock, World, linkedClient, newClient, untilLogged } from './support.ts'

const CAROL = '15550000003@s.whatsapp.net'
const clock = new FastClock(20)

/** Whether somebody has answered in the session: otherwise there is nothing in it that could be broken this way. */
function isAnswered(value: Uint8Array): boolean {
  return SESSION.decode(value).current?.receiving[0] !== undefined
}

/** A record whose next message needs a ratchet step with a key that no agreement is possible with. */
function withoutWayOut(value: Uint8Array): Uint8Array {
  const { current, archived } = SESSION.decode(value)
  const newest = current?.receiving[0]
  if (current === undefined || newest === undefined) throw new Error('nobody has answered in this session')
  const broken = {
    ...current,
    sending: { ...current.sending, chainKey: undefined },
    receiving: [{ ...newest, ratchetKey: new Uint8Array(32) }],
  }
  return SESSION.encode(new SessionRecord(broken, archived))
}

/** Breaks sessions behind the back of a client that is closed. Returns what their records are now, by address. */
async function breakSessions(
  store: Store,
  which: (address: string) => boolean,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = await store.listRecords('default', 'session', undefined, 1000)
  const broken = rows
    .filter(({ key, value }) => which(key) && isAnswered(value))
    .map((row) => ({ ...row, value: withoutWayOut(row.value) }))
  const claim = await store.claim('default', { owner: 'a damaged disk', nowMs: 1, leaseMs: 60_000 })
  await store.commit(
    claim,
    broken.map((row) => ({ op: 'put-record', row })),
  )
  await claim.release()
  expect(broken.length).toBeGreaterThan(0)
  return new Map(broken.map(({ key, value }) => [key, value]))
}

/** Alice has written with Bob and with Carol, and her client is closed. */
async function scene(seed: string): Promise<{
  world: World
  store: MemoryStore
  bob: Awaited<ReturnType<World['addPhone']>>
  carol: Awaited<ReturnType<World['addPhone']>>
}> {
  const world = new World(seed)
  const { alice, bob } = await world.addPair()
  const carol = await world.addPhone('15550000003', 'Carol')
  const store = new MemoryStore()
  const client = await linkedClient(world, alice, { store, clock })
  for (const [phone, jid] of [
    [bob, BOB],
    [carol, CAROL],
  ] as const) {
    const sent = await client.send(jid, { text: 'hello' }, { id: `HELLO-${phone.name}` })
    await sent.delivered
    await untilLogged(client, (await phone.send(ALICE, { text: 'hello, too' })).id)
  }
  await client.close()
  return { world, store, bob, carol }
}

function nextClient(world: World, store: Store): { client: Client; reports: QuarantinedEvent[] } {
  const client = newClient(world, { store, clock })
  const reports: QuarantinedEvent[] = []
  client.on('store.quarantined', (event) => {
    reports.push(event)
  })
  return { client, reports }
}

async function addressOf(store: Store, jid: string): Promise<string> {
  const lid = await store.readRecord('default', 'lid-by-pn', jid.slice(0, jid.indexOf('@')))
  return lid === undefined ? signalAddress(jid) : `${Buffer.from(lid.subarray(1)).toString()}_1.0`
}

describe('a session that cannot be encrypted in', () => {
  test('is kept and told of once, and the message leaves in a new one', async () => {
    const { world, store, bob, carol } = await scene('one')
    const address = await addressOf(store, BOB)
    const broken = await breakSessions(store, (key) => key === address)
    const { client, reports } = nextClient(world, store)
    await client.connect()
    const [first, second] = [await client.send(BOB, { text: 'one' }), await client.send(BOB, { text: 'two' })]
    await (
      await client.send(CAROL, { text: 'for Carol' })
    ).acked
    await first.delivered
    await second.delivered
    await carol.waitForMessage(({ text }) => text === 'for Carol')
    const texts = bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
    expect(texts).toEqual(['hello', 'one', 'two'])
    expect(reports).toEqual([{ kind: 'session', id: address, code: 'WATON_SIGNAL_INVALID_KEY' }])
    expect(await store.readRecord('default', 'quarantine', `session/${address}`)).toEqual(
      Uint8Array.of(1, ...(broken.get(address) ?? [])),
    )
    await untilLogged(client, (await bob.send(ALICE, { text: 'read you' })).id)
    expect(world.violations).toEqual([])
  })

  test('of every device at once, own ones included, costs no message and no order', async () => {
    const { world, store, bob, carol } = await scene('all')
    const broken = await breakSessions(store, (key) => key !== '')
    const { client, reports } = nextClient(world, store)
    for (const text of ['one', 'two', 'three']) {
      await client.send(BOB, { text })
      await client.send(CAROL, { text })
    }
    await client.connect()
    for (const phone of [bob, carol]) {
      await phone.waitForMessage(({ text }) => text === 'three')
      expect(phone.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)).toEqual([
        'hello',
        'one',
        'two',
        'three',
      ])
    }
    expect(reports.map(({ id }) => id).toSorted()).toEqual([...broken.keys()].toSorted())
    expect(world.violations).toEqual([])
  })

  test('when a message is asked for again, makes way for a new one', async () => {
    const { world, store } = await scene('asked')
    const address = await addressOf(store, BOB)
    await breakSessions(store, (key) => key === address)
    const { client, reports } = nextClient(world, store)
    await client.connect()
    const registration = uint32Bytes(world.server.world.deviceOf(BOB)?.directory.keys?.registrationId ?? 1)
    const id = 'HELLO-Bob'
    world.inject(
      node('receipt', { id, from: BOB, type: 'retry', t: '1700000001' }, [
        node('retry', { count: 1, id, t: '1700000000', v: '1', error: '0' }),
        node('registration', {}, registration),
      ]),
    )
    const again = await until('the answer', () =>
      world
        .sent({ tag: 'message' })
        .find((sent) => sent.attrs.id === id && childOf(sent, 'enc') !== undefined),
    )
    expect(childOf(again, 'enc')?.attrs.type).toBe('pkmsg')
    expect(reports).toEqual([{ kind: 'session', id: address, code: 'WATON_SIGNAL_INVALID_KEY' }])
  })
})
