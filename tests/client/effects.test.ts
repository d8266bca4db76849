/**
 * What a handler sends is sent once (promise G10): whatever fails, and whenever the process dies. The log, the outbox and
 * the store are real; the process dies between any two of its commits, and in its handlers.
 */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { DurableEvent, EventHandler, HandlerContext, SentMessage } from 'waton'
import type { Store } from 'waton/persistence'
import { chance, faultyStore, seededRandom, writeFault } from 'waton/testing'
import { outboxItem } from '../../src/client/send/outbox-item.ts'
import { decodeMessage } from '../../src/protocol/proto/message.ts'
import { MortalStore } from './crash.ts'
import type { CrashPoint } from './crash.ts'
import { deadLetters, idOf, openLog, outboxRows } from './event-log.ts'
import { settle, uncaught } from './support.ts'

const seed = process.env.WATON_SEED ?? 'effects once'
const BOB = '15550000002@s.whatsapp.net'

/** The texts that are on their way, in sending order. */
async function sentTexts(store: Store): Promise<string[]> {
  return (await outboxRows(store)).map((row) => {
    const { conversation, extendedTextMessage } = decodeMessage(outboxItem(row).body.message)
    return conversation ?? extendedTextMessage?.text ?? ''
  })
}

function send(context: HandlerContext, text: string): Promise<SentMessage> {
  return context.send(BOB, { text })
}

test('a handler that fails has sent nothing, and what it sends when it succeeds is sent once', async () => {
  const store = new MemoryStore()
  const { append, clock, consume } = await openLog(store)
  await append('a1')
  consume(
    async (_event, context) => {
      await send(context, `attempt ${String(context.attempt)}`)
      if (context.attempt < 3) throw new TypeError('not yet')
    },
    { from: 'start' },
  )
  await settle()
  expect(await sentTexts(store)).toEqual([])
  await clock.advanceAndSettle(10_000)
  expect(await sentTexts(store)).toEqual(['attempt 3'])
})

test('a handler that is given up has sent nothing', async () => {
  const store = new MemoryStore()
  const log = await openLog(store)
  await log.append('a1')
  log.consume(
    async (_event, context) => {
      await send(context, 'sorry')
      throw new TypeError('never')
    },
    { from: 'start', maxAttempts: 2 },
  )
  await log.clock.advanceAndSettle(10_000)
  expect(await deadLetters(log)).toHaveLength(1)
  expect(await sentTexts(store)).toEqual([])
})

test('what is sent without being awaited belongs to the event, in the order of the calls', async () => {
  const store = new MemoryStore()
  const { append, consume } = await openLog(store)
  await append('a1')
  consume(
    (_event, context) => {
      void send(context, 'one')
      void send(context, 'two')
    },
    { from: 'start' },
  )
  await settle()
  expect(await sentTexts(store)).toEqual(['one', 'two'])
})

test('wrong content is refused where it is sent, and nothing of the attempt is kept', async () => {
  const store = new MemoryStore()
  const log = await openLog(store)
  await log.append('a1')
  const codes: unknown[] = []
  log.consume(
    async (_event, context) => {
      await send(context, 'fine')
      for (const [chat, content] of [
        ['bob', { text: 'x' }],
        [BOB, { nothing: 1 }],
        [BOB, null],
      ] as const) {
        await context.send(chat, content as unknown as { text: string }).catch((error: unknown) => {
          codes.push((error as { code?: unknown }).code)
        })
      }
    },
    { from: 'start' },
  )
  await settle()
  expect(codes).toEqual(['WATON_SEND_CHAT', 'WATON_CONTENT_KIND', 'WATON_ARGUMENT'])
  expect(await sentTexts(store)).toEqual(['fine'])
})

test('a message whose progress is asked for leaves at once, and is not sent again when the handler fails after it', async () => {
  const store = new MemoryStore()
  const { append, clock, consume, outbox, state } = await openLog(store)
  await append('a1')
  const order: string[] = []
  consume(
    async (_event, context) => {
      const sent = await send(context, 'working on it')
      const acked = sent.acked.then(() => order.push('acked'))
      await settle(5)
      order.push(`in the outbox: ${String((await outboxRows(store)).length)}`)
      if (context.attempt === 1) {
        // what the server would say
        await state.commit((unit) => outbox.applyAck(unit, { id: sent.id }))
        await acked
        throw new TypeError('it did not work')
      }
      await acked
      await send(context, 'done')
    },
    { from: 'start' },
  )
  await settle()
  await clock.advanceAndSettle(200)
  await settle()
  expect(order).toEqual(['in the outbox: 1', 'acked', 'acked', 'in the outbox: 1'])
  expect(await sentTexts(store)).toEqual(['working on it', 'done'])
})

test('what a handler sends after its attempt failed is refused; after it succeeded it is a message of its own', async () => {
  const errors = uncaught()
  const store = new MemoryStore()
  const { append, consume, clock } = await openLog(store)
  await append('a1')
  const contexts: HandlerContext[] = []
  const handles: SentMessage[] = []
  consume(
    async (_event, context) => {
      contexts.push(context)
      handles.push(await send(context, 'in time'))
      if (context.attempt === 1) throw new TypeError('first')
    },
    { from: 'start' },
  )
  await clock.advanceAndSettle(1_000)
  const [failed, succeeded] = contexts
  if (failed === undefined || succeeded === undefined) throw new TypeError('two attempts were expected')
  await expect(send(failed, 'too late')).rejects.toMatchObject({ code: 'WATON_EFFECT_LATE' })
  await expect(handles[0]?.acked).rejects.toMatchObject({ code: 'WATON_EFFECT_LATE' })
  await send(succeeded, 'by the way')
  expect(await sentTexts(store)).toEqual(['in time', 'by the way'])
  expect(errors).toEqual([])
})

test('an attempt that takes too long has failed, its signal says so, and the next one sends once', async () => {
  const store = new MemoryStore()
  const { append, consume, clock } = await openLog(store)
  await append('a1', 'a2')
  const isAborted: boolean[] = []
  consume(
    async (event, context) => {
      await send(context, `${idOf(event)} ${String(context.attempt)}`)
      if (idOf(event) !== 'a1' || context.attempt > 1) return
      await new Promise((resolve) => {
        context.signal.addEventListener('abort', resolve)
      })
      isAborted.push(context.signal.aborted)
    },
    { from: 'start', timeoutMs: 5_000 },
  )
  await clock.advanceAndSettle(4_999)
  expect(isAborted).toEqual([])
  await clock.advanceAndSettle(1)
  expect(isAborted).toEqual([true])
  expect(await sentTexts(store)).toEqual([])
  await clock.advanceAndSettle(200)
  await settle()
  expect(await sentTexts(store)).toEqual(['a1 2', 'a2 1'])
})

test('a commit that fails for a moment is repeated without running the handler again', async () => {
  const disk = new MemoryStore()
  let isFailing = false
  const store = faultyStore(disk, { commit: () => (isFailing ? { error: writeFault() } : undefined) })
  const { append, consume, clock } = await openLog(store)
  await append('a1')
  let runs = 0
  consume(
    async (_event, context) => {
      runs += 1
      await send(context, 'once')
      isFailing = true
    },
    { from: 'start' },
  )
  await settle()
  expect(await sentTexts(disk)).toEqual([])
  isFailing = false
  await clock.advanceAndSettle(1_000)
  await settle()
  expect(await sentTexts(disk)).toEqual(['once'])
  expect(runs).toBe(1)
})

const CHATS = 'abcdefg'

/** Two replies to every event; some handlers fail, and some ask for the progress of the first reply. */
function echo(random: ReturnType<typeof seededRandom>, flush: () => Promise<void>): EventHandler {
  return async (event, context) => {
    const id = idOf(event)
    if (chance(random, 0.1)) throw new TypeError('before')
    const first = await send(context, `${id} first`)
    if (chance(random, 0.3)) {
      void first.acked
      await flush()
    }
    if (chance(random, 0.1)) throw new TypeError('between')
    await send(context, `${id} second`)
    if (chance(random, 0.1)) throw new TypeError('after')
  }
}

function expected(count: number): string[] {
  return eventIds(count).flatMap((id) => [`${id} first`, `${id} second`])
}

function eventIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${CHATS[index % CHATS.length] ?? 'a'}${String(index)}`)
}

/** Texts of one chat in sending order. */
function ofChat(texts: readonly string[], chat: string): string[] {
  return texts.filter((text) => text.startsWith(chat))
}

function expectOnceInOrder(texts: readonly string[], count: number, what: string): void {
  expect([...texts].sort(), what).toEqual(expected(count).sort())
  for (const chat of CHATS) expect(ofChat(texts, chat), what).toEqual(ofChat(expected(count), chat))
}

/** One life of the process: to its planned end, or until everything is handled. @returns whether it died */
async function live(
  disk: Store,
  random: ReturnType<typeof seededRandom>,
  plan: { point?: CrashPoint; inHandler?: number; last: number },
): Promise<{ died: boolean; commits: number }> {
  const store = new MortalStore(disk, plan.point)
  const opened = await openLog(store)
  const { clock, state, consumers, consume } = opened
  const reply = echo(random, () => state.flush())
  let handled = 0
  const handler = async (event: DurableEvent, context: HandlerContext): Promise<void> => {
    handled += 1
    if (handled === plan.inHandler) store.die()
    await reply(event, context)
  }
  const { ended } = consume(handler, { from: 'start', maxAttempts: Infinity })
  let isOver = false
  for (let turn = 0; turn < 400 && !isOver && !store.isDead; turn += 1) {
    await clock.advanceAndSettle(500)
    isOver = consumers.status.every(({ low }) => low === plan.last)
  }
  const died = store.isDead
  // a dead process goes on for a while here, and nothing that it does counts
  await clock.advanceAndSettle(500)
  consumers.stop()
  await Promise.race([ended.catch(() => undefined), settle(50)])
  await opened.claim.release()
  expect(died || isOver, 'a life that neither ends nor is cut').toBe(true)
  return { died, commits: store.commits }
}

async function diskWith(count: number): Promise<MemoryStore> {
  const disk = new MemoryStore()
  const { append, claim } = await openLog(disk)
  for (const id of eventIds(count)) await append(id)
  await claim.release()
  return disk
}

test(
  `at every commit of a run, a death before or after it changes nothing (seed ${seed})`,
  { timeout: 60_000 },
  async () => {
    const count = 12
    const calm = await live(await diskWith(count), seededRandom(seed), { last: count })
    expect(calm.died).toBe(false)
    let deaths = 0
    for (let commit = 1; commit <= calm.commits; commit += 1) {
      for (const isWritten of [false, true]) {
        const disk = await diskWith(count)
        const random = seededRandom(seed)
        const { died } = await live(disk, random, { point: { commit, isWritten }, last: count })
        if (died) {
          deaths += 1
          await live(disk, random, { last: count })
        }
        expectOnceInOrder(await sentTexts(disk), count, `commit ${String(commit)} ${String(isWritten)}`)
      }
    }
    expect(deaths).toBeGreaterThan(10)
  },
)

test(
  `200 events and a death every few commits or handlers: each reply once, none missing (seed ${seed})`,
  { timeout: 60_000 },
  async () => {
    const count = 200
    const random = seededRandom(`${seed} 200`)
    const disk = await diskWith(count)
    let deaths = 0
    for (let life = 1; life < 200; life += 1) {
      const commit = 2 + (life % 9)
      const plan = life % 3 === 0 ? { inHandler: 5 + life } : { point: { commit, isWritten: life % 2 === 0 } }
      const { died } = await live(disk, random, { ...plan, last: count })
      if (!died) break
      deaths += 1
    }
    expect(deaths).toBeGreaterThan(5)
    expectOnceInOrder(await sentTexts(disk), count, 'after all lives')
  },
)
