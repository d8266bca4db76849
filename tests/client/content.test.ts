/**
 * Content that needs more than itself: messages that it is about, a page that it links to, a setting of the chat. What is
 * missing is told before anything is written, and nothing of it lets messages of a chat overtake each other.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Logger, OutgoingContent, PreviewLink, PreviewedPage } from 'waton'
import type { Store } from 'waton/persistence'
import { deferred } from '../../src/base/deferred.ts'
import { noteTimer } from '../../src/client/chat-timer.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { outboxItem, outboxRow } from '../../src/client/send/outbox-item.ts'
import type { AccountState } from '../../src/client/state/account-state.ts'
import type { MessageTarget } from '../../src/protocol/message/reference.ts'
import { Message, decodeMessage } from '../../src/protocol/proto/message.ts'
import { openLog, outboxRows } from './event-log.ts'
import type { EventLog } from './event-log.ts'
import { settle } from './support.ts'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000002@lid'
const CAROL = '15550000003@s.whatsapp.net'
const LINK = 'https://example.com/page'
const TITLED: PreviewedPage = { title: 'A page', description: 'About' }

/** What is on its way, in sending order. */
async function texts(store: Store): Promise<(Message.ExtendedTextMessage.$Properties | null | undefined)[]> {
  const rows = await outboxRows(store)
  return rows.map((row) => decodeMessage(outboxItem(row).body.message).extendedTextMessage)
}

/** What can only be said of a message that the other side has. */
const ABOUT = (target: MessageTarget): readonly OutgoingContent[] => [
  { text: 'x', quoted: target },
  { forward: target, quoted: target },
  { edit: { target, content: { text: 'x' } } },
  { delete: { target } },
  { reaction: { target, text: '👍' } },
]

/** The end of a message, as if it had come. */
async function endAs(
  state: AccountState,
  id: string,
  fate: 'cancelled' | 'failed',
  code = 'WATON_SEND_REFUSED',
): Promise<void> {
  await state.commit(async (unit) => {
    const row = await unit.readOutbox(id)
    if (row === undefined) throw new TypeError('a row')
    const item = outboxItem(row)
    const failure = fate === 'failed' ? { failure: { code } } : {}
    unit.putOutbox(outboxRow({ ...item, state: fate, body: { ...item.body, ...failure } }))
  })
}

describe('content about a message', () => {
  test('that is not in the store is refused, and nothing is written', async () => {
    const store = new MemoryStore()
    const { outbox } = await openLog(store)
    const unknown = { id: 'NEVER', chat: BOB }
    for (const content of [{ text: 'x', quoted: unknown }, { forward: unknown }]) {
      await expect(outbox.send(BOB, content, { id: 'A1' })).rejects.toMatchObject({
        code: 'WATON_CONTENT_TARGET',
        action: 'fix-call',
      })
    }
    expect(await outboxRows(store)).toEqual([])
    expect(await outbox.find('A1')).toBeUndefined()
  })

  test('is refused for a handler where it sends it, who may send something else', async () => {
    const store = new MemoryStore()
    const log = await openLog(store)
    await log.append('a1')
    const codes: unknown[] = []
    log.consume(
      async (_event, context) => {
        const quoted = { id: 'NEVER', chat: BOB }
        await context.send(BOB, { text: 'x', quoted }).catch((error: unknown) => {
          codes.push((error as { code?: unknown }).code)
        })
        await context.send(BOB, { text: 'without a quote' })
      },
      { from: 'start' },
    )
    await settle()
    expect(codes).toEqual(['WATON_CONTENT_TARGET'])
    expect((await texts(store)).map((text) => text?.text)).toEqual(['without a quote'])
  })

  test('is found by the handle of its send, by its reference and from before its LID was known', async () => {
    const store = new MemoryStore()
    const { outbox, state } = await openLog(store)
    const first = await outbox.send(BOB, { text: 'first' })
    await state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    const second = await outbox.send(BOB_LID, { text: 'second', quoted: first })
    await outbox.send(BOB, { text: 'third', quoted: { id: second.id, chat: BOB_LID, fromMe: true } })
    await outbox.send(CAROL, { forward: second })
    const [, quoting, again, forward] = await texts(store)
    expect(quoting?.contextInfo).toMatchObject({
      stanzaId: first.id,
      quotedMessage: { extendedTextMessage: { text: 'first' } },
    })
    expect(quoting?.contextInfo?.remoteJid).toBeNull()
    expect(again?.contextInfo).toMatchObject({
      stanzaId: second.id,
      participant: '15550000001@s.whatsapp.net',
    })
    expect(forward).toMatchObject({ text: 'second' })
  })

  test.each(['cancelled', 'failed'] as const)(
    'that was %s is refused: only its content can be passed on',
    async (fate) => {
      const store = new MemoryStore()
      const { outbox, state } = await openLog(store)
      const target = await outbox.send(BOB, { text: 'never left' }, { id: 'GONE' })
      await endAs(state, target.id, fate)
      for (const content of ABOUT(target))
        await expect(outbox.send(BOB, content), JSON.stringify(content)).rejects.toMatchObject({
          code: 'WATON_CONTENT_TARGET',
          message: expect.stringMatching(/never left this device/) as string,
        })
      await outbox.send(BOB, { forward: target })
      expect((await texts(store)).map((text) => text?.text)).toEqual([
        ...(fate === 'failed' ? ['never left'] : []),
        'never left',
      ])
    },
  )

  test('that is on its way, or may have left before the device was unlinked, can be answered', async () => {
    const { outbox, state } = await openLog()
    const target = await outbox.send(BOB, { text: 'on its way' })
    for (const content of ABOUT(target)) await outbox.send(BOB, content)
    await endAs(state, target.id, 'failed', 'WATON_SEND_UNLINKED')
    for (const content of ABOUT(target)) await outbox.send(BOB, content)
    expect(await outboxRows(state.store)).toHaveLength(1 + 2 * ABOUT(target).length)
  })

  test('keeps the order of sends, also where others need nothing', async () => {
    const store = new MemoryStore()
    const { outbox } = await openLog(store)
    const first = await outbox.send(BOB, { text: '0' })
    const sends = ['1', '2', '3', '4'].map((text, index) =>
      outbox.send(BOB, index % 2 === 0 ? { text, quoted: first } : { text }),
    )
    await Promise.all(sends)
    expect((await texts(store)).map((text) => text?.text)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('is what it was when it was sent', async () => {
    const store = new MemoryStore()
    const { outbox } = await openLog(store)
    const first = await outbox.send(BOB, { text: 'first' })
    const content = { text: 'meant', quoted: first }
    const sent = outbox.send(BOB, content)
    content.text = 'changed'
    await sent
    expect((await texts(store)).at(-1)?.text).toBe('meant')
  })
})

describe('a preview of a link', () => {
  async function open(previewLink: (url: string) => Promise<PreviewedPage | undefined>): Promise<EventLog> {
    return openLog(new MemoryStore(), undefined, { previewLink })
  }
  const shown = async ({ state }: EventLog): Promise<unknown> =>
    (await texts(state.store)).map((text) => [
      text?.text,
      text?.matchedText ?? undefined,
      text?.title ?? undefined,
    ])
  const WITH_LINK: OutgoingContent = { text: `see ${LINK}`, linkPreview: true }

  test('that fails, is none, or takes longer than 3 seconds costs the preview and not the message', async () => {
    const plain = [[`see ${LINK}`, undefined, undefined]]
    const answers: (() => Promise<unknown>)[] = [
      () => Promise.reject(new TypeError('no network')),
      () => {
        throw new TypeError('at once')
      },
      () => Promise.resolve(undefined),
      () => Promise.resolve({ title: 5 }),
      () => Promise.resolve({ picture: 'x' }),
    ]
    for (const answer of answers) {
      const log = await open(answer as () => Promise<undefined>)
      await log.outbox.send(BOB, WITH_LINK)
      expect(await shown(log), String(answer)).toEqual(plain)
    }
    const never = await open(() => new Promise<undefined>(() => undefined))
    const sent = never.outbox.send(BOB, WITH_LINK)
    await never.clock.advanceAndSettle(2_999)
    expect(await shown(never)).toEqual([])
    await never.clock.advanceAndSettle(1)
    await sent
    expect(await shown(never)).toEqual(plain)
  })

  test('that cannot be had is told to the log, with its host and nothing else of the link', async () => {
    const lines: unknown[] = []
    const quiet = (): void => undefined
    const logger: Logger = {
      ...{ trace: quiet, debug: quiet, info: quiet, error: quiet },
      warn: (fields, message) => lines.push([fields, message]),
      child: () => logger,
    }
    const link = 'https://page.example/reset?token=sesame7'
    const failures = [
      () => Promise.reject(new TypeError(`cannot fetch ${link}`)),
      () => Promise.resolve({ title: 5 } as never),
      () => new Promise<undefined>(() => undefined),
    ]
    for (const previewLink of failures) {
      const log = await openLog(new MemoryStore(), undefined, { previewLink, logger })
      const sent = log.outbox.send(BOB, { text: `see ${link}`, linkPreview: true })
      await log.clock.advanceAndSettle(3_000)
      await sent
    }
    const message = 'a link is sent without its preview'
    expect(lines).toEqual([
      [{ host: 'page.example', reason: 'TypeError' }, message],
      [{ host: 'page.example', reason: expect.stringContaining('WATON_CONTENT_VALUE') as unknown }, message],
      [
        { host: 'page.example', reason: expect.stringContaining('WATON_PREVIEW_TIMEOUT') as unknown },
        message,
      ],
    ])
    expect(JSON.stringify(lines)).not.toMatch(/sesame7|reset/)
  })

  test('is waited for as long as the client says, and what is known by then counts', async () => {
    const previewLink: PreviewLink = (_url, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve(TITLED)
        })
      })
    const log = await openLog(new MemoryStore(), undefined, {
      previewLink,
      timing: { previewTimeoutMs: 500 },
    })
    const sent = log.outbox.send(BOB, WITH_LINK)
    await log.clock.advanceAndSettle(499)
    expect(await shown(log)).toEqual([])
    await log.clock.advanceAndSettle(1)
    await sent
    expect(await shown(log)).toEqual([[`see ${LINK}`, LINK, 'A page']])
  })

  test('is looked for only where that is asked for, and only in texts with a link', async () => {
    const asked: string[] = []
    const log = await open((url) => {
      asked.push(url)
      return Promise.resolve(TITLED)
    })
    await log.outbox.send(BOB, { text: `see ${LINK}` })
    await log.outbox.send(BOB, { text: `see ${LINK}`, linkPreview: false })
    await log.outbox.send(BOB, { text: 'no link', linkPreview: true })
    await log.outbox.send(BOB, { text: `see ${LINK}`, linkPreview: { url: LINK, title: 'mine' } })
    expect(asked).toEqual([])
    await log.outbox.send(BOB, WITH_LINK)
    expect(asked).toEqual([LINK])
    expect(await shown(log)).toEqual([
      [`see ${LINK}`, undefined, undefined],
      [`see ${LINK}`, undefined, undefined],
      ['no link', undefined, undefined],
      [`see ${LINK}`, LINK, 'mine'],
      [`see ${LINK}`, LINK, 'A page'],
    ])
  })

  test('never lets a later message of the chat overtake, and holds up no other chat', async () => {
    const page = deferred<PreviewedPage>()
    const log = await open(() => page.promise)
    const { outbox } = log
    const sends = [
      outbox.send(BOB, WITH_LINK),
      outbox.send(BOB, { text: 'behind it' }),
      outbox.send(CAROL, { text: 'elsewhere' }),
    ]
    await sends[2]
    expect((await texts(log.state.store)).map((text) => text?.text)).toEqual(['elsewhere'])
    page.resolve(TITLED)
    await Promise.all(sends)
    await outbox.send(BOB, { text: 'later' })
    expect((await texts(log.state.store)).map((text) => text?.text)).toEqual([
      'elsewhere',
      `see ${LINK}`,
      'behind it',
      'later',
    ])
  })

  test.each([
    ['before', [BOB, BOB_LID]],
    ['before', [BOB_LID, BOB]],
    ['meanwhile', [BOB, BOB_LID]],
    ['meanwhile', [BOB_LID, BOB]],
  ])('keeps the order of a person whose addresses became known %s: %s', async (when, [first, second]) => {
    const page = deferred<PreviewedPage>()
    const log = await open(() => page.promise)
    const { outbox, state } = log
    const learn = (): Promise<boolean> => state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    if (when === 'before') await learn()
    const sends = [outbox.send(first ?? '', WITH_LINK)]
    if (when === 'meanwhile') await learn()
    sends.push(
      outbox.send(second ?? '', { text: '2' }),
      outbox.send(first ?? '', { text: '3' }),
      outbox.send(second ?? '', WITH_LINK),
      outbox.send(first ?? '', { text: '5' }),
      outbox.send(CAROL, { text: 'elsewhere' }),
    )
    await sends.at(-1)
    await settle()
    expect((await texts(state.store)).map((text) => text?.text)).toEqual(['elsewhere'])
    page.resolve(TITLED)
    await Promise.all(sends)
    expect((await texts(state.store)).map((text) => text?.text)).toEqual([
      'elsewhere',
      `see ${LINK}`,
      '2',
      '3',
      `see ${LINK}`,
      '5',
    ])
  })

  test('is in what a handler sends', async () => {
    const log = await open(() => Promise.resolve(TITLED))
    await log.append('a1')
    log.consume(
      async (_event, context) => {
        await context.send(BOB, WITH_LINK)
      },
      { from: 'start' },
    )
    await settle()
    expect(await shown(log)).toEqual([[`see ${LINK}`, LINK, 'A page']])
  })
})

describe('the time after which messages of a chat disappear', () => {
  const { EPHEMERAL_SETTING } = Message.ProtocolMessage.Type
  const WEEK = 604_800
  const AT = 1_700_000_000_000

  const setting = (seconds: number, atMs = AT): object => ({
    protocolMessage: {
      type: EPHEMERAL_SETTING,
      ephemeralExpiration: seconds,
      ephemeralSettingTimestamp: atMs / 1000,
    },
  })
  const repeated = (seconds: number, atMs?: number): object => ({
    extendedTextMessage: {
      text: 'x',
      contextInfo: {
        expiration: seconds,
        ...(atMs === undefined ? {} : { ephemeralSettingTimestamp: atMs / 1000 }),
      },
    },
  })

  async function expiryAfter(...messages: readonly object[]): Promise<number | undefined> {
    const { outbox, state } = await openLog()
    for (const message of messages)
      await state.commit((unit) => noteTimer(unit, { chat: BOB, message, sentAtMs: AT + 60_000 }))
    await outbox.send(BOB, { text: 'x' })
    return (await texts(state.store)).at(-1)?.contextInfo?.expiration ?? undefined
  }

  test('is not taken from what is older, or says nothing of the chat', async () => {
    expect(await expiryAfter()).toBeUndefined()
    expect(await expiryAfter(repeated(WEEK))).toBeUndefined()
    expect(await expiryAfter(setting(0), repeated(WEEK, AT - 1000))).toBeUndefined()
    expect(await expiryAfter(setting(WEEK), setting(0, AT + 1000))).toBeUndefined()
    // a clock that is ahead must not outweigh all later settings
    expect(await expiryAfter(repeated(WEEK, AT + 1e9), setting(0, AT + 120_000))).toBeUndefined()
  })

  test('is what was set last, also when a message repeats what was missed', async () => {
    expect(await expiryAfter(setting(WEEK))).toBe(WEEK)
    expect(await expiryAfter(setting(WEEK), setting(86_400, AT - 1000))).toBe(WEEK)
    expect(await expiryAfter(setting(0), setting(WEEK))).toBe(WEEK)
    expect(await expiryAfter(setting(0), repeated(WEEK, AT + 1000))).toBe(WEEK)
  })

  test('is said by everything but what says otherwise, and by settings not at all', async () => {
    const { outbox, state } = await openLog()
    await state.commit((unit) => noteTimer(unit, { chat: BOB, message: setting(WEEK), sentAtMs: AT }))
    const expiry = async (content: OutgoingContent): Promise<unknown> => {
      const { id } = await outbox.send(BOB, content)
      const row = (await outboxRows(state.store)).find((one) => one.id === id)
      if (row === undefined) throw new Error('the row is not there')
      const text = JSON.stringify(decodeMessage(outboxItem(row).body.message))
      return /"expiration":(\d+)/.exec(text)?.[1]
    }
    expect(await expiry({ text: 'x' })).toBe(String(WEEK))
    expect(await expiry({ text: 'x', viewOnce: true, mentions: [CAROL] })).toBe(String(WEEK))
    expect(await expiry({ poll: { name: 'q', options: ['a', 'b'] } })).toBe(String(WEEK))
    expect(await expiry({ text: 'x', expiresInSeconds: 86_400 })).toBe('86400')
    expect(await expiry({ text: 'x', expiresInSeconds: 0 })).toBeUndefined()
    expect(await expiry({ limitSharing: { limited: true } })).toBeUndefined()
  })

  test('is found when the LID of the person becomes known', async () => {
    const { outbox, state } = await openLog()
    await state.commit((unit) => noteTimer(unit, { chat: BOB, message: setting(WEEK), sentAtMs: AT }))
    await state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    await outbox.send(BOB, { text: 'x' })
    expect((await texts(state.store)).at(-1)?.contextInfo?.expiration).toBe(WEEK)
  })
})
