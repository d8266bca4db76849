/** Every kind of information bulletin: what it becomes, and what the server gets for it. */
import { describe, expect, test } from 'vitest'
import type { EphemeralEvents } from 'waton'
import { BULLETINS } from '../../src/client/receive/bulletins/registry.ts'
import { childrenOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { World, linkedClient } from './support.ts'

interface Case {
  readonly bulletin: BinaryNode
  /** What the server gets for it, by what is in the stanza. */
  readonly sent?: BinaryNode
  readonly event?: {
    [Name in keyof EphemeralEvents]: readonly [Name, EphemeralEvents[Name]]
  }[keyof EphemeralEvents]
}

const routing = node('routing_info', {}, Uint8Array.of(8, 1))

/** At least one for each kind: {@link BULLETINS} is walked below. */
const CASES: readonly Case[] = [
  { bulletin: node('offline_preview', { count: '1' }), sent: node('offline_batch', { count: '100' }) },
  {
    bulletin: node('offline', { count: '3' }),
    event: ['sync.offline', { received: 0, expected: 0, done: true }],
  },
  { bulletin: node('edge_routing', {}, [routing]) },
  {
    bulletin: node('dirty', { type: 'groups', timestamp: '1700000000' }),
    sent: node('clean', { type: 'groups', timestamp: '1700000000' }),
  },
  {
    bulletin: node('client_expiration', { t: '1700000000' }),
    event: ['connection.expiring', { expiresAtMs: 1_700_000_000_000 }],
  },
  { bulletin: node('downgrade_webclient') },
]

async function linked(
  name: string,
): Promise<{ world: World; client: Awaited<ReturnType<typeof linkedClient>> }> {
  const world = new World(name)
  const { alice } = await world.addPair()
  return { world, client: await linkedClient(world, alice) }
}

/** Whatever came before has been taken in when this is acknowledged. */
async function allTaken(world: World): Promise<void> {
  world.inject(node('notification', { id: 'LAST', from: '@s.whatsapp.net', type: 'psa' }))
  await until('the last ack', () => world.answersTo('LAST').length > 0)
}

describe('an information bulletin', () => {
  test('of every kind in the registry has a case here', () => {
    expect([...new Set(CASES.map(({ bulletin }) => bulletin.tag))].sort()).toEqual(
      [...BULLETINS.keys()].sort(),
    )
  })

  test.each(['novelty', 'toString', 'edge_routing'])(
    'that says nothing known, <%s>, is counted',
    async (tag) => {
      const { world, client } = await linked(`unknown ${tag}`)
      world.inject(node('ib', { from: '@s.whatsapp.net' }, [node(tag), node(tag)]))
      await allTaken(world)
      expect(client.unknowns()).toContainEqual({ what: 'stanza', name: `ib/${tag}`, count: 2 })
    },
  )

  test('that breaks its rules takes the others of its stanza with it, and nothing else', async () => {
    const { world, client } = await linked('broken bulletin')
    const expiring: object[] = []
    client.on('connection.expiring', (event) => {
      expiring.push(event)
    })
    const expiration = node('client_expiration', { t: '1700000000' })
    world.inject(node('ib', { from: '@s.whatsapp.net' }, [expiration, node('dirty')]))
    await allTaken(world)
    expect(expiring).toEqual([])
    world.inject(node('ib', { from: '@s.whatsapp.net' }, [expiration]))
    await until('the event', () => expiring.length > 0)
    expect(client.state).toBe('open')
  })

  test.each(CASES)('<$bulletin.tag> does what its kind does', async ({ bulletin, sent, event }) => {
    const { world, client } = await linked(bulletin.tag)
    const told: unknown[] = []
    if (event !== undefined)
      client.on(event[0], (payload: unknown) => {
        told.push(payload)
      })
    const before = world.sent().length
    world.inject(node('ib', { from: '@s.whatsapp.net' }, [bulletin]))
    await allTaken(world)
    if (event !== undefined) await until('the event', () => told.length > 0)
    expect(told).toEqual(event === undefined ? [] : [event[1]])
    const answers = (): readonly BinaryNode[] =>
      world
        .sent()
        .slice(before)
        .filter(({ tag }) => tag !== 'ack')
        .flatMap((stanza) => childrenOf(stanza))
        // the questions for the own devices and for app state, which follow a first login
        .filter(({ tag }) => tag !== 'usync' && tag !== 'sync')
    if (sent !== undefined) await until('what the server gets', () => answers().length > 0)
    expect(answers()).toEqual(sent === undefined ? [] : [sent])
    expect(client.unknowns()).toEqual([])
    expect(world.violations).toEqual([])
  })
})
