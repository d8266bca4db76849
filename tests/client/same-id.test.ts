/**
 * One id, sent again, is one message. When it was meant to be another, with other content or for another chat, the log says so.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { OutgoingContent } from 'waton'
import { outboxItem, outboxRow } from '../../src/client/send/outbox-item.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { openLog, outboxRows } from './event-log.ts'
import type { EventLog } from './event-log.ts'
import { keepingLogger } from './support.ts'
import type { Line } from './support.ts'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000002@lid'
const CAROL = '15550000003@s.whatsapp.net'
const ID = { id: 'ORDER-17' }

/** A log whose warnings can be looked at. */
async function listening(store: MemoryStore): Promise<EventLog & { told: () => unknown[] }> {
  const lines: Line[] = []
  const opened = await openLog(store, undefined, { logger: keepingLogger(lines) })
  return Object.assign(opened, {
    told: () => lines.flatMap(({ level, fields }) => (level === 'warn' ? [fields] : [])),
  })
}

describe('an id that was accepted before', () => {
  test.each<readonly [string, string, OutgoingContent]>([
    ['with another text', BOB, { text: 'hello!' }],
    ['with another option', BOB, { text: 'hello', expiresInSeconds: 86_400 }],
    ['with another kind of content', BOB, { location: { latitude: 1, longitude: 2 } }],
    ['to another chat', CAROL, { text: 'hello' }],
  ])('%s is the first message, and the log says so', async (_what, chat, content) => {
    const store = new MemoryStore()
    const { outbox, told } = await listening(store)
    await outbox.send(BOB, { text: 'hello' }, ID)
    const before = await outboxRows(store)
    expect(told()).toEqual([])
    expect(await outbox.send(chat, content, ID)).toMatchObject({ ...ID, chat: BOB })
    expect(await outboxRows(store)).toEqual(before)
    expect(told()).toEqual([ID])
  })

  test.each<readonly [string, () => OutgoingContent, () => OutgoingContent]>([
    ['a text', () => ({ text: 'hello' }), () => ({ text: 'hello' })],
    [
      'a poll, whose secret is drawn, with its fields in another order',
      () => ({ poll: { name: 'Lunch?', options: ['yes', 'no'] } }),
      () => ({ poll: { options: ['yes', 'no'], name: 'Lunch?' } }),
    ],
    [
      'a field that is not there, and one that is undefined',
      () => ({ text: 'hello' }),
      () => ({ text: 'hello', mentions: undefined }) as unknown as OutgoingContent,
    ],
    [
      'bytes in memory of their own',
      () => ({
        location: { latitude: 1, longitude: 2, thumbnailBytes: Uint8Array.of(0xff, 0xd8, 0xff, 1) },
      }),
      () => ({
        location: { latitude: 1, longitude: 2, thumbnailBytes: Buffer.from([0xff, 0xd8, 0xff, 1]) },
      }),
    ],
  ])('is the same message with %s', async (_what, content, again) => {
    const store = new MemoryStore()
    const first = await openLog(store)
    await first.outbox.send(BOB, content(), ID)
    const [before] = await outboxRows(store)
    await first.claim.release()
    // also in the next process, and later
    const { outbox, clock, told } = await listening(store)
    await clock.advanceAndSettle(60_000)
    expect(await outbox.send(BOB, again(), ID)).toMatchObject(ID)
    expect(await outboxRows(store)).toEqual([before])
    expect(told()).toEqual([])
  })

  test('is the same message about a message, however much of that is given', async () => {
    const store = new MemoryStore()
    const { outbox, told } = await listening(store)
    await outbox.send(BOB, { text: 'first' }, { id: 'TARGET' })
    const target = { id: 'TARGET', chat: BOB, fromMe: true }
    await outbox.send(BOB, { reaction: { target, text: '👍' } }, ID)
    const more = { ...target, content: { text: 'first' }, atMs: 5 }
    await outbox.send(BOB, { reaction: { target: more, text: '👍' } }, ID)
    expect(told()).toEqual([])
    await outbox.send(BOB, { reaction: { target, text: '👎' } }, ID)
    expect(told()).toEqual([ID])
    expect(await outboxRows(store)).toHaveLength(2)
  })

  test('is the same message by either address of a person', async () => {
    const store = new MemoryStore()
    const { outbox, state, told } = await listening(store)
    await outbox.send(BOB, { text: 'hello' }, ID)
    await state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    expect(await outbox.send(BOB_LID, { text: 'hello' }, ID)).toMatchObject(ID)
    expect(await outboxRows(store)).toHaveLength(1)
    expect(told()).toEqual([])
  })

  test('by a version that did not keep what was asked for, gives the handle of the first message', async () => {
    const store = new MemoryStore()
    const { outbox, claim } = await openLog(store)
    await outbox.send(BOB, { text: 'hello' }, ID)
    const [row] = await outboxRows(store)
    if (row === undefined) throw new Error('no row')
    const { to, message, stanzaType } = outboxItem(row).body
    const body = { to, message, stanzaType }
    await store.commit(claim, [{ op: 'put-outbox', row: outboxRow({ ...outboxItem(row), body }) }])
    await claim.release()
    const after = await listening(store)
    expect(await after.outbox.send(CAROL, { text: 'another' }, ID)).toMatchObject(ID)
    expect(await outboxRows(store)).toHaveLength(1)
    expect(after.told()).toEqual([])
  })
})
