/**
 * What this device lets others see: presence and typing as an unmodified Baileys gets them, and what it asks about others.
 */
import { describe, expect, test } from 'vitest'
import { Bot, Client, MemoryStore } from 'waton'
import type { PresenceEvent } from 'waton'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient as linkedOverWebSocket, startWorld } from '../helpers/world.ts'
import { ALICE, BOB, World, linkedClient, settle, untilLogged } from './support.ts'

function presences(world: World): readonly (string | undefined)[] {
  return world.sent({ tag: 'presence' }).map(({ attrs }) => attrs.type)
}

describe('what is of the moment', () => {
  test('is refused without a connection', async () => {
    const client = new Client({ store: new MemoryStore() })
    await expect(client.subscribePresence(BOB)).rejects.toMatchObject({ code: 'WATON_NOT_CONNECTED' })
    await expect(client.setChatState(BOB, 'composing')).rejects.toMatchObject({ code: 'WATON_NOT_CONNECTED' })
    await expect(client.setPresence('available')).rejects.toMatchObject({ code: 'WATON_NOT_LINKED' })
    await client.close()
  })

  test('is refused for what is no person or group', async () => {
    const world = new World('presence 1')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    for (const chat of ['bob', '@s.whatsapp.net', '1@newsletter']) {
      await expect(client.subscribePresence(chat)).rejects.toMatchObject({ code: 'WATON_PRESENCE_CHAT' })
      await expect(client.setChatState(chat, 'paused')).rejects.toMatchObject({ code: 'WATON_PRESENCE_CHAT' })
    }
    expect(world.sent({ tag: 'chatstate' })).toEqual([])
  })
})

describe('our presence', () => {
  test('is unavailable unless it is said otherwise, and then holds across reconnects', async () => {
    const world = new World('presence 2')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    // the account's name comes with the first message from the phone
    await alice.send(BOB, { text: 'own' })
    await until('the name', () => client.me?.name)
    const before = await bob.send(ALICE, { text: 'before' })
    await untilLogged(client, before.id)
    await client.setPresence('available')
    const after = await bob.send(ALICE, { text: 'after' })
    await untilLogged(client, after.id)
    const types = await until('both receipts', () => {
      const found = [before, after].map(
        ({ id }) => world.answersTo(id).find(({ tag }) => tag === 'receipt')?.attrs,
      )
      return found.every((attrs) => attrs !== undefined) ? found : undefined
    })
    expect(types.map((attrs) => attrs.type)).toEqual(['inactive', undefined])
    const logins = presences(world).length
    world.device().outlet?.cut()
    await until('the next login', () => presences(world).length > logins)
    expect(presences(world).at(-1)).toBe('available')
    await client.setPresence('unavailable')
    await settle()
    expect(presences(world).at(-1)).toBe('unavailable')
    expect(world.violations).toEqual([])
  })

  test('and typing are what an unmodified Baileys sees, and the reverse', async () => {
    const simulator = await startWorld(72)
    const alicePhone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const bobPhone = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const waton = await linkedOverWebSocket(simulator, alicePhone)
    const baileys = await Baileys.link(simulator, bobPhone)
    for (const [phone, to] of [
      [alicePhone, BOB],
      [bobPhone, ALICE],
    ] as const)
      await phone.send(to, { text: 'hello' })
    await until('the name', () => waton.me?.name)
    const seen: PresenceEvent[] = []
    const typing: string[] = []
    waton.on('presence', (event) => {
      seen.push(event)
    })
    waton.on('chat.state', ({ state }) => {
      typing.push(state)
    })
    // the phones show that somebody is there
    alicePhone.goOffline()
    bobPhone.goOffline()
    await baileys.subscribe(ALICE)
    await until('Baileys to be told that nobody is there', () => baileys.presences.includes('unavailable'))
    await waton.setPresence('available')
    await until('Baileys to be told', () => baileys.presences.includes('available'))
    for (const state of ['composing', 'recording', 'paused'] as const) await waton.setChatState(BOB, state)
    await until('Baileys to see the typing', () => baileys.presences.includes('recording'))
    expect(baileys.presences).toContain('composing')
    await waton.subscribePresence(BOB)
    await until('waton to be told that nobody is there', () => seen.some(({ isAvailable }) => !isAvailable))
    await baileys.presence('available')
    await until('waton to be told', () => seen.some(({ isAvailable }) => isAvailable))
    for (const state of ['composing', 'recording', 'paused'] as const) await baileys.presence(state, ALICE)
    await until('waton to see the typing', () => typing.length >= 3)
    expect(typing).toEqual(['composing', 'recording', 'paused'])
  })
})

test('a bot reads and types in the chat of the message that it handles', async () => {
  const world = new World('presence 3')
  const { alice, bob } = await world.addPair()
  const bot = new Bot({
    store: new MemoryStore(),
    endpoint: world.endpoint,
    stopOnSignals: false,
    onQr: async ({ qr }) => {
      await alice.linkDevice(qr)
    },
  })
  bot.on('message:text', async (ctx) => {
    await ctx.read()
    await ctx.typing()
    await ctx.reply('read')
  })
  await bot.start()
  const { id } = await bob.send(ALICE, { text: 'hello' })
  await bob.waitForMessage(({ text }) => text === 'read')
  await until('the tick', () => bob.receiptsFor(id).read.length > 0)
  expect(world.sent({ tag: 'chatstate' })).toHaveLength(1)
  await bot.stop()
})
