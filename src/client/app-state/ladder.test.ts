/** What follows on app state that is wrong: the whole of it at once, once more later, then it is said. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import type { AppStateCollection } from '../state/records.ts'
import { afterFailure, isHopeless } from './ladder.ts'

const NOW = 1_700_000_000_000
const random = seededRandom('ladder')
const known: AppStateCollection = { version: 7, ltHash: new Uint8Array(128).fill(3) }

function fail(before: AppStateCollection | undefined, wasWhole: boolean): AppStateCollection {
  return afterFailure(before, { code: 'WATON_APP_STATE_HASH', wasWhole, nowMs: NOW }, random)
}

function waitOf({ fault }: AppStateCollection): number {
  return (fault?.retryAtMs ?? 0) - NOW
}

describe('a collection that is wrong', () => {
  it('is fetched as a whole at once when a patch was wrong, and keeps what it was', () => {
    const after = fail(known, false)
    expect(after).toMatchObject({ version: 7, ltHash: known.ltHash, needsSnapshot: true })
    expect(waitOf(after)).toBe(0)
    expect(isHopeless(after)).toBe(false)
  })

  it('is fetched once more after half a minute when the whole was wrong, too, and then it is said', () => {
    const second = fail(fail(known, false), true)
    expect(waitOf(second)).toBeGreaterThan(20_000)
    expect(waitOf(second)).toBeLessThan(40_000)
    expect(isHopeless(second)).toBe(false)
    const third = fail(second, true)
    expect(isHopeless(third)).toBe(true)
    expect(waitOf(third)).toBeGreaterThan(40 * 60_000)
  })

  it('begins with the second step when nothing was known of it', () => {
    const first = fail(undefined, true)
    expect(first).toMatchObject({ version: 0, needsSnapshot: true, fault: { attempts: 2 } })
    expect(isHopeless(fail(first, true))).toBe(true)
  })

  it('is tried again for ever, and never later than a day', () => {
    let after = fail(undefined, true)
    for (let attempt = 0; attempt < 100; attempt += 1) after = fail(after, true)
    expect(waitOf(after)).toBeLessThanOrEqual(30 * 60 * 60_000)
    expect(Number.isSafeInteger(after.fault?.retryAtMs)).toBe(true)
  })

  it('begins anew with a patch: what was wrong before was cured in between', () => {
    expect(fail({ ...known }, false).fault?.attempts).toBe(1)
  })
})
