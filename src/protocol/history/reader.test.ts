/** Pieces of history that Baileys' classes wrote, read here and by Baileys. */
import { processHistoryMessage, proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SYNC_TYPES, baileysHistory, historyBytes } from '../../../tests/vectors/history/baileys-history.ts'
import { concatBytes } from '../../base/bytes.ts'
import { isWatonError } from '../../base/errors.ts'
import { encodeProto } from '../proto/codec.ts'
import { Conversation, GlobalSettings, WebMessageInfo as Details } from '../proto/history.ts'
import { decodeMessage } from '../proto/message.ts'
import {
  HistoryReader,
  readMessageDetails,
  type HistoryItem,
  type HistoryLimits,
  type HistorySummary,
} from './index.ts'

interface Read {
  readonly items: readonly HistoryItem[]
  readonly summary: HistorySummary
}

/** Reads some bytes in pieces of the given lengths, the last of which repeats. */
function read(
  bytes: Uint8Array,
  cuts: readonly number[] = [bytes.length],
  limits?: Partial<HistoryLimits>,
): Read {
  const reader = new HistoryReader(limits === undefined ? {} : { limits })
  const items: HistoryItem[] = []
  for (let from = 0, index = 0; from < bytes.length; index++) {
    const length = Math.max(1, cuts[Math.min(index, cuts.length - 1)] ?? 1)
    items.push(...reader.push(bytes.slice(from, from + length)))
    from += length
  }
  return { items, summary: reader.end() }
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (isWatonError(error)) return error.code
    throw error
  }
  return 'none'
}

const of = <Kind extends HistoryItem['kind']>(
  { items }: Read,
  kind: Kind,
): readonly Extract<HistoryItem, { kind: Kind }>[] =>
  items.filter((item): item is Extract<HistoryItem, { kind: Kind }> => item.kind === kind)

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
/** A field with a length. */
const field = (number: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const body = concatBytes(...content)
  return concatBytes(Uint8Array.from([...varint(number * 8 + 2), ...varint(body.length)]), body)
}
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const message = (id: string, size = 0): Uint8Array =>
  field(2, field(1, field(1, field(1, text('1@lid')), field(3, text(id))), field(2, new Uint8Array(size))))

describe('what is no history', () => {
  test.each([
    ['a field without a number', Uint8Array.of(2, 0), 'WATON_HISTORY_MALFORMED'],
    ['a group', Uint8Array.of(0x0b), 'WATON_HISTORY_MALFORMED'],
    ['a number without end', new Uint8Array(12).fill(0xff), 'WATON_HISTORY_MALFORMED'],
    ['a field that is longer than its chat', Uint8Array.of(0x12, 2, 0x0a, 9, 1), 'WATON_HISTORY_MALFORMED'],
    [
      'a tag that is cut off by the end of a chat',
      Uint8Array.of(0x12, 1, 0xff, 1),
      'WATON_HISTORY_MALFORMED',
    ],
    [
      'a number that is longer than its chat',
      Uint8Array.of(0x12, 2, 0x09, 1, 1, 1),
      'WATON_HISTORY_MALFORMED',
    ],
    [
      'a field of many gigabytes',
      Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f),
      'WATON_HISTORY_TOO_LARGE',
    ],
    [
      'a chat of many gigabytes',
      Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x7f),
      'WATON_HISTORY_TOO_LARGE',
    ],
    ['half a chat', Uint8Array.of(0x12, 9, 0x0a), 'WATON_HISTORY_TRUNCATED'],
    ['half a name', Uint8Array.of(0x3a, 9, 0x0a), 'WATON_HISTORY_TRUNCATED'],
    ['half a tag', Uint8Array.of(0xff), 'WATON_HISTORY_TRUNCATED'],
  ])('%s is refused, whichever way it comes', (_name, bytes, code) => {
    expect(refusal(() => read(bytes))).toBe(code)
    expect(refusal(() => read(bytes, [1]))).toBe(code)
  })

  test('more than the limit is refused when it comes', () => {
    expect(
      refusal(() => read(historyBytes(baileysHistory({ seed: 'long' })), [10], { totalBytes: 100 })),
    ).toBe('WATON_HISTORY_TOO_LARGE')
  })

  test('a reader that is at its end, or at a fault, takes nothing more', () => {
    const ended = new HistoryReader()
    ended.end()
    expect(refusal(() => ended.push(new Uint8Array(1)))).toBe('WATON_HISTORY_FINISHED')
    expect(refusal(() => ended.end())).toBe('WATON_HISTORY_FINISHED')
    const broken = new HistoryReader()
    expect(refusal(() => broken.push(Uint8Array.of(2, 0)))).toBe('WATON_HISTORY_MALFORMED')
    expect(refusal(() => broken.push(new Uint8Array(1)))).toBe('WATON_HISTORY_FINISHED')
  })
})

describe('what cannot be read', () => {
  const chat = (...content: readonly Uint8Array[]): Uint8Array =>
    field(2, field(1, text('1@lid')), ...content)
  const good = { kind: 'message', info: { key: { id: 'B' } } }

  test('a damaged message is passed over and said so; the next one is not touched by it', () => {
    const damaged = field(2, field(1, Uint8Array.of(0x0a, 9)))
    const nameless = field(2, field(1, field(2, text('x'))))
    const { items, summary } = read(chat(damaged, nameless, message('B')))
    expect(items).toMatchObject([
      { kind: 'skipped', what: 'message', why: 'damaged', chat: '1@lid', offset: 9 },
      { kind: 'skipped', what: 'message', why: 'nameless', chat: '1@lid', offset: 15 },
      good,
      { kind: 'chat', chat: '1@lid', messages: 1 },
    ])
    expect(summary.counts).toMatchObject({ messages: 1, chats: 1, skipped: 2 })
  })

  test('a message beyond the limit is passed over without being held', () => {
    const bytes = chat(message('A', 5000), message('B'))
    for (const cuts of [[bytes.length], [1], [100]]) {
      const { items } = read(bytes, cuts, { messageBytes: 1000 })
      expect(items).toMatchObject([
        { kind: 'skipped', what: 'message', why: 'too-large' },
        good,
        { kind: 'chat' },
      ])
    }
    const last = chat(message('B'), message('A', 5000))
    for (const cuts of [[last.length], [1]]) {
      const { items } = read(last, cuts, { messageBytes: 1000 })
      expect(items).toMatchObject([
        good,
        { kind: 'skipped', why: 'too-large' },
        { kind: 'chat', messages: 1 },
      ])
    }
  })

  test('what a chat says of itself beyond the limit is passed over, the rest of it is told', () => {
    const bytes = chat(field(13, text('name')), field(33, new Uint8Array(600)), field(38, text('display')))
    const { items } = read(bytes, [7], { fieldBytes: 500 })
    expect(items).toMatchObject([
      { kind: 'skipped', what: 'field', why: 'too-large', chat: '1@lid' },
      { kind: 'chat', conversation: { name: 'name', displayName: 'display', description: null } },
    ])
    const many = chat(...Array.from({ length: 40 }, () => field(33, new Uint8Array(20))), message('B'))
    expect(read(many, [7], { fieldBytes: 500 }).items.at(-1)).toMatchObject({ kind: 'chat', messages: 1 })
  })

  test('what is damaged all over is refused in the end', () => {
    const bytes = concatBytes(...Array.from({ length: 60 }, () => field(7, Uint8Array.of(0x0a, 9))))
    expect(refusal(() => read(bytes, undefined, { damagedParts: 50 }))).toBe('WATON_HISTORY_MALFORMED')
    expect(read(bytes).summary.counts.skipped).toBe(60)
  })

  test('a chat without a name is passed over; its messages say themselves where they belong', () => {
    const { items } = read(field(2, message('B'), field(13, text('name'))))
    expect(items).toMatchObject([
      { ...good, chat: '1@lid' },
      { kind: 'skipped', what: 'chat', why: 'nameless' },
    ])
  })
})

describe('a chat that says late what it says', () => {
  test('messages wait for the name of their chat, whichever way it comes', () => {
    const bytes = field(
      2,
      message('A'),
      message('B'),
      field(1, text('2@lid')),
      message('C'),
      field(13, text('n')),
    )
    for (const cuts of [[bytes.length], [1], [5]])
      expect(read(bytes, cuts).items).toMatchObject([
        { kind: 'message', chat: '2@lid', info: { key: { id: 'A' } } },
        { kind: 'message', chat: '2@lid', info: { key: { id: 'B' } } },
        { kind: 'message', chat: '2@lid', info: { key: { id: 'C' } } },
        { kind: 'chat', chat: '2@lid', messages: 3, conversation: { id: '2@lid', name: 'n' } },
      ])
  })

  test('more than the limit does not wait', () => {
    const bytes = field(2, ...Array.from({ length: 20 }, (_, index) => message(String(index), 100)))
    expect(refusal(() => read(bytes, [64], { heldBytes: 2000 }))).toBe('WATON_HISTORY_ORDER')
  })
})

/** Items in the form in which Baileys tells a piece of history. */
function asBaileysTells(told: Read): {
  chats: unknown
  contacts: unknown
  messages: unknown
  mappings: unknown
} {
  const isChats = ['initial-bootstrap', 'recent', 'full', 'on-demand'].includes(told.summary.syncType ?? '')
  const chats = isChats ? of(told, 'chat') : []
  const names = told.summary.syncType === 'push-name' ? of(told, 'push-name') : []
  const messages = isChats ? of(told, 'message').filter(({ chat }) => chat !== 'status@broadcast') : []
  const verified = messages.flatMap(({ info: { key, stubType, stubParameters } }) =>
    (stubType === 128 || stubType === 129) && stubParameters?.[0]
      ? [{ id: key?.participant ?? key?.remoteJid, verifiedName: stubParameters[0] }]
      : [],
  )
  return {
    chats: chats.map(({ conversation }) => conversation.id),
    contacts: sorted([
      ...chats.map(({ chat, conversation: { name, displayName, username, lidJid, accountLid, pnJid } }) => ({
        id: chat,
        name: displayName || name || username || undefined,
        username: username || undefined,
        lid: lidJid || accountLid || undefined,
        phoneNumber: pnJid || undefined,
      })),
      ...verified,
      ...names.map(({ jid, name }) => ({ id: jid, notify: name })),
    ]),
    messages: messages.map(({ info }) => [info.key?.id, info.sentAtSeconds ?? 0, info.status ?? null]),
    mappings: sorted(
      of(told, 'lid-mapping')
        .filter(({ source }) => isChats || source === 'list')
        .map(({ lid, pn }) => ({ lid, pn })),
    ),
  }
}

const sorted = (values: readonly unknown[]): readonly string[] =>
  values.map((value) => JSON.stringify(value)).sort()

/** The same of Baileys' own reading. */
function baileysTells(bytes: Uint8Array): ReturnType<typeof asBaileysTells> {
  const { chats, contacts, messages, lidPnMappings } = processHistoryMessage(proto.HistorySync.decode(bytes))
  return {
    chats: chats.map(({ id }) => id),
    contacts: sorted(contacts),
    messages: messages.map(({ key, messageTimestamp, status }) => [
      key.id,
      Number(messageTimestamp),
      status ?? null,
    ]),
    mappings: sorted(lidPnMappings),
  }
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : (inner ?? undefined),
    ),
  )

describe('beside Baileys', () => {
  test.each(SYNC_TYPES.map((syncType) => [proto.HistorySync.HistorySyncType[syncType], syncType] as const))(
    '%s: chats, contacts, messages and addresses are the same, with some of the fields and with all',
    (name, syncType) => {
      for (const share of [40, 128, 256]) {
        const seed = `${name} ${String(share)}`
        const bytes = historyBytes(baileysHistory({ seed, syncType, share, chats: 12 }))
        expect(asBaileysTells(read(bytes)), seed).toEqual(baileysTells(bytes))
      }
    },
  )

  test('every field of a chat is what Baileys reads', () => {
    const history = baileysHistory({ seed: 'every field', chats: 8 })
    const told = read(historyBytes(history))
    const options = { longs: Number, bytes: String }
    const { conversations = [] } = proto.HistorySync.toObject(history, options)
    expect(of(told, 'chat')).toHaveLength(8)
    for (const [index, { conversation }] of of(told, 'chat').entries()) {
      const again = proto.Conversation.decode(encodeProto(Conversation, conversation, 'Conversation'))
      const { messages, ...chat } = (conversations as Record<string, unknown>[])[index] ?? {}
      expect(messages).toHaveLength(5)
      expect(proto.Conversation.toObject(again, options)).toEqual(chat)
    }
  })

  test('every field of a message is what Baileys reads, its content in its own bytes', () => {
    const history = baileysHistory({ seed: 'every message', messages: 6 })
    const told = of(read(historyBytes(history)), 'message')
    const theirs = [
      ...history.conversations.flatMap(({ messages }) => (messages ?? []).map(({ message }) => message)),
      ...history.statusV3Messages,
    ]
    expect(told).toHaveLength(25)
    for (const [index, { info }] of told.entries()) {
      const sent = theirs[index] ?? {}
      expect(plain(info.key)).toEqual(plain(sent.key))
      expect(plain(proto.Message.decode(info.message ?? new Uint8Array()))).toEqual(plain(sent.message))
      expect(decodeMessage(info.message ?? new Uint8Array())).toBeDefined()
      expect({
        sentAtSeconds: info.sentAtSeconds,
        status: info.status,
        participant: info.participant,
        pushName: info.pushName,
        verifiedName: info.verifiedName,
        isStarred: info.isStarred,
        isBroadcast: info.isBroadcast,
        stubType: info.stubType,
        stubParameters: info.stubParameters,
        secret: plain(info.messageSecret),
        startSeconds: info.ephemeralStartSeconds,
        durationSeconds: info.ephemeralDurationSeconds,
        revokedAtMs: info.revokedAtMs,
        originalSelfAuthor: info.originalSelfAuthor,
      }).toEqual({
        sentAtSeconds: Number(sent.messageTimestamp),
        status: sent.status,
        participant: sent.participant,
        pushName: sent.pushName,
        verifiedName: sent.verifiedBizName,
        isStarred: sent.starred,
        isBroadcast: sent.broadcast,
        stubType: sent.messageStubType,
        stubParameters: sent.messageStubParameters,
        secret: plain(sent.messageSecret),
        startSeconds: Number(sent.ephemeralStartTimestamp),
        durationSeconds: sent.ephemeralDuration,
        revokedAtMs: Number(sent.revokeMessageTimestamp),
        originalSelfAuthor: sent.originalSelfAuthorUserJidString,
      })
      expect(info).toMatchObject({ hasAddOns: true, unknownFields: 0 })
      const details = proto.WebMessageInfo.decode(
        encodeProto(Details, readMessageDetails(info), 'WebMessageInfo'),
      )
      const options = { longs: Number, bytes: String }
      const expected = proto.WebMessageInfo.fromObject(sent)
      expect(proto.WebMessageInfo.toObject(details, options)).toEqual(
        proto.WebMessageInfo.toObject(expected, options),
      )
    }
  })

  test('what a history says once, and what it says of others, is what Baileys reads', () => {
    const history = baileysHistory({ seed: 'the rest' })
    const told = read(historyBytes(history))
    expect(plain({ ...told.summary, counts: undefined, globalSettings: undefined })).toEqual(
      plain({
        syncType: 'recent',
        chunkOrder: history.chunkOrder,
        progress: history.progress,
        threadIdUserSecret: history.threadIdUserSecret,
        threadDsTimeframeOffset: history.threadDsTimeframeOffset,
        companionMetaNonce: history.companionMetaNonce,
        shareableChatIdentifierEncryptionKey: history.shareableChatIdentifierEncryptionKey,
        aiWaitListState: history.aiWaitListState,
      }),
    )
    expect(told.summary.counts).toEqual({
      bytes: historyBytes(history).length,
      chats: 4,
      messages: 21,
      skipped: 0,
      unknownFields: 0,
    })
    const options = { longs: Number, bytes: String }
    const same = (ours: unknown, theirs: unknown): void => {
      expect(plain(ours)).toEqual(plain(theirs))
    }
    const object = proto.HistorySync.toObject(history, options) as Record<string, unknown[]>
    same(
      of(told, 'push-name').map(({ jid, name }) => ({ id: jid, pushname: name })),
      object.pushnames,
    )
    same(of(told, 'sticker').length, object.recentStickers?.length)
    same(
      of(told, 'call').map(({ call }) => ({ ...call })),
      object.callLogRecords,
    )
    same(
      of(told, 'account').map(({ account }) => ({ ...account })),
      object.accounts,
    )
    same(
      of(told, 'past-participants').map(({ chat, participants }) => ({
        groupJid: chat,
        pastParticipants: participants.map((participant) => ({ ...participant })),
      })),
      object.pastParticipants,
    )
    const settings = encodeProto(GlobalSettings, told.summary.globalSettings ?? {}, 'GlobalSettings')
    same(proto.GlobalSettings.toObject(proto.GlobalSettings.decode(settings), options), object.globalSettings)
  })

  test('however it is cut, the items are the same', () => {
    const whole = historyBytes(baileysHistory({ seed: 'cut', chats: 4, messages: 3, share: 50 }))
    const expected = read(whole)
    expect(read(whole, [1])).toEqual(expected)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 30 }), (cuts) => {
        expect(read(whole, cuts)).toEqual(expected)
      }),
      { seed: 5, numRuns: 40 },
    )
  })
})
