/**
 * What waton adds to messages and chats, as an unmodified Baileys takes it: each is compared field by field with what
 * Baileys builds for the same input, and what is encrypted is decrypted by Baileys' own functions.
 */
import {
  decryptEventResponse,
  decryptPollVote,
  generateWAMessageContent,
  getAggregateVotesInPollMessage,
  proto,
} from '@whiskeysockets/baileys'
import type { AnyMessageContent } from '@whiskeysockets/baileys'
import type { Client, OutgoingContent } from 'waton'
import { expect, test } from 'vitest'
import { Baileys } from '../helpers/baileys.ts'
import type { BaileysMessage } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'

type Fields = Readonly<Record<string, unknown>>

/** Fields that say when, or are random: present or not is all that counts. */
const VARYING: ReadonlySet<string> = new Set([
  'senderTimestampMs',
  'timestampMs',
  'limitSharingSettingTimestamp',
  'messageSecret',
])

function plain(message: proto.IMessage): unknown {
  return withoutVarying(proto.Message.toObject(proto.Message.fromObject(message), { longs: Number }))
}

function withoutVarying(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null && field !== undefined)
      .map(([name, field]) => [name, VARYING.has(name) ? 'present' : withoutVarying(field)]),
  )
}

function decoded({ raw }: BaileysMessage): proto.Message {
  return proto.Message.decode(raw ?? new Uint8Array(0))
}

/** What Baileys builds for this input. */
async function built(content: Fields): Promise<unknown> {
  const options = { logger: undefined, upload: () => Promise.reject(new Error('nothing to upload')) }
  return plain(await generateWAMessageContent(content as unknown as AnyMessageContent, options as never))
}

/** Who talks to whom, and how. */
interface Pair {
  readonly waton: Client
  readonly baileys: Baileys
}

/** Both people by the addresses of one kind: a chat by phone numbers, or one by LIDs. */
interface People {
  readonly me: string
  readonly other: string
}

function got({ baileys }: Pair, id: string): Promise<BaileysMessage> {
  return until(`Baileys to get ${id}`, () => baileys.messages.find(({ key }) => key.id === id))
}

/** Sends, and returns what Baileys hands to its user. */
async function give(pair: Pair, content: OutgoingContent, chat: string = BOB): Promise<proto.Message> {
  const { id } = await pair.waton.send(chat, content)
  return decoded(await got(pair, id))
}

/** Sends from Baileys, and waits until waton has it. */
async function take(pair: Pair, chat: string, content: object): Promise<string> {
  const { id } = await pair.baileys.sendContent(chat, content)
  await until(`waton to get ${id}`, async () => {
    for await (const { type, payload } of pair.waton.events.read())
      if (type === 'message' && payload.id === id) return true
    return undefined
  })
  return id
}

async function votes(pair: Pair, { me, other }: People): Promise<void> {
  const question = { name: 'Drink?', values: ['Tea', 'Coffee', 'Water'], selectableCount: 2 }
  const id = await take(pair, me, { poll: question })
  const creation = decoded(await got(pair, id))
  const pollEncKey = creation.messageContextInfo?.messageSecret ?? new Uint8Array(0)
  const target = { id, chat: other, fromMe: false }
  for (const options of [['Coffee', 'Tea'], ['Water'], []]) {
    const { pollUpdateMessage: update } = await give(pair, { pollVote: { target, options } }, other)
    // the poll is Baileys' own, which it says with fromMe
    expect(update?.pollCreationMessageKey).toMatchObject({ id, fromMe: true })
    const ids = { pollCreatorJid: other, pollMsgId: id, pollEncKey, voterJid: me }
    const vote = decryptPollVote(update?.vote ?? {}, ids)
    const pollUpdates = [{ vote, pollUpdateMessageKey: { remoteJid: me, fromMe: false, id: 'V' } }]
    const counted = getAggregateVotesInPollMessage({ message: creation, pollUpdates })
    const chosen = counted.filter(({ voters }) => voters.length > 0).map(({ name }) => name)
    expect(chosen.sort()).toEqual([...options].sort())
  }
}

/** The author of a poll votes in it. */
async function ownVote(pair: Pair, { me, other }: People): Promise<void> {
  const poll = await pair.waton.send(other, { poll: { name: 'Drink?', options: ['Tea', 'Coffee'] } })
  const pollEncKey = decoded(await got(pair, poll.id)).messageContextInfo?.messageSecret ?? new Uint8Array(0)
  const sent = await give(pair, { pollVote: { target: poll, options: ['Tea'] } }, other)
  const { pollUpdateMessage: update } = sent
  expect(update?.pollCreationMessageKey).toMatchObject({ id: poll.id, fromMe: false })
  const ids = { pollCreatorJid: me, pollMsgId: poll.id, pollEncKey, voterJid: me }
  expect(decryptPollVote(update?.vote ?? {}, ids).selectedOptions).toHaveLength(1)
}

async function answers(pair: Pair, { me, other }: People): Promise<void> {
  const meeting = { name: 'Lunch', startDate: new Date(1_900_000_000_000), extraGuestsAllowed: true }
  const id = await take(pair, me, { event: meeting })
  const eventEncKey = decoded(await got(pair, id)).messageContextInfo?.messageSecret ?? new Uint8Array(0)
  const target = { id, chat: other, fromMe: false }
  const { GOING, NOT_GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType
  for (const [response, number] of [
    ['going', GOING],
    ['not-going', NOT_GOING],
    ['maybe', MAYBE],
  ] as const) {
    const sent = await give(pair, { eventResponse: { target, response, extraGuests: 1 } }, other)
    const { encEventResponseMessage: answer } = sent
    expect(answer?.eventCreationMessageKey).toMatchObject({ id, remoteJid: other, fromMe: false })
    const ids = { eventCreatorJid: other, eventMsgId: id, eventEncKey, responderJid: me }
    expect(decryptEventResponse(answer ?? {}, ids)).toMatchObject({ response: number, extraGuestCount: 1 })
  }
  const { encCommentMessage: comment } = await give(
    pair,
    { comment: { target, content: { text: 'Nice' } } },
    other,
  )
  expect(comment?.targetMessageKey).toMatchObject({ id })
  expect(comment?.encPayload?.length).toBeGreaterThan(16)
}

test('Baileys understands everything that waton adds to its messages and to their chat', async () => {
  const simulator = await startWorld(71)
  const alicePhone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bobPhone = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await linkedClient(simulator, alicePhone)
  const baileys = await Baileys.link(simulator, bobPhone)

  const pair = { waton, baileys }

  const own = await waton.send(BOB, { text: 'first' })
  const ownKey = { remoteJid: BOB, fromMe: true, id: own.id }
  await got(pair, own.id)
  const theirs = await take(pair, ALICE, { text: 'of Baileys' })
  const about = { id: theirs, chat: BOB, fromMe: false }

  // Baileys turns the key of a reaction round to its own point of view before it hands it out
  const reaction = await give(pair, { reaction: { target: about, text: '👍' } })
  const { reactionMessage } = (await built({ react: { text: '👍' } })) as { reactionMessage: object }
  expect(plain(reaction)).toMatchObject({
    reactionMessage: { ...reactionMessage, key: { remoteJid: ALICE, fromMe: true, id: theirs } },
  })
  expect((await give(pair, { reaction: { target: about, text: '' } })).reactionMessage?.text).toBe('')

  // what send returned is enough to say which message is meant
  expect(plain(await give(pair, { edit: { target: own, content: { text: 'second' } } }))).toEqual(
    await built({ text: 'second', edit: ownKey, linkPreview: null }),
  )
  const theirKey = { remoteJid: BOB, fromMe: false, id: theirs }
  expect(plain(await give(pair, { pin: { target: about, durationSeconds: 86_400 } }))).toEqual(
    await built({ pin: theirKey, type: 1, time: 86_400 }),
  )
  expect(plain(await give(pair, { pin: { target: about, action: 'unpin' } }))).toEqual(
    await built({ pin: theirKey, type: 2 }),
  )
  expect((await give(pair, { keep: { target: about } })).keepInChatMessage).toMatchObject({
    key: theirKey,
    keepType: proto.KeepType.KEEP_FOR_ALL,
  })
  expect((await give(pair, { keep: { target: about, action: 'undo' } })).keepInChatMessage?.keepType).toBe(
    proto.KeepType.UNDO_KEEP_FOR_ALL,
  )
  expect(plain(await give(pair, { disappearing: { expiresInSeconds: 604_800 } }))).toEqual(
    await built({ disappearingMessagesInChat: 604_800 }),
  )
  for (const limited of [true, false])
    expect(plain(await give(pair, { limitSharing: { limited } }))).toEqual(
      await built({ limitSharing: limited }),
    )
  expect(plain(await give(pair, { phoneNumberShared: true }))).toEqual(
    await built({ sharePhoneNumber: true }),
  )
  expect(plain(await give(pair, { delete: { target: own } }))).toEqual(await built({ delete: ownKey }))

  for (const people of [
    { me: ALICE, other: BOB },
    { me: alicePhone.lid, other: bobPhone.lid },
  ]) {
    await votes(pair, people)
    await ownVote(pair, people)
    await answers(pair, people)
  }

  expect(baileys.messages.filter(({ messageStubType }) => messageStubType !== undefined)).toEqual([])
})
