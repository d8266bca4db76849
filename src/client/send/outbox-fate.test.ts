import { describe, expect, test } from 'vitest'
import { encodeNode } from '../../protocol/binary/encode.ts'
import { node } from '../../protocol/binary/node.ts'
import { NACK_RULES } from './nack.ts'
import { refused, repaired, setBack } from './outbox-fate.ts'
import { withoutStanza } from './outbox-item.ts'
import type { OutboxItem, OutboxTrouble } from './outbox-item.ts'

const STANZA = encodeNode(node('message', { id: 'A', to: '1@lid' }, [node('enc', {}, Uint8Array.of(1))]))
const WITH_TOKEN = encodeNode(
  node('message', { id: 'A', to: '1@lid' }, [node('tctoken', {}, Uint8Array.of(1))]),
)

function encrypted(trouble?: OutboxTrouble, stanza: Uint8Array = STANZA): OutboxItem {
  const body = { to: '1@lid', message: Uint8Array.of(1), stanzaType: 'text', stanza }
  return {
    id: 'A',
    chat: '1@lid',
    position: 1,
    state: 'encrypted',
    at: 1_000,
    body: trouble === undefined ? body : { ...body, trouble },
  }
}

function queued(): OutboxItem {
  return withoutStanza(encrypted(), 'queued')
}

describe('a refusal', () => {
  test.each(['queued', 'acknowledged', 'delivered', 'read', 'failed', 'cancelled'] as const)(
    'of a message that is %s says nothing new',
    (state) => {
      expect(refused({ ...encrypted(), state }, { serverCode: 400 }, 2_000, true)).toBeUndefined()
    },
  )

  test('that comes twice while its repair is due says nothing new', () => {
    const first = refused(encrypted(), { serverCode: 463 }, 2_000, true)
    expect(first?.item.body.trouble).toEqual({
      code: 'WATON_SEND_TOKEN_MISSING',
      serverCode: 463,
      attempts: 1,
      sinceMs: 2_000,
      repaired: [463],
      isRepairDue: true,
    })
    expect(refused(first?.item ?? encrypted(), { serverCode: 463 }, 2_001, true)).toBeUndefined()
  })

  test('that may be the one before its repair, delivered again, is asked about once', () => {
    const refusal = { serverCode: 479, atSeconds: 7 }
    const first = refused(encrypted(), refusal, 2_000, false)?.item ?? encrypted()
    const again = refused(encrypted(first.body.trouble), refusal, 3_000, false)
    expect(again?.failure).toBeUndefined()
    // the same ciphertext is repeated
    expect(again?.item).toMatchObject({ state: 'encrypted', body: { stanza: STANZA } })
    const third = refused(again?.item ?? encrypted(), refusal, 4_000, false)
    expect(third?.failure).toEqual({ code: 'WATON_SEND_ADDRESSING', serverCode: 479 })
    const later = refused(encrypted(first.body.trouble), { ...refusal, atSeconds: 8 }, 3_000, false)
    expect(later?.failure?.serverCode).toBe(479)
  })

  test('by any code that is known ends after a bounded number of times', () => {
    for (const code of NACK_RULES.keys()) {
      let item = encrypted()
      let count = 0
      for (; count < 50; count += 1) {
        const fate = refused(item, { serverCode: code }, 2_000 + count, true)
        if (fate?.failure !== undefined) break
        if (fate === undefined) throw new Error(`${String(code)} goes nowhere`)
        const next =
          fate.item.body.trouble?.isRepairDue === true ? repaired(fate.item, 'encrypt').item : fate.item
        // encrypted again, and on the wire
        item = encrypted(next.body.trouble)
      }
      expect({ code, count: count < 10 }).toEqual({ code, count: true })
    }
  })

  test('with one code after another has each repaired once', () => {
    const first = refused(encrypted(), { serverCode: 479 }, 2_000, false)
    expect(first).toMatchObject({ forgetDevices: true, item: { state: 'queued' } })
    expect(first?.item.body.stanza).toBeUndefined()
    const second = refused(encrypted(first?.item.body.trouble), { serverCode: 496 }, 3_000, false)
    expect(second?.item.body.trouble).toMatchObject({ repaired: [479, 496], attempts: 2, sinceMs: 2_000 })
    expect(second?.forgetDevices).toBe(false)
    const third = refused(encrypted(second?.item.body.trouble), { serverCode: 479 }, 4_000, false)
    expect(third?.failure).toEqual({ code: 'WATON_SEND_ADDRESSING', serverCode: 479 })
  })

  test('for want of a token tells a missing one from an account that may write to nobody new', () => {
    expect(refused(encrypted(), { serverCode: 463 }, 2_000, false)?.failure?.code).toBe(
      'WATON_SEND_TOKEN_MISSING',
    )
    expect(refused(encrypted(undefined, WITH_TOKEN), { serverCode: 463 }, 2_000, false)?.failure?.code).toBe(
      'WATON_SEND_RESTRICTED',
    )
    const due = refused(encrypted(), { serverCode: 463 }, 2_000, true)?.item ?? encrypted()
    expect(repaired(due, 'restricted').failure).toEqual({ code: 'WATON_SEND_RESTRICTED', serverCode: 463 })
    expect(repaired(due, 'impossible').failure?.code).toBe('WATON_SEND_TOKEN_MISSING')
    const renewed = encrypted(repaired(due, 'encrypt').item.body.trouble, WITH_TOKEN)
    expect(refused(renewed, { serverCode: 463 }, 3_000, true)?.failure?.code).toBe('WATON_SEND_RESTRICTED')
  })
})

describe('a repair', () => {
  test('leaves the ciphertext when it is good, and drops it when the message is to be encrypted anew', () => {
    const due = refused(encrypted(), { serverCode: 463 }, 2_000, true)?.item ?? encrypted()
    expect(repaired(due, 'repeat').item).toMatchObject({ state: 'encrypted', body: { stanza: STANZA } })
    const anew = repaired(due, 'encrypt').item
    expect(anew.state).toBe('queued')
    expect(anew.body.stanza).toBeUndefined()
    expect(anew.body.trouble?.isRepairDue).toBe(false)
  })

  test('that nobody waits for changes nothing', () => {
    const item = encrypted()
    expect(repaired(item, 'impossible')).toEqual({ item })
  })
})

describe('an attempt that failed before the wire', () => {
  const clock = { nowMs: 10_000, patienceMs: 5_000 }

  test('is counted from its first time on, and given up when patience ends', () => {
    const first = setBack(queued(), { code: 'WATON_SEND_NO_SESSION', sinceMs: 9_000 }, clock)
    expect(first).toMatchObject({
      pauses: true,
      item: { body: { trouble: { attempts: 1, sinceMs: 9_000 } } },
    })
    const second = setBack(first.item, { code: 'X', sinceMs: 9_500 }, { ...clock, nowMs: 13_999 })
    expect(second.item.body.trouble).toMatchObject({ attempts: 2, sinceMs: 9_000, code: 'X' })
    const third = setBack(second.item, { code: 'X', sinceMs: 9_500 }, { ...clock, nowMs: 14_000 })
    expect(third.failure).toEqual({ code: 'WATON_SEND_GIVEN_UP' })
  })

  test('of a message behind others in a chat has waited as long as it was there', () => {
    expect(
      setBack(queued(), { code: 'X', sinceMs: 500 }, { ...clock, nowMs: 3_000 }).item.body.trouble?.sinceMs,
    ).toBe(1_000)
  })

  test('while a repair is due keeps the repair and the code that it is for', () => {
    const due = refused(encrypted(), { serverCode: 463 }, 9_000, true)?.item ?? encrypted()
    expect(
      setBack(due, { code: 'WATON_QUERY_TIMEOUT', sinceMs: 9_000 }, clock).item.body.trouble,
    ).toMatchObject({
      isRepairDue: true,
      serverCode: 463,
      repaired: [463],
      attempts: 2,
    })
  })
})
