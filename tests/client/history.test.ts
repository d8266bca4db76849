/**
 * The history that the phone hands over (rows W12, L10 and D6 of what Baileys gets wrong): all of it is in the log once, in
 * parts, and the phone hears of it when it is.
 */
import { randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import type { HistoryProgress } from 'waton'
import { Message } from '../../src/protocol/proto/message.ts'
import { until } from '../helpers/until.ts'
import {
  AT_SECONDS,
  BOB_LID,
  GROUP,
  HistorySyncType,
  announcing,
  chat,
  chunks,
  content,
  linked,
  taken,
  text,
  texts,
  toldIds,
  untilTaken,
} from './history-support.ts'
import { voteFor } from './poll-vote.ts'
import { Stranger } from './stranger.ts'
import { BOB, log, settle } from './support.ts'

describe('a piece of history', () => {
  test('is told as chats, people and messages, and then its receipt leaves', async () => {
    const { world, client, hand } = await linked('whole')
    hand(
      'P1',
      announcing(
        content({
          conversations: [
            chat(
              BOB,
              [text('H2', 'how are you?', { pushName: 'Bobby' }), text('H1', 'hello', { fromMe: true })],
              {
                name: 'Bob',
                unreadCount: 1,
                archived: true,
                pinned: AT_SECONDS,
                muteEndTime: AT_SECONDS + 60,
                conversationTimestamp: AT_SECONDS,
              },
            ),
          ],
          pushnames: [{ id: BOB, pushname: 'Bobby' }],
        }),
      ),
    )
    await untilTaken(world, 'P1')
    const [event, ...others] = await chunks(client)
    expect(others).toEqual([])
    expect(event?.payload).toMatchObject({
      syncType: 'recent',
      piece: 'P1',
      chunkOrder: 1,
      progress: 100,
      part: 1,
      isLastPart: true,
      chats: [
        {
          name: 'Bob',
          unreadCount: 1,
          isArchived: true,
          isPinned: true,
          pinnedAtMs: AT_SECONDS * 1000,
          isMuted: true,
          mutedUntilMs: (AT_SECONDS + 60) * 1000,
          lastActivityMs: AT_SECONDS * 1000,
        },
      ],
      contacts: [{ pushName: 'Bobby' }],
      messages: [
        {
          id: 'H2',
          fromMe: false,
          origin: 'history',
          sentAtMs: AT_SECONDS * 1000,
          pushName: 'Bobby',
          content: { text: 'how are you?' },
        },
        { id: 'H1', fromMe: true, origin: 'history', content: { text: 'hello' } },
      ],
    })
    expect(world.violations).toEqual([])
  })

  test('in which there is nothing makes no event, and has its receipt', async () => {
    const { world, client, hand } = await linked('nothing')
    hand('P1', announcing(content({})))
    await untilTaken(world, 'P1')
    expect(await chunks(client)).toEqual([])
  })

  test('comes in parts, numbered, of which the last says so; listeners get what the log has', async () => {
    const { world, client, hand } = await linked('parts')
    const heard: unknown[] = []
    const progress: HistoryProgress[] = []
    client.on('history.chunk', (event) => heard.push(event))
    client.on('sync.history', (event) => progress.push(event))
    hand('P1', announcing(content({ conversations: [chat(BOB, texts(450))] })))
    await untilTaken(world, 'P1')
    const events = await chunks(client)
    expect(events.length).toBeGreaterThan(2)
    expect(events.map(({ payload }) => payload.part)).toEqual(events.map((_, index) => index + 1))
    expect(events.map(({ payload }) => payload.isLastPart)).toEqual(
      events.map((_, index) => index === events.length - 1),
    )
    expect(Math.max(...events.map(({ payload }) => payload.messages.length))).toBeLessThanOrEqual(200)
    expect(await toldIds(client)).toEqual(texts(450).map(({ key }) => key?.id))
    expect(heard).toEqual(events)
    expect(progress.at(-1)).toEqual({
      syncType: 'recent',
      piece: 'P1',
      progress: 100,
      isComplete: true,
      messages: 450,
    })
  })

  test('that comes twice, in another piece or live, is told once', async () => {
    const { world, client, hand } = await linked('twice')
    const bob = new Stranger(world, 'bob')
    const payload = content({ conversations: [chat(BOB, texts(3))] })
    world.inject(bob.message({ from: BOB, id: 'H1' }, { conversation: 'live' }))
    await until('the live message', async () => (await toldIds(client)).length === 1)
    hand('P1', announcing(payload))
    await untilTaken(world, 'P1')
    hand('P2', announcing(payload))
    await untilTaken(world, 'P2')
    hand('P1', announcing(payload))
    await until('the second receipt', () => taken(world, 'P1') === 2)
    world.inject(bob.message({ from: BOB, id: 'H2' }, { conversation: 'late' }))
    await until('the answer', () => world.answersTo('H2').length > 0)
    expect(await toldIds(client)).toEqual(['H1', 'H0', 'H2'])
    // what has come by itself is a message, whatever the history had told before
    expect((await log(client)).at(-1)).toMatchObject({
      type: 'message',
      payload: { id: 'H2', origin: 'live', content: { text: 'late' } },
    })
  })

  test('of LIDs is learned before anything is recorded, wherever it stands', async () => {
    const { world, client, hand } = await linked('addresses')
    hand(
      'P1',
      announcing(
        content({
          conversations: [
            chat('15550000077@s.whatsapp.net', [text('H1', 'hi', { chat: '15550000077@s.whatsapp.net' })]),
          ],
          phoneNumberToLidMappings: [{ pnJid: '15550000077@s.whatsapp.net', lidJid: BOB_LID }],
        }),
      ),
    )
    await untilTaken(world, 'P1')
    const [event] = await chunks(client)
    const person = { jid: BOB_LID, pn: '15550000077@s.whatsapp.net', lid: BOB_LID }
    expect(event?.payload).toMatchObject({
      chats: [{ chat: BOB_LID }],
      messages: [{ id: 'H1', chat: BOB_LID, sender: person }],
    })
    const mappings = (await log(client)).filter(({ type }) => type === 'lid.mapping')
    expect(mappings).toMatchObject([{ payload: { contacts: [person] } }])
  })

  test('of a group has its authors; what nobody has written is passed over', async () => {
    const { world, client, hand } = await linked('group')
    hand(
      'P1',
      announcing(
        content({
          conversations: [
            chat(GROUP, [
              text('G3', 'mine', { chat: GROUP, fromMe: true }),
              text('G2', 'theirs', { chat: GROUP, participant: BOB }),
              {
                key: { remoteJid: GROUP, id: 'STUB', fromMe: false },
                messageStubType: proto.WebMessageInfo.StubType.GROUP_PARTICIPANT_ADD,
                messageTimestamp: 1,
              },
              text('G1', 'of nobody', { chat: GROUP }),
            ]),
          ],
        }),
      ),
    )
    await untilTaken(world, 'P1')
    expect(await toldIds(client)).toEqual(['G3', 'G2'])
    const [event] = await chunks(client)
    expect(event?.payload.messages[1]?.sender.pn ?? event?.payload.messages[1]?.sender.jid).toBe(BOB)
  })

  test('brings the secrets of its messages: a vote that comes later can be read', async () => {
    const { world, client, hand } = await linked('secrets')
    const messageSecret = randomBytes(32)
    const poll = {
      key: { remoteJid: BOB, fromMe: false, id: 'POLL' },
      message: {
        pollCreationMessage: { name: 'Lunch?', options: [{ optionName: 'yes' }, { optionName: 'no' }] },
      },
      messageTimestamp: AT_SECONDS,
      messageSecret,
    }
    hand('P1', announcing(content({ conversations: [chat(BOB, [poll])] })))
    await untilTaken(world, 'P1')
    const bob = new Stranger(world, 'voter')
    world.inject(
      bob.message(
        { from: BOB, id: 'VOTE' },
        voteFor({ poll: 'POLL', author: BOB, voter: BOB, secret: messageSecret, options: ['yes'] }),
      ),
    )
    await until('the vote', async () => (await toldIds(client)).includes('VOTE'))
    const vote = (await log(client)).find(({ payload }) => 'id' in payload && payload.id === 'VOTE')
    expect(vote?.payload).toMatchObject({ content: { pollVote: { options: ['yes'] } } })
  })

  test('is nothing under the policy none, but for what the account needs', async () => {
    const { world, client, store, hand } = await linked('none', { history: 'none' })
    const payload = content({
      syncType: HistorySyncType.INITIAL_BOOTSTRAP,
      conversations: [chat(BOB, texts(3), { tcToken: Uint8Array.of(7), tcTokenTimestamp: AT_SECONDS })],
      phoneNumberToLidMappings: [{ pnJid: '15550000077@s.whatsapp.net', lidJid: BOB_LID }],
    })
    hand('P1', announcing(payload, { syncType: Message.HistorySyncType.INITIAL_BOOTSTRAP }))
    await untilTaken(world, 'P1')
    hand(
      'P2',
      announcing(content({ pushnames: [{ id: BOB, pushname: 'Bobby' }] }), {
        syncType: Message.HistorySyncType.PUSH_NAME,
      }),
    )
    await untilTaken(world, 'P2')
    expect(await toldIds(client)).toEqual([])
    expect((await chunks(client)).map(({ payload }) => payload)).toMatchObject([
      { piece: 'P2', chats: [], contacts: [{ pushName: 'Bobby' }], messages: [] },
    ])
    expect(await store.listRecords('default', 'privacy-token', undefined, 5)).toHaveLength(1)
    expect(await store.listRecords('default', 'lid-by-pn', undefined, 50)).toContainEqual(
      expect.objectContaining({ key: '15550000077' }),
    )
  })
})

describe('a piece that is damaged', () => {
  test('is told as a failure, kept as it came, and holds up no other', async () => {
    const { world, client, store, hand } = await linked('damaged')
    const failures: HistoryProgress[] = []
    client.on('sync.history', (event) => {
      if (event.failure !== undefined) failures.push(event)
    })
    const whole = proto.HistorySync.encode({
      syncType: HistorySyncType.RECENT,
      conversations: [chat(BOB, texts(5, 'D'))],
    }).finish()
    hand('P1', announcing(Uint8Array.of(1, 2, 3)))
    hand(
      'P2',
      announcing(new Uint8Array(deflateSync(whole.subarray(0, whole.length - 9))), { chunkOrder: 2 }),
    )
    hand('P3', announcing(content({ conversations: [chat(BOB, texts(3))] }), { chunkOrder: 3 }))
    await untilTaken(world, 'P3')
    expect(failures).toMatchObject([
      { piece: 'P1', isComplete: false, failure: { code: 'WATON_HISTORY_INFLATE', isRetried: false } },
      { piece: 'P2', isComplete: false, failure: { code: 'WATON_HISTORY_TRUNCATED', isRetried: false } },
    ])
    await settle()
    expect(taken(world, 'P1') + taken(world, 'P2')).toBe(0)
    const kept = await store.listRecords('default', 'history-notification', undefined, 50)
    expect(kept.map(({ key }) => key)).toEqual(['P1', 'P2'])
    expect(await toldIds(client)).toEqual(['H0', 'H1', 'H2'])
  })

  test('and expands without end is given up at a limit', async () => {
    const { client, hand } = await linked('bomb')
    const failures: HistoryProgress[] = []
    client.on('sync.history', (event) => {
      if (event.failure !== undefined) failures.push(event)
    })
    hand('P1', announcing(new Uint8Array(deflateSync(new Uint8Array(64 * 1024 * 1024)))))
    await until('the failure', () => failures.length > 0)
    expect(failures).toMatchObject([{ failure: { code: 'WATON_HISTORY_INFLATE' } }])
  })
})
