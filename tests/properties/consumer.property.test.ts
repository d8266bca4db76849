/**
 * The progress of a consumer against a model: whatever order events finish in, and however often the process dies in between,
 * each is handled at least once and in order within its chat, the low-water mark is the end of the unbroken row, and
 * what is stored stays small.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Change, Claim, CommitResult, Store } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { CHUNK_EVENTS, finish, finishedAmong } from '../../src/client/consume/progress.ts'
import { CONSUMER } from '../../src/client/state/records.ts'
import { idOf, openLog } from '../client/event-log.ts'
import { settle } from '../client/support.ts'

/** Counts what consumers write. */
class CountingStore extends StoreWrapper {
  commits = 0
  rows = 0
  bytes = 0

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    const own = changes.filter(
      (change) => change.op === 'put-record' && change.row.kind.startsWith('consumer'),
    )
    if (own.length > 0) this.commits += 1
    this.rows += own.length
    for (const change of own) if (change.op === 'put-record') this.bytes += change.row.value.length
    return super.commit(claim, changes)
  }
}

test('the mark and the bits say exactly what is finished, over restarts', async () => {
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 3 * CHUNK_EVENTS }), { maxLength: 60 })
  const range = fc
    .tuple(fc.integer({ min: 1, max: 3 * CHUNK_EVENTS }), fc.integer({ min: 0, max: CHUNK_EVENTS }))
    .map(([first, more]) => [first, first + more] as const)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(seqs, range), { maxLength: 30 }), async (steps) => {
      const store = new MemoryStore()
      const model = new Set<number>()
      let log = await openLog(store)
      for (const [index, step] of steps.entries()) {
        const isRange = step.length === 2 && index % 2 === 0
        const ranges = isRange
          ? [[Math.min(...step), Math.max(...step)] as const]
          : step.map((seq) => [seq, seq] as const)
        for (const [first, last] of ranges) for (let seq = first; seq <= last; seq += 1) model.add(seq)
        const low = await log.state.commit((unit) => finish(unit, 'test', ranges))
        let expectedLow = 0
        while (model.has(expectedLow + 1)) expectedLow += 1
        expect(low).toBe(expectedLow)
        if (index % 3 === 2) {
          await log.claim.release()
          log = await openLog(store)
        }
      }
      const all = Array.from({ length: 5 * CHUNK_EVENTS }, (_, index) => index + 1)
      expect([...(await finishedAmong(log.state, 'test', all))]).toEqual(all.filter((seq) => model.has(seq)))
      // no chunk is left behind the mark, and none is larger than its 128 bytes and version
      const chunks = await store.listRecords('default', 'consumer-ahead', undefined, 1000)
      const low = (await log.state.read(CONSUMER, 'test'))?.low ?? 0
      for (const { key, value } of chunks) {
        expect((Number(key.split(':')[1]) + 1) * CHUNK_EVENTS - 1).toBeGreaterThan(low)
        expect(value).toHaveLength(129)
      }
    }),
    { numRuns: 40 },
  )
})

/** Chunks in the store: when everything is finished, only the one that the mark is in may be there. */
async function leftover(store: Store): Promise<number> {
  return (await store.listRecords('default', 'consumer-ahead', undefined, 100)).length
}

/** What happens next to a consumer whose handlers wait to be told. */
const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('succeed' as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('fail' as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('append' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('stop' as const), which: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('kill' as const), which: fc.constant(0) }) },
)

interface Running {
  readonly id: string
  readonly end: (error?: Error) => void
}

/** A consumer with handlers in reach. */
async function start(
  store: MemoryStore,
  begun: string[],
  finished: string[],
): Promise<{
  log: Awaited<ReturnType<typeof openLog>>
  running: Running[]
  die: () => void
  stop: () => Promise<void>
}> {
  const log = await openLog(store)
  const running: Running[] = []
  let isDead = false
  const { stop } = log.consume(
    async (event) => {
      const id = idOf(event)
      const gate = deferred<undefined>()
      begun.push(id)
      const end = (error?: Error): void => {
        running.splice(running.indexOf(entry), 1)
        if (error === undefined) gate.resolve(undefined)
        else gate.reject(error)
      }
      const entry: Running = { id, end }
      running.push(entry)
      await gate.promise
      if (!isDead) finished.push(id)
    },
    { from: 'start', maxAttempts: Infinity },
  )
  return { log, running, stop, die: () => (isDead = true) }
}

test(
  'each event is handled at least once and in order per chat, whatever fails, stops and dies',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { maxLength: 40 }), async (steps) => {
        const store = new MemoryStore()
        const appended: string[] = []
        const finished: string[] = []
        let begun: string[] = []
        let life = await start(store, begun, finished)
        const append = async (which: number): Promise<void> => {
          const ids = ['a', 'b', 'c', 'd']
            .slice(0, 1 + (which % 4))
            .map((chat) => `${chat}${String(appended.length)}`)
          appended.push(...ids)
          await life.log.append(...ids)
        }
        await append(3)
        for (const { what, which } of steps) {
          await settle(2)
          // one of a chat at a time
          const chats = life.running.map(({ id }) => id.slice(0, 1))
          expect(new Set(chats).size).toBe(chats.length)
          const one = life.running[which % Math.max(1, life.running.length)]
          if (what === 'append') await append(which)
          else if (what === 'succeed') one?.end()
          else if (what === 'fail') one?.end(new TypeError('not now'))
          else {
            if (what === 'stop') {
              const stopping = life.stop()
              while (life.running.length > 0) life.running[0]?.end()
              await stopping
            } else {
              life.die()
            }
            await life.log.state.flush()
            await life.log.claim.release()
            begun = []
            life = await start(store, begun, finished)
          }
          await life.log.clock.advanceAndSettle(40_000)
        }
        for (let turn = 0; turn < 400 && life.log.consumers.status[0]?.low !== appended.length; turn += 1) {
          while (life.running.length > 0) life.running[0]?.end()
          await life.log.clock.advanceAndSettle(40_000)
        }
        expect(life.log.consumers.status).toMatchObject([{ low: appended.length, lag: 0, waiting: 0 }])
        for (const chat of 'abcd') {
          const first = [...new Set(finished.filter((id) => id.startsWith(chat)))]
          expect(first).toEqual(appended.filter((id) => id.startsWith(chat)))
        }
        expect(await leftover(store)).toBeLessThan(2)
        await life.stop()
      }),
      { numRuns: 30 },
    )
  },
)

test(
  '10,000 events beside a stuck chat cost a few bytes each, and the log is read by pages',
  { timeout: 60_000 },
  async () => {
    let reads = 0
    const store = new (class extends CountingStore {
      override readEvents(
        ...input: Parameters<StoreWrapper['readEvents']>
      ): ReturnType<StoreWrapper['readEvents']> {
        reads += 1
        return super.readEvents(...input)
      }
    })(new MemoryStore())
    const { append, consume, consumers } = await openLog(store)
    const stuck = deferred<undefined>()
    let handled = 0
    consume(
      async (event) => {
        handled += 1
        if (idOf(event) === 'z0') await stuck.promise
      },
      { from: 'start' },
    )
    await append('z0')
    // every tenth event is of the stuck chat, the worst case for anything that lists what is finished
    for (let batch = 0; batch < 100; batch += 1)
      await append(
        ...Array.from({ length: 100 }, (_, index) =>
          index % 10 === 0
            ? `z${String(batch * 100 + index + 1)}`
            : `${'abcdefgh'[index % 8] ?? 'a'}${String(index)}`,
        ),
      )
    for (let turn = 0; turn < 500 && handled < 9001; turn += 1) await settle(5)
    expect(handled).toBe(9001)
    expect(consumers.status).toMatchObject([{ low: 0, lag: 10_001, inFlight: 1 }])
    // a list of what is finished would have been rewritten for each event: 200 MB
    expect(store.bytes / 9_000).toBeLessThan(200)
    expect(store.rows).toBeLessThan(2 * 9_000)
    expect(reads).toBeLessThan(10_000 / 10)
    const before = reads
    stuck.resolve(undefined)
    for (let turn = 0; turn < 500 && handled < 10_001; turn += 1) await settle(5)
    await settle(20)
    expect(consumers.status).toMatchObject([{ low: 10_001, lag: 0, inFlight: 0, waiting: 0 }])
    expect(reads - before).toBeLessThan(200)
    expect(await leftover(store)).toBeLessThan(2)
  },
)
