/**
 * What the simulator can do to what is sent, on request: refusals, lost and repeated acks, repeated and overtaken receipts,
 * requests for a message in numbers, and phones that lose their sessions. Each test looks at the wire: what a client makes
 * of it is tested elsewhere.
 */
import { describe, expect, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import { childOf } from '../../src/protocol/binary/node.ts'
import { CiphertextRecord, assertNoKeyReuse } from 'waton/simulator'
import type { SimulatedPhone, Simulator, TracedStanza } from 'waton/simulator'
import type { Change, Claim, CommitResult } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
/** The device that the client becomes. */
const DEVICE = '15550000001:1@s.whatsapp.net'

interface Stage {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly client: Client
}

async function startStage(seed: number): Promise<Stage> {
  const simulator = await startWorld(seed)
  const { alice, bob } = await addPair(simulator)
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  const warmUp = await client.send(BOB, { text: 'warm up' })
  await warmUp.delivered
  return { simulator, alice, bob, client }
}

/** What a device got that has this id and comes from Bob, or from the server about what was sent to him. */
function toDevice({ simulator }: Stage, tag: string, id: string): readonly TracedStanza[] {
  return simulator.trace
    .stanzas({ direction: 'server-to-client', device: DEVICE, tag })
    .filter(({ node }) => node.attrs.id === id && node.attrs.from?.startsWith('15550000002') === true)
}

function fromDevice({ simulator }: Stage, id: string): readonly TracedStanza[] {
  return simulator.trace
    .stanzas({ direction: 'client-to-server', device: DEVICE, tag: 'message' })
    .filter(({ node }) => node.attrs.id === id)
}

function shown({ messages }: SimulatedPhone, id: string): number {
  return messages.filter((message) => message.id === id).length
}

function faultsOf({ simulator }: Stage): readonly string[] {
  return simulator.trace.faults.map(({ text }) => text)
}

describe('a message that the server refuses', () => {
  test('is answered with the number, and reaches nobody; others to other chats pass', async () => {
    const stage = await startStage(1)
    const { simulator, client, bob, alice } = stage
    simulator.faults.refuseMessages(DEVICE, 405, { chat: bob.lid })
    const toOther = await client.send(ALICE, { text: 'to myself' })
    const refused = await client.send(BOB, { text: 'refused' })
    await until('the refusal', () => toDevice(stage, 'ack', refused.id).at(-1)?.node.attrs.error === '405')
    await alice.waitForMessage(({ id }) => id === toOther.id)
    expect(shown(bob, refused.id)).toBe(0)
    expect(faultsOf(stage)).toEqual([expect.stringContaining(`<message> ${refused.id}`)])
  })
})

describe('the ack of a message', () => {
  test('gets lost: the message is there, and comes again with the same ciphertext', async () => {
    const stage = await startStage(2)
    const { simulator, client, bob } = stage
    simulator.faults.loseAcks(DEVICE)
    const sent = await client.send(BOB, { text: 'whose ack is lost' })
    await bob.waitForMessage(({ id }) => id === sent.id)
    expect(toDevice(stage, 'ack', sent.id)).toEqual([])
    expect(faultsOf(stage)).toEqual([expect.stringContaining(`<ack> ${sent.id}`)])
    simulator.faults.disconnect(DEVICE)
    await sent.acked
    const [first, second] = fromDevice(stage, sent.id)
    expect(second?.node).toEqual(first?.node)
    await until('the repetition', () => bob.duplicates.length > 0)
    expect(bob.duplicates).toEqual([expect.objectContaining({ id: sent.id, kind: 'same-ciphertext' })])
    expect(shown(bob, sent.id)).toBe(1)
  })

  test('comes twice', async () => {
    const stage = await startStage(3)
    stage.simulator.faults.repeatAcks(DEVICE)
    const sent = await stage.client.send(BOB, { text: 'acknowledged twice' })
    await sent.delivered
    expect(toDevice(stage, 'ack', sent.id)).toHaveLength(2)
    expect(faultsOf(stage)).toHaveLength(1)
  })
})

describe('the receipts of others', () => {
  test('come twice, and behind later ones', async () => {
    const stage = await startStage(4)
    const { simulator, client } = stage
    simulator.faults.repeatReceipts(DEVICE)
    const twice = await client.send(BOB, { text: 'delivered twice' })
    await until('both', () => toDevice(stage, 'receipt', twice.id).length === 2)
    simulator.faults.reorderReceipts(DEVICE)
    const overtaken = await client.send(BOB, { text: 'whose receipt is overtaken' })
    const after = await client.send(BOB, { text: 'whose receipt comes first' })
    await Promise.all([overtaken.delivered, after.delivered])
    const [first] = toDevice(stage, 'receipt', after.id)
    const [second] = toDevice(stage, 'receipt', overtaken.id)
    expect(first?.index).toBeLessThan(second?.index ?? 0)
    expect(faultsOf(stage)).toHaveLength(2)
  })
})

describe('a storm of requests', () => {
  test('asks in the name of every device, with real keys from the second time on', async () => {
    const stage = await startStage(5)
    const { simulator, client } = stage
    const sent = await client.send(BOB, { text: 'wanted' })
    await sent.delivered
    const before = simulator.trace.nextIndex
    const count = simulator.faults.retryStorm({ to: DEVICE, from: [BOB, ALICE], id: sent.id, times: 2 })
    expect(count).toBe(4)
    const requests = simulator.trace.stanzas({
      direction: 'server-to-client',
      device: DEVICE,
      type: 'retry',
      after: before - 1,
    })
    expect(requests.map(({ node }) => [node.attrs.from, childOf(node, 'retry')?.attrs.count])).toEqual([
      [BOB, '1'],
      [ALICE, '1'],
      [BOB, '2'],
      [ALICE, '2'],
    ])
    expect(requests.map(({ node }) => childOf(node, 'keys') !== undefined)).toEqual([
      false,
      false,
      true,
      true,
    ])
    expect(faultsOf(stage)).toEqual([`4 requests for message ${sent.id} at once`])
    expect(() => simulator.faults.retryStorm({ to: DEVICE, from: ['1@lid'], id: 'X' })).toThrow(
      expect.objectContaining({ code: 'WATON_SIMULATOR_DEVICE' }),
    )
  })
})

describe('a phone', () => {
  test('that loses its sessions or its one-time pre-keys reads what Baileys sends after it has asked again', async () => {
    const simulator = await startWorld(6)
    const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const carol = await simulator.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
    const baileys = await Baileys.link(simulator, carol)
    // an answer, so that Baileys goes on in the session instead of opening it again and again
    await baileys.send(BOB, 'first')
    await bob.waitForMessage(({ text }) => text === 'first')
    await bob.send(carol.pn, { text: 'answer' })
    await baileys.waitForText('answer')
    expect(bob.loseSessions(carol.pn)).toBeGreaterThan(0)
    expect(bob.loseSessions(carol.pn)).toBe(0)
    await baileys.send(BOB, 'after the loss')
    await bob.waitForMessage(({ text }) => text === 'after the loss')
    expect(bob.undecryptable).toEqual([
      expect.objectContaining({ code: 'WATON_SIGNAL_NO_SESSION', recovered: true }),
    ])
    expect(bob.losePreKeys()).toBeGreaterThan(0)
    const lines = simulator.trace.faults.map(({ device, text }) => `${device ?? ''} ${text}`)
    expect(lines).toEqual([
      expect.stringMatching(/^15550000002@s\.whatsapp\.net the phone loses \d sessions with 15550000003/),
      expect.stringContaining('loses 0 sessions'),
      expect.stringContaining('one-time pre-keys'),
    ])
  })
})

/** A disk that says that it wrote a session, and has not. */
class ForgetfulStore extends StoreWrapper {
  isForgetting = false

  override commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const kept = changes.filter((change) => change.op !== 'put-record' || change.row.kind !== 'session')
    return super.commit(claim, this.isForgetting ? kept : changes)
  }
}

describe('the record of ciphertexts', () => {
  test('shows a store that went back in time, and nothing else', async () => {
    const { simulator, client, alice } = await startStage(7)
    const record = new CiphertextRecord(simulator.trace)
    await client.close()
    const disk = new MemoryStore()
    const store = new ForgetfulStore(disk)
    const first = await linkedClient(simulator, alice, { store, endpoint: simulator.endpoint })
    for (const text of ['1', '2']) await (await first.send(BOB, { text })).delivered
    expect(record.size).toBeGreaterThan(3)
    assertNoKeyReuse(record)
    store.isForgetting = true
    await (
      await first.send(BOB, { text: 'in a session that is not written' })
    ).delivered
    await first.close()
    const again = new Client({ store: disk, endpoint: simulator.endpoint })
    await again.connect()
    await (
      await again.send(BOB, { text: 'with the same key' })
    ).acked
    await again.close()
    expect(() => {
      assertNoKeyReuse(record)
    }).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_KEY_REUSE' }))
  })
})
