/**
 * A piece of history comes in whatever pieces the network and zlib make of it: the items are the same, and so is the
 * refusal of a damaged one.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HistoryReader } from '../../src/protocol/history/index.ts'
import { baileysHistory, historyBytes } from '../vectors/history/baileys-history.ts'
import { FUZZ_TIMEOUT_MS, budget, mutation, outcomeOf } from './fuzz/budget.ts'
import { mutateBytes } from './fuzz/mutate.ts'

const PIECES = ['a', 'b', 'c'].map((seed) =>
  historyBytes(baileysHistory({ seed: `pieces ${seed}`, share: 30, chats: 3, messages: 2 })),
)

/** Limits that pieces like these reach, so that what happens beyond them is cut as well. */
const LIMITS = [{}, { messageBytes: 150, fieldBytes: 200 }, { heldBytes: 500 }, { damagedParts: 1 }]

/** What is read of some bytes that come in pieces of these lengths, over and over, or why not. */
function read(bytes: Uint8Array, lengths: readonly number[], limits: object): unknown {
  const reader = new HistoryReader({ limits })
  const outcome = outcomeOf(() => {
    const items: unknown[] = []
    for (let from = 0, index = 0; from < bytes.length; index++) {
      const to = from + (lengths[index % lengths.length] ?? 1)
      // a copy: nothing may depend on what lies beside a chunk
      items.push(...reader.push(bytes.slice(from, to)))
      from = to
    }
    return { items, summary: reader.end() }
  })
  if ('result' in outcome) return outcome.result
  const { code, details } = outcome.refusal
  return { code, offset: details.offset }
}

test(
  'however a piece of history is cut, it is read or refused in the same way',
  () => {
    let refused = 0
    let passedOver = 0
    fc.assert(
      fc.property(
        fc.nat({ max: PIECES.length - 1 }),
        fc.option(mutation),
        fc.constantFrom(...LIMITS),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
        (which, damage, limits, lengths) => {
          const whole = PIECES[which] ?? new Uint8Array()
          const bytes = damage === null ? whole : mutateBytes(whole, damage)
          const expected = read(bytes, [Math.max(1, bytes.length)], limits)
          expect(read(bytes, lengths, limits)).toEqual(expected)
          expect(read(bytes, [1], limits)).toEqual(expected)
          if (typeof expected === 'object' && expected !== null && 'code' in expected) refused += 1
          else if (JSON.stringify(expected).includes('"skipped","what"')) passedOver += 1
        },
      ),
      budget(150),
    )
    expect(refused).toBeGreaterThan(10)
    expect(passedOver).toBeGreaterThan(10)
  },
  FUZZ_TIMEOUT_MS,
)
