/**
 * Where Baileys spends a key twice, begins sessions that it does not need, or does not send again what it was asked for, and
 * waton does otherwise. Rows W3, W4, W5 and W20 to W24 of the list in README.md: each test has the row in its name.
 */
import {
  DEFAULT_CONNECTION_CONFIG,
  MessageRetryManager,
  addTransactionCapability,
  initAuthCreds,
} from '@whiskeysockets/baileys'
import type { SignalDataSet, SignalDataTypeMap } from '@whiskeysockets/baileys'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { CiphertextRecord, assertNoKeyReuse } from 'waton/simulator'
import type { SimulatedPhone } from 'waton/simulator'
import { failCommits, faultyStore } from 'waton/testing'
import { asBuffer, utf8Bytes } from '../../src/base/bytes.ts'
import { deferred } from '../../src/base/deferred.ts'
import { childOf, childrenOf } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { RustParty } from '../vectors/signal/parties.ts'
import { ALICE, BOB, DEVICE, linkedClient, log, newClient, untilLogged } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BAILEYS, CAROL, Victim, sentBy, startStage, temporaryFolder } from './stage.ts'
import type { Stage } from './stage.ts'

const silent = pino({ level: 'silent' })
/** Bob's second device, which is a waton. */
const BOBS_OTHER = '15550000002:1@s.whatsapp.net'

// libsignal prints sessions, keys included, to the console
beforeEach(() => {
  for (const method of ['error', 'warn', 'info', 'log'] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** Questions of a device for keys of others. */
function keyFetches({ world }: Stage, device: string, after: number): number {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, xmlns: 'encrypt', type: 'get', after })
    .filter(({ node }) => childOf(node, 'key') !== undefined).length
}

/** The kind of the copy in a message that goes to Bob's phone, by whichever of his addresses. */
function kindFor(message: BinaryNode, { pn, lid }: SimulatedPhone): string | undefined {
  const participants = childOf(message, 'participants')
  const copies = participants === undefined ? [] : childrenOf(participants, 'to')
  const copy = copies.find(({ attrs }) => attrs.jid === pn || attrs.jid === lid)
  return copy === undefined ? undefined : childOf(copy, 'enc')?.attrs.type
}

describe('a session that works', () => {
  test('W3: Baileys replaces it after a restart, which costs a one-time key; waton goes on in it', async () => {
    const stage = await startStage('W3')
    const { world, bob, url } = stage
    const { trace } = world.server
    const folder = temporaryFolder()
    const first = await Victim.link(stage, folder)
    await first.send(BOB, 'one', 'ONE')
    await bob.waitForMessage(({ id }) => id === 'ONE')
    await bob.send(CAROL, { text: 'answer' })
    await until('the answer', () => first.texts.includes('answer'))
    await first.kill()
    const before = trace.nextIndex
    const again = Victim.start(url, folder)
    await until('Baileys to be back', () => again.opened > 0)
    await again.send(BOB, 'two', 'TWO')
    await until('the second text', () => sentBy(stage, BAILEYS, 'TWO').length > 0)
    expect(keyFetches(stage, BAILEYS, before)).toBeGreaterThan(0)
    expect(sentBy(stage, BAILEYS, 'TWO').map((message) => kindFor(message, bob))).toEqual(['pkmsg'])

    const store = new MemoryStore()
    const client = await linkedClient(world, stage.alice, { store })
    await (
      await client.send(BOB, { text: 'one' }, { id: 'W-ONE' })
    ).delivered
    await untilLogged(client, (await bob.send(ALICE, { text: 'answer' })).id)
    await client.close()
    const beforeWaton = trace.nextIndex
    const restarted = newClient(world, { store })
    await restarted.connect()
    await (
      await restarted.send(BOB, { text: 'two' }, { id: 'W-TWO' })
    ).delivered
    expect(keyFetches(stage, DEVICE, beforeWaton)).toBe(0)
    expect(sentBy(stage, DEVICE, 'W-TWO').map((message) => kindFor(message, bob))).toEqual(['msg'])
  })

  test('W4: Baileys overwrites what came in while it was sending; waton keeps both', async () => {
    expect(await readAfterCrossing()).toBe('cannot be read')

    const stage = await startStage('W4')
    const { world, bob } = stage
    const client = await linkedClient(world, stage.alice)
    // Bob's first message, which begins a session, crosses ours
    const sending = [1, 2, 3].map((number) => client.send(BOB, { text: `out ${String(number)}` }))
    const coming = [1, 2, 3].map((number) => bob.send(ALICE, { text: `in ${String(number)}` }))
    for (const sent of await Promise.all(sending)) await sent.delivered
    for (const { id } of await Promise.all(coming)) await untilLogged(client, id)
    const last = await bob.send(ALICE, { text: 'last' })
    await untilLogged(client, last.id)
    expect((await log(client)).filter(({ type }) => type === 'message.undecryptable')).toEqual([])
    expect(bob.undecryptable).toEqual([])
  })
})

/**
 * Baileys' own functions: a message to a peer is encrypted inside of the transaction in which it is sent; meanwhile a first
 * message of the peer is decrypted. Can the next message of the peer be read?
 */
async function readAfterCrossing(): Promise<string> {
  const rows = new Map<string, unknown>()
  const keys = addTransactionCapability(
    {
      get: <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: { [id: string]: SignalDataTypeMap[T] } = {}
        for (const id of ids) {
          const row = rows.get(`${type} ${id}`)
          if (row !== undefined) found[id] = row as SignalDataTypeMap[T]
        }
        return found
      },
      set: (data: SignalDataSet) => {
        for (const [type, values] of Object.entries(data))
          for (const [id, value] of Object.entries(values))
            if (value === null) rows.delete(`${type} ${id}`)
            else rows.set(`${type} ${id}`, value)
      },
    },
    silent,
    { maxCommitRetries: 1, delayBetweenTriesMs: 1 },
  )
  const creds = initAuthCreds()
  const me = DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds, keys }, silent, () =>
    Promise.resolve(undefined),
  )
  const preKey = {
    private: Buffer.from(creds.pairingEphemeralKeyPair.private),
    public: Buffer.from(creds.pairingEphemeralKeyPair.public),
  }
  await keys.set({ 'pre-key': { 1: preKey } })
  const jid = BOB
  const peer = new RustParty('W4')
  const { signedPreKey, preKey: theirs, identityKey, registrationId } = peer.bundle()
  const typed = (key: Uint8Array): Buffer => Buffer.concat([Buffer.of(5), key])
  await me.injectE2ESession({
    jid,
    session: {
      registrationId,
      identityKey: typed(identityKey),
      signedPreKey: {
        keyId: signedPreKey.id,
        publicKey: typed(signedPreKey.publicKey),
        signature: asBuffer(signedPreKey.signature),
      },
      ...(theirs === undefined ? {} : { preKey: { keyId: theirs.id, publicKey: typed(theirs.publicKey) } }),
    },
  })
  await peer.start({
    registrationId: creds.registrationId,
    identityKey: creds.signedIdentityKey.public,
    signedPreKey: {
      id: creds.signedPreKey.keyId,
      publicKey: creds.signedPreKey.keyPair.public,
      signature: creds.signedPreKey.signature,
    },
    preKey: { id: 1, publicKey: preKey.public },
  })
  const open = async (text: string): Promise<string> => {
    const { type, body } = await peer.encrypt(utf8Bytes(text))
    const plain = await me.decryptMessage({ jid, type, ciphertext: asBuffer(body) })
    return Buffer.from(plain).toString()
  }
  const steps = { encrypted: deferred<undefined>(), came: deferred<undefined>() }
  const sending = keys.transaction(async () => {
    await me.encryptMessage({ jid, data: Buffer.from('out') })
    steps.encrypted.resolve(undefined)
    // looking up devices, and writing the stanza
    await steps.came.promise
  }, 'me')
  await steps.encrypted.promise
  expect(await open('first')).toBe('first')
  steps.came.resolve(undefined)
  await sending
  return open('second').catch(() => 'cannot be read')
}

describe('a commit that fails when the message has left', () => {
  test('W5: Baileys uses the key again for the next message; waton lets nothing leave before the commit', async () => {
    const stage = await startStage('W5')
    const { world, bob, alice } = stage
    const record = new CiphertextRecord(world.server.trace)
    const baileys = await Victim.link(stage, temporaryFolder(), {
      transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 1 },
    })
    await baileys.send(BOB, 'warm up', 'WARM')
    await bob.waitForMessage(({ id }) => id === 'WARM')
    assertNoKeyReuse(record)
    baileys.failSessionWrites(true)
    await baileys.send(BOB, 'left', 'LEFT')
    baileys.failSessionWrites(false)
    await bob.waitForMessage(({ id }) => id === 'LEFT')
    await baileys.send(BOB, 'next', 'NEXT')
    await until('the next text', () => sentBy(stage, BAILEYS, 'NEXT').length > 0)
    expect(() => {
      assertNoKeyReuse(record)
    }).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_KEY_REUSE' }))

    const waton = new CiphertextRecord(world.server.trace)
    const commits: number[] = []
    let isFailing = false
    const store = faultyStore(new MemoryStore(), {
      commit: ({ number, ...attempt }) => {
        const isSession = attempt.changes.some(
          (change) => change.op === 'put-record' && change.row.kind === 'session',
        )
        if (!isFailing || !isSession) return undefined
        isFailing = false
        commits.push(number)
        return failCommits([number]).commit?.({ number, ...attempt })
      },
    })
    const client = await linkedClient(world, alice, { store })
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    isFailing = true
    const ids = ['W-LEFT', 'W-NEXT']
    for (const id of ids) await client.send(BOB, { text: id }, { id })
    for (const id of ids) await bob.waitForMessage((message) => message.id === id)
    expect(commits).toHaveLength(1)
    const mine = [...waton].filter(({ sender }) => sender === DEVICE)
    expect(mine.length).toBeGreaterThan(2)
    assertNoKeyReuse(mine)
    expect(bob.messages.filter(({ id }) => ids.includes(id)).map(({ id }) => id)).toEqual(ids)
  })
})

describe('what Baileys keeps to send again', () => {
  test('W20: is gone after the first request; waton answers each device', async () => {
    const cache = new MessageRetryManager(silent, 5)
    cache.addRecentMessage(BOB, 'SENT', { conversation: 'sent' })
    expect(cache.getRecentMessage(BOB, 'SENT')).toBeDefined()
    // what `sendMessagesAgain` does when it has found it
    cache.markRetrySuccess('SENT')
    expect(cache.getRecentMessage(BOB, 'SENT')).toBeUndefined()

    const { stage, client } = await withTwoDevices('W20')
    const { id } = await sendToBoth(stage, client)
    for (const device of [BOB, BOBS_OTHER]) {
      stage.world.server.faults.retryStorm({ to: DEVICE, from: [device], id })
      await until(`an answer to ${device}`, () => repeatsTo(stage, DEVICE, id).includes(device))
    }
  })

  test('W22: makes room for what others write; waton has it as long as the outbox', async () => {
    const cache = new MessageRetryManager(silent, 5)
    cache.addRecentMessage(BOB, 'SENT', { conversation: 'sent' })
    // what comes in goes into the same cache
    for (let number = 0; number < 512; number += 1)
      cache.addRecentMessage(BOB, `CAME ${String(number)}`, { conversation: 'came' })
    expect(cache.getRecentMessage(BOB, 'SENT')).toBeUndefined()

    const { stage, client } = await withTwoDevices('W22')
    const { id } = await sendToBoth(stage, client)
    const last = await Promise.all(Array.from({ length: 520 }, () => stage.bob.send(ALICE, { text: 'came' })))
    await untilLogged(client, last.at(-1)?.id ?? '')
    stage.world.server.faults.retryStorm({ to: DEVICE, from: [BOBS_OTHER], id })
    await until('the answer', () => repeatsTo(stage, DEVICE, id).length > 0)
  })
})

interface TwoDevices {
  readonly stage: Stage
  readonly client: Client
}

/** Alice's client, and Bob with his phone and a device beside it. */
async function withTwoDevices(seed: string): Promise<TwoDevices> {
  const stage = await startStage(seed)
  const client = await linkedClient(stage.world, stage.alice)
  await linkedClient(stage.world, stage.bob)
  return { stage, client }
}

async function sendToBoth({ bob }: Stage, client: Client): Promise<{ readonly id: string }> {
  const { id } = await client.send(BOB, { text: 'wanted' })
  await bob.waitForMessage((message) => message.id === id)
  return { id }
}

/** Whom a device wrote a message to once more, to that one device alone. */
function repeatsTo(stage: Stage, device: string, id: string): readonly string[] {
  return sentBy(stage, device, id)
    .filter((message) => childOf(message, 'enc') !== undefined)
    .map(({ attrs }) => attrs.to ?? '')
}

describe('a request for a message', () => {
  test('W21: counts twice with Baileys, which answers two of five; waton answers each', async () => {
    const stage = await startStage('W21')
    const { world, bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder(), { keepsMessages: true })
    await baileys.send(BOB, 'wanted', 'WANTED')
    await bob.waitForMessage(({ id }) => id === 'WANTED')
    for (const count of [1, 2, 3, 4, 5]) {
      world.server.faults.retryStorm({ to: BAILEYS, from: [BOB], id: 'WANTED', first: count })
      await until('its ack', () => acksOfRequests(stage, BAILEYS, 'WANTED') === count)
    }
    expect(sentBy(stage, BAILEYS, 'WANTED')).toHaveLength(1 + 2)

    const two = await withTwoDevices('W21 waton')
    const { id } = await sendToBoth(two.stage, two.client)
    for (const count of [1, 2, 3, 4, 5]) {
      two.stage.world.server.faults.retryStorm({ to: DEVICE, from: [BOBS_OTHER], id, first: count })
      await until(`answer ${String(count)}`, () => repeatsTo(two.stage, DEVICE, id).length === count)
    }
  })

  test('W23: of a linked device is not found by Baileys; waton answers it', async () => {
    const { stage, client } = await withTwoDevices('W23')
    const { world, bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    await baileys.send(BOB, 'wanted', 'WANTED')
    await bob.waitForMessage(({ id }) => id === 'WANTED')
    world.server.faults.retryStorm({ to: BAILEYS, from: [BOBS_OTHER], id: 'WANTED' })
    await until('its ack', () => acksOfRequests(stage, BAILEYS, 'WANTED') === 1)
    expect(sentBy(stage, BAILEYS, 'WANTED')).toHaveLength(1)

    const { id } = await sendToBoth(stage, client)
    world.server.faults.retryStorm({ to: DEVICE, from: [BOBS_OTHER], id })
    await until('the answer', () => repeatsTo(stage, DEVICE, id).length === 1)
  })

  test('W24: of a phone makes Baileys write to all devices once more; waton writes to the phone', async () => {
    const { stage, client } = await withTwoDevices('W24')
    const { world, bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    await baileys.send(BOB, 'wanted', 'WANTED')
    await bob.waitForMessage(({ id }) => id === 'WANTED')
    world.server.faults.retryStorm({ to: BAILEYS, from: [BOB], id: 'WANTED' })
    await until('its answer', () => sentBy(stage, BAILEYS, 'WANTED').length === 2)
    const again = sentBy(stage, BAILEYS, 'WANTED').at(-1)
    const participants = again === undefined ? undefined : childOf(again, 'participants')
    expect(participants === undefined ? 0 : childrenOf(participants, 'to').length).toBeGreaterThan(1)

    const { id } = await sendToBoth(stage, client)
    world.server.faults.retryStorm({ to: DEVICE, from: [BOB], id })
    await until('the answer', () => sentBy(stage, DEVICE, id).length === 2)
    expect(repeatsTo(stage, DEVICE, id)).toEqual([BOB])
  })
})

/** Requests for a message that a device has acknowledged: it is done with them. */
function acksOfRequests({ world }: Stage, device: string, id: string): number {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, tag: 'ack' })
    .filter(({ node: { attrs } }) => attrs.class === 'receipt' && attrs.type === 'retry' && attrs.id === id)
    .length
}
