/**
 * Events of app state beside an unmodified Baileys on the same account, which checks every MAC: what the human does with the
 * phone is told, what Baileys writes with `chatModify` is told by waton, and a device that is linked later is told all
 * of it as history.
 */
import { expect, it } from 'vitest'
import type { ChangeOrigin, Client, DurableEvent, Person } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const BOB = '15550000002@s.whatsapp.net'
const CAROL = '15550000003@s.whatsapp.net'
const UNTIL_MS = 2e12
const LAST_SECONDS = 1_700_000_000

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
}

/** Baileys on Alice's account, through with its first look at app state. */
async function linkedBaileys({ simulator, alice }: Scene): Promise<Baileys> {
  const baileys = await Baileys.link(simulator, alice, {
    appStateMacVerification: { patch: true, snapshot: true },
  })
  await baileys.waitForChange('creds.update', ({ accountSyncCounter }) => accountSyncCounter === 1)
  return baileys
}

/** What was told that begins with one of these words, without its moment, in the order of the log. */
async function told(client: Client, ...families: readonly string[]): Promise<readonly object[]> {
  const events: object[] = []
  const isWanted = ({ type }: DurableEvent): boolean => families.some((family) => type.startsWith(family))
  for await (const event of client.events.read()) {
    if (!isWanted(event)) continue
    const { atMs, ...payload } = event.payload as { readonly atMs: number }
    expect(atMs).toBeGreaterThan(0)
    events.push({ type: event.type, ...payload })
  }
  return events
}

/** Bob, as the client knows him from his message. */
async function personOf(client: Client, id: string): Promise<Person> {
  let bob: Person | undefined
  await until('the message', async () => {
    for await (const { type, payload } of client.events.read())
      if (type === 'message' && payload.id === id) bob = payload.sender
    return bob !== undefined
  })
  if (bob?.lid === undefined) throw new Error('a message tells both addresses')
  return bob
}

/** The events of all that Baileys writes below, without their moments. */
function whatBaileysWrote(id: string, bob: Person, origin: ChangeOrigin): readonly object[] {
  const chat = bob.jid
  const upToMs = LAST_SECONDS * 1000
  const changed = { type: 'chat.changed', chat, origin }
  const message = { id, chat, sender: bob, fromMe: false, origin }
  return [
    { ...changed, changes: { isArchived: true }, upToMs },
    { ...changed, changes: { isPinned: true } },
    { ...changed, changes: { isMuted: true, mutedUntilMs: UNTIL_MS } },
    { ...changed, changes: { isUnread: true }, upToMs },
    { ...message, type: 'message.starred', isStarred: true },
    { ...message, type: 'message.hidden', keepsMedia: true, sentAtMs: upToMs },
    { type: 'chat.cleared', chat: CAROL, keepsStarred: false, keepsMedia: true, upToMs, origin },
    { type: 'chat.deleted', chat: CAROL, keepsMedia: false, upToMs, origin },
    {
      type: 'contact.saved',
      contact: { jid: CAROL, pn: CAROL },
      ...{ isSaved: true, name: 'Carol C.', firstName: 'Carol', origin },
    },
    { type: 'label.changed', id: '7', isDeleted: false, name: 'Paid', color: 2, origin },
    { type: 'label.assigned', labelId: '7', chat, isAssigned: true, origin },
    {
      type: 'quick-reply.changed',
      ...{ id: '1', isDeleted: false, shortcut: 'hi', text: 'hello there', origin },
    },
  ]
}

/** The event as it is told where only the number of a person is known. */
function underNumber(event: unknown, lid: string): unknown {
  return JSON.parse(JSON.stringify(event), (name, value: unknown) => {
    if (value !== lid) return value
    return name === 'lid' ? undefined : BOB
  })
}

const FAMILIES = ['chat.', 'label.', 'message.starred', 'message.hidden', 'contact.saved', 'quick-reply.']

it('tells what Baileys writes, and a device that is linked later is told the same as history', async () => {
  const simulator = await startWorld(2201)
  const scene = { simulator, ...(await addPair(simulator)) }
  const { alice, bob } = scene
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  const baileys = await linkedBaileys(scene)
  const { id } = await bob.send(alice.pn, { text: 'hello' })
  await baileys.waitForText('hello')
  await personOf(client, id)

  const key = { id, remoteJid: BOB, fromMe: false }
  const lastMessages = [{ key, messageTimestamp: LAST_SECONDS }]
  await baileys.modify({ archive: true, lastMessages }, BOB)
  await baileys.modify({ pin: true }, BOB)
  await baileys.modify({ mute: UNTIL_MS }, BOB)
  await baileys.modify({ markRead: false, lastMessages }, BOB)
  await baileys.modify({ star: { messages: [{ id, fromMe: false }], star: true } }, BOB)
  await baileys.modify({ deleteForMe: { key, timestamp: LAST_SECONDS, deleteMedia: false } }, BOB)
  await baileys.modify({ clear: true, lastMessages }, CAROL)
  await baileys.modify({ delete: true, lastMessages }, CAROL)
  await baileys.modify({ contact: { fullName: 'Carol C.', firstName: 'Carol' } }, CAROL)
  await baileys.change('addLabel', BOB, { id: '7', name: 'Paid', color: 2 })
  await baileys.change('addChatLabel', BOB, '7')
  await baileys.modify({ pushNameSetting: 'Alice B.' }, '')
  await baileys.modify({ disableLinkPreviews: { isPreviewsDisabled: true } }, '')
  await baileys.modify({ quickReply: { shortcut: 'hi', message: 'hello there', timestamp: '1' } }, '')

  await until('the last change', async () => (await told(client, 'quick-reply.')).length > 0)
  const expected = whatBaileysWrote(id, await personOf(client, id), 'live')
  const events = await told(client, ...FAMILIES)
  expect(events).toHaveLength(expected.length)
  expect(events).toEqual(expect.arrayContaining([...expected]))
  const settings = await told(client, 'account.changed')
  expect(settings).toHaveLength(2)
  expect(settings).toMatchObject([{ name: 'Alice B.' }, { areLinkPreviewsOff: true }])
  expect(client.me?.name).toBe('Alice B.')

  const later = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  await until('all of it', async () => (await told(later, ...FAMILIES)).length >= expected.length)
  const history = await told(later, ...FAMILIES)
  expect(history).toHaveLength(expected.length)
  // whether it knows Bob's LID by then depends on what of his chat it was told first
  const past = whatBaileysWrote(id, { jid: BOB, pn: BOB }, 'history')
  expect(history.map((event) => underNumber(event, bob.lid))).toEqual(expect.arrayContaining([...past]))
  expect([...client.unknowns(), ...later.unknowns()].filter(({ what }) => what === 'action')).toEqual([])
})

it('tells what the human does with the phone, also with another key, and what is taken back again', async () => {
  const simulator = await startWorld(2202)
  const scene = { simulator, ...(await addPair(simulator)) }
  const { alice, bob } = scene
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  const baileys = await linkedBaileys(scene)
  const { id } = await bob.send(alice.pn, { text: 'hello' })
  const { jid: chat } = await personOf(client, id)

  await alice.changeChat(BOB, {
    archived: true,
    pinned: true,
    unread: true,
    locked: true,
    mutedUntilMs: UNTIL_MS,
  })
  await alice.starMessage(id, true)
  await alice.saveContact(BOB, 'Bob Baker')
  await alice.editLabel({ id: '1', name: 'New customer', color: 3 })
  await alice.assignLabel('1', BOB, true, id)
  await alice.changeSettings({ locale: 'pt_BR', twentyFourHours: true, unarchivesChats: true })
  await alice.rotateAppStateKey({ share: true })
  await alice.changeChat(BOB, {
    archived: false,
    pinned: false,
    unread: false,
    locked: false,
    mutedUntilMs: 0,
  })
  await alice.starMessage(id, false)
  await alice.assignLabel('1', BOB, false, id)
  await alice.editLabel({ id: '1', name: 'New customer', color: 3, deleted: true })
  await alice.removeContact(BOB)
  await alice.deleteForMe(id)
  await baileys.waitForChange('messages.delete', ({ keys }) => (keys as { id: string }[])[0]?.id === id)

  const wanted: Readonly<Record<string, readonly object[]>> = {
    'chat.changed': [
      { isArchived: true },
      { isPinned: true },
      { isUnread: true },
      { isLocked: true },
      { isMuted: true, mutedUntilMs: UNTIL_MS },
      { isArchived: false },
      { isPinned: false },
      { isUnread: false },
      { isLocked: false },
      { isMuted: false },
    ].map((changes) => ({ chat, changes })),
    'message.starred': [true, false].map((isStarred) => ({ id, chat, fromMe: false, isStarred })),
    'message.hidden': [{ id, chat, fromMe: false }],
    'contact.saved': [{ isSaved: true, name: 'Bob Baker' }, { isSaved: false }],
    'label.changed': [
      { id: '1', name: 'New customer', color: 3, isDeleted: false },
      { id: '1', isDeleted: true },
    ],
    'label.assigned': [true, false].map((isAssigned) => ({
      labelId: '1',
      chat,
      message: { id, chat, fromMe: false },
      isAssigned,
    })),
    'account.changed': [{ locale: 'pt_BR' }, { isTwentyFourHours: true }, { unarchivesChats: true }],
  }
  for (const [type, payloads] of Object.entries(wanted)) {
    await until(type, async () => (await told(client, type)).length >= payloads.length)
    const events = await told(client, type)
    expect(events).toHaveLength(payloads.length)
    const matching = payloads.map(
      (payload) => expect.objectContaining(deep({ ...payload, origin: 'live' })) as object,
    )
    expect(events).toEqual(expect.arrayContaining(matching))
  }
  expect(alice.problems).toEqual([])
})

/** Objects in it need only have what is said of them. */
function deep(payload: Readonly<Record<string, unknown>>): object {
  const { message } = payload
  return message === undefined
    ? payload
    : { ...payload, message: expect.objectContaining(message as object) as object }
}
