import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import {
  generateRegistrationId,
  generateSignedPreKey,
  sessionInfo,
  startSession,
} from '../../protocol/signal/index.ts'
import type { PreKeyBundle } from '../../protocol/signal/index.ts'
import { isRemembered, sessionPlan } from './session-plan.ts'
import type { PlanFacts } from './session-plan.ts'

const NOW_MS = 1_700_000_000_000
const HOUR_MS = 60 * 60 * 1000
const random = seededRandom('session plan')
const theirs = generateKeyPair(random)
const bundle: PreKeyBundle = {
  registrationId: 77,
  identityKey: theirs.publicKey,
  signedPreKey: generateSignedPreKey(theirs, 1, random),
}
const local = { registrationId: generateRegistrationId(random), identityKey: generateKeyPair(random) }
const record = startSession({ bundle, local, random, nowMs: NOW_MS })
const baseKey = sessionInfo(record)?.baseKey ?? new Uint8Array(0)
const order = { id: 'A', device: '1:3@lid', reason: 'asked', count: 1, orderedAtMs: NOW_MS } as const
const facts: PlanFacts = { order, record, history: { answers: 1 }, renewedAtMs: undefined, nowMs: NOW_MS }

describe('a message that is sent again', () => {
  it('goes out in the session that there is, at the first request', () => {
    expect(sessionPlan(facts)).toBe('keep')
    expect(sessionPlan({ ...facts, order: { ...order, registrationId: 77 } })).toBe('keep')
    expect(sessionPlan({ ...facts, order: { ...order, reason: 'missed', count: 0 } })).toBe('keep')
  })

  it('begins one with the keys that came along, whatever there is', () => {
    expect(sessionPlan({ ...facts, order: { ...order, bundle } })).toBe('given')
    expect(sessionPlan({ ...facts, record: undefined, order: { ...order, bundle } })).toBe('given')
  })

  it('needs keys when there is no session, or when the device has registered anew', () => {
    expect(sessionPlan({ ...facts, record: undefined })).toBe('fetch')
    expect(sessionPlan({ ...facts, order: { ...order, registrationId: 78 } })).toBe('fetch')
  })

  it('gets a new session at the second request, once in an hour', () => {
    const second = { ...facts, order: { ...order, count: 2 } }
    expect(sessionPlan(second)).toBe('fetch')
    expect(sessionPlan({ ...second, renewedAtMs: NOW_MS - HOUR_MS })).toBe('keep')
    expect(sessionPlan({ ...second, renewedAtMs: NOW_MS - HOUR_MS - 1 })).toBe('fetch')
    // a device that counts from one again is counted by us
    expect(sessionPlan({ ...facts, history: { answers: 2 } })).toBe('fetch')
  })

  it('gets one at the third request when the second was answered in this very session', () => {
    const third = { ...facts, order: { ...order, count: 3 }, renewedAtMs: NOW_MS }
    expect(sessionPlan({ ...third, history: { answers: 3, baseKey } })).toBe('fetch')
    expect(sessionPlan({ ...third, history: { answers: 3, baseKey: new Uint8Array(32) } })).toBe('keep')
    expect(isRemembered({ ...order, count: 2 }, { answers: 2 })).toBe(true)
    expect(isRemembered(order, { answers: 1 })).toBe(false)
  })
})
