/**
 * The history of a simulated phone, read by an unmodified Baileys: every piece that a new device gets, what it asks for, and
 * what goes wrong. Where Baileys finds what the phone has put there, the phone tells its history as phones do.
 */
import { encryptMediaRetryRequest } from '@whiskeysockets/baileys/lib/Utils/messages-media.js'
import { proto } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import type { HistoryFault, PhoneMessage, SentHistory, SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import type { BaileysHistory, BaileysSettings } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

const { ON_DEMAND, RECENT } = proto.HistorySync.HistorySyncType

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
}

async function scene(seed: number): Promise<Scene> {
  const simulator = await startWorld(seed)
  return { simulator, ...(await addPair(simulator)) }
}

/** Links a Baileys and waits until it has answered for everything that the phone has given. */
async function linked({ simulator, alice }: Scene, settings: BaileysSettings = {}): Promise<Baileys> {
  const baileys = await Baileys.link(simulator, alice, { syncFullHistory: false, ...settings })
  await until('the phone to have given its history', () => alice.devices[0]?.isWelcomed)
  await until('every piece to be answered for', () =>
    alice.history.every(({ receipts }) => receipts.includes('hist_sync')),
  )
  return baileys
}

const idsIn = (pieces: readonly BaileysHistory[]): readonly string[] =>
  pieces.flatMap(({ messages }) => messages.map(({ key }) => key.id)).toSorted()

const idsOf = (messages: readonly PhoneMessage[]): readonly string[] =>
  messages
    .filter(({ chat }) => chat !== 'status@broadcast')
    .map(({ id }) => id)
    .toSorted()

async function told(baileys: Baileys, ids: readonly string[]): Promise<void> {
  await until('Baileys to tell of all messages', () => idsIn(baileys.history).length >= ids.length)
  expect(idsIn(baileys.history)).toEqual(ids)
}

/** The first message with text of a chat, by time. */
function oldest({ alice }: Scene, chat: string): PhoneMessage {
  const found = alice.messages.find((message) => message.chat === chat)
  if (found === undefined) throw new Error('the chat is empty')
  return found
}

const pieceOf = ({ alice }: Scene, kind: SentHistory['kind']): SentHistory => {
  const found = alice.history.findLast((piece) => piece.kind === kind)
  if (found === undefined) throw new Error(`no ${kind} was given`)
  return found
}

describe('the history of a phone', () => {
  it('reaches Baileys whole, in pieces of every kind', async () => {
    const world = await scene(2101)
    const { alice } = world
    alice.historyHabits({ chunkMessages: 200 })
    alice.addPast({ chats: 24, messagesPerChat: 40, seed: 1, statuses: 3 })
    const baileys = await linked(world)
    const kinds = alice.history.map(({ kind, chunkOrder, progress }) => [kind, chunkOrder, progress])
    expect(kinds).toEqual([
      ['INITIAL_BOOTSTRAP', 1, 100],
      ['INITIAL_STATUS_V3', 1, 100],
      ['PUSH_NAME', 1, 100],
      ['RECENT', 1, 25],
      ['RECENT', 2, 50],
      ['RECENT', 3, 75],
      ['RECENT', 4, 100],
      ['NON_BLOCKING_DATA', 1, 100],
    ])
    await told(baileys, idsOf(alice.messages))

    const chats = new Map(baileys.history.flatMap((piece) => piece.chats.map((chat) => [chat.id, chat])))
    expect([...chats.keys()].toSorted()).toEqual(alice.chats.map(({ jid }) => jid).toSorted())
    for (const { jid, unreadCount } of alice.chats) expect(chats.get(jid)?.['unreadCount']).toBe(unreadCount)
    const contacts = baileys.history.flatMap((piece) => piece.contacts)
    expect(contacts).toContainEqual(expect.objectContaining({ notify: 'Person 3' }))
    expect(contacts).toContainEqual(expect.objectContaining({ name: 'Contact 4' }))
    const kindsSeen = new Set(baileys.history.flatMap((piece) => piece.messages.map(({ kind }) => kind)))
    expect([...kindsSeen]).toEqual(
      expect.arrayContaining(['conversation', 'imageMessage', 'locationMessage', 'pollCreationMessageV3']),
    )
    const picture = alice.messages.find(({ content }) => content.imageMessage)
    if (picture === undefined) throw new Error('the seed invents no picture')
    expect(Uint8Array.from(await baileys.download(picture.id))).toEqual(await alice.download(picture))
  })

  it.each([
    ['inside of the message when it is small', 65_536, true],
    ['as a file when the phone likes', 0, false],
  ])('begins with a piece %s', async (_how, inlineMaxBytes, isInside) => {
    const world = await scene(isInside ? 2102 : 2103)
    world.alice.historyHabits({ inlineMaxBytes })
    world.alice.addPast({ chats: 3, messagesPerChat: 5, seed: 2 })
    const baileys = await linked(world)
    await told(baileys, idsOf(world.alice.messages))
    expect(pieceOf(world, 'INITIAL_BOOTSTRAP').directPath === undefined).toBe(isInside)
  })

  it('is by LID when the phone names people so', async () => {
    const world = await scene(2104)
    world.alice.historyHabits({ addressing: 'lid' })
    world.alice.addPast({ chats: 3, messagesPerChat: 12, seed: 3 })
    const baileys = await linked(world)
    await told(baileys, idsOf(world.alice.messages))
    const chats = baileys.history.flatMap((piece) => piece.chats.map(({ id }) => id))
    expect(new Set(chats.map((id) => id.split('@')[1]))).toEqual(new Set(['lid']))
  })

  it('is all of it for a Baileys that has asked for all when it registered', async () => {
    const world = await scene(2105)
    const { alice } = world
    alice.addPast({ chats: 2, messagesPerChat: 60, seed: 4, days: 300 })
    const baileys = await linked(world, { syncFullHistory: true, takesFullHistory: true })
    expect(alice.history.map(({ kind }) => kind)).toContain('FULL')
    await told(baileys, idsOf(alice.messages))
  })
})

describe('history on demand', () => {
  it('comes for the request of Baileys, until there is nothing older', async () => {
    const world = await scene(2111)
    const { simulator, alice } = world
    alice.addPast({ chats: 1, messagesPerChat: 30, seed: 5, days: 365 })
    const baileys = await linked(world)
    const [{ jid: chat } = { jid: '' }] = alice.chats
    const known = new Set(idsIn(baileys.history))
    const first = alice.messages.find(({ id }) => known.has(id))
    if (first === undefined) throw new Error('Baileys was told of nothing')
    const ask = async ({ id, fromMe, sentAtMs }: PhoneMessage): Promise<BaileysHistory> => {
      const request = await baileys.fetchHistory(12, { remoteJid: chat, id, fromMe }, sentAtMs)
      return until('the answer of the phone', () =>
        baileys.history.find((piece) => piece.peerDataRequestSessionId === request),
      )
    }
    const older = alice.messages.filter(({ sentAtMs }) => sentAtMs < first.sentAtMs)
    const answer = await ask(first)
    expect(answer.syncType).toBe(ON_DEMAND)
    expect(idsIn([answer])).toEqual(idsOf(older.slice(-12)))
    const last = await ask(oldest(world, chat))
    expect([last.messages, pieceOf(world, 'ON_DEMAND').messages]).toEqual([[], 0])
    // while Baileys gathers events it leaves out a chat that it has told of before
    for (const { endOfHistoryTransfer } of last.chats) expect(endOfHistoryTransfer).toBe(true)

    const full = await baileys.askPhone({
      peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.FULL_HISTORY_SYNC_ON_DEMAND,
      fullHistorySyncOnDemandRequest: {
        requestMetadata: { requestId: 'R1' },
        historySyncConfig: { fullSyncDaysLimit: 100 },
      },
    })
    await until('all since then to be given', () =>
      alice.history.find(
        ({ kind, sessionId, receipts }) => kind === 'FULL' && sessionId === full && receipts.length > 1,
      ),
    )
    const since = simulator.clock.nowMs() - 100 * 86_400_000
    const wanted = alice.messages.filter(({ sentAtMs }) => sentAtMs >= since)
    expect(pieceOf(world, 'FULL').messages).toBe(wanted.length)

    simulator.faults.history.next({ fault: 'silence' })
    const given = alice.history.length
    await baileys.fetchHistory(12, { remoteJid: chat, id: first.id, fromMe: first.fromMe }, first.sentAtMs)
    await until('the request to be passed over', () => simulator.trace.faults.at(-1))
    await alice.idle()
    expect(alice.history).toHaveLength(given)
  })
})

describe('history that goes wrong', () => {
  it.each<[HistoryFault['fault'], RegExp]>([
    ['gone', /its file is gone/],
    ['corrupt', /a byte of its file is another/],
    ['truncate', /end in the middle/],
  ])('is lost to Baileys: %s', async (fault, line) => {
    const world = await scene(2121 + fault.length)
    const { simulator, alice } = world
    alice.addPast({ chats: 4, messagesPerChat: 20, seed: 6 })
    simulator.faults.history.next({ fault, kind: 'RECENT' })
    const baileys = await linked(world)
    const { messages } = pieceOf(world, 'RECENT')
    await until('Baileys to tell of the rest', () => idsIn(baileys.history).length >= 40)
    expect([messages, idsIn(baileys.history).length]).toEqual([40, 40])
    expect(simulator.trace.faults.map(({ text }) => text)).toEqual([expect.stringMatching(line)])
  })

  it('comes twice, and in another order', async () => {
    const world = await scene(2131)
    const { simulator, alice } = world
    alice.historyHabits({ chunkMessages: 10 })
    alice.addPast({ chats: 2, messagesPerChat: 25, seed: 7 })
    simulator.faults.history.next({ fault: 'twice', kind: 'RECENT' })
    simulator.faults.history.next({ fault: 'disorder' })
    const baileys = await linked(world)
    const recent = alice.history.filter(({ kind }) => kind === 'RECENT')
    expect(recent.map(({ chunkOrder }) => chunkOrder)).toEqual([3, 3, 2, 1])
    expect(new Set(recent.map(({ directPath }) => directPath)).size).toBe(3)
    await until('Baileys to tell of all', () => new Set(idsIn(baileys.history)).size >= 50)
  })

  it('is nothing to Baileys when somebody else tells it', async () => {
    const world = await scene(2132)
    const { alice, bob, simulator } = world
    bob.addPastMessage(alice.pn, { text: 'never written', id: 'FORGED' })
    const baileys = await linked(world)
    await bob.forgeHistory(alice.pn)
    await bob.send(alice.pn, { text: 'behind it' })
    await baileys.waitForText('behind it')
    expect(idsIn(baileys.history)).not.toContain('FORGED')
    expect(simulator.trace.faults.map(({ text }) => text)).toEqual([
      `the phone forges history for ${alice.pn}`,
    ])
  })

  it('is uploaded again when a device says that its file is gone', async () => {
    const world = await scene(2133)
    const { simulator, alice } = world
    alice.addPast({ chats: 4, messagesPerChat: 20, seed: 8 })
    simulator.faults.history.next({ fault: 'gone', kind: 'RECENT' })
    const baileys = await linked(world)
    const lost = pieceOf(world, 'RECENT')
    await baileys.sendStanza(requestAgain(lost, alice))
    await told(baileys, idsOf(alice.messages))
    expect(pieceOf(world, 'RECENT')).toMatchObject({ originalId: lost.id, messages: lost.messages })
    expect(baileys.history.map(({ syncType }) => syncType)).toContain(RECENT)
    // whoever does not know the key of the file gets nothing
    const given = alice.history.length
    await baileys.sendStanza(requestAgain({ ...lost, mediaKey: new Uint8Array(32) }, alice))
    await until('the request to be passed on', () => simulator.unanswered(alice.pn).length === 0)
    await alice.idle()
    expect(alice.history).toHaveLength(given)
  })
})

/** The request for a file, as Baileys seals those for pictures, but about history. */
function requestAgain(
  { id, mediaKey }: Pick<SentHistory, 'id' | 'mediaKey'>,
  phone: SimulatedPhone,
): BinaryNode {
  const request = encryptMediaRetryRequest(
    { id, remoteJid: phone.pn, fromMe: true },
    mediaKey ?? new Uint8Array(),
    phone.pn,
  )
  const { tag, attrs, content } = request as unknown as BinaryNode
  const children = (content as unknown as readonly BinaryNode[]).filter((child) => child.tag === 'encrypt')
  return { tag, attrs: { ...attrs, category: 'peer' }, content: children }
}
