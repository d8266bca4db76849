/**
 * One account with three writers of its app state: a simulated phone, an unmodified Baileys that checks every MAC, and
 * waton, which does nothing else. What one changes the two others learn, and all have the same in the end.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { DurableEvent, Endpoint } from 'waton'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { APP_STATE_COLLECTION } from '../../src/client/state/records.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, overWebSocket, startWorld } from '../helpers/world.ts'

const BOB = '15550000002@s.whatsapp.net'
const CAROL = '15550000003@s.whatsapp.net'
const CHECKED = { appStateMacVerification: { patch: true, snapshot: true } }

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly baileys: Baileys
  readonly client: Client
  readonly store: MemoryStore
  readonly events: DurableEvent[]
}

const TOLD = ['chat.changed', 'chat.deleted', 'label.changed', 'label.assigned', 'contact.saved'] as const

/** Both devices, linked after the phone has changed something. */
async function scene(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice } = await addPair(simulator)
  await alice.changeChat(BOB, { pinned: true })
  const baileys = await Baileys.link(simulator, alice, CHECKED)
  await baileys.waitForChange('creds.update', ({ accountSyncCounter }) => accountSyncCounter === 1)
  const store = new MemoryStore()
  const client = await linkedClient(simulator, alice, { store, endpoint: endpointOf(simulator) })
  const events: DurableEvent[] = []
  listen(client, events)
  return { simulator, alice, baileys, client, store, events }
}

/** A real socket, and the certificate of the media servers. */
function endpointOf(simulator: Simulator): Endpoint {
  const { mediaHost, mediaCertificate } = simulator.endpoint
  return { ...overWebSocket(simulator), mediaHost, mediaCertificate }
}

function listen(client: Client, events: DurableEvent[]): void {
  for (const type of TOLD)
    client.on(type, (event: DurableEvent) => {
      events.push(event)
    })
}

/** All three have the same versions, and nobody has anything to say against anybody. */
async function expectAgreement({ alice, baileys, store, simulator }: Scene): Promise<void> {
  await until('all three to have the same versions', async () => {
    const versions = await baileys.appStateVersions()
    for (const [name, version] of alice.appStateVersions) {
      const row = await store.readRecord('default', APP_STATE_COLLECTION.kind, name)
      const ours = row === undefined ? 0 : APP_STATE_COLLECTION.decode(row).version
      if ((versions[name] ?? 0) !== version || ours !== version) return false
    }
    return true
  })
  expect(baileys.warnings.filter((text) => /\bmac\b|hash|patch|failed to sync/i.test(text))).toEqual([])
  expect(alice.problems).toEqual([])
  expect(simulator.trace.notes.filter(({ kind }) => kind === 'violation')).toEqual([])
}

/** Waits until waton tells something of this kind that has these parts. */
async function told({ events }: Scene, type: string, parts: object): Promise<void> {
  await until(`waton to tell ${type} ${JSON.stringify(parts)}`, () =>
    events.some((event) => event.type === type && includes(event.payload, parts)),
  )
}

function includes(value: unknown, parts: unknown): boolean {
  if (typeof parts !== 'object' || parts === null) return value === parts
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Readonly<Record<string, unknown>>
  return Object.entries(parts).every(([name, part]) => includes(fields[name], part))
}

describe('waton, Baileys and the phone of one account', () => {
  it('have the same app state after each has heard of what the others changed', async () => {
    const world = await scene(2201)
    const { alice, baileys } = world
    await expectAgreement(world)

    await baileys.modify({ archive: true, lastMessages: [] }, BOB)
    await told(world, 'chat.changed', { chat: BOB, changes: { isArchived: true }, origin: 'live' })
    await baileys.modify({ mute: 2e12 }, BOB)
    await told(world, 'chat.changed', { chat: BOB, changes: { isMuted: true, mutedUntilMs: 2e12 } })
    await baileys.change('addLabel', BOB, { id: '7', name: 'Paid', color: 2 })
    await told(world, 'label.changed', { id: '7', name: 'Paid', color: 2, isDeleted: false })
    await baileys.change('addChatLabel', BOB, '7')
    await told(world, 'label.assigned', { labelId: '7', chat: BOB, isAssigned: true })
    await baileys.modify({ contact: { fullName: 'Carol C.' } }, CAROL)
    await told(world, 'contact.saved', { contact: { jid: CAROL }, name: 'Carol C.' })
    await alice.changeChat(BOB, { archived: false, locked: true })
    await told(world, 'chat.changed', { chat: BOB, changes: { isLocked: true } })
    await baileys.modify({ delete: true, lastMessages: [] }, BOB)
    await told(world, 'chat.deleted', { chat: BOB })

    await until('the phone to have it all', () => alice.appState.chats.get(BOB)?.deletedAtMs)
    expect(alice.appState.chats.get(BOB)).toMatchObject({ archived: false, locked: true, mutedUntilMs: 2e12 })
    await expectAgreement(world)
  })

  it('go on with another key, and all learn what was changed while they were away', async () => {
    const world = await scene(2202)
    const { alice, baileys, client, store, events, simulator } = world
    await expectAgreement(world)
    await client.close()
    await baileys.modify({ pin: false }, BOB)
    await alice.rotateAppStateKey({ share: true })
    for (const archived of [true, false, true]) await alice.changeChat(BOB, { archived })
    const again = new Client({ store, endpoint: endpointOf(simulator) })
    onTestFinished(() => again.close())
    listen(again, events)
    await again.connect()

    await told(world, 'chat.changed', { chat: BOB, changes: { isPinned: false } })
    await told(world, 'chat.changed', { chat: BOB, changes: { isArchived: true } })
    await expectAgreement(world)
  })
})
