/** Linking: what a client believes, what it refuses and with which words, and that codes go on being shown until then. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientEvents } from 'waton'
import { CrashStore, VirtualClock, faultyStore, writeFault } from 'waton/testing'
import { toBase64 } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { CREDENTIALS, SELF } from '../../src/client/state/records.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { until } from '../helpers/until.ts'
import { FastClock, World, linkedClient, newClient, scriptedServer, settle, uncaught } from './support.ts'
import type { ScriptedServer } from './support.ts'

describe('a forged approval', () => {
  test.each([
    ['hmac', { code: '401', text: 'hmac-mismatch' }, 'WATON_PAIRING_HMAC'],
    ['account-signature', { code: '401', text: 'signature-mismatch' }, 'WATON_PAIRING_SIGNATURE'],
    ['account-key', { code: '401', text: 'signature-mismatch' }, 'WATON_PAIRING_SIGNATURE'],
    ['incomplete', { code: '500', text: 'internal-error' }, 'WATON_PAIRING_IDENTITY'],
    ['primary', { code: '500', text: 'internal-error' }, 'WATON_PAIRING_ACCOUNT'],
  ] as const)(
    '(%s) is refused with its code, told to the user, leaves no trace, and an honest one works after it',
    async (forge, words, code) => {
      const world = new World(`forge ${forge}`)
      const { alice } = await world.addPair()
      const store = new MemoryStore()
      const client = newClient(world, { store })
      const qrs: string[] = []
      client.on('pairing.qr', ({ qr }) => {
        qrs.push(qr)
      })
      const failures: unknown[] = []
      client.on('pairing.failed', (event) => {
        failures.push(event.code)
      })
      const opened = client.connect()
      const first = await until('a code', () => qrs[0])
      const before = await store.readRecord('default', 'credentials', 'self')
      const refusal = { code: 'WATON_SIMULATOR_PAIRING_REFUSED', details: words }
      await expect(alice.linkDevice(first, { forge })).rejects.toMatchObject(refusal)
      expect(client.me).toBeUndefined()
      expect(failures).toEqual([code])
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
    const clock = new VirtualClock()
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
    const clock = new VirtualClock()
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

/** The part of a QR code that stands for the secret, and the one that names the socket. */
function partsOf(qr: string | undefined): { readonly ref: string; readonly secret: string } {
  const [, rest = ''] = (qr ?? '').split('#')
  const [ref = '', , , secret = ''] = rest.split(',')
  return { ref, secret }
}

async function storedSecret(store: MemoryStore): Promise<string> {
  const record = await store.readRecord('default', 'credentials', SELF)
  return toBase64(CREDENTIALS.decode(record ?? new Uint8Array()).advSecret)
}

describe('codes that nobody scans', () => {
  test('end the client after ten rounds, with a reason; what the user does in between starts the count anew', async () => {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, offering(1))
    const timing = { keepAliveMs: 1e9, qrMs: [1_000, 1_000] as const }
    const client = new Client({ store: new MemoryStore(), endpoint: server.endpoint, clock, timing })
    onTestFinished(() => client.close())
    const reasons: ClientEvents['connection.closed'][] = []
    client.on('connection.closed', (reason) => {
      reasons.push(reason)
    })
    const ended = client.connect().catch((error: unknown) => error)
    await until('five rounds', async () => {
      await clock.advanceAndSettle(1_000)
      return reasons.length === 5
    })
    void client.requestPairingCode('15550000001').catch(() => undefined)
    for (let second = 0; second < 3_600 && client.state !== 'closed'; second += 1)
      await clock.advanceAndSettle(1_000)
    expect(client.state).toBe('closed')
    expect(await ended).toMatchObject({ code: 'WATON_CLIENT_CLOSED', details: { reason: 'qr-expired' } })
    expect(reasons.every(({ reason }) => reason === 'qr-expired')).toBe(true)
    expect(reasons.map(({ retrying }) => retrying).lastIndexOf(true)).toBe(reasons.length - 2)
    expect(reasons).toHaveLength(15)
  })

  test('cannot be scanned any more, and the next one can', async () => {
    const world = new World('expired')
    const { alice } = await world.addPair()
    const clock = new FastClock(200)
    const client = newClient(world, {
      clock,
      timing: {
        leaseMs: 1e8,
        queryTimeoutMs: 1e7,
        keepAliveMs: 1e7,
        pongTimeoutMs: 1e7,
        connectTimeoutMs: 1e7,
      },
    })
    const qrs: string[] = []
    client.on('pairing.qr', ({ qr }) => {
      qrs.push(qr)
    })
    const opened = client.connect()
    const old = await until('a code', () => qrs[0])
    expect(world.server.faults.expireQrCodes()).toBe(1)
    await expect(alice.linkDevice(old)).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_EXPIRED' })
    const { ref } = partsOf(old)
    const fresh = await until('a code of the next connection', () =>
      world.sockets > 1 && partsOf(qrs.at(-1)).ref !== ref ? qrs.at(-1) : undefined,
    )
    await alice.linkDevice(fresh)
    await opened
    expect(world.violations).toEqual([])
  })
})

describe('a new secret that the server asks for', () => {
  test.each(['companion_reg_refresh', 'pair-device-rotate-qr'] as const)(
    '(%s) is stored, acknowledged, and shown with the same ref; only it links',
    async (child) => {
      const world = new World(`refresh ${child}`)
      const { alice } = await world.addPair()
      const store = new MemoryStore()
      const client = newClient(world, { store })
      const qrs: string[] = []
      client.on('pairing.qr', ({ qr }) => {
        qrs.push(qr)
      })
      const opened = client.connect()
      const first = await until('a code', () => qrs[0])
      expect(world.server.faults.refreshCompanions(child)).toBe(1)
      const second = await until('the code again', () => qrs[1])
      expect(partsOf(second).ref).toBe(partsOf(first).ref)
      expect(partsOf(second).secret).not.toBe(partsOf(first).secret)
      expect(await storedSecret(store)).toBe(partsOf(second).secret)
      const acks = world.server.trace.stanzas({ direction: 'client-to-server', tag: 'ack' })
      expect(acks.map(({ node: { attrs } }) => attrs.type)).toEqual(['companion_reg_refresh'])
      await expect(alice.linkDevice(first)).rejects.toMatchObject({ details: { text: 'hmac-mismatch' } })
      const third = await until('a code after the refusal', () =>
        qrs.find((qr) => partsOf(qr).ref !== partsOf(first).ref),
      )
      await alice.linkDevice(third)
      await opened
      expect(world.violations).toEqual([])
    },
  )

  test('waits while a phone that typed a code decides, and comes when it has not linked', async () => {
    const world = new World('refresh and code')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const clock = new FastClock(100)
    const client = newClient(world, {
      store,
      clock,
      timing: {
        leaseMs: 1e8,
        queryTimeoutMs: 1e7,
        keepAliveMs: 1e7,
        pongTimeoutMs: 1e7,
        connectTimeoutMs: 1e7,
        qrMs: [1e7, 1e7],
      },
    })
    const failures: string[] = []
    client.on('pairing.failed', ({ code }) => {
      failures.push(code)
    })
    client.connect().catch(() => undefined)
    await client.requestPairingCode('15550000001', { code: '1234ABCD' })
    const before = await storedSecret(store)
    await expect(alice.linkDeviceByCode('1234ABCE')).rejects.toMatchObject({
      code: 'WATON_PHONE_LINK_CODE_WRONG',
    })
    const agreed = await until('the secret of the code', async () => {
      const secret = await storedSecret(store)
      return secret !== before ? secret : undefined
    })
    world.server.faults.refreshCompanions()
    await until('the ack', () =>
      world.server.trace
        .stanzas({ direction: 'client-to-server', tag: 'ack' })
        .some(({ node: { attrs } }) => attrs.type === 'companion_reg_refresh'),
    )
    expect(await storedSecret(store)).toBe(agreed)
    await until('the new secret', async () => (await storedSecret(store)) !== agreed)
    expect(failures).toEqual(['WATON_PAIRING_CODE_UNANSWERED'])
  })
})

describe('a server that would like to know a typed code', () => {
  const registration = (attrs: Record<string, string>, children: BinaryNode[]): BinaryNode =>
    node('link_code_companion_reg', attrs, children)
  const ref = node('link_code_pairing_ref', {}, Uint8Array.of(7, 7, 7))
  const notice = (id: string, type: string, child: BinaryNode): BinaryNode =>
    node('notification', { from: '@s.whatsapp.net', id, t: '1700000000', type }, [child])

  /** What a phone answers that has entered some code: without the right one its key is another. */
  function guess(number: number): BinaryNode {
    const random = seededRandom(`guess ${String(number)}`)
    const keys = [
      node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, random.bytes(80)),
      node('primary_identity_pub', {}, generateKeyPair(random).publicKey),
    ]
    const answer = registration({ stage: 'primary_hello' }, [...keys, ref])
    return notice(`guess${String(number)}`, 'link_code_companion_reg', answer)
  }

  /** A client whose code was announced to such a server, and what it has said of the phone's answers. */
  async function announced(): Promise<{
    server: ScriptedServer
    clock: VirtualClock
    failures: string[]
    /** Answers that the client has let a phone have. */
    finished: () => number
  }> {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, offering(30), (channel, stanza) => {
      if (stanza.tag !== 'iq' || stanza.attrs.xmlns !== 'md' || stanza.attrs.type !== 'set') return
      const { id } = stanza.attrs
      const hello = registration({ stage: 'companion_hello' }, [ref])
      channel.write(node('iq', { from: '@s.whatsapp.net', type: 'result', id }, [hello]))
    })
    const store = new MemoryStore()
    const client = new Client({ store, endpoint: server.endpoint, clock, timing: { keepAliveMs: 1e9 } })
    onTestFinished(() => client.close())
    const failures: string[] = []
    client.on('pairing.failed', ({ code }) => {
      failures.push(code)
    })
    client.connect().catch(() => undefined)
    await client.requestPairingCode('15550000001')
    const finished = (): number =>
      server.stanzas.filter((stanza) => JSON.stringify(stanza).includes('companion_finish')).length
    return { server, clock, failures, finished }
  }

  test('gets five answers for it, and then no more', async () => {
    const { server, failures, finished } = await announced()
    for (let number = 1; number <= 7; number += 1) {
      server.channels[0]?.write(guess(number))
      const isTaken = (): boolean => finished() + failures.length === number
      await until(`what becomes of guess ${String(number)}`, isTaken)
    }
    expect(finished()).toBe(5)
    expect(failures).toEqual(['WATON_PAIRING_CODE_UNKNOWN', 'WATON_PAIRING_CODE_UNKNOWN'])
    // each is acknowledged all the same, so that none comes again
    const acks = server.stanzas.filter(({ tag }) => tag === 'ack').map(({ attrs }) => attrs.id)
    expect(acks).toEqual(Array.from({ length: 7 }, (_, index) => `guess${String(index + 1)}`))
  })

  test('gets none when its time is over', async () => {
    const { server, clock, failures, finished } = await announced()
    clock.advance(180_000)
    server.channels[0]?.write(guess(1))
    await until('the refusal', () => failures[0])
    expect([failures, finished()]).toEqual([['WATON_PAIRING_CODE_UNKNOWN'], 0])
  })

  test('cannot fill the memory with what it tells a device that is being linked', async () => {
    const clock = new VirtualClock()
    const store = new CrashStore(new MemoryStore())
    const server = scriptedServer(clock, (channel) => {
      for (let number = 0; number < 33; number += 1)
        channel.write(notice(`n${String(number)}`, 'companion_reg_refresh', node('companion_reg_refresh')))
    })
    const client = new Client({ store, endpoint: server.endpoint, clock, timing: { keepAliveMs: 1e9 } })
    onTestFinished(() => client.close())
    client.on('connection.state', ({ state }) => {
      if (state === 'pairing') store.hold()
    })
    client.connect().catch(() => undefined)
    await until('the end of the connection', () => server.closed > 0)
    expect(server.stanzas.filter(({ tag }) => tag === 'ack')).toEqual([])
    await store.letThrough()
  })
})

describe('a passkey', () => {
  test.each(['request', 'continuation'] as const)(
    'that the server asks for (%s) is told and acknowledged, the connection stays, and linking without it works',
    async (step) => {
      const world = new World(`passkey ${step}`)
      const { alice } = await world.addPair()
      const client = newClient(world)
      const qrs: string[] = []
      client.on('pairing.qr', ({ qr }) => {
        qrs.push(qr)
      })
      const demands: ClientEvents['pairing.passkey'][] = []
      client.on('pairing.passkey', (event) => {
        demands.push(event)
      })
      const opened = client.connect()
      const qr = await until('a code', () => qrs[0])
      world.server.faults.demandPasskey('15550000001', step)
      await expect(alice.linkDevice(qr)).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PASSKEY' })
      const demand = await until('the event', () => demands[0])
      expect(demand).toMatchObject({ step, message: expect.stringMatching(/passkey/) as string })
      const type = step === 'request' ? 'passkey_prologue_request' : 'crsc_continuation'
      const acks = world.server.trace.stanzas({ direction: 'client-to-server', tag: 'ack' })
      expect(acks.map(({ node: { attrs } }) => attrs.type)).toEqual([type])
      expect(client.me).toBeUndefined()
      await alice.linkDevice(qr)
      await opened
      expect(world.sockets).toBe(2)
      expect(world.violations).toEqual([])
    },
  )

  test('keeps the connection for five minutes, also when every code has been shown', async () => {
    const clock = new VirtualClock()
    const notice = { from: '@s.whatsapp.net', id: 'p1', t: '1700000000', type: 'passkey_prologue_request' }
    const server = scriptedServer(clock, (channel, connection) => {
      offering(1)(channel, connection)
      if (connection === 1)
        channel.write(node('notification', notice, [node('passkey_request_options', {}, '{}')]))
    })
    const client = new Client({
      store: new MemoryStore(),
      endpoint: server.endpoint,
      clock,
      timing: { keepAliveMs: 1e9 },
    })
    onTestFinished(() => client.close())
    const demands: ClientEvents['pairing.passkey'][] = []
    client.on('pairing.passkey', (event) => {
      demands.push(event)
    })
    client.connect().catch(() => undefined)
    const demand = await until('the event', () => demands[0])
    expect(demand.expiresAtMs).toBe(clock.nowMs() + 300_000)
    await clock.advanceAndSettle(299_000)
    expect(server.channels).toHaveLength(1)
    await clock.advanceAndSettle(2_000)
    expect(server.channels).toHaveLength(2)
  })
})

describe('a request about linking', () => {
  const md = (id: string, child: BinaryNode, more: Record<string, string> = {}): BinaryNode =>
    node('iq', { from: '@s.whatsapp.net', id, type: 'set', xmlns: 'md', ...more }, [child])

  test.each([
    ['that nobody knows', md('u1', node('pair-telepathy')), '501'],
    ['to show a code without a ref', md('u2', node('pair-device')), '400'],
    ['to accept an approval without an identity', md('u3', node('pair-success')), '500'],
  ])('%s is answered with an error, and codes go on', async (_, request, errorCode) => {
    const clock = new VirtualClock()
    const server = scriptedServer(clock, (channel, connection) => {
      channel.write(request)
      offering(1)(channel, connection)
    })
    const client = new Client({ store: new MemoryStore(), endpoint: server.endpoint, clock })
    onTestFinished(() => client.close())
    const qrs = qrsOf(client)
    client.connect().catch(() => undefined)
    await until('a code', () => qrs[0])
    await until('the answer', () => server.stanzas.find(({ attrs }) => attrs.id === request.attrs.id))
    const [answer] = server.stanzas
    expect(answer?.attrs).toEqual({ to: '@s.whatsapp.net', type: 'error', id: request.attrs.id })
    expect(answer?.content).toMatchObject([{ tag: 'error', attrs: { code: errorCode } }])
    expect(server.channels).toHaveLength(1)
  })

  test('of a client that has its account is refused, and its account stays', async () => {
    const world = new World('linked already')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const { me } = client
    const failures: unknown[] = []
    client.on('pairing.failed', (event) => {
      failures.push(event)
    })
    const first = world.server.trace
      .stanzas({ direction: 'server-to-client', tag: 'iq' })
      .find(({ node: stanza }) => JSON.stringify(stanza).includes('pair-success'))
    if (first === undefined) throw new Error('the trace has no approval')
    world.inject({ ...first.node, attrs: { ...first.node.attrs, id: 'again' } })
    world.inject(md('codes', node('pair-device', {}, [node('ref', {}, new TextEncoder().encode('2@ref'))])))
    for (const id of ['again', 'codes']) {
      const answer = await until(`the answer to ${id}`, () =>
        world.sent({ tag: 'iq' }).find(({ attrs }) => attrs.id === id),
      )
      expect(answer.content).toMatchObject([{ tag: 'error', attrs: { code: '409', text: 'conflict' } }])
    }
    expect(client.me).toEqual(me)
    expect(failures).toEqual([])
    const { delivered } = await client.send(bob.pn, { text: 'still here' })
    await delivered
  })
})

test('an account that a provider hosts is linked under the addresses of its person, and writes', async () => {
  const world = new World('hosted')
  const { alice, bob } = await world.addPair()
  const client = newClient(world)
  client.once('pairing.qr', async ({ qr }) => {
    await alice.linkDevice(qr, { hosted: true })
  })
  await client.connect()
  expect(
    JSON.stringify(world.server.trace.stanzas({ tag: 'iq' }).map(({ node: stanza }) => stanza)),
  ).toContain('15550000001:1@hosted')
  expect(client.me).toMatchObject({ pn: alice.pn, lid: alice.lid, deviceId: 1 })
  const sent = await client.send(bob.pn, { text: 'hosted hello' })
  await sent.delivered
  await bob.waitForMessage(({ text }) => text === 'hosted hello')
  expect(world.violations).toEqual([])
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
