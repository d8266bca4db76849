/**
 * The answers of bots over the real client: read with the secret of the message that they answer, whoever of the account
 * sent it, growing part by part; and refused by name where that message is not here.
 */
import { MemoryStore } from 'waton'
import type { Client, MessagePayload } from 'waton'
import { stanzas } from 'waton/simulator'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Message, encodeMessage } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import { messageSecretOf } from '../../src/protocol/message/addons/index.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, BOB, World, linkedClient, log, messageIds, settle } from './support.ts'

const BOT = '867051314767696@bot'
const OLD_BOT = '13135550002@s.whatsapp.net'
const SECRET = seededRandom('secret of a question').bytes(32)
const { Type } = Message.ProtocolMessage

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly lid: string
  /** The phone asks the bot, and this device gets its copy. */
  readonly ask: (id: string, message?: MessageProperties, chat?: string) => Promise<void>
  /** Delivers and waits for the answer to the server. */
  readonly deliver: (stanza: BinaryNode) => Promise<readonly BinaryNode[]>
  /** The event of a message. */
  readonly payload: (id: string) => Promise<MessagePayload | undefined>
}

async function setUp(seed: string, store = new MemoryStore()): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const client = await linkedClient(world, alice, { store })
  const phone = new Stranger(world, seed)
  const deliver: SetUp['deliver'] = (stanza) => {
    const id = stanza.attrs.id ?? ''
    world.inject(stanza)
    return until(`the answer to ${id}`, () => {
      const answers = world.answersTo(id)
      return answers.length > 0 && answers
    })
  }
  const ask: SetUp['ask'] = async (id, message = { conversation: 'What is a waton?' }, chat = BOT) => {
    const messageContextInfo = { messageSecret: SECRET }
    await deliver(
      phone.message(
        { from: ALICE, id, recipient: chat },
        { deviceSentMessage: { destinationJid: chat, message }, messageContextInfo },
      ),
    )
  }
  const payload: SetUp['payload'] = async (id) => {
    for (const event of await log(client))
      if (event.type === 'message' && event.payload.id === id) return event.payload
    return undefined
  }
  return { world, client, lid: client.me?.lid ?? '', ask, deliver, payload }
}

const says = (text: string): Uint8Array => encodeMessage({ conversation: text })

/** What a bot writes when an answer grows: an edit of its own message. */
function growing(id: string, text: string): Uint8Array {
  return encodeMessage({
    protocolMessage: {
      key: { remoteJid: ALICE, fromMe: true, id },
      type: Type.MESSAGE_EDIT,
      editedMessage: { conversation: text },
    },
  })
}

const HEAD = { from: BOT, atSeconds: 1_700_000_100, secret: SECRET, targetId: 'Q1' }

/** What was told of a message that could not be read. */
async function reasons(client: Client): Promise<readonly string[]> {
  return (await log(client)).flatMap((event) =>
    event.type === 'message.undecryptable' ? [`${event.payload.id} ${event.payload.reason}`] : [],
  )
}

describe('an answer that cannot be read', () => {
  test('is told, refused with 495 and asked for from nobody, when the question is not here', async () => {
    const { world, client, lid, deliver, payload } = await setUp('no question')
    const [answer] = await deliver(stanzas.botReply({ ...HEAD, id: 'R1', targetSender: lid }, says('?')))
    expect(answer).toMatchObject({ tag: 'ack', attrs: { class: 'message', error: '495', to: BOT } })
    expect(await reasons(client)).toEqual(['R1 WATON_BOT_QUESTION'])
    expect(await payload('R1')).toBeUndefined()
    await settle()
    expect(world.answersTo('R1')).toHaveLength(1)
    expect(world.sent({ tag: 'message' })).toEqual([])
  })

  test('is told when it is sealed with another secret, and when it is damaged', async () => {
    const { client, lid, ask, deliver } = await setUp('another secret')
    await ask('Q1')
    const other = { ...HEAD, targetSender: lid, secret: new Uint8Array(32) }
    const [answer] = await deliver(stanzas.botReply({ ...other, id: 'R1' }, says('?')))
    expect(answer).toMatchObject({ attrs: { error: '495' } })
    const garbage = { ...HEAD, id: 'R2', encryption: 'msmsg' }
    await deliver(stanzas.encryptedMessage(garbage, Uint8Array.of(0x33, 1, 2, 3)))
    expect(await reasons(client)).toEqual(['R1 WATON_BOT_ANSWER', 'R2 WATON_BOT_QUESTION'])
  })

  test('is refused when it comes from a person, who may have the secret too', async () => {
    const { client, lid, ask, deliver, payload } = await setUp('no bot')
    await ask('Q1', { conversation: 'Hi' }, BOB)
    await deliver(stanzas.botReply({ ...HEAD, from: BOB, id: 'R1', targetSender: lid }, says('forged')))
    expect(await reasons(client)).toEqual(['R1 WATON_DECRYPT_UNSUPPORTED'])
    expect(await payload('R1')).toBeUndefined()
  })

  test('from another chat than the question changes nothing there', async () => {
    const { client, lid, ask, deliver } = await setUp('another chat')
    await ask('Q1', { conversation: 'Hi' }, BOB)
    await deliver(stanzas.botReply({ ...HEAD, id: 'R1', targetSender: lid }, says('?')))
    expect(await reasons(client)).toEqual(['R1 WATON_BOT_QUESTION'])
  })
})

describe('an answer', () => {
  test.each(['LID', 'phone number'])(
    'bound to the %s of who asked is a message of the bot',
    async (which) => {
      const { lid, ask, deliver, payload, client } = await setUp(`answer ${which}`)
      await ask('Q1')
      const targetSender = which === 'LID' ? lid : ALICE
      const stanza = stanzas.botReply({ ...HEAD, id: 'R1', targetSender }, says('A shovel.'))
      const [receipt] = await deliver(stanza)
      expect(receipt).toMatchObject({ tag: 'receipt', attrs: { to: BOT, id: 'R1' } })
      expect(await payload('R1')).toMatchObject({
        ...{ id: 'R1', chat: BOT, sender: { jid: BOT }, fromMe: false, content: { text: 'A shovel.' } },
      })
      await deliver(stanza)
      expect(await messageIds(client)).toEqual(['R1'])
    },
  )

  test('to what this device has sent is read with the secret that it was sent with', async () => {
    const { client, lid, deliver, payload, world } = await setUp('own question')
    const sent = await client.send(BOB, { text: 'Bot, are you there?' })
    const copy = await until('the message', () => world.phones[1]?.messages.find(({ id }) => id === sent.id))
    const secret = messageSecretOf(copy.content)
    if (secret === undefined) throw new Error('no secret')
    const facts = { ...HEAD, id: 'R1', secret, targetId: sent.id, targetSender: lid, targetChat: BOB }
    await deliver(stanzas.botReply(facts, says('Yes.')))
    expect(await payload('R1')).toMatchObject({ chat: world.phones[1]?.lid, sender: { jid: BOT }, content: { text: 'Yes.' } })
  })

  test('of a bot with a phone number, which says nothing of who asked, is read', async () => {
    const { ask, deliver, payload } = await setUp('old bot')
    await ask('Q1', { conversation: 'Hi' }, OLD_BOT)
    const stanza = stanzas.botReply({ ...HEAD, from: OLD_BOT, id: 'R1', targetSender: ALICE }, says('Hi!'))
    const [enc] = stanza.content as readonly BinaryNode[]
    if (enc === undefined) throw new Error('no ciphertext')
    const meta = { tag: 'meta', attrs: { target_id: 'Q1' } }
    await deliver({ ...stanza, content: [enc, meta] })
    expect(await payload('R1')).toMatchObject({ chat: OLD_BOT, content: { text: 'Hi!' } })
  })

  test('that grows is edited by each part that follows, in the order of the parts', async () => {
    const { client, lid, ask, deliver, payload } = await setUp('growing')
    await ask('Q1')
    const part = { ...HEAD, targetSender: lid }
    await deliver(stanzas.botReply({ ...part, id: 'R1', edit: 'first' }, says('A')))
    const following = [
      ['R2', 'inner', 'A sho'],
      ['R3', 'inner', 'A shovel'],
      ['R4', 'last', 'A shovel.'],
    ] as const
    for (const [id, edit, text] of following)
      await deliver(stanzas.botReply({ ...part, id, edit, editTargetId: 'R1' }, growing('R1', text)))
    for (const [id, , text] of following)
      expect(await payload(id)).toMatchObject({
        chat: BOT,
        content: { edit: { target: { id: 'R1', chat: BOT, sender: { jid: BOT } }, content: { text } } },
      })
    expect(await payload('R1')).toMatchObject({ content: { text: 'A' } })
    expect(await reasons(client)).toEqual([])
  })

  test('is read when its last part is bound to its own id instead of the first one', async () => {
    const { lid, ask, deliver, payload } = await setUp('own id')
    await ask('Q1')
    const bound = stanzas.botReply({ ...HEAD, id: 'R2', targetSender: lid }, growing('R1', 'All.'))
    const bot = { tag: 'bot', attrs: { edit: 'last', edit_target_id: 'R1' } }
    await deliver({ ...bound, content: [...(bound.content as readonly BinaryNode[]), bot] })
    expect(await payload('R2')).toMatchObject({ content: { edit: { content: { text: 'All.' } } } })
  })
})
