/**
 * What is about another message, over the real client: votes, answers, reactions, comments, edits and deletions, as far
 * as their sender may write them, and whether or not the message that they are about is here (requirement R78).
 */
import { createCipheriv, createHash, createHmac } from 'node:crypto'
import { MemoryStore } from 'waton'
import type { Client, MessageContent, MessagePayload } from 'waton'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import type { MessageKey, MessageProperties } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, World, keepingLogger, linkedClient, log } from './support.ts'
import type { Line } from './support.ts'

const PN = '15550000007@s.whatsapp.net'
const LID = '700000000000007@lid'
const GROUP = '120363000000000001@g.us'
const OTHER = '15550000008@s.whatsapp.net'
const SECRET = seededRandom('secret of a message').bytes(32)
const { Type } = Message.ProtocolMessage
const { SecretEncType } = Message.SecretEncryptedMessage

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly stranger: Stranger
  readonly lines: Line[]
  /** Delivers a message of the stranger and returns its event's payload. */
  readonly receive: (
    id: string,
    content: MessageProperties,
    attrs?: Record<string, string>,
  ) => Promise<MessagePayload>
  /** Delivers a message and waits until it is answered. */
  readonly deliver: (id: string, content: MessageProperties, attrs?: Record<string, string>) => Promise<void>
}

async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const lines: Line[] = []
  const client = await linkedClient(world, alice, {
    store: new MemoryStore(),
    logger: keepingLogger(lines),
  })
  const stranger = new Stranger(world, seed)
  const deliver = async (
    id: string,
    content: MessageProperties,
    attrs: Record<string, string> = {},
  ): Promise<void> => {
    world.inject(stranger.message({ from: PN, id, ...attrs }, content))
    await until(`the answer to ${id}`, () => world.answersTo(id).length > 0)
  }
  const receive: SetUp['receive'] = async (id, content, attrs) => {
    await deliver(id, content, attrs)
    return until(`the event of ${id}`, async () => payloadOf(client, id))
  }
  return { world, client, stranger, lines, deliver, receive }
}

async function payloadOf(client: Client, id: string): Promise<MessagePayload | undefined> {
  for (const event of await log(client))
    if (event.type === 'message' && event.payload.id === id) return event.payload
  return undefined
}

/** Encrypts like a phone: the derivation of Baileys' decryptPollVote, in reverse. */
function seal(
  name: string,
  plaintext: Uint8Array,
  { id, author, sender }: { id: string; author: string; sender: string },
): { encPayload: Uint8Array; encIv: Uint8Array } {
  const hmac = (key: Uint8Array, data: Uint8Array): Buffer => createHmac('sha256', key).update(data).digest()
  const info = Buffer.concat([Buffer.from(id + author + sender + name), Buffer.of(1)])
  const encIv = seededRandom(`${name} ${id}`).bytes(12)
  const cipher = createCipheriv('aes-256-gcm', hmac(hmac(new Uint8Array(32), SECRET), info), encIv)
  if (name === 'Poll Vote' || name === 'Event Response') cipher.setAAD(Buffer.from(`${id}\u0000${sender}`))
  return {
    encPayload: new Uint8Array(
      Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]),
    ),
    encIv,
  }
}

const poll: MessageProperties = {
  pollCreationMessageV3: { name: 'Drink?', options: [{ optionName: 'Tea' }, { optionName: 'Coffee' }] },
  messageContextInfo: { messageSecret: SECRET },
}

function vote(key: MessageKey.$Properties, people: { author: string; sender: string }): MessageProperties {
  const selectedOptions = [new Uint8Array(createHash('sha256').update('Tea').digest())]
  const plaintext = Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const parts = seal('Poll Vote', plaintext, { id: key.id ?? '', ...people })
  return { pollUpdateMessage: { pollCreationMessageKey: key, vote: parts } }
}

const TARGET = { id: 'T1', fromMe: true }
const PERSON = { author: PN, sender: PN }
const target = { id: 'T1', chat: PN, sender: { jid: PN, pn: PN }, fromMe: false }

describe('what its sender may not write', () => {
  test('an edit of somebody else’s message is dropped and counted, plain or encrypted', async () => {
    const { client, deliver, receive, lines } = await setUp('edit of others')
    const mine = { id: 'T1', fromMe: false }
    await deliver('E1', {
      protocolMessage: { type: Type.MESSAGE_EDIT, key: mine, editedMessage: { conversation: 'forged' } },
    })
    const edited = Message.encode({ conversation: 'forged' }).finish()
    const parts = seal('Message Edit', edited, { id: 'T1', author: ALICE, sender: PN })
    await deliver('E2', {
      secretEncryptedMessage: { targetMessageKey: mine, secretEncType: SecretEncType.MESSAGE_EDIT, ...parts },
    })
    await receive('LAST', { conversation: 'after' })
    expect(await payloadOf(client, 'E1')).toBeUndefined()
    expect(await payloadOf(client, 'E2')).toBeUndefined()
    const drops = lines.filter(({ fields }) => fields.drop === 'edit-of-another-author')
    expect(drops.map(({ fields }) => fields.total)).toEqual([1, 2])
  })

  test('a deletion of the other side’s message in a chat of two is dropped and counted', async () => {
    const { client, deliver, receive, lines } = await setUp('deletion of others')
    await deliver('D1', { protocolMessage: { type: Type.REVOKE, key: { id: 'T1', fromMe: false } } })
    await receive('LAST', { conversation: 'after' })
    expect(await payloadOf(client, 'D1')).toBeUndefined()
    expect(lines.filter(({ fields }) => fields.drop === 'deletion-of-another-author')).toHaveLength(1)
  })

  test('nobody reaches into another chat, whatever the key says', async () => {
    const { receive } = await setUp('another chat')
    const key = { id: 'T1', fromMe: true, remoteJid: OTHER }
    const { content } = await receive('D1', { protocolMessage: { type: Type.REVOKE, key } })
    expect(content).toEqual({ delete: { target } })
  })
})

describe('edits and deletions', () => {
  test('are messages of their own, and the message that they are about stays', async () => {
    const { client, receive } = await setUp('edits')
    await receive('T1', { conversation: 'first' })
    const editedMessage = { extendedTextMessage: { text: 'second' } }
    const edit = await receive('E1', {
      editedMessage: {
        message: { protocolMessage: { type: Type.MESSAGE_EDIT, key: TARGET, editedMessage } },
      },
    })
    expect(edit.content).toEqual({ edit: { target, content: { text: 'second' } } })
    const deletion = await receive('D1', { protocolMessage: { type: Type.REVOKE, key: TARGET } })
    expect(deletion.content).toEqual({ delete: { target } })
    expect((await payloadOf(client, 'T1'))?.content).toEqual({ text: 'first' })
  })

  test('an admin of a group deletes messages of others: it is recorded as claimed', async () => {
    const { receive } = await setUp('admin')
    const key = { id: 'T1', fromMe: false, participant: OTHER, remoteJid: GROUP }
    const { content, chat } = await receive(
      'D1',
      { protocolMessage: { type: Type.REVOKE, key } },
      { from: GROUP, participant: PN },
    )
    expect(chat).toBe(GROUP)
    expect(content).toEqual({
      delete: {
        target: { id: 'T1', chat: GROUP, sender: { jid: OTHER, pn: OTHER }, fromMe: false },
        byAdmin: true,
      },
    })
  })

  test('settings of a chat are content', async () => {
    const { receive } = await setUp('settings')
    const settings: [MessageProperties['protocolMessage'], MessageContent][] = [
      [
        { type: Type.EPHEMERAL_SETTING, ephemeralExpiration: 86_400 },
        { disappearing: { expiresInSeconds: 86_400 } },
      ],
      [{ type: Type.SHARE_PHONE_NUMBER }, { phoneNumberShared: true }],
      [
        { type: Type.LIMIT_SHARING, limitSharing: { sharingLimited: true } },
        { limitSharing: { limited: true } },
      ],
      [
        { type: Type.GROUP_MEMBER_LABEL_CHANGE, memberLabel: { label: 'Cook' } },
        { memberLabel: { label: 'Cook' } },
      ],
    ]
    for (const [index, [protocolMessage, expected]] of settings.entries()) {
      const { content } = await receive(`S${String(index)}`, { protocolMessage: protocolMessage ?? null })
      expect(content).toEqual(expected)
    }
  })
})

describe('encrypted additions', () => {
  test('to a message that is not here are recorded as they came', async () => {
    const { receive } = await setUp('no target')
    const { content } = await receive('V1', vote(TARGET, PERSON))
    expect(content).toEqual({ pollVote: { target, encrypted: true } })
  })

  test('are opened when they are read, once the message that they belong to has come', async () => {
    const { client, receive } = await setUp('late target')
    const late: MessagePayload[] = []
    const stop = new AbortController()
    expect((await receive('V1', vote(TARGET, PERSON))).content).toEqual({
      pollVote: { target, encrypted: true },
    })
    // one that fits to nothing stays as it came
    await receive('V2', vote(TARGET, { author: PN, sender: OTHER }))
    await receive('T1', poll)
    expect((await payloadOf(client, 'V1'))?.content).toEqual({ pollVote: { target, options: ['Tea'] } })
    expect((await payloadOf(client, 'V2'))?.content).toEqual({ pollVote: { target, encrypted: true } })
    const consuming = client.consume(
      'late',
      (event) => {
        if (event.type === 'message') late.push(event.payload)
      },
      { from: 'start', signal: stop.signal },
    )
    await until('the consumer to have all', () => late.length === 3)
    stop.abort()
    await consuming
    expect(late.map(({ content }) => content)).toMatchObject([
      { pollVote: { options: ['Tea'] } },
      { pollVote: { encrypted: true } },
      { poll: { name: 'Drink?' } },
    ])
  })

  test('that do not fit to the message are recorded as they came', async () => {
    const { receive } = await setUp('no fit')
    await receive('T1', poll)
    const { content } = await receive('V1', vote(TARGET, { author: PN, sender: OTHER }))
    expect(content).toEqual({ pollVote: { target, encrypted: true } })
  })

  test('are opened: vote, answer, reaction, comment and edit', async () => {
    const { receive } = await setUp('opened')
    await receive('T1', poll)
    expect((await receive('V1', vote(TARGET, PERSON))).content).toEqual({
      pollVote: { target, options: ['Tea'] },
    })
    const about = { id: 'T1', ...PERSON }
    const answer = Message.EventResponseMessage.encode({
      response: Message.EventResponseMessage.EventResponseType.MAYBE,
      extraGuestCount: 1,
    }).finish()
    const reaction = Message.ReactionMessage.encode({ text: '\u{1F44D}' }).finish()
    const text = Message.encode({ conversation: 'text' }).finish()
    const additions: [MessageProperties, MessageContent][] = [
      [
        {
          encEventResponseMessage: {
            eventCreationMessageKey: TARGET,
            ...seal('Event Response', answer, about),
          },
        },
        { eventResponse: { target, response: 'maybe', extraGuests: 1 } },
      ],
      [
        { encReactionMessage: { targetMessageKey: TARGET, ...seal('Enc Reaction', reaction, about) } },
        { reaction: { target, text: '\u{1F44D}' } },
      ],
      [
        { encCommentMessage: { targetMessageKey: TARGET, ...seal('Enc Comment', text, about) } },
        { comment: { target, content: { text: 'text' } } },
      ],
      [
        {
          secretEncryptedMessage: {
            targetMessageKey: TARGET,
            secretEncType: SecretEncType.MESSAGE_EDIT,
            ...seal('Message Edit', text, about),
          },
        },
        { edit: { target, content: { text: 'text' } } },
      ],
    ]
    for (const [index, [message, expected]] of additions.entries())
      expect((await receive(`A${String(index)}`, message)).content).toEqual(expected)
  })

  test('to a message of this account are opened', async () => {
    const { client, receive, world } = await setUp('own poll')
    // the account's phone sends a poll to the stranger
    const phone = new Stranger(world, 'own phone')
    world.inject(
      phone.message(
        { from: ALICE, id: 'T2', recipient: PN },
        { deviceSentMessage: { destinationJid: PN, message: poll } },
      ),
    )
    await until('the poll', async () => payloadOf(client, 'T2'))
    const key = { id: 'T2', fromMe: false, remoteJid: ALICE }
    const { content } = await receive('V1', vote(key, { author: ALICE, sender: PN }))
    expect(content).toMatchObject({ pollVote: { target: { id: 'T2', fromMe: true }, options: ['Tea'] } })
  })

  test('are opened when the person was known by number and writes by LID, whichever of the two was used', async () => {
    const { receive } = await setUp('two addresses')
    await receive('T1', poll)
    const known = { from: LID, sender_pn: PN, addressing_mode: 'lid' }
    for (const [index, author] of [PN, LID].entries()) {
      for (const sender of [PN, LID]) {
        const { content } = await receive(
          `V${String(index)}${sender}`.slice(0, 20),
          vote(TARGET, { author, sender }),
          known,
        )
        expect(content).toMatchObject({ pollVote: { target: { sender: { lid: LID } }, options: ['Tea'] } })
      }
    }
  })
})

describe('a message of a channel', () => {
  const CHANNEL = '120363000000000009@newsletter'
  const post = (from: string, id: string, content: Uint8Array): BinaryNode =>
    node('message', { from, id, t: '1700000000', type: 'text', server_id: '7' }, [
      node('plaintext', {}, content),
    ])
  const text = Message.encode({ conversation: 'news' }).finish()

  test('is read without encryption, recorded once, and acknowledged each time', async () => {
    const { world, client } = await setUp('channel')
    for (let count = 0; count < 2; count += 1) world.inject(post(CHANNEL, 'C1', text))
    await until('both answers', () => world.answersTo('C1').length === 2)
    expect(world.answersTo('C1')).toMatchObject([{ tag: 'ack' }, { tag: 'ack' }])
    const events = (await log(client)).filter(({ type }) => type.startsWith('message'))
    // reactions and views of it come under the server's number
    const payload = { id: 'C1', chat: CHANNEL, serverId: '7', content: { text: 'news' } }
    expect(events).toMatchObject([{ payload }])
  })

  test('that is no message is visible once', async () => {
    const { world, client } = await setUp('broken channel')
    world.inject(post(CHANNEL, 'C1', Uint8Array.of(0xff)))
    await until('the answer', () => world.answersTo('C1').length > 0)
    const events = (await log(client)).filter(({ type }) => type.startsWith('message'))
    expect(events).toMatchObject([
      { type: 'message.undecryptable', payload: { reason: 'WATON_PROTO_MALFORMED' } },
    ])
  })

  test('is believed of channels only: from a person it is a message without content', async () => {
    const { world, client } = await setUp('no channel')
    world.inject(post(PN, 'C1', text))
    await until('the answer', () => world.answersTo('C1').length > 0)
    const events = (await log(client)).filter(({ type }) => type.startsWith('message'))
    expect(events).toMatchObject([
      { type: 'message.undecryptable', payload: { reason: 'WATON_MESSAGE_UNAVAILABLE' } },
    ])
  })
})
