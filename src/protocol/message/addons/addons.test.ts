/** Add-ons against unmodified Baileys, which decrypts two kinds, and against its derivation for the others. */
import { createCipheriv, createHmac, createHash } from 'node:crypto'
import { decryptEventResponse, decryptPollVote, proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../base/random.ts'
import { Message, decodeMessage, encodeMessage } from '../../proto/message.ts'
import {
  type AddonUse,
  type SecretAddon,
  chosenOptions,
  openAddon,
  sealAddon,
  secretAddonOf,
} from './index.ts'

const { GOING } = proto.Message.EventResponseMessage.EventResponseType
const { NOT_GOING } = Message.EventResponseMessage.EventResponseType
const { EVENT_EDIT, MESSAGE_EDIT } = proto.Message.SecretEncryptedMessage.SecretEncType
const random = seededRandom('addons')
const SECRET = random.bytes(32)
const POLL = 'POLL1'
const CREATOR_PN = '15550000001@s.whatsapp.net'
const CREATOR_LID = '100000000001@lid'
const VOTER_PN = '15550000002@s.whatsapp.net'
const VOTER_LID = '100000000002@lid'

const NAMES: Record<AddonUse, string> = {
  'poll-vote': 'Poll Vote',
  reaction: 'Enc Reaction',
  comment: 'Enc Comment',
  'event-response': 'Event Response',
  'event-edit': 'Event Edit',
  'message-edit': 'Message Edit',
  'poll-edit': 'Poll Edit',
  'poll-add-option': 'Poll Add Option',
}

/** The steps of Baileys' decryptPollVote, in reverse. */
function encrypt(
  use: AddonUse,
  plaintext: Uint8Array,
  { creator = CREATOR_PN, voter = VOTER_PN }: { creator?: string; voter?: string } = {},
): SecretAddon {
  const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac('sha256', key).update(data).digest()
  const sign = Buffer.concat([Buffer.from(POLL + creator + voter + NAMES[use]), Buffer.of(1)])
  const key = hmac(hmac(new Uint8Array(32), SECRET), sign)
  const iv = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  if (use === 'poll-vote' || use === 'event-response') cipher.setAAD(Buffer.from(`${POLL}\u0000${voter}`))
  const sealed = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]
  return { use, target: { id: POLL }, payload: new Uint8Array(Buffer.concat(sealed)), iv }
}

const candidates = {
  secret: SECRET,
  targetId: POLL,
  originalSenders: [CREATOR_LID, CREATOR_PN],
  senders: [`100000000002:7@lid`, VOTER_PN],
}

const hashOf = (name: string): Uint8Array => new Uint8Array(createHash('sha256').update(name).digest())

describe('an add-on that cannot be opened', () => {
  const vote = encrypt('poll-vote', proto.Message.PollVoteMessage.encode({ selectedOptions: [] }).finish())

  test('is refused when it was made with another secret, by another person, or for another message', () => {
    const wrong = [
      { ...candidates, secret: random.bytes(32) },
      { ...candidates, senders: ['15550000003@s.whatsapp.net'] },
      { ...candidates, originalSenders: ['15550000003@s.whatsapp.net'] },
      { ...candidates, targetId: 'POLL2' },
    ]
    for (const one of wrong)
      expect(() => openAddon(vote, one)).toThrow(expect.objectContaining({ code: 'WATON_ADDON_UNREADABLE' }))
  })

  test('is refused when it is passed off as another kind, is cut short, or has no IV', () => {
    for (const one of [
      { ...vote, use: 'event-response' as const },
      { ...vote, payload: vote.payload.subarray(0, 10) },
      { ...vote, iv: new Uint8Array(0) },
    ])
      expect(() => openAddon(one, candidates)).toThrow(
        expect.objectContaining({ code: 'WATON_ADDON_UNREADABLE' }),
      )
  })

  test('is refused when the message has a secret of another length', () => {
    expect(() => openAddon(vote, { ...candidates, secret: new Uint8Array(31) })).toThrow(
      expect.objectContaining({ code: 'WATON_ADDON_SECRET' }),
    )
  })

  test('breaks nothing when its plaintext is no message', () => {
    const nonsense = encrypt('message-edit', Uint8Array.of(0xff, 0xff, 0xff))
    expect(() => openAddon(nonsense, candidates)).toThrow(expect.objectContaining({ name: 'ProtocolError' }))
  })
})

describe('an add-on of Baileys', () => {
  test.each([
    [CREATOR_PN, VOTER_PN],
    [CREATOR_PN, VOTER_LID],
    [CREATOR_LID, VOTER_PN],
    [CREATOR_LID, VOTER_LID],
  ])('is opened when it was addressed from %s to %s', (creator, voter) => {
    const options = [hashOf('Tea'), hashOf('Added later')]
    const plaintext = proto.Message.PollVoteMessage.encode({ selectedOptions: options }).finish()
    const opened = openAddon(encrypt('poll-vote', plaintext, { creator, voter }), candidates)
    if (opened.use !== 'poll-vote') throw new Error(opened.use)
    const poll = { pollCreationMessageV3: { options: [{ optionName: 'Coffee' }, { optionName: 'Tea' }] } }
    expect(chosenOptions(poll, opened.optionHashes)).toEqual({ options: ['Tea'], unknown: 1 })
  })

  test('is opened whatever it is for', () => {
    const edited = proto.Message.encode({ conversation: 'better' }).finish()
    const uses = ['comment', 'event-edit', 'message-edit', 'poll-edit', 'poll-add-option'] as const
    for (const use of uses)
      expect(openAddon(encrypt(use, edited), candidates)).toMatchObject({
        use,
        message: { conversation: 'better' },
      })
    const reaction = proto.Message.ReactionMessage.encode({ text: '\u{1F44D}' }).finish()
    expect(openAddon(encrypt('reaction', reaction), candidates)).toMatchObject({
      reaction: { text: '\u{1F44D}' },
    })
    const answer = proto.Message.EventResponseMessage.encode({ response: GOING, extraGuestCount: 2 }).finish()
    expect(openAddon(encrypt('event-response', answer), candidates)).toMatchObject({
      response: { response: GOING, extraGuestCount: 2 },
    })
  })

  test('that announces an edit is opened to what the message becomes', () => {
    const announced = proto.Message.encode({
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
        editedMessage: { conversation: 'better' },
      },
    }).finish()
    expect(openAddon(encrypt('message-edit', announced), candidates)).toMatchObject({
      message: { conversation: 'better' },
    })
  })
})

describe('an add-on of ours', () => {
  const binding = { secret: SECRET, targetId: POLL, originalSender: CREATOR_PN, sender: VOTER_PN }

  test('is a vote that Baileys decrypts', () => {
    const plaintext = Message.PollVoteMessage.encode({ selectedOptions: [hashOf('Tea')] }).finish()
    const { payload, iv } = sealAddon(plaintext, { ...binding, use: 'poll-vote' }, random)
    const vote = decryptPollVote(
      { encPayload: payload, encIv: iv },
      { pollCreatorJid: CREATOR_PN, pollMsgId: POLL, pollEncKey: SECRET, voterJid: VOTER_PN },
    )
    expect(vote.selectedOptions.map((hash) => new Uint8Array(hash))).toEqual([hashOf('Tea')])
  })

  test('is an answer to an event that Baileys decrypts', () => {
    const plaintext = Message.EventResponseMessage.encode({ response: NOT_GOING, timestampMs: 5 }).finish()
    const { payload, iv } = sealAddon(plaintext, { ...binding, use: 'event-response' }, random)
    const answer = decryptEventResponse(
      { encPayload: payload, encIv: iv },
      { eventCreatorJid: CREATOR_PN, eventMsgId: POLL, eventEncKey: SECRET, responderJid: VOTER_PN },
    )
    expect(answer.response).toBe(NOT_GOING)
  })
})

describe('reading the fields', () => {
  const parts = { encPayload: Uint8Array.of(1), encIv: Uint8Array.of(2) }
  const key = { id: POLL, fromMe: true }

  test('what is not whole, or of a number that nobody knows, is no add-on', () => {
    const none = [
      { conversation: 'hi' },
      { pollUpdateMessage: { pollCreationMessageKey: key } },
      { pollUpdateMessage: { vote: parts } },
      { encReactionMessage: { targetMessageKey: {}, ...parts } },
      { secretEncryptedMessage: { targetMessageKey: key, ...parts } },
      { secretEncryptedMessage: { targetMessageKey: key, secretEncType: 99, ...parts } },
    ]
    for (const message of none) expect(secretAddonOf(message)).toBeUndefined()
  })

  test('finds every kind in what Baileys encodes', () => {
    const all: [AddonUse, proto.IMessage][] = [
      ['poll-vote', { pollUpdateMessage: { pollCreationMessageKey: key, vote: parts } }],
      ['reaction', { encReactionMessage: { targetMessageKey: key, ...parts } }],
      ['comment', { encCommentMessage: { targetMessageKey: key, ...parts } }],
      ['event-response', { encEventResponseMessage: { eventCreationMessageKey: key, ...parts } }],
      [
        'event-edit',
        { secretEncryptedMessage: { targetMessageKey: key, secretEncType: EVENT_EDIT, ...parts } },
      ],
      [
        'message-edit',
        { secretEncryptedMessage: { targetMessageKey: key, secretEncType: MESSAGE_EDIT, ...parts } },
      ],
    ]
    for (const [use, message] of all) {
      const decoded = decodeMessage(new Uint8Array(proto.Message.encode(message).finish()))
      expect(secretAddonOf(decoded)).toMatchObject({
        use,
        target: key,
        payload: parts.encPayload,
        iv: parts.encIv,
      })
    }
    expect(encodeMessage({})).toHaveLength(0)
  })
})
