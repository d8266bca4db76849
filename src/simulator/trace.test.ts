import { describe, expect, it } from 'vitest'
import type { Clock } from '../base/clock.ts'
import { node } from '../protocol/binary/node.ts'
import { Trace } from './trace.ts'

const STILL: Clock = { nowMs: () => 5, schedule: () => ({ cancel: () => undefined }) }
const ALICE = { connectionId: 1, device: '15550000001:1@s.whatsapp.net' }
const BOB = { connectionId: 2, device: '15550000002@s.whatsapp.net' }

describe('trace', () => {
  it('forgets the oldest entries and keeps counting', () => {
    const trace = new Trace(STILL, 100)
    for (let index = 0; index < 1_000; index += 1) trace.note('warning', String(index))
    expect(trace.entries.length).toBeLessThanOrEqual(125)
    expect(trace.notes.at(-1)).toMatchObject({ index: 999, text: '999' })
  })

  it('finds stanzas by device, direction, tag, type, namespace and position', () => {
    const trace = new Trace(STILL)
    trace.stanza(ALICE, 'client-to-server', node('iq', { type: 'get', xmlns: 'encrypt' }))
    trace.stanza(BOB, 'client-to-server', node('iq', { type: 'get', xmlns: 'usync' }))
    const { nextIndex } = trace
    trace.stanza(ALICE, 'server-to-client', node('receipt', { type: 'retry' }))
    trace.note('connect', 'somebody')
    expect(trace.stanzas({ device: ALICE.device })).toHaveLength(2)
    expect(trace.stanzas({ xmlns: 'encrypt', direction: 'client-to-server', type: 'get' })).toHaveLength(1)
    expect(trace.stanzas({ tag: 'receipt', after: nextIndex - 1 })).toHaveLength(1)
    expect(trace.stanzas({ tag: 'iq', after: nextIndex - 1 })).toHaveLength(0)
  })

  it('keeps what clients said at registration and login', () => {
    const trace = new Trace(STILL)
    trace.payload({ connectionId: 1, device: undefined }, Uint8Array.of(1))
    trace.payload(ALICE, Uint8Array.of(2))
    expect(trace.payloads().map(({ payload }) => payload)).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
    expect(trace.payloads({ device: ALICE.device })).toHaveLength(1)
    expect(trace.print({ device: 'nobody' })).toContain('client payload of 1 bytes')
  })

  it('tells listeners until they stop', () => {
    const trace = new Trace(STILL)
    const heard: number[] = []
    const stop = trace.subscribe((entry) => heard.push(entry.index))
    trace.note('connect', 'one')
    stop()
    trace.note('connect', 'two')
    expect(heard).toEqual([0])
  })

  it('prints long lists and long bytes shortened', () => {
    const trace = new Trace(STILL)
    const keys = Array.from({ length: 50 }, (_, index) => node('key', { id: index }, new Uint8Array(32)))
    trace.stanza(ALICE, 'client-to-server', node('iq', { id: 'q' }, keys))
    trace.note('fault', 'the connection is cut', BOB)
    const text = trace.print()
    expect(text).toContain('<more hidden="42"/>')
    expect(text).toContain('-- fault: the connection is cut')
    expect(text.length).toBeLessThan(2_000)
  })
})
