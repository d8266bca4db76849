/** The chain step against the published value, and the bounds on what a chain keeps. */
import { describe, expect, it } from 'vitest'
import vector from '../../../tests/vectors/signal/chain.json' with { type: 'json' }
import { fromHex, toHex } from '../../base/bytes.ts'
import { MAX_JUMP, messageKeys, reach, stepChain, type ReceivingChain } from './chain.ts'

const start: ReceivingChain = {
  ratchetKey: new Uint8Array(32),
  chainKey: fromHex(vector.chainKey),
  counter: 0,
  skipped: [],
}

function refusesWith(code: string, action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ name: 'ProtocolError', code }))
}

describe('a receiving chain', () => {
  it('refuses a counter that was used', () => {
    const next = reach(start, 0).advance()
    refusesWith('WATON_SIGNAL_OLD_COUNTER', () => reach(next, 0))
  })

  it('refuses a counter that was passed over and then used', () => {
    const passed = reach(start, 5).advance()
    const used = reach(passed, 3).advance()
    refusesWith('WATON_SIGNAL_OLD_COUNTER', () => reach(used, 3))
    expect(used.skipped.map(({ counter }) => counter)).toEqual([0, 1, 2, 4])
  })

  it('refuses to pass over more than 2000 messages', () => {
    refusesWith('WATON_SIGNAL_TOO_FAR', () => reach(start, MAX_JUMP + 1))
    refusesWith('WATON_SIGNAL_TOO_FAR', () => reach(start, 0xffffffff))
    expect(reach(start, MAX_JUMP).advance().skipped).toHaveLength(MAX_JUMP)
  })

  it('is not changed by a look ahead that is not followed', () => {
    const before = toHex(start.chainKey)
    reach(start, 100)
    expect(toHex(start.chainKey)).toBe(before)
    expect(start).toMatchObject({ counter: 0, skipped: [] })
  })

  it('gives a late message the seed that it would have had in order', () => {
    const first = reach(start, 0)
    const inOrder = reach(first.advance(), 1).seed
    expect(reach(reach(start, 7).advance(), 1).seed).toEqual(inOrder)
  })

  it('shares the seeds it keeps with the chain before', () => {
    const passed = reach(start, 2).advance()
    const next = reach(passed, 3).advance()
    expect(next.skipped).toBe(passed.skipped)
  })
})

describe('a chain step', () => {
  it('gives the published message keys and next chain key', () => {
    const { seed, nextKey } = stepChain(fromHex(vector.chainKey))
    const { cipherKey, macKey, iv } = messageKeys(seed)
    expect(toHex(nextKey)).toBe(vector.nextChainKey)
    expect(toHex(cipherKey)).toBe(vector.cipherKey)
    expect(toHex(macKey)).toBe(vector.macKey)
    expect(iv).toHaveLength(16)
  })
})
