import { describe, expect, it } from 'vitest'
import { buildOfflineBatch, buildUnifiedSession } from './info-bulletin.ts'

describe('information bulletins', () => {
  it('that we send ask for the offline queue and name the session by the position in a shifted week', () => {
    expect(buildOfflineBatch(100)).toEqual({
      tag: 'ib',
      attrs: {},
      content: [{ tag: 'offline_batch', attrs: { count: '100' } }],
    })
    // 1970-01-01 is a Thursday: four days later the shifted week begins anew.
    const fourDaysMs = 4 * 24 * 60 * 60 * 1000
    expect(buildUnifiedSession(fourDaysMs + 5)).toEqual({
      tag: 'ib',
      attrs: {},
      content: [{ tag: 'unified_session', attrs: { id: '5' } }],
    })
  })
})
