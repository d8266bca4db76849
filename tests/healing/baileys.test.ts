/**
 * waton and an unmodified Baileys that keeps what it has sent, as its documentation asks. One of them loses what it needs
 * to read: every text is read in the end, once, with at most two answers of waton's for each.
 */
import { describe, expect, test } from 'vitest'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { startWorld } from '../helpers/world.ts'
import { newIdentity, registerAnew } from './identity.ts'
import { Party, repeatsOf, requestsFor } from './support.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const WATON = '15550000001:1@s.whatsapp.net'
const BAILEYS = '15550000002:1@s.whatsapp.net'
const TEXTS = ['one', 'two', 'three']

interface Pair {
  readonly simulator: Simulator
  readonly waton: Party
  readonly baileys: Baileys
  /** The phone that has linked Baileys. */
  readonly bob: SimulatedPhone
}

/** Alice has waton, Bob has Baileys; they have written to each other, unless they are to be strangers. */
async function pair(seed: number, areStrangers = false): Promise<Pair> {
  const simulator = await startWorld(seed)
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await Party.link(simulator.endpoint, alice)
  const baileys = await Baileys.link(simulator, bob)
  if (areStrangers) return { simulator, waton, baileys, bob }
  await waton.client.send(BOB, { text: 'first' })
  await baileys.waitForText('first')
  await baileys.send(ALICE, 'first back')
  await waton.untilTexts('first back')
  return { simulator, waton, baileys, bob }
}

async function fromWaton({ waton }: Pair): Promise<string[]> {
  const ids: string[] = []
  for (const text of TEXTS) ids.push((await waton.client.send(BOB, { text })).id)
  return ids
}

async function fromBaileys({ baileys }: Pair): Promise<string[]> {
  const ids: string[] = []
  for (const text of TEXTS) ids.push((await baileys.send(ALICE, text)).id)
  return ids
}

async function readByBaileys({ baileys }: Pair): Promise<void> {
  for (const text of TEXTS) await baileys.waitForText(text)
  const seen = baileys.messages.flatMap(({ text }) =>
    text !== undefined && TEXTS.includes(text) ? [text] : [],
  )
  expect([...seen].sort()).toEqual([...TEXTS].sort())
}

async function readByWaton({ waton }: Pair): Promise<void> {
  await waton.untilTexts(...TEXTS)
  const seen = (await waton.texts()).filter((text) => TEXTS.includes(text))
  expect([...seen].sort()).toEqual([...TEXTS].sort())
}

/** That the device has really asked for each message, and that waton has answered at most twice. */
function expectAnswered({ simulator }: Pair, ids: readonly string[]): void {
  for (const id of ids) {
    expect(requestsFor(simulator.trace, BAILEYS, id).length).toBeGreaterThan(0)
    expect(repeatsOf(simulator.trace, WATON, id).length).toBeGreaterThan(0)
    expect(repeatsOf(simulator.trace, WATON, id).length).toBeLessThanOrEqual(2)
  }
  expectInOrder(simulator)
}

/** That waton has really asked, for each message at most twice. What Baileys writes after its first answer can be read. */
async function expectAsked({ simulator, waton }: Pair, ids: readonly string[]): Promise<void> {
  expect(await waton.replaced()).toContain(ids[0])
  const requests = ids.map((id) => requestsFor(simulator.trace, WATON, id).length)
  expect(requests[0]).toBeGreaterThan(0)
  for (const count of requests) expect(count).toBeLessThanOrEqual(2)
  expectInOrder(simulator)
}

function expectInOrder({ trace }: Simulator): void {
  expect(trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
}

describe('Baileys reads again what waton wrote', () => {
  test('after it has lost its sessions', async () => {
    const stage = await pair(101)
    expect(await stage.baileys.lose('session')).toBeGreaterThan(0)
    const ids = await fromWaton(stage)
    await readByBaileys(stage)
    expectAnswered(stage, ids)
    await stage.baileys.send(ALICE, 'back')
    await stage.waton.untilTexts('back')
  })

  test('after it has lost the pre-keys that first messages need', async () => {
    const stage = await pair(102, true)
    await stage.baileys.disconnect()
    const ids = await fromWaton(stage)
    await until('the messages to wait', () => stage.simulator.unanswered(BAILEYS).length >= ids.length)
    expect(await stage.baileys.lose('pre-key')).toBeGreaterThan(0)
    await stage.baileys.connect()
    await readByBaileys(stage)
    expectAnswered(stage, ids)
  })

  test('after it has registered anew', async () => {
    const stage = await pair(103)
    await stage.baileys.disconnect()
    const ids = await fromWaton(stage)
    await until('the messages to wait', () => stage.simulator.unanswered(BAILEYS).length >= ids.length)
    const made = newIdentity(stage.bob)
    await stage.baileys.registerAnew(made)
    stage.simulator.faults.loseKeys(BAILEYS, made.deviceIdentity)
    await stage.baileys.connect()
    await readByBaileys(stage)
    expectAnswered(stage, ids)
    await stage.baileys.send(ALICE, 'back')
    await stage.waton.untilTexts('back')
  })
})

describe('waton reads again what Baileys wrote', () => {
  test('after it has lost its sessions', async () => {
    const stage = await pair(104)
    expect(await stage.waton.lose('session')).toBeGreaterThan(0)
    const ids = await fromBaileys(stage)
    await readByWaton(stage)
    await expectAsked(stage, ids)
    await stage.waton.client.send(BOB, { text: 'back' })
    await stage.baileys.waitForText('back')
  })

  test('after it has lost the pre-keys that first messages need', async () => {
    const stage = await pair(105, true)
    await stage.waton.client.close()
    const ids = await fromBaileys(stage)
    await until('the messages to wait', () => stage.simulator.unanswered(WATON).length >= ids.length)
    expect(await stage.waton.lose('pre-key')).toBeGreaterThan(0)
    await readByWaton(stage)
    await expectAsked(stage, ids)
  })

  test('after it has registered anew', async () => {
    const stage = await pair(106)
    await stage.waton.client.close()
    const ids = await fromBaileys(stage)
    await until('the messages to wait', () => stage.simulator.unanswered(WATON).length >= ids.length)
    await stage.waton.restart(() => registerAnew(stage.simulator.faults, stage.waton, WATON))
    await readByWaton(stage)
    await expectAsked(stage, ids)
  })
})

describe('Baileys breaks its own session', () => {
  test('W2, W3: with a message in an older session, after it has renewed a healthy one', async () => {
    const stage = await pair(107)
    const { waton, baileys, simulator } = stage
    await baileys.renewSessions(WATON)
    await waton.client.send(BOB, { text: 'in the session before' })
    await baileys.waitForText('in the session before')
    const ids = await fromBaileys(stage)
    await readByWaton(stage)
    // the first of them was really unreadable
    expect(requestsFor(simulator.trace, WATON, ids[0] ?? '').length).toBeGreaterThan(0)
    await waton.client.send(BOB, { text: 'back' })
    await baileys.waitForText('back')
    expectInOrder(simulator)
  })

  test('W4: while it sends and receives at once, with sessions lost in the middle', async () => {
    const stage = await pair(108)
    const { waton, baileys, simulator } = stage
    const theirs: string[] = []
    const ours: string[] = []
    for (let round = 0; round < 8; round += 1) {
      const texts = [`theirs ${String(round)}`, `ours ${String(round)}`] as const
      if (round === 4) expect(await baileys.lose('session')).toBeGreaterThan(0)
      await Promise.all([
        baileys.send(ALICE, texts[0]),
        baileys.renewSessions(WATON),
        waton.client.send(BOB, { text: texts[1] }),
      ])
      theirs.push(texts[0])
      ours.push(texts[1])
    }
    for (const text of ours) await baileys.waitForText(text)
    await waton.untilTexts(...theirs)
    expect((await waton.texts()).filter((text) => theirs.includes(text))).toHaveLength(theirs.length)
    expect(baileys.messages.filter(({ text }) => text !== undefined && ours.includes(text))).toHaveLength(
      ours.length,
    )
    const retries = simulator.trace
      .stanzas({ tag: 'receipt' })
      .filter(({ node }) => node.attrs.type === 'retry')
    expect(retries.length).toBeGreaterThan(0)
    expectInOrder(simulator)
  })
})
