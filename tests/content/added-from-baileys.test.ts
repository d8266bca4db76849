/**
 * What an unmodified Baileys adds to messages and chats, as waton tells it; and what waton sends about a message that was
 * edited is about what it says today, whoever edited it.
 */
import { proto } from '@whiskeysockets/baileys'
import type { MessageContent, OutgoingContent } from 'waton'
import { expect, test } from 'vitest'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'

test('waton tells what Baileys adds to messages, and quotes an edited message as it is now', async () => {
  const simulator = await startWorld(72)
  const alicePhone = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bobPhone = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const waton = await linkedClient(simulator, alicePhone)
  const baileys = await Baileys.link(simulator, bobPhone)

  const contents = async (): Promise<ReadonlyMap<string, MessageContent>> => {
    const found = new Map<string, MessageContent>()
    for await (const { payload } of waton.events.read({ types: ['message'] }))
      found.set(payload.id, payload.content)
    return found
  }
  /** What waton tells of what Baileys sends. */
  const told = async (content: object): Promise<MessageContent> => {
    const { id } = await baileys.sendContent(ALICE, content)
    return until(`waton to tell of ${id}`, async () => (await contents()).get(id))
  }
  /** What Baileys is given of what waton sends. */
  const given = async (content: OutgoingContent): Promise<proto.Message> => {
    const { id } = await waton.send(BOB, content)
    const message = await until(`Baileys to get ${id}`, () =>
      baileys.messages.find(({ key }) => key.id === id),
    )
    return proto.Message.decode(message.raw ?? new Uint8Array(0))
  }

  const ours = await waton.send(BOB, { text: 'of waton' })
  await until('Baileys to have it', () => baileys.messages.some(({ key }) => key.id === ours.id))
  const ourKey = { remoteJid: ALICE, fromMe: false, id: ours.id }
  const about = { id: ours.id, fromMe: true, sender: { pn: ALICE } }
  const theirs = await baileys.send(ALICE, 'frist')
  const theirKey = { remoteJid: ALICE, fromMe: true, id: theirs.id }
  const aboutTheirs = { id: theirs.id, fromMe: false, sender: { pn: BOB } }

  expect(await told({ react: { text: '👍', key: ourKey } })).toMatchObject({
    reaction: { text: '👍', target: about },
  })
  expect(await told({ react: { text: '', key: ourKey } })).toMatchObject({
    reaction: { text: '', target: about },
  })
  expect(await told({ pin: ourKey, type: 1, time: 604_800 })).toMatchObject({
    pin: { action: 'pin', durationSeconds: 604_800, target: { id: ours.id, fromMe: true } },
  })
  expect(await told({ disappearingMessagesInChat: 86_400 })).toMatchObject({
    disappearing: { expiresInSeconds: 86_400 },
  })
  expect(await told({ text: 'first', edit: theirKey })).toMatchObject({
    edit: { target: aboutTheirs, content: { text: 'first' } },
  })

  // what is said about it is about what it says now, while its event keeps what it said first
  const target = { id: theirs.id, chat: BOB, fromMe: false }
  expect((await contents()).get(theirs.id)).toMatchObject({ text: 'frist' })
  const answer = await given({ text: 'which one?', quoted: target })
  expect(answer.extendedTextMessage?.contextInfo).toMatchObject({
    stanzaId: theirs.id,
    quotedMessage: { extendedTextMessage: { text: 'first' } },
  })
  // the same for a message of waton that it has edited itself: the handle of the send says which
  await given({ edit: { target: ours, content: { text: 'of waton, edited' } } })
  const own = await given({ text: 'that one', quoted: ours })
  expect(own.extendedTextMessage?.contextInfo?.quotedMessage).toMatchObject({
    extendedTextMessage: { text: 'of waton, edited' },
  })

  expect(await told({ delete: theirKey })).toMatchObject({ delete: { target: aboutTheirs } })
  await expect(waton.send(BOB, { delete: { target } })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET_OWN',
  })
  await expect(waton.send(ALICE, { reaction: { target, text: '👍' } })).rejects.toMatchObject({
    code: 'WATON_CONTENT_TARGET_CHAT',
  })
})
