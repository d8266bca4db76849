import { describe, expect, it } from 'vitest'
import { errorCode } from '../../base/errors.ts'
import { createContract } from './contract.ts'
import type { EventContract } from './contract.ts'
import { defineEvent } from './definition.ts'
import type { EventDefinition } from './definition.ts'
import { personSchema } from './shared.ts'
import type { Person } from './shared.ts'

interface Moved {
  readonly chat: string
  readonly by: Person
  readonly distanceMeters: number
  readonly witnesses?: readonly Person[]
  readonly note?: string
}

/** An event in its third version: the first had `km`, the second `meters`. */
const MOVED: EventDefinition<'thing.moved', Moved> = defineEvent({
  type: 'thing.moved',
  version: 3,
  schema: (z) =>
    z.object({
      chat: z.string(),
      by: personSchema(z),
      distanceMeters: z.number(),
      witnesses: z.array(personSchema(z)).exactOptional(),
      note: z.string().exactOptional(),
    }),
  upcasters: [
    ({ km, ...rest }) => ({ ...rest, meters: Number(km) * 1000 }),
    ({ meters, ...rest }) => ({ ...rest, distanceMeters: meters }),
  ],
})

const contract: EventContract = createContract({ 'thing.moved': MOVED })

const SOUND: Moved = { chat: 'c', by: { jid: 'x' }, distanceMeters: 3 }

function codeOf(read: () => unknown): string | undefined {
  try {
    read()
  } catch (error) {
    return errorCode(error)
  }
  return undefined
}

describe('reading an event', () => {
  it.each([
    ['of a version that is not written yet', 'thing.moved', 4],
    ['of a type that is not known', 'thing.lost', 1],
    ['of a type that every object has', 'constructor', 1],
  ])('%s is refused as newer', (_name, type, version) => {
    expect(codeOf(() => contract.read(type, version, SOUND))).toBe('WATON_STORE_RECORD_NEWER')
  })

  it.each([
    ['of no version', 0, SOUND],
    ['of half a version', 1.5, SOUND],
    ['that is no object', 1, 'text'],
    ['that is nothing', 2, null],
    ['without a member that has to be there', 3, { chat: 'c', by: { jid: 'x' } }],
    ['whose old version had something else', 1, { chat: 'c', by: { jid: 'x' }, km: 'far' }],
    ['with something else in it', 3, { ...SOUND, by: 'x' }],
  ])('%s is refused as damaged', (_name, version, payload) => {
    expect(codeOf(() => contract.read('thing.moved', version, payload))).toBe('WATON_STORE_RECORD')
  })

  it('tells where it is wrong, and never what stands there', () => {
    try {
      contract.read('thing.moved', 3, { ...SOUND, note: ['a secret'] })
      expect.unreachable()
    } catch (error) {
      expect(JSON.stringify(error)).toContain('note: invalid_type')
      expect(JSON.stringify(error)).not.toContain('secret')
    }
  })

  it.each([
    [1, { chat: 'c', by: { jid: 'x' }, km: 0.003 }],
    [2, { chat: 'c', by: { jid: 'x' }, meters: 3 }],
    [3, SOUND],
  ])('of version %i gives the newest', (version, payload) => {
    expect(contract.read('thing.moved', version, payload)).toEqual(SOUND)
  })
})

describe('an event about to be recorded', () => {
  it.each([
    ['is nothing', undefined],
    ['is no object', 7],
    ['lacks what it has to have', { chat: 'c' }],
    ['has something else at the heart of it', { ...SOUND, by: { jid: 7 } }],
  ])('that %s is not sound, and stays as it is', (_name, payload) => {
    const checked = contract.check('thing.moved', payload)
    expect(checked).toMatchObject({ isSound: false, payload })
    expect(checked.faults.length).toBeGreaterThan(0)
  })

  it('of an unknown type is not sound', () => {
    expect(contract.check('toString', SOUND)).toMatchObject({ isSound: false })
  })

  it.each([
    ['an optional member', { ...SOUND, note: 5 }, SOUND, 'note: invalid_type'],
    ['a member without a value', { ...SOUND, note: undefined }, SOUND, 'note: invalid_type'],
    [
      'items of a list',
      { ...SOUND, witnesses: [{ jid: 1 }, { jid: 'a' }, 'b', { jid: 'c', pn: 4 }] },
      { ...SOUND, witnesses: [{ jid: 'a' }, { jid: 'c' }] },
      'witnesses.0.jid: invalid_type',
    ],
  ])('loses %s that breaks the contract, and keeps the rest', (_name, payload, kept, fault) => {
    const checked = contract.check('thing.moved', payload)
    expect(checked).toMatchObject({ isSound: true, payload: kept })
    expect(Object.keys(checked.payload as object)).toEqual(Object.keys(kept))
    expect(checked.faults).toContain(fault)
  })

  it('loses what the contract does not know, because no reader would get it', () => {
    const { payload, isSound } = contract.check('thing.moved', { ...SOUND, more: 1 })
    expect({ payload, isSound }).toEqual({ payload: SOUND, isSound: true })
  })

  it('leaves what it was given as it was', () => {
    const given = { ...SOUND, witnesses: [{ jid: 1 }] }
    contract.check('thing.moved', given)
    expect(given).toEqual({ ...SOUND, witnesses: [{ jid: 1 }] })
  })

  it('that is sound has no faults', () => {
    expect(contract.check('thing.moved', SOUND)).toEqual({ payload: SOUND, faults: [], isSound: true })
  })
})
