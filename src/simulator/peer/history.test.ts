/** The history of a phone, from its past to its pieces, as Baileys' own schema and reader understand it. */
import { inflateSync } from 'node:zlib'
import { processHistoryMessage } from '@whiskeysockets/baileys/lib/Utils/history.js'
import { proto } from '@whiskeysockets/baileys'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { startSimulator } from '../simulator.ts'
import type { Simulator } from '../simulator.ts'
import type { MediaDesk, PieceFault, PrimaryServices } from '../link.ts'
import { AddressBook } from './address-book.ts'
import { Album } from './album.ts'
import { HistoryFiles } from './history-files.ts'
import { openFile } from './media-file.ts'
import { Past } from './history-past.ts'
import { encodeHistory } from './history-payload.ts'
import type { HistoryPiece } from './history-payload.ts'
import { planHistory, planOnDemand, readWishes, USUAL_HABITS } from './history-plan.ts'
import type { HistoryHabits, HistoryWishes } from './history-plan.ts'
import { HistoryView } from './history-view.ts'
import { Mailbox } from './mailbox.ts'
import type { SimulatedPhone } from './phone.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '200000000000002@lid'
const GROUP = '120363000000000001@g.us'
const NOW_MS = 1_700_000_000_000
const DAY_MS = 86_400_000
const WISHES: HistoryWishes = { ...readWishes(undefined), wantsAll: false }

const clock = { ...systemClock, nowMs: () => NOW_MS }
const PHONE = {
  ...{ pn: ALICE, lid: '200000000000001@lid', name: 'Alice', clock, logger: silentLogger },
  random: seededRandom('history'),
}

/** A phone's memory without a phone. */
function memory(): { past: Past; view: HistoryView; mailbox: Mailbox } {
  const account = { ...PHONE, random: seededRandom('history') }
  const addresses = new AddressBook(() => undefined)
  const mailbox = new Mailbox(clock, () => undefined)
  const album = new Album(account, undefined)
  const past = new Past({ account, addresses, album, mailbox })
  return { past, mailbox, view: new HistoryView({ account, addresses, mailbox, past }) }
}

function pieces(
  view: HistoryView,
  habits: Partial<HistoryHabits> = {},
  wishes: HistoryWishes = WISHES,
): readonly HistoryPiece[] {
  const all = { ...USUAL_HABITS, ...habits }
  return planHistory(view.whole(all.addressing), wishes, all, NOW_MS)
}

/** A piece as Baileys' schema reads it. */
function decoded(piece: HistoryPiece | undefined): proto.HistorySync {
  if (piece === undefined) throw new Error('there is no such piece')
  return proto.HistorySync.decode(inflateSync(encodeHistory(piece)))
}

describe('the past of a phone', () => {
  let simulator: Simulator
  let phone: SimulatedPhone

  beforeEach(async () => {
    simulator = await startSimulator({ seed: 'past' })
    phone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  })

  afterEach(() => simulator.close())

  it.each([
    [
      () => {
        phone.addPast({ chats: 2_001, messagesPerChat: 1, seed: 1 })
      },
      /chats in phone.addPast/,
    ],
    [
      () => {
        phone.addPast({ chats: 2_000, messagesPerChat: 26, seed: 1 })
      },
      /messages in phone.addPast/,
    ],
    [() => phone.addPastMessage('Bob', { text: 'x' }), /the chat in phone.addPastMessage/],
    [() => phone.addPastMessage(BOB, { text: 'x', sentAt: 1 } as never), /no option|has no option/],
    [() => phone.addPastMessage(GROUP, { text: 'x' }), /names its sender/],
    [() => phone.addPastMessage(BOB, { text: 'x', quotes: 'Q' }), /not in its chat/],
    [
      () => {
        phone.historyHabits({ chunkMessages: 0 })
      },
      /chunkMessages/,
    ],
  ])('refuses what cannot be (%#)', (work, message) => {
    expect(work).toThrow(message)
    expect(phone.messages).toEqual([])
  })

  it('has a message once, and where it belongs in time', () => {
    phone.addPastMessage(BOB, { text: 'second', id: 'M2', sentAtMs: 2_000 })
    phone.addPastMessage(BOB, { text: 'first', id: 'M1', sentAtMs: 1_000, fromMe: true })
    expect(() => phone.addPastMessage(BOB, { text: 'again', id: 'M2' })).toThrow(/with this id already/)
    expect(phone.messages.map(({ text, fromMe }) => [text, fromMe])).toEqual([
      ['first', true],
      ['second', false],
    ])
    expect(phone.chats).toMatchObject([{ jid: BOB, unreadCount: 0, lastMessageAtMs: 2_000 }])
  })

  it('is the same for the same seed, with files that open', async () => {
    phone.addPast({ chats: 16, messagesPerChat: 20, seed: 'same', untilMs: NOW_MS })
    const other = await simulator.addPhone({ phoneNumber: '15550000009', name: 'Other' })
    other.addPast({ chats: 16, messagesPerChat: 20, seed: 'same', untilMs: NOW_MS })
    expect(phone.messages).toHaveLength(320)
    const shape = ({ messages }: SimulatedPhone): unknown =>
      messages.map(({ id, chat, text }) => [id, chat, text])
    expect(shape(phone)).toEqual(shape(other))
    const picture = phone.messages.find(({ content }) => content.imageMessage)
    if (picture === undefined) throw new Error('the seed invents no picture')
    expect(await phone.download(picture)).toHaveLength(picture.content.imageMessage?.fileLength ?? 0)
  })
})

describe('the files of history', () => {
  it('are what their fault makes of them, and good without one', () => {
    const uploads: Uint8Array[] = []
    const media: MediaDesk = {
      upload: (_kind, sealed) => ({ url: '', directPath: `/v/${String(uploads.push(sealed))}` }),
      fetch: (directPath) => uploads[Number(directPath.slice(3)) - 1],
      forget: (directPath) => uploads.splice(Number(directPath.slice(3)) - 1, 1),
      takeRetryFault: () => undefined,
      answerRetry: () => undefined,
    }
    const account = { ...PHONE, random: seededRandom('files') }
    const files = new HistoryFiles(account, { media } as PrimaryServices)
    const piece: HistoryPiece = {
      kind: 'RECENT',
      chunkOrder: 2,
      progress: 50,
      own: { pn: ALICE, lid: '1@lid' },
    }
    const open = (fault?: PieceFault): Uint8Array => {
      const { notification } = files.pack(piece, { fault })
      const { mediaKey, fileSha256, fileEncSha256, fileLength, directPath } = notification
      const secrets = {
        mediaKey: mediaKey ?? new Uint8Array(),
        fileSha256: fileSha256 ?? new Uint8Array(),
        fileEncSha256: fileEncSha256 ?? new Uint8Array(),
        fileLength: fileLength ?? 0,
      }
      return openFile('History', media.fetch(directPath ?? '') ?? new Uint8Array(), secrets)
    }
    expect(proto.HistorySync.decode(inflateSync(open()))).toMatchObject({
      syncType: 3,
      chunkOrder: 2,
      progress: 50,
    })
    expect(() => open('gone')).toThrow(/hash of what was fetched/)
    expect(() => open('corrupt')).toThrow(/hash of what was fetched/)
    expect(() => open('wrong-digest')).toThrow(/hash of the file/)
    expect(() => inflateSync(open('truncate'))).toThrow(/unexpected end of file/)
    const bomb = open('bomb')
    expect(bomb.length).toBeLessThan(100_000)
    expect(inflateSync(bomb).length).toBeGreaterThan(64 * 1024 * 1024)
  })

  it('are none where there are no media servers: all of it travels inside', () => {
    const files = new HistoryFiles(PHONE, {} as PrimaryServices)
    const { notification } = files.pack({
      kind: 'RECENT',
      chunkOrder: 1,
      progress: 1,
      own: { pn: ALICE, lid: '' },
    })
    expect(notification.directPath).toBeUndefined()
    expect(notification.initialHistBootstrapInlinePayload).toBeInstanceOf(Uint8Array)
  })
})

describe('the pieces of history', () => {
  it('are one for a phone whose past was never filled, as Baileys reads it', () => {
    const { view, mailbox } = memory()
    const head = { chat: BOB, sender: BOB, fromMe: false, device: BOB, replyTo: BOB }
    mailbox.learnName(BOB, 'Bob')
    mailbox.show({ ...head, id: 'M1', content: { conversation: 'hi' }, sentAtMs: NOW_MS })
    const all = pieces(view)
    expect(all.map(({ kind }) => kind)).toEqual(['INITIAL_BOOTSTRAP'])
    const read = processHistoryMessage(decoded(all[0]))
    expect(read.chats).toMatchObject([{ id: BOB, name: 'Bob', unreadCount: 1 }])
    expect(read.messages).toMatchObject([
      { key: { id: 'M1', fromMe: false }, message: { conversation: 'hi' } },
    ])
  })

  it('say of a chat what the human did with it', () => {
    const { past, view } = memory()
    past.addChat(BOB, {
      ...{
        name: 'Bobby',
        lid: BOB_LID,
        pushName: 'Bob',
        unreadCount: 3,
        isMarkedUnread: true,
        isArchived: true,
      },
      ...{ pinnedAtMs: NOW_MS, mutedUntilMs: -1, disappearingSeconds: 86_400, isLocked: true },
      token: { bytes: Uint8Array.of(1, 2), atSeconds: 5 },
    })
    const [bootstrap, , names] = pieces(view)
    const [chat] = decoded(bootstrap).conversations
    expect(chat).toMatchObject({
      ...{
        id: BOB,
        name: 'Bobby',
        displayName: 'Bobby',
        lidJid: BOB_LID,
        unreadCount: 3,
        markedAsUnread: true,
      },
      ...{ archived: true, locked: true, pinned: 1_700_000_000, ephemeralExpiration: 86_400 },
    })
    // -1 in 64 bits, as a number of JavaScript has it
    expect(Number(chat?.muteEndTime)).toBe(2 ** 64)
    expect(Uint8Array.from(chat?.tcToken ?? [])).toEqual(Uint8Array.of(1, 2))
    expect(processHistoryMessage(decoded(bootstrap)).lidPnMappings).toContainEqual({ lid: BOB_LID, pn: BOB })
    expect(processHistoryMessage(decoded(names)).contacts).toEqual([{ id: BOB, notify: 'Bob' }])
  })

  it('say of a message what the phone knows beside its content', () => {
    const { past, view } = memory()
    past.addChat(BOB, { pushName: 'Bob' })
    const secret = seededRandom('secret').bytes(32)
    past.addMessage(BOB, { text: 'one', id: 'M1', sentAtMs: NOW_MS - 5_000, isStarred: true })
    const reactions = [{ emoji: '👍' }, { emoji: '🙏', by: BOB, atMs: NOW_MS }]
    past.addMessage(BOB, {
      text: 'two',
      id: 'M2',
      sentAtMs: NOW_MS - 4_000,
      fromMe: true,
      quotes: 'M1',
      reactions,
    })
    past.addMessage(BOB, { stubType: 1, id: 'M3', sentAtMs: NOW_MS - 3_000 })
    past.addMessage(BOB, {
      message: { conversation: 'x' },
      messageSecret: secret,
      id: 'M4',
      sentAtMs: NOW_MS,
    })
    past.addMessage(GROUP, { text: 'all', id: 'G1', sender: BOB, sentAtMs: NOW_MS - 9_000 })
    past.addMessage('status@broadcast', { text: 'update', id: 'S1', sender: BOB })
    const [bootstrap, statuses] = pieces(view)
    const [chat, group] = decoded(bootstrap).conversations
    const [fourth, third, second, first] = chat?.messages?.map(({ message }) => message) ?? []
    expect(first).toMatchObject({ key: { id: 'M1', fromMe: false }, starred: true, pushName: 'Bob' })
    expect(second?.message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: 'M1',
      participant: BOB,
    })
    expect(second).toMatchObject({ status: 4, userReceipt: [{ userJid: BOB }] })
    expect(second?.reactions?.map(({ text, key }) => [text, key?.fromMe])).toEqual([
      ['👍', true],
      ['🙏', false],
    ])
    expect([third?.messageStubType, third?.message]).toEqual([1, null])
    expect(Uint8Array.from(fourth?.messageSecret ?? [])).toEqual(secret)
    expect(group?.messages?.[0]?.message?.key).toMatchObject({ id: 'G1', participant: BOB })
    expect(decoded(statuses).statusV3Messages).toMatchObject([
      { key: { remoteJid: 'status@broadcast', id: 'S1', participant: BOB }, participant: BOB },
    ])
  })

  it('have each message once: the newest first, then what is recent, then all of it for a device that wants it', () => {
    const { past, view, mailbox } = memory()
    for (let day = 0; day < 400; day += 1) {
      past.addMessage(BOB, { text: String(day), sentAtMs: NOW_MS - day * DAY_MS })
    }
    const habits = { firstMessages: 5, chunkMessages: 50 }
    const shape = (all: readonly HistoryPiece[]): unknown =>
      all.flatMap(({ kind, chunkOrder, progress, chats }) =>
        (chats ?? []).map(({ messages, end }) => [kind, chunkOrder, progress, messages.length, end]),
      )
    expect(shape(pieces(view, habits))).toEqual([
      ['INITIAL_BOOTSTRAP', 1, 100, 5, undefined],
      ['RECENT', 1, 50, 50, undefined],
      ['RECENT', 2, 100, 36, 'moreOnPhone'],
    ])
    const full = pieces(view, { ...habits, chunkMessages: 200 }, { ...WISHES, wantsAll: true, fullDays: 500 })
    expect(shape(full)).toEqual([
      ['INITIAL_BOOTSTRAP', 1, 100, 5, undefined],
      ['RECENT', 1, 100, 86, undefined],
      ['FULL', 1, 50, 200, undefined],
      ['FULL', 2, 100, 109, 'nothingMore'],
    ])
    const told = full.flatMap((piece) =>
      processHistoryMessage(decoded(piece)).messages.map(({ key }) => key.id),
    )
    expect(told.toSorted()).toEqual(mailbox.messages.map(({ id }) => id).toSorted())
  })

  it('name people by LID when the phone does', () => {
    const { past, view } = memory()
    past.addChat(BOB, { lid: BOB_LID })
    past.addMessage(BOB, { text: 'hi', id: 'M1' })
    const [bootstrap] = pieces(view, { addressing: 'lid' })
    const { chats, messages, lidPnMappings } = processHistoryMessage(decoded(bootstrap))
    expect(chats).toMatchObject([{ id: BOB_LID, pnJid: BOB }])
    expect(messages).toMatchObject([{ key: { remoteJid: BOB_LID, id: 'M1' } }])
    expect(lidPnMappings).toContainEqual({ lid: BOB_LID, pn: BOB })
  })

  it('on demand are what is older than a message, and in the end nothing', () => {
    const { past, view } = memory()
    for (const second of [1, 2, 3, 4]) {
      past.addMessage(BOB, {
        text: String(second),
        id: `M${String(second)}`,
        sentAtMs: NOW_MS + second * 1000,
      })
    }
    const ask = (oldestMsgId: string, count: number): proto.IConversation | undefined => {
      const older = view.olderThan({ chatJid: BOB, oldestMsgId, oldestMsgTimestampMs: NOW_MS + 3_000 }, 'pn')
      return decoded(planOnDemand(older, count, { pn: ALICE, lid: '1@lid' })).conversations[0]
    }
    const ids = (chat: proto.IConversation | undefined): unknown =>
      chat?.messages?.map(({ message }) => message?.key?.id)
    expect(ids(ask('M3', 1))).toEqual(['M2'])
    expect(ask('M3', 1)?.endOfHistoryTransferType).toBe(2)
    expect(ids(ask('M3', 9))).toEqual(['M2', 'M1'])
    // an id that the phone does not know: by time
    expect(ids(ask('unknown', 9))).toEqual(['M2', 'M1'])
    const end = ask('M1', 9)
    expect([ids(end), end?.endOfHistoryTransfer, end?.endOfHistoryTransferType]).toEqual([[], true, 1])
  })
})
