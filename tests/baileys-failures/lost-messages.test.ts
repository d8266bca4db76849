/**
 * Where Baileys loses, refuses or holds up a message that it was sent, and waton does not. Rows W7, W8, W13, W14, W15 and
 * L10 of the list in README.md: each test has the row in its name.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { CrashStore } from 'waton/testing'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import {
  ALICE,
  BOB,
  DEVICE,
  linkedClient,
  log,
  messageIds,
  newClient,
  untilLogged,
} from '../client/support.ts'
import { until } from '../helpers/until.ts'
import {
  BAILEYS,
  CAROL,
  START_MS,
  Victim,
  answersOf,
  inject,
  startStage,
  tamper,
  temporaryFolder,
  unreadable,
} from './stage.ts'

describe('a process that dies between its answer and its handler', () => {
  test('W7: Baileys has lost the message; waton hands it to the handler after the restart', async () => {
    const stage = await startStage('W7')
    const { world, bob, url } = stage
    const folder = temporaryFolder()
    const baileys = await Victim.link(stage, folder)
    await bob.send(CAROL, { text: 'warm up' })
    await until('the warm-up', () => baileys.texts.includes('warm up'))
    baileys.dieAtAnswer('LOST', true)
    const lost = await bob.send(CAROL, { text: 'lost' }, { id: 'LOST' })
    await until('Baileys to die', () => baileys.end?.signal === 'SIGKILL')
    await until('its receipt', () => answersOf(stage, BAILEYS, lost.id).length > 0)
    expect(baileys.texts).not.toContain('lost')
    const again = Victim.start(url, folder)
    await until('Baileys to be back', () => again.opened > 0)
    await bob.send(CAROL, { text: 'later' })
    await until('a later text', () => again.texts.includes('later'), START_MS)
    expect(again.texts).not.toContain('lost')

    const disk = new MemoryStore()
    const store = new CrashStore(disk)
    const client = await linkedClient(world, stage.alice, { store })
    const begun: string[] = []
    void client.consume('bot', ({ payload }) => {
      begun.push('id' in payload ? payload.id : '')
      // the process ends before the handler does
      return new Promise(() => undefined)
    })
    const kept = await bob.send(ALICE, { text: 'kept' })
    await until('its receipt', () => answersOf(stage, DEVICE, kept.id).length > 0)
    await until('the handler', () => begun.length > 0)
    await store.crash()
    const handled: string[] = []
    const after = newClient(world, { store: new CrashStore(disk) })
    void after.consume('bot', ({ payload }) => {
      handled.push('id' in payload ? payload.id : '')
    })
    await after.connect()
    await until('the handler after the restart', () => handled.includes(kept.id))
  })
})

describe('a process that dies between its ratchet and its answer', () => {
  test('W8: Baileys refuses the redelivery and shows nothing; waton shows it once', async () => {
    const stage = await startStage('W8')
    const { world, bob, url } = stage
    const folder = temporaryFolder()
    const baileys = await Victim.link(stage, folder)
    await bob.send(CAROL, { text: 'warm up' })
    await until('the warm-up', () => baileys.texts.includes('warm up'))
    baileys.dieAtAnswer('LOST', false)
    const lost = await bob.send(CAROL, { text: 'lost' }, { id: 'LOST' })
    await until('Baileys to die', () => baileys.end?.signal === 'SIGKILL')
    expect(answersOf(stage, BAILEYS, lost.id)).toEqual([])
    const again = Victim.start(url, folder)
    const [refusal] = await until('its answer', () => {
      const answers = answersOf(stage, BAILEYS, lost.id)
      return answers.length > 0 && answers
    })
    expect(refusal?.node).toMatchObject({ tag: 'ack', attrs: { error: '487' } })
    await bob.send(CAROL, { text: 'later' })
    await until('a later text', () => again.texts.includes('later'), START_MS)
    expect(again.texts).not.toContain('lost')

    const disk = new MemoryStore()
    const store = new CrashStore(disk)
    const client = await linkedClient(world, stage.alice, { store })
    const first = await bob.send(ALICE, { text: 'warm up' })
    await untilLogged(client, first.id)
    store.hold()
    const kept = await bob.send(ALICE, { text: 'kept' })
    await until('the commit', () => store.held > 0)
    // written, and the process is gone before it hears of that
    await store.crash(store.held)
    expect(answersOf(stage, DEVICE, kept.id)).toEqual([])
    const after = newClient(world, { store: new CrashStore(disk) })
    await after.connect()
    const [answer] = await until('its answer', () => {
      const answers = answersOf(stage, DEVICE, kept.id)
      return answers.length > 0 && answers
    })
    expect(answer?.node.tag).toBe('receipt')
    expect((await messageIds(after)).filter((id) => id === kept.id)).toHaveLength(1)
  })
})

describe('a text from another own device in a chat by phone number', () => {
  test('W13: Baileys answers with a receipt to nobody, so that it comes for ever; waton names the receiver', async () => {
    const stage = await startStage('W13')
    const { world, carol, alice } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    const client = await linkedClient(world, alice)
    tamper(stage, BAILEYS, byPhoneNumber)
    tamper(stage, DEVICE, byPhoneNumber)
    const byCarol = await carol.send(BOB, { text: 'from the phone of Carol' })
    const byAlice = await alice.send(BOB, { text: 'from the phone of Alice' })
    await until('both texts', async () => {
      const logged = (await log(client)).some(({ payload }) => 'id' in payload && payload.id === byAlice.id)
      return logged && baileys.texts.includes('from the phone of Carol')
    })
    const receiptOf = (device: string, id: string) =>
      until('the receipt', () => answersOf(stage, device, id)[0]?.node)
    expect(await receiptOf(BAILEYS, byCarol.id)).toMatchObject({ tag: 'receipt', attrs: { type: 'sender' } })
    expect((await receiptOf(BAILEYS, byCarol.id)).attrs.to).toBeUndefined()
    expect((await receiptOf(DEVICE, byAlice.id)).attrs.to).toBeDefined()
  })
})

/** The stanza as it is between people without known LIDs. */
function byPhoneNumber({ tag, attrs, content }: BinaryNode): BinaryNode {
  const known = Object.entries(attrs).filter(([name]) => !/lid|_pn|addressing/.test(name))
  return node(tag, Object.fromEntries(known), content)
}

describe('a message that cannot be read', () => {
  test('W14: Baileys refuses it, which holds up the queue behind it; waton asks again and acknowledges', async () => {
    const stage = await startStage('W14')
    await Victim.link(stage, temporaryFolder())
    await linkedClient(stage.world, stage.alice)
    for (const device of [BAILEYS, DEVICE]) inject(stage, device, unreadable(`BROKEN ${device}`, BOB))
    const answerOf = (device: string) =>
      until('the answer', () => answersOf(stage, device, `BROKEN ${device}`)[0]?.node)
    expect(await answerOf(BAILEYS)).toMatchObject({ tag: 'ack', attrs: { error: '500' } })
    const answer = await answerOf(DEVICE)
    expect(answer.tag).toBe('ack')
    expect(answer.attrs.error).toBeUndefined()
  })

  test('L10: Baileys lets every other chat wait for it, message by message; waton none', async () => {
    const stage = await startStage('L10')
    const { bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    const client = await linkedClient(stage.world, stage.alice)
    await bob.send(CAROL, { text: 'warm up' })
    const first = await bob.send(ALICE, { text: 'warm up' })
    await untilLogged(client, first.id)
    await until('the warm-up', () => baileys.texts.includes('warm up'))
    const broken = 8
    for (let number = 0; number < broken; number += 1)
      for (const device of [BAILEYS, DEVICE])
        inject(stage, device, unreadable(`BROKEN${String(number)}`, '15550000009@s.whatsapp.net'))
    const begunMs = Date.now()
    const toWaton = bob.send(ALICE, { text: 'behind' })
    const toBaileys = bob.send(CAROL, { text: 'behind' })
    await untilLogged(client, (await toWaton).id)
    const watonMs = Date.now() - begunMs
    await toBaileys
    await until('the text behind', () => baileys.texts.includes('behind'))
    const baileysMs = Date.now() - begunMs
    // a quarter of a second for each: its default `retryRequestDelayMs`
    expect(baileysMs).toBeGreaterThan((broken - 1) * 250)
    expect(watonMs).toBeLessThan(baileysMs)
  })
})

describe('a live text that carries offline="0"', () => {
  test('W15: Baileys answers it and keeps it from its program as if it were a backlog; waton hands it out', async () => {
    const stage = await startStage('W15')
    const { bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    const client = await linkedClient(stage.world, stage.alice)
    const zero = ({ tag, attrs, content }: BinaryNode): BinaryNode =>
      node(tag, { ...attrs, offline: '0' }, content)
    tamper(stage, BAILEYS, zero)
    tamper(stage, DEVICE, zero)
    const toBaileys = await bob.send(CAROL, { text: 'live' })
    const toWaton = await bob.send(ALICE, { text: 'live' })
    // answered, so that the server forgets it, and kept from the program: also when the next one was answered
    await until('its receipt', () => answersOf(stage, BAILEYS, toBaileys.id).length > 0)
    const next = await bob.send(CAROL, { text: 'next' })
    await until('the next receipt', () => answersOf(stage, BAILEYS, next.id).length > 0)
    expect(baileys.messages.filter(({ type }) => type === 'notify').map(({ id }) => id)).not.toContain(
      toBaileys.id,
    )
    await untilLogged(client, toWaton.id)
    const event = (await log(client)).find(({ payload }) => 'id' in payload && payload.id === toWaton.id)
    expect(event?.payload).toMatchObject({ content: { text: 'live' } })
  })
})
