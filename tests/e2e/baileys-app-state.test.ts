/**
 * App state between a simulated phone and an unmodified Baileys that is linked to it and checks every MAC: what the phone
 * writes Baileys reads, from snapshots, from patches and from files, and what Baileys writes the phone reads. Where Baileys
 * is content the phone's own cryptography and the server's answers are right.
 */
import { describe, expect, it } from 'vitest'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

const BOB = '15550000002@s.whatsapp.net'
const CAROL = '15550000003@s.whatsapp.net'
const CHECKED = { appStateMacVerification: { patch: true, snapshot: true } }
const UNTIL_MS = 2e12

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
}

async function scene(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  return { simulator, ...(await addPair(simulator)) }
}

/** A linked Baileys that is through with its first look at app state. */
async function linked({ simulator, alice }: Scene): Promise<Baileys> {
  const baileys = await Baileys.link(simulator, alice, CHECKED)
  await baileys.waitForChange('creds.update', ({ accountSyncCounter }) => accountSyncCounter === 1)
  return baileys
}

/** What Baileys holds against app state that it was given: it says so in its log only. */
function complaints({ warnings }: Baileys): readonly string[] {
  return warnings.filter((text) => /\bmac\b|hash|patch|failed to sync/i.test(text))
}

/** Baileys and the phone have the same versions, and neither has anything to say against the other. */
async function expectAgreement({ alice }: Scene, baileys: Baileys): Promise<void> {
  await until('Baileys to have every collection as the phone has it', async () => {
    const versions = await baileys.appStateVersions()
    return [...alice.appStateVersions].every(([name, version]) => (versions[name] ?? 0) === version)
  })
  expect(complaints(baileys)).toEqual([])
  expect(alice.problems).toEqual([])
}

/** Everything that a human does with app state, once. */
async function changeAll({ alice, bob }: Scene): Promise<{ readonly id: string }> {
  const { id } = await bob.send(alice.pn, { text: 'hello' })
  await alice.waitForMessage((message) => message.id === id)
  const mutedUntilMs = UNTIL_MS
  await alice.changeChat(BOB, { archived: true, pinned: true, unread: true, locked: true, mutedUntilMs })
  await alice.starMessage(id, true)
  await alice.saveContact(BOB, 'Bob Baker')
  await alice.editLabel({ id: '1', name: 'New customer', color: 3 })
  await alice.assignLabel('1', BOB, true)
  await alice.assignLabel('1', BOB, true, id)
  await alice.setPushName('Alice A.')
  const settings = { locale: 'pt_BR', twentyFourHours: true, unarchivesChats: true, hidesLinkPreviews: true }
  await alice.changeSettings(settings)
  return { id }
}

/** What Baileys tells of chats, messages and contacts at its first look: it is in its first history. */
async function expectFirstChats(baileys: Baileys, id: string): Promise<void> {
  const { payload } = await baileys.waitForChange('messaging-history.set', () => true)
  const { chats, contacts, messages } = payload
  const muteEndTime = String(UNTIL_MS)
  const chat = { id: BOB, archived: true, unreadCount: -1, muteEndTime, pinned: expect.any(Number) as number }
  expect(chats).toMatchObject([chat])
  expect(contacts).toMatchObject([{ id: BOB, name: 'Bob Baker' }])
  expect(messages).toMatchObject([{ key: { id }, starred: true }])
}

/** What it tells of them later. */
async function expectChats(baileys: Baileys, id: string): Promise<void> {
  const chat = (field: string, value: unknown): Promise<unknown> =>
    baileys.waitForChange('chats.update', (update) => update.id === BOB && update[field] === value)
  await chat('archived', true)
  await chat('unreadCount', -1)
  await chat('muteEndTime', UNTIL_MS)
  await baileys.waitForChange('chats.update', ({ pinned }) => typeof pinned === 'number')
  const star = await baileys.waitForChange('messages.update', ({ key }) => (key as { id: string }).id === id)
  expect(star.payload).toMatchObject({ key: { remoteJid: BOB, fromMe: false }, update: { starred: true } })
  await baileys.waitForChange('contacts.upsert', ({ name }) => name === 'Bob Baker')
}

/** What it tells of all the rest. */
async function expectRest(baileys: Baileys): Promise<void> {
  await baileys.waitForChange('chats.lock', (lock) => lock.id === BOB && lock.locked === true)
  const label = { id: '1', name: 'New customer', color: 3, deleted: false }
  expect((await baileys.waitForChange('labels.edit', () => true)).payload).toEqual(label)
  for (const type of ['label_jid', 'label_message']) {
    const association = { type, chatId: BOB, labelId: '1' }
    const told = await baileys.waitForChange(
      'labels.association',
      (payload) => (payload.association as { type: string }).type === type,
    )
    expect(told.payload).toMatchObject({ type: 'add', association })
  }
  await baileys.waitForChange('creds.update', ({ name }) => name === 'Alice A.')
  await baileys.waitForChange('creds.update', ({ unarchiveChats }) => unarchiveChats === true)
  const setting = async (name: string): Promise<unknown> =>
    (await baileys.waitForChange('settings.update', ({ setting: found }) => found === name)).payload.value
  expect(await setting('locale')).toBe('pt_BR')
  expect(await setting('timeFormat')).toEqual({ isTwentyFourHourFormatEnabled: true })
  expect(await setting('disableLinkPreviews')).toEqual({ isPreviewsDisabled: true })
}

/** Changes all that Baileys can change; `id` is of a message from Bob that it has. */
async function changeAllWith(baileys: Baileys, id: string): Promise<void> {
  const key = { id, remoteJid: BOB, fromMe: false }
  const lastMessages = [{ key, messageTimestamp: 1_700_000_000 }]
  await baileys.modify({ archive: true, lastMessages }, BOB)
  await baileys.modify({ pin: true }, BOB)
  await baileys.modify({ mute: UNTIL_MS }, BOB)
  await baileys.modify({ markRead: false, lastMessages }, BOB)
  await baileys.modify({ star: { messages: [{ id, fromMe: false }], star: true } }, BOB)
  await baileys.modify({ deleteForMe: { key, timestamp: 1_700_000_000, deleteMedia: false } }, BOB)
  await baileys.modify({ contact: { fullName: 'Carol C.' } }, CAROL)
  await baileys.change('addLabel', BOB, { id: '7', name: 'Paid', color: 2 })
  await baileys.change('addChatLabel', BOB, '7')
  await baileys.modify({ pushNameSetting: 'Alice B.' }, '')
  await baileys.modify({ disableLinkPreviews: { isPreviewsDisabled: true } }, '')
  await baileys.modify({ quickReply: { shortcut: 'hi', message: 'hello there', timestamp: '1' } }, '')
}

describe('app state with Baileys', () => {
  it('tells Baileys, when it is linked, all that the phone changed before, from snapshots whose MACs are right', async () => {
    const world = await scene(2101)
    const { id } = await changeAll(world)
    const baileys = await linked(world)

    await expectFirstChats(baileys, id)
    await expectRest(baileys)
    await expectAgreement(world, baileys)
  })

  it('tells Baileys each change of the phone as it happens, in patches whose MACs are right', async () => {
    const world = await scene(2102)
    const { alice } = world
    const baileys = await linked(world)
    const { id } = await changeAll(world)

    await expectChats(baileys, id)
    await expectRest(baileys)
    await alice.deleteForMe(id)
    await baileys.waitForChange('messages.delete', ({ keys }) => (keys as { id: string }[])[0]?.id === id)
    await alice.deleteChat(BOB)
    await baileys.waitForChange('chats.delete', (chat) => chat.id === BOB)
    await alice.changeChat(BOB, { archived: false, pinned: false, mutedUntilMs: 0 })
    await baileys.waitForChange('chats.update', ({ archived }) => archived === false)
    await baileys.waitForChange('chats.update', ({ pinned }) => pinned === null)
    await baileys.waitForChange('chats.update', ({ muteEndTime }) => muteEndTime === null)
    await expectAgreement(world, baileys)
  })

  it('reads every change that Baileys writes, and goes on from there', async () => {
    const world = await scene(2103)
    const { alice, bob } = world
    const baileys = await linked(world)
    const { id } = await bob.send(alice.pn, { text: 'hello' })
    await baileys.waitForText('hello')
    await changeAllWith(baileys, id)

    const { appState } = alice
    await until('the phone to have the last change', () => appState.others.get('quick_reply'))
    const chat = { archived: true, pinned: true, mutedUntilMs: UNTIL_MS, unread: true }
    expect(appState.chats.get(BOB)).toEqual(chat)
    expect([...appState.starred]).toEqual([id])
    expect([...appState.hidden]).toEqual([id])
    expect([...appState.contacts]).toEqual([[CAROL, 'Carol C.']])
    expect([...appState.labels]).toEqual([['7', { name: 'Paid', color: 2, deleted: false }]])
    expect([...appState.labelled]).toEqual([`7 ${BOB}`])
    expect(appState.settings).toEqual({ pushName: 'Alice B.', hidesLinkPreviews: true })
    await baileys.modify({ contact: null }, CAROL)
    await until('the phone to have no contact', () => appState.contacts.size === 0)
    await alice.changeChat(BOB, { archived: false })
    await baileys.waitForChange('chats.update', ({ archived }) => archived === false)
    await expectAgreement(world, baileys)
  })

  it('hands out patches in several answers, and long ones in files, which Baileys opens', async () => {
    const world = await scene(2104)
    const { alice, simulator } = world
    simulator.faults.appState.habits({ patchesPerAnswer: 2, externalFrom: 2, patchesBehindSnapshot: 5 })
    for (let color = 0; color < 9; color += 1)
      await alice.editLabel({ id: '1', name: `label ${String(color)}`, color })
    await alice.changeChat(BOB, { archived: true, pinned: true, unread: true })
    await alice.changeChat(CAROL, { archived: true, pinned: true, unread: true })
    const baileys = await linked(world)

    const label = await baileys.waitForChange('labels.edit', ({ color }) => color === 8)
    expect(label.payload).toMatchObject({ name: 'label 8' })
    const answers = simulator.trace.stanzas({ tag: 'iq' }).map(({ node }) => JSON.stringify(node))
    expect(answers.filter((content) => content.includes('has_more_patches')).length).toBeGreaterThan(1)
    expect(answers.filter((content) => content.includes('"snapshot"'))).toHaveLength(1)
    await expectAgreement(world, baileys)
  })

  it('writes with the newest key, which Baileys gets and writes with from then on', async () => {
    const world = await scene(2105)
    const { alice } = world
    const baileys = await linked(world)
    await alice.changeChat(BOB, { pinned: true })
    await baileys.waitForChange('chats.update', ({ pinned }) => pinned !== null)
    await alice.rotateAppStateKey({ share: true })
    await alice.changeChat(BOB, { pinned: false })
    await baileys.waitForChange('chats.update', ({ pinned }) => pinned === null)
    await expectAgreement(world, baileys)

    await baileys.modify({ pin: true }, BOB)
    await until('the phone to see the pin of Baileys', () => alice.appState.chats.get(BOB)?.pinned)
    await expectAgreement(world, baileys)
  })

  it('lets the phone write again where Baileys was faster', async () => {
    const world = await scene(2106)
    const { alice, simulator } = world
    const baileys = await linked(world)
    // what it lacks comes in a file
    simulator.faults.appState.habits({ externalFrom: 1 })
    simulator.faults.appState.silence(alice.pn, 'regular_low')
    await baileys.modify({ pin: true }, BOB)
    expect(alice.appState.chats.get(BOB)).toBeUndefined()

    await alice.changeChat(CAROL, { pinned: true })

    expect(alice.appState.chats.get(BOB)).toEqual({ pinned: true })
    expect(alice.appState.chats.get(CAROL)).toEqual({ pinned: true })
    await baileys.waitForChange('chats.update', ({ id, pinned }) => id === CAROL && pinned !== null)
    expect(simulator.trace.faults).toHaveLength(1)
    await expectAgreement(world, baileys)
  })

  it('has Baileys find every MAC that is wrong, which nothing else in these tests would show', async () => {
    const world = await scene(2107)
    const { alice, simulator } = world
    const device = '15550000001:1@s.whatsapp.net'
    await alice.changeChat(BOB, { pinned: true })
    simulator.faults.appState.spoil(device, 'regular_low', 'snapshot-mac')
    const baileys = await linked(world)
    await until('Baileys to complain of the snapshot', () => complaints(baileys).length === 1)

    simulator.faults.appState.spoil(device, 'regular_low', 'patch-mac')
    await alice.changeChat(BOB, { pinned: false })
    await until('Baileys to complain of the patch', () => complaints(baileys).length === 2)
    expect(simulator.trace.faults).toHaveLength(2)
  })
})
