import { describe, expect, it } from 'vitest'
import type { DurableEventOf } from '../events.ts'
import { effectId } from './effect-id.ts'
import type { Effect } from './effect-id.ts'

const event: DurableEventOf<'message'> = {
  seq: 7,
  type: 'message',
  version: 1,
  at: 1_700_000_000_000,
  payload: {
    id: 'AAAA0001',
    chat: '15550000001@s.whatsapp.net',
    sender: { jid: '15550000001@s.whatsapp.net' },
    fromMe: false,
    origin: 'live',
    sentAtMs: 1_700_000_000_000,
    content: { text: '/ping' },
  },
}
const effect: Effect = { consumer: 'bot', account: '15550000002@s.whatsapp.net', event, call: 0 }

describe('the id of an effect', () => {
  it('differs when any part of the effect differs', () => {
    const others: readonly Effect[] = [
      { ...effect, consumer: 'bot2' },
      { ...effect, account: '15550000003@s.whatsapp.net' },
      { ...effect, call: 1 },
      { ...effect, event: { ...event, seq: 8 } },
      { ...effect, event: { ...event, at: event.at + 1 } },
      { ...effect, event: { ...event, payload: { ...event.payload, id: 'AAAA0002' } } },
      { ...effect, event: { ...event, payload: { ...event.payload, chat: '1-2@g.us' } } },
    ]
    expect(new Set([effect, ...others].map(effectId)).size).toBe(others.length + 1)
  })

  it('is not confused by a consumer whose name looks like the next field', () => {
    const first = effectId({ ...effect, consumer: 'a","b', account: 'c' })
    expect(effectId({ ...effect, consumer: 'a', account: 'b","c' })).not.toBe(first)
  })

  it('is the same every time, and looks like an id of WhatsApp Web', () => {
    expect(effectId(structuredClone(effect))).toBe(effectId(effect))
    expect(effectId(effect)).toMatch(/^3EB0[0-9A-F]{18}$/)
  })
})
