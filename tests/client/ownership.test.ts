/** One owner (promise G6): the second one never opens a socket, and the first one stops when it has lost the account. */
import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { CloseReason } from 'waton/client'
import { openSqlite } from 'waton/sqlite'
import { until } from '../helpers/until.ts'
import { ALICE, BOB, DEVICE, World, linkedClient, newClient, settle, uncaught } from './support.ts'

/** Short enough for a test to wait for its renewals. */
const LEASE_MS = 150

/** Takes the account away, as another host does when the lease has run out. */
async function steal(store: MemoryStore): Promise<void> {
  await store.claim('default', { owner: 'thief', nowMs: Number.MAX_SAFE_INTEGER - 1e6, leaseMs: 1 })
}

function reasonsOf(client: Client): CloseReason[] {
  const reasons: CloseReason[] = []
  client.on('connection.closed', (reason) => {
    reasons.push(reason)
  })
  return reasons
}

describe('a second client on the same account', () => {
  test('is refused by whatever it tries first, and opens no socket', async () => {
    const world = new World('second')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    await linkedClient(world, alice, { store })
    const { sockets } = world
    const owned = { code: 'WATON_STORE_OWNED' }
    const second = newClient(world, { store })
    await expect(second.connect()).rejects.toMatchObject(owned)
    await expect(second.send(BOB, { text: 'mine' })).rejects.toMatchObject(owned)
    await expect(second.consume('all', () => undefined)).rejects.toMatchObject(owned)
    await expect(second.outbox.get('X')).rejects.toMatchObject(owned)
    await expect(second.events.read()[Symbol.asyncIterator]().next()).rejects.toMatchObject(owned)
    expect(second.state).toBe('idle')
    expect(world.sockets).toBe(sockets)
  })

  test('has it as soon as the first one has closed', async () => {
    const world = new World('handover')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const first = await linkedClient(world, alice, { store })
    const second = newClient(world, { store })
    await expect(second.connect()).rejects.toMatchObject({ code: 'WATON_STORE_OWNED' })
    await first.close()
    await second.connect()
    const sent = await second.send(BOB, { text: 'hello' })
    await sent.acked
    await bob.waitForMessage(({ text }) => text === 'hello')
  })

  test('on another account of the same store is nobody else', async () => {
    const world = new World('accounts')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    await linkedClient(world, alice, { store, account: 'alice' })
    await linkedClient(world, bob, { store, account: 'bob' })
    expect(await store.listAccounts()).toEqual(['alice', 'bob'])
  })
})

describe('a second process', () => {
  test('sends not one byte, not even a TCP handshake', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waton-owner-'))
    const database = join(folder, 'account.db')
    const store = await openSqlite(database)
    await store.claim('default', { owner: 'the first process', nowMs: Date.now(), leaseMs: 60_000 })
    let connections = 0
    const server = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    onTestFinished(async () => {
      server.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    })
    const rootKey = Buffer.alloc(32, 1).toString('base64')
    const plan = (steps: readonly string[]): string =>
      JSON.stringify({ database, endpoint: { url: `ws://127.0.0.1:${String(port)}`, rootKey }, steps })
    const program = fileURLToPath(new URL('child.mjs', import.meta.url))
    const said: unknown[] = []
    const child = fork(program, [plan(['connect', 'send', 'close', 'closeStore'])], { execArgv: [] })
    child.on('message', (message) => said.push(message))
    await new Promise((resolve) => child.once('exit', resolve))
    expect(said).toMatchObject([
      { event: 'failed', code: 'WATON_STORE_OWNED', details: { owner: 'the first process' } },
      { event: 'failed', code: 'WATON_STORE_OWNED' },
      { event: 'done' },
      { event: 'done' },
    ])
    expect(connections).toBe(0)
    // the same process, without the first one, does knock: the count above means something
    await store.close()
    const alone = fork(program, [plan(['connect'])], { execArgv: [] })
    onTestFinished(() => {
      alone.kill('SIGKILL')
    })
    await until('a connection', () => connections > 0)
  })
})

describe('a client that has lost its account', () => {
  test('closes its connection and does not come back', async () => {
    const errors = uncaught()
    const world = new World('lost while open')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store, timing: { leaseMs: LEASE_MS } })
    const reasons = reasonsOf(client)
    const { sockets } = world
    await steal(store)
    await until('the client to notice', () => client.state === 'closed')
    expect(reasons).toMatchObject([{ reason: 'ownership-lost', retrying: false, action: 'check-store' }])
    await expect(client.connect()).rejects.toMatchObject({
      code: 'WATON_CLIENT_CLOSED',
      details: { reason: 'ownership-lost' },
    })
    expect(world.sockets).toBe(sockets)
    expect(world.device().isOnline).toBe(false)
    await client.close()
    expect(errors).toEqual([])
  })

  test('between two connections does not open the next one', async () => {
    const world = new World('lost while waiting')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store, timing: { leaseMs: LEASE_MS } })
    const { sockets } = world
    world.server.faults.disconnect(DEVICE)
    await until('the client to wait', () => client.state === 'waiting')
    await steal(store)
    await until('the client to notice', () => client.state === 'closed')
    expect(world.sockets).toBe(sockets)
  })

  test('in the middle of a handshake gives it up', async () => {
    const store = new MemoryStore()
    let closed = 0
    const socket = {
      send: () => undefined,
      close: () => {
        closed += 1
      },
      bufferedBytes: 0,
      onData: undefined,
      onClose: undefined,
    }
    const client = new Client({
      store,
      endpoint: { url: 'ws://127.0.0.1:1/ws/chat', connect: () => Promise.resolve(socket) },
      timing: { leaseMs: LEASE_MS },
    })
    onTestFinished(() => client.close())
    const connecting = client.connect()
    connecting.catch(() => undefined)
    await until('the handshake', () => client.state === 'handshaking')
    await steal(store)
    await expect(connecting).rejects.toMatchObject({ details: { reason: 'ownership-lost' } })
    expect(closed).toBe(1)
  })

  test('learns of it by a refused commit, and answers nothing', async () => {
    const world = new World('fenced')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    const seen: string[] = []
    const consuming = client.consume('all', (event) => {
      seen.push(event.type)
    })
    await settle()
    await steal(store)
    const { id } = await bob.send(ALICE, { text: 'for the thief' })
    await until('the client to notice', () => client.state === 'closed')
    await consuming
    await settle()
    expect(world.answersTo(id)).toEqual([])
    expect(seen).toEqual([])
    await expect(client.send(BOB, { text: 'late' })).rejects.toMatchObject({ code: 'WATON_STORE_FENCED' })
  })
})
