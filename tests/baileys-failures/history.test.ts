/**
 * History that Baileys loses. Both are linked devices of the same account, get the same history of the same phone, and meet
 * a media server that refuses the first downloads. Row W12 of the list in README.md.
 */
import { expect, test } from 'vitest'
import type { SentHistory, SimulatedPhone, Simulator } from 'waton/simulator'
import { log } from '../client/support.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const CHATS = 4
const MESSAGES_PER_CHAT = 20
/** In the first piece, which comes inside of its message. */
const INSIDE = CHATS * 10

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
}

async function scene(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  const { alice } = await addPair(simulator)
  alice.addPast({ chats: CHATS, messagesPerChat: MESSAGES_PER_CHAT, seed })
  return { simulator, alice }
}

/** The next downloads are refused. */
function refuseDownloads({ simulator }: Scene, times: number): void {
  simulator.faults.media.next({ on: 'download', fault: 'status', status: 503, times })
}

/** Where in the record a device says that it has taken a piece in. */
function takenAt({ simulator }: Scene, { id, device }: SentHistory): number | undefined {
  const filter = { device, tag: 'receipt', type: 'hist_sync', direction: 'client-to-server' } as const
  return simulator.trace.stanzas(filter).find(({ node }) => node.attrs['id'] === id)?.index
}

/** Where in the record the file of a piece is given away, when it ever is. */
function fetchedAt({ simulator }: Scene, { directPath = 'nowhere' }: SentHistory): number | undefined {
  const path = directPath.split('?')[0] ?? ''
  return simulator.trace.notes.find(({ kind, text }) => kind === 'media' && text.includes(`${path} fetches`))
    ?.index
}

const filesOf = ({ alice }: Scene): readonly SentHistory[] =>
  alice.history.filter(({ directPath }) => directPath !== undefined)

test('W12: Baileys says that it has what it could not fetch, and never gets it', async () => {
  const world = await scene(2201)
  const { simulator, alice } = world
  refuseDownloads(world, 4)
  const baileys = await Baileys.link(simulator, alice)
  await until(
    'the phone to be told that all was taken in',
    () => alice.history.length === 5 && alice.history.every(({ receipts }) => receipts.includes('hist_sync')),
  )
  await until('every file to be refused', () => simulator.trace.faults.length === 4)
  expect(filesOf(world).map((piece) => fetchedAt(world, piece))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  // the media server is well again, and Baileys comes back
  await baileys.disconnect()
  await baileys.connect()
  await until('Baileys to be open again', () => baileys.opened > 1)
  await alice.idle()
  expect(baileys.history.flatMap(({ messages }) => messages)).toHaveLength(INSIDE)
  expect(simulator.trace.faults).toHaveLength(4)
})

test('W12: waton says so of what it has, and has all of it in the end', async () => {
  const world = await scene(2202)
  const { simulator, alice } = world
  refuseDownloads(world, 4)
  const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
  // of a message that was deleted for everyone nothing is left to be told
  const written = alice.messages.filter(({ content }) => Object.keys(content).length > 0)
  const told = await until('everything to be told', async () => {
    const ids = (await log(client)).flatMap((event) =>
      event.type === 'history.chunk' ? event.payload.messages.map(({ id }) => id) : [],
    )
    return ids.length >= written.length && ids
  })
  expect(told.toSorted()).toEqual(written.map(({ id }) => id).toSorted())
  await until('the phone to be told so', () =>
    alice.history.every(({ receipts }) => receipts.includes('hist_sync')),
  )
  for (const piece of filesOf(world))
    expect(takenAt(world, piece)).toBeGreaterThan(fetchedAt(world, piece) ?? Infinity)
  expect(simulator.trace.faults).toHaveLength(4)
})
