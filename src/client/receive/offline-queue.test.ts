import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../base/logger.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { OfflineProgress } from '../events.ts'
import { OfflineQueue } from './offline-queue.ts'

const bulletin = (tag: string, count: number): BinaryNode => node('ib', {}, [node(tag, { count })])
const message = (offline?: string | number): BinaryNode => node('message', { id: 'A', from: 'x', offline })

function setUp(): {
  clock: VirtualClock
  queue: OfflineQueue
  progress: OfflineProgress[]
  /** Batches that were asked for without a stanza as the cause. */
  probes: number[]
} {
  const clock = new VirtualClock()
  const progress: OfflineProgress[] = []
  const probes: number[] = []
  const start = clock.nowMs()
  const queue = new OfflineQueue({
    clock,
    logger: silentLogger,
    send: () => probes.push(clock.nowMs() - start),
    onProgress: (now) => progress.push(now),
  })
  return { clock, queue, progress, probes }
}

/** So many stanzas arrive and are processed; returns how often the next batch was asked for. */
function take(queue: OfflineQueue, count: number): number {
  let pulls = 0
  for (let index = 0; index < count; index += 1) {
    queue.admit(message(index))
    if (queue.took() !== undefined) pulls += 1
  }
  return pulls
}

describe('a machine whose clock is set while the queue is drained', () => {
  const YEAR_MS = 365 * 24 * 60 * 60 * 1000

  test.each([
    ['forward', YEAR_MS],
    ['back', -YEAR_MS],
  ])('%s by a year neither ends the queue early nor keeps it from being asked again', (_where, stepMs) => {
    const clock = new VirtualClock()
    let offsetMs = 0
    let probes = 0
    const progress: OfflineProgress[] = []
    const queue = new OfflineQueue({
      clock: {
        nowMs: () => clock.nowMs() + offsetMs,
        schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
      },
      logger: silentLogger,
      send: () => (probes += 1),
      onProgress: (now) => progress.push(now),
    })
    queue.admit(bulletin('offline_preview', 250))
    queue.begin()
    take(queue, 150)
    offsetMs = stepMs
    clock.advance(10_000)
    expect(probes).toBe(4)
    expect(take(queue, 50)).toBe(1)
    clock.advance(50_000)
    expect(progress.at(-1)).toMatchObject({ received: 200, done: false })
    clock.advance(10_000)
    expect(progress.at(-1)).toEqual({ expected: 250, received: 200, done: true })
  })
})

describe('the offline queue', () => {
  test('does not count what never waited, nor what an earlier connection delivered', () => {
    const { queue, progress } = setUp()
    expect(queue.took()).toBeUndefined()
    queue.admit(bulletin('offline_preview', 3))
    queue.begin()
    queue.admit(message())
    expect(queue.took()).toBeUndefined()
    queue.end(0)
    expect(progress.at(-1)).toEqual({ expected: 3, received: 0, done: true })
  })

  test('asks for the next batch whenever one was taken in, and reports each', () => {
    const { queue, progress } = setUp()
    queue.admit(bulletin('offline_preview', 250))
    expect(queue.begin()).toEqual(bulletin('offline_batch', 100))
    expect(take(queue, 250)).toBe(2)
    queue.admit(bulletin('offline', 250))
    queue.end(250)
    expect(progress.map(({ received, done }) => [received, done])).toEqual([
      [0, false],
      [100, false],
      [200, false],
      [250, true],
    ])
  })

  test('breaks the silence of a server that lost a pull, less and less often, until it gives up', () => {
    const { clock, queue, progress, probes } = setUp()
    queue.admit(bulletin('offline_preview', 10))
    queue.begin()
    take(queue, 4)
    clock.advance(59_000)
    expect(probes).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000])
    expect(progress.some(({ done }) => done)).toBe(false)
    clock.advance(2_000)
    expect(progress.at(-1)).toEqual({ expected: 10, received: 4, done: true })
    clock.advance(600_000)
    expect(probes).toHaveLength(6)
    queue.end(10)
    expect(progress.filter(({ done }) => done)).toHaveLength(1)
  })

  test('begins to wait anew with each stanza', () => {
    const { clock, queue, progress, probes } = setUp()
    queue.admit(bulletin('offline_preview', 10))
    queue.begin()
    for (let index = 0; index < 9; index += 1) {
      clock.advance(50_000)
      take(queue, 1)
    }
    expect(progress.some(({ done }) => done)).toBe(false)
    expect(probes.length).toBeGreaterThan(9)
  })

  test('does not take a slow store for a silent server', () => {
    const { clock, queue, progress, probes } = setUp()
    queue.admit(bulletin('offline_preview', 2))
    queue.begin()
    queue.admit(message(0))
    clock.advance(300_000)
    expect(probes).toEqual([])
    expect(progress.some(({ done }) => done)).toBe(false)
    queue.took()
    clock.advance(61_000)
    expect(progress.at(-1)).toMatchObject({ received: 1, done: true })
  })

  test.each([0, 3])('of %i stanzas ends soon when all have come and the end is not told', (count) => {
    const { clock, queue, progress } = setUp()
    queue.admit(bulletin('offline_preview', count))
    queue.begin()
    take(queue, count)
    clock.advance(11_000)
    expect(progress.at(-1)).toEqual({ expected: count, received: count, done: true })
  })

  test('takes in more than was announced', () => {
    const { queue, progress } = setUp()
    queue.admit(bulletin('offline_preview', 1))
    queue.begin()
    expect(take(queue, 150)).toBe(1)
    queue.end(150)
    expect(progress.at(-1)).toEqual({ expected: 1, received: 150, done: true })
  })

  test('forgets a connection that is gone, with its timers', () => {
    const { clock, queue, progress, probes } = setUp()
    queue.admit(bulletin('offline_preview', 10))
    queue.begin()
    queue.stop()
    clock.advance(600_000)
    expect(probes).toEqual([])
    expect(progress).toHaveLength(1)
    queue.admit(bulletin('offline_preview', 5))
    queue.begin()
    expect(progress.at(-1)).toEqual({ expected: 5, received: 0, done: false })
  })

  test('takes offline="0" for live outside of a drain, and for the first of the queue in it', () => {
    const { queue } = setUp()
    expect(queue.admit(message('0')).attrs).toEqual({ id: 'A', from: 'x' })
    expect(queue.admit(message('2')).attrs.offline).toBe('2')
    queue.admit(bulletin('offline_preview', 1))
    expect(queue.admit(message('0')).attrs.offline).toBe('0')
    queue.admit(bulletin('offline', 1))
    expect(queue.admit(message('0')).attrs.offline).toBeUndefined()
  })
})
