/**
 * Content of every kind, between waton and an unmodified Baileys on one linked pair. What waton sends is decrypted by
 * Baileys and compared field by field with what Baileys itself builds for the same; what Baileys sends is what waton's
 * event says. Files are not uploaded: pictures are sent as messages that name an invented file.
 */
import { generateWAMessageContent, proto } from '@whiskeysockets/baileys'
import type { AnyMessageContent, MessageContentGenerationOptions } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import type { Client, ClientEvents, MessageContent, OutgoingContent } from 'waton'
import type { Simulator } from 'waton/simulator'
import { childrenOf } from '../../src/protocol/binary/node.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'
import { ALICE, BOB, SAME_KINDS } from './samples.ts'

/** waton as Alice, Baileys as Bob. */
interface Pair {
  readonly simulator: Simulator
  readonly waton: Client
  readonly baileys: Baileys
  readonly received: ClientEvents['message'][]
}

async function linkedPair(seed: number): Promise<Pair> {
  const simulator = await startWorld(seed)
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await linkedClient(simulator, alice)
  const baileys = await Baileys.link(simulator, bob)
  const received: ClientEvents['message'][] = []
  waton.on('message', (event) => {
    received.push(event)
  })
  return { simulator, waton, baileys, received }
}

/** Notes a difference under a name, so that one run shows them all. */
type Check = (name: string, actual: unknown, expected: unknown) => void

/** A message with its fields as plain values; the secret, which is random, by its length. */
function wire(message: proto.IMessage): unknown {
  const bytes = proto.Message.encode(message).finish()
  const plain = proto.Message.toObject(proto.Message.decode(bytes), { bytes: String, longs: Number })
  const info = plain.messageContextInfo as { messageSecret?: string } | undefined
  if (info?.messageSecret !== undefined)
    info.messageSecret = `${String(Buffer.from(info.messageSecret, 'base64').length)} bytes`
  return plain
}

const NO_UPLOADS = {
  upload: () => Promise.reject(new Error('nothing to upload')),
} as unknown as MessageContentGenerationOptions

/** The simulated server knows no profile pictures, which Baileys asks for when it invites to a group. */
const NO_PICTURES = { getProfilePicUrl: undefined }

async function builtByBaileys(content: object): Promise<unknown> {
  return wire(await generateWAMessageContent(content as AnyMessageContent, NO_UPLOADS))
}

/** What Baileys decrypted under this id. */
async function decrypted({ baileys }: Pair, id: string): Promise<unknown> {
  const { raw } = await until(`Baileys to get ${id}`, () =>
    baileys.messages.find(({ key, raw }) => key.id === id && raw !== undefined),
  )
  return wire(proto.Message.decode(raw ?? new Uint8Array(0)))
}

async function event({ received }: Pair, id: string): Promise<ClientEvents['message']> {
  return until(`the event of ${id}`, () => received.find(({ payload }) => payload.id === id))
}

async function contentOf(pair: Pair, id: string): Promise<MessageContent> {
  return (await event(pair, id)).payload.content
}

/** What the stanza of a message says in the clear, by its id. */
function stanzaFacts({ simulator }: Pair, id: string): unknown {
  const [stanza] = simulator.trace
    .stanzas({ tag: 'message', direction: 'client-to-server' })
    .map(({ node }) => node)
    .filter(({ attrs }) => attrs.id === id)
  if (stanza === undefined) return undefined
  const copies = childrenOf(stanza, 'participants').flatMap((list) => childrenOf(list, 'to'))
  const mediaTypes = copies.flatMap((to) => childrenOf(to, 'enc').map(({ attrs }) => attrs.mediatype))
  return {
    type: stanza.attrs.type,
    mediaTypes: [...new Set(mediaTypes)],
    meta: childrenOf(stanza, 'meta').map(({ attrs }) => attrs),
  }
}

/** Messages that answer, pass on and mention, in one conversation. */
async function answersAndForwards(pair: Pair, check: Check): Promise<void> {
  const { waton, baileys } = pair
  const question = await baileys.sendContent(ALICE, { text: 'question', mentions: [ALICE] })
  const asked = await event(pair, question.id)
  const answer = await waton.send(BOB, { text: 'answer', quoted: asked, expiresInSeconds: 86_400 })
  check('a quote of Baileys', contextOf(await decrypted(pair, answer.id)), {
    stanzaId: question.id,
    participant: BOB,
    quotedMessage: { extendedTextMessage: { text: 'question' } },
    expiration: 86_400,
  })
  const quoted = {
    key: { remoteJid: ALICE, id: answer.id, fromMe: false },
    message: { conversation: 'answer' },
  }
  const reply = await baileys.sendContent(ALICE, { text: 'reply' }, { quoted, ephemeralExpiration: 604_800 })
  check('a quote of waton', await contentOf(pair, reply.id), {
    text: 'reply',
    quoted: { id: answer.id, sender: { jid: ALICE, pn: ALICE }, content: { text: 'answer' } },
    expiresInSeconds: 604_800,
  })
  const own = await waton.send(BOB, { text: 'again', quoted: answer })
  check('a quote of an own message', contextOf(await decrypted(pair, own.id)), {
    stanzaId: answer.id,
    participant: ALICE,
    quotedMessage: { extendedTextMessage: { text: 'answer' } },
  })
  const image = { mediaKey: Buffer.alloc(32, 7).toString('base64'), directPath: '/v/invented', caption: 'c' }
  const picture = await baileys.relay(ALICE, { imageMessage: image }, 'PICTURE1')
  const passedOn = await waton.send(BOB, { forward: (await event(pair, picture.id)).payload })
  check('a picture that is forwarded', messageOf(await decrypted(pair, passedOn.id)), {
    imageMessage: { ...image, contextInfo: { isForwarded: true, forwardingScore: 1 } },
  })
  check('the stanza of a picture', stanzaFacts(pair, passedOn.id), {
    type: 'media',
    mediaTypes: ['image'],
    meta: [],
  })
  const forward = {
    key: { remoteJid: ALICE, id: answer.id, fromMe: false },
    message: { conversation: 'answer' },
  }
  const back = await baileys.sendContent(ALICE, { forward })
  check('a forward of Baileys', await contentOf(pair, back.id), { text: 'answer', forwarded: { score: 1 } })
}

/** What Baileys sets for the chat is what waton says in it. */
async function disappearing(pair: Pair, check: Check): Promise<void> {
  const { waton, baileys } = pair
  const expiry = async (options: object = {}): Promise<unknown> => {
    const { id } = await waton.send(BOB, { text: 'soon gone', ...options })
    const context = contextOf(await decrypted(pair, id)) as { readonly expiration?: unknown } | undefined
    return context?.expiration
  }
  check('without a setting', await expiry(), undefined)
  const on = await baileys.sendContent(ALICE, { disappearingMessagesInChat: 604_800 })
  check('the setting', await contentOf(pair, on.id), { disappearing: { expiresInSeconds: 604_800 } })
  check('with a setting', await expiry(), 604_800)
  check('with a time of its own', await expiry({ expiresInSeconds: 86_400 }), 86_400)
  const off = await baileys.sendContent(ALICE, { disappearingMessagesInChat: false })
  await event(pair, off.id)
  check('after the setting was taken back', await expiry(), undefined)
}

function messageOf(message: unknown): unknown {
  return { ...(message as object), messageContextInfo: undefined }
}

function contextOf(message: unknown): unknown {
  return (message as proto.IMessage).extendedTextMessage?.contextInfo
}

test('every kind of content crosses both ways, and is the same message', { timeout: 60_000 }, async () => {
  const pair = await linkedPair(21)
  const { waton, baileys } = pair
  const differences: Record<string, unknown> = {}
  const check: Check = (name, actual, expected) => {
    try {
      expect(actual).toEqual(expected)
    } catch {
      differences[name] = { actual, expected }
    }
  }
  for (const [name, ours, theirs, read] of SAME_KINDS) {
    const sent = await waton.send(BOB, ours as OutgoingContent)
    check(`${name}, from waton`, await decrypted(pair, sent.id), await builtByBaileys(theirs))
    const answer = await baileys.sendContent(ALICE, theirs, NO_PICTURES)
    check(`${name}, from Baileys`, await contentOf(pair, answer.id), read)
    // a view-once message is the one whose wrapper Baileys does not look into for the stanza
    if (!('viewOnce' in ours))
      check(`${name}, its stanza`, stanzaFacts(pair, sent.id), stanzaFacts(pair, answer.id))
  }
  // which Baileys would look at by itself, if it could
  const linking = await baileys.sendContent(ALICE, { text: 'see https://page.invalid/tea' })
  check('a link, from Baileys', await contentOf(pair, linking.id), { text: 'see https://page.invalid/tea' })
  await answersAndForwards(pair, check)
  await disappearing(pair, check)
  expect(differences).toEqual({})
})
