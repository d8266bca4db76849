/**
 * Kinds for which Baileys has no builder, between waton and an unmodified Baileys: what waton sends has the fields of the
 * schema, by Baileys' own decoder, and what Baileys relays is what waton's event says. Votes, answers and comments of Baileys
 * are sealed with `node:crypto`, by the steps that it takes to open them.
 */
import { createCipheriv, createHash, createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import type { Client, MessageContent, OutgoingContent } from 'waton'
import { seededRandom } from '../../src/base/random.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'
import { ALICE, BOB, CHANNEL, NOW } from './samples.ts'

interface Pair {
  readonly waton: Client
  readonly baileys: Baileys
}

async function linkedPair(seed: number): Promise<Pair> {
  const simulator = await startWorld(seed)
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  return { waton: await linkedClient(simulator, alice), baileys: await Baileys.link(simulator, bob) }
}

/** What waton is given, what that is on the wire, and what it is read as when it is not what was given. */
const KINDS: readonly (readonly [name: string, ours: object, wire: object, read?: object])[] = [
  [
    'a moving place',
    {
      liveLocation: {
        ...{ latitude: 1, longitude: 2, accuracyMeters: 5, metersPerSecond: 1.5 },
        ...{ headingDegrees: 90, sequence: 3, afterSeconds: 4 },
      },
      caption: 'c',
    },
    {
      liveLocationMessage: {
        ...{ degreesLatitude: 1, degreesLongitude: 2, accuracyInMeters: 5, speedInMps: 1.5 },
        ...{ degreesClockwiseFromMagneticNorth: 90, caption: 'c', sequenceNumber: 3, timeOffset: 4 },
      },
    },
  ],
  [
    'a channel to follow',
    { newsletterInvite: { newsletter: CHANNEL, as: 'follower', name: 'n' }, caption: 'c' },
    { newsletterFollowerInviteMessageV2: { newsletterJid: CHANNEL, newsletterName: 'n', caption: 'c' } },
  ],
  [
    'a channel to run',
    { newsletterInvite: { newsletter: CHANNEL, as: 'admin', name: 'n', expiresAtMs: NOW } },
    {
      newsletterAdminInviteMessage: {
        newsletterJid: CHANNEL,
        newsletterName: 'n',
        inviteExpiration: NOW / 1000,
      },
    },
  ],
  [
    'an answer to a flow',
    { interactiveReply: { text: 't', flow: 'f', flowParams: '{"id":"1"}' } },
    {
      interactiveResponseMessage: {
        body: { text: 't' },
        nativeFlowResponseMessage: { name: 'f', paramsJson: '{"id":"1"}', version: 3 },
      },
    },
  ],
  [
    'a button of a card',
    { buttonReply: { id: 'i', text: 't', index: 1, cardIndex: 2 } },
    {
      templateButtonReplyMessage: {
        selectedId: 'i',
        selectedDisplayText: 't',
        selectedIndex: 1,
        selectedCarouselCardIndex: 2,
      },
    },
  ],
  [
    'a meeting with a reminder',
    { event: { name: 'e', startsAtMs: NOW, location: { name: 'here' }, remindBeforeSeconds: 600 } },
    {
      eventMessage: {
        name: 'e',
        startTime: NOW / 1000,
        location: { name: 'here' },
        ...{ isCanceled: false, isScheduleCall: false },
        hasReminder: true,
        reminderOffsetSec: 600,
      },
    },
  ],
  [
    'a product without a picture',
    { product: { businessOwnerJid: BOB, product: { productId: '42', title: 'Tea' }, body: 'fresh' } },
    { productMessage: { businessOwnerJid: BOB, product: { productId: '42', title: 'Tea' }, body: 'fresh' } },
  ],
]

/** The fields of a message that say what it is. */
function fieldsOf(raw: Uint8Array): object {
  const plain = proto.Message.toObject(proto.Message.decode(raw), { bytes: String, longs: Number })
  return { ...plain, messageContextInfo: undefined }
}

function contentOf({ waton }: Pair, id: string): Promise<MessageContent> {
  return until(`waton to tell of ${id}`, async () => {
    for await (const { payload } of waton.events.read({ types: ['message'] }))
      if (payload.id === id) return payload.content
    return undefined
  })
}

test('waton and Baileys mean the same by every kind that Baileys does not build', async () => {
  const pair = await linkedPair(81)
  const { waton, baileys } = pair
  const differences: Record<string, unknown> = {}
  const check = (name: string, actual: unknown, expected: unknown): void => {
    try {
      expect(actual).toEqual(expected)
    } catch {
      differences[name] = { actual, expected }
    }
  }
  for (const [index, [name, ours, wire, read = ours]] of KINDS.entries()) {
    const { id } = await waton.send(BOB, ours as OutgoingContent)
    const { raw } = await until(`Baileys to get ${name}`, () =>
      baileys.messages.find((message) => message.key.id === id && message.raw !== undefined),
    )
    check(`${name}, from waton`, fieldsOf(raw ?? new Uint8Array(0)), wire)
    const relayed = await baileys.relay(ALICE, wire, `KIND${String(index)}`)
    check(`${name}, from Baileys`, await contentOf(pair, relayed.id), read)
  }
  expect(differences).toEqual({})
})

test('waton tells the settings that Baileys makes for a chat, and what it keeps and takes off the top', async () => {
  const pair = await linkedPair(82)
  const { waton, baileys } = pair
  const told = async (content: object): Promise<MessageContent> =>
    contentOf(pair, (await baileys.sendContent(ALICE, content)).id)
  expect(await told({ limitSharing: true })).toEqual({ limitSharing: { limited: true } })
  expect(await told({ limitSharing: false })).toEqual({ limitSharing: { limited: false } })
  expect(await told({ sharePhoneNumber: true })).toEqual({ phoneNumberShared: true })
  const { id } = await waton.send(BOB, { text: 'about this' })
  await until('Baileys to have it', () => baileys.messages.some(({ key }) => key.id === id))
  const key = { remoteJid: ALICE, fromMe: false, id }
  expect(await told({ pin: key, type: 2 })).toMatchObject({
    pin: { action: 'unpin', target: { id, fromMe: true } },
  })
  for (const [keepType, action] of [
    [proto.KeepType.KEEP_FOR_ALL, 'keep'],
    [proto.KeepType.UNDO_KEEP_FOR_ALL, 'undo'],
  ] as const) {
    const keepInChatMessage = { key, keepType, timestampMs: NOW }
    const relayed = await baileys.relay(ALICE, { keepInChatMessage }, `KEEP${action}`)
    expect(await contentOf(pair, relayed.id)).toMatchObject({
      keep: { action, atMs: NOW, target: { id, fromMe: true } },
    })
  }
})

const random = seededRandom('sealed by Baileys')

/** The steps of Baileys' decryptPollVote and decryptEventResponse, in reverse. */
function seal(
  use: string,
  plaintext: Uint8Array,
  { id, secret, isBound = true }: { id: string; secret: Uint8Array; isBound?: boolean },
): { readonly encPayload: Uint8Array; readonly encIv: Uint8Array } {
  const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac('sha256', key).update(data).digest()
  const info = Buffer.concat([Buffer.from(id + ALICE + BOB + use), Buffer.of(1)])
  const encIv = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', hmac(hmac(new Uint8Array(32), secret), info), encIv)
  if (isBound) cipher.setAAD(Buffer.from(`${id}\u0000${BOB}`))
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}

test('waton opens votes, answers and comments that Baileys sends about its messages', async () => {
  const pair = await linkedPair(83)
  const { waton, baileys } = pair
  /** Sends, and returns what is needed to add to it, as Baileys has it. */
  const asked = async (content: OutgoingContent): Promise<{ id: string; secret: Uint8Array }> => {
    const { id } = await waton.send(BOB, content)
    const { raw } = await until('Baileys to have it', () =>
      baileys.messages.find((message) => message.key.id === id && message.raw !== undefined),
    )
    const { messageContextInfo } = proto.Message.decode(raw ?? new Uint8Array(0))
    return { id, secret: messageContextInfo?.messageSecret ?? new Uint8Array(0) }
  }
  const keyOf = (id: string): object => ({ remoteJid: ALICE, fromMe: false, id })

  const poll = await asked({ poll: { name: 'Drink?', options: ['Tea', 'Coffee'], selectableCount: 2 } })
  for (const [index, options] of [['Coffee', 'Tea'], ['Tea'], []].entries()) {
    const selectedOptions = options.map((name) => createHash('sha256').update(name).digest())
    const vote = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
    const pollUpdateMessage = {
      pollCreationMessageKey: keyOf(poll.id),
      vote: seal('Poll Vote', vote, poll),
      senderTimestampMs: NOW,
    }
    const { id } = await baileys.relay(ALICE, { pollUpdateMessage }, `VOTE${String(index)}`)
    const { pollVote } = (await contentOf(pair, id)) as { pollVote: { options: readonly string[] } }
    expect(pollVote).toMatchObject({ target: { id: poll.id, fromMe: true } })
    expect([...pollVote.options].sort()).toEqual([...options].sort())
  }

  const event = await asked({ event: { name: 'Lunch', startsAtMs: NOW, allowsExtraGuests: true } })
  const { GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType
  for (const [number, response] of [
    [GOING, 'going'],
    [MAYBE, 'maybe'],
  ] as const) {
    const answer = proto.Message.EventResponseMessage.encode({
      response: number,
      timestampMs: NOW,
      extraGuestCount: 1,
    }).finish()
    const encEventResponseMessage = {
      eventCreationMessageKey: keyOf(event.id),
      ...seal('Event Response', answer, event),
    }
    const { id } = await baileys.relay(ALICE, { encEventResponseMessage }, `ANSWER${response}`)
    expect(await contentOf(pair, id)).toMatchObject({
      eventResponse: { response, extraGuests: 1, target: { id: event.id, fromMe: true } },
    })
  }

  const said = await asked({ text: 'What do you think?' })
  const comment = proto.Message.encode({ extendedTextMessage: { text: 'Nice' } }).finish()
  const sealed = seal('Enc Comment', comment, { ...said, isBound: false })
  const encCommentMessage = { targetMessageKey: keyOf(said.id), ...sealed }
  const { id } = await baileys.relay(ALICE, { encCommentMessage }, 'COMMENT')
  expect(await contentOf(pair, id)).toMatchObject({
    comment: { content: { text: 'Nice' }, target: { id: said.id, fromMe: true } },
  })
})
