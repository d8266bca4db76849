import { describe, expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { MAX_WAIT_MS, StoreRecovery } from './recovery.ts'

const FAILURE = new StorageError('WATON_STORE_WRITE', 'the test wants it', { retryable: true })

function recovery(probe: () => Promise<void>) {
  const clock = new VirtualClock()
  const heard: string[] = []
  const it = new StoreRecovery({
    clock,
    random: seededRandom('recovery'),
    logger: silentLogger,
    probe,
    onHealed: () => heard.push('healed'),
    onHopeless: ({ code }) => heard.push(code),
  })
  return { it, clock, heard }
}

describe('waiting for a store', () => {
  test('ends in a bounded time, with pauses that grow', async () => {
    let probes = 0
    const { it, clock, heard } = recovery(() => {
      probes += 1
      return Promise.reject(FAILURE)
    })
    it.failed(FAILURE)
    await clock.advanceTo(clock.nowMs() + MAX_WAIT_MS - 1)
    expect(heard).toEqual([])
    await clock.advanceTo(clock.nowMs() + 1)
    expect(heard).toEqual(['WATON_STORE_WRITE'])
    expect(probes).toBeGreaterThan(5)
    expect(probes).toBeLessThan(25)
    expect(clock.pending).toBe(0)
  })

  test('ends in the same time when the store gives no answer at all', async () => {
    const { it, clock, heard } = recovery(() => new Promise(() => undefined))
    it.failed(FAILURE)
    await clock.advanceTo(clock.nowMs() + MAX_WAIT_MS)
    expect(heard).toEqual(['WATON_STORE_WRITE'])
    expect(clock.pending).toBe(0)
  })

  test('ends in the same time when the store takes the probe and refuses everything else', async () => {
    const { it, clock, heard } = recovery(() => Promise.resolve())
    it.failed(FAILURE)
    for (let step = 0; step < 200 && heard.at(-1) !== 'WATON_STORE_WRITE'; step += 1) {
      await clock.advanceTo(clock.nowMs() + MAX_WAIT_MS / 100)
      if (heard.at(-1) === 'healed') it.failed(FAILURE)
    }
    expect(heard.at(-1)).toBe('WATON_STORE_WRITE')
    expect(clock.nowMs()).toBeGreaterThan(0)
  })

  test('tells nothing when nobody waits any more', async () => {
    const { it, clock, heard } = recovery(() => Promise.resolve())
    it.failed(FAILURE)
    it.stop()
    await clock.advanceTo(clock.nowMs() + MAX_WAIT_MS)
    expect(heard).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('tells once that the store writes again, however many commits have failed', async () => {
    let isFailing = true
    const { it, clock, heard } = recovery(() => (isFailing ? Promise.reject(FAILURE) : Promise.resolve()))
    for (let count = 0; count < 10; count += 1) it.failed(FAILURE)
    await clock.advanceTo(clock.nowMs() + 1000)
    isFailing = false
    await clock.advanceTo(clock.nowMs() + 5000)
    expect(heard).toEqual(['healed'])
  })

  test('a later failure has all the time again', async () => {
    const { it, clock, heard } = recovery(() => Promise.resolve())
    it.failed(FAILURE)
    await clock.advanceTo(clock.nowMs() + 1000)
    it.succeeded()
    await clock.advanceTo(clock.nowMs() + 10 * MAX_WAIT_MS)
    it.failed(FAILURE)
    await clock.advanceTo(clock.nowMs() + 1000)
    expect(heard).toEqual(['healed', 'healed'])
  })
})
