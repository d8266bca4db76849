/** Session records as bytes: refusals on any input, and a faithful copy of everything a conversation leaves in a record. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { RustParty, WatonParty } from '../../../tests/vectors/signal/parties.ts'
import { toHex, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import { decodeSessionRecord, encodeSessionRecord } from './record-codec.ts'
import {
  EMPTY_RECORD,
  MAX_ARCHIVED_SESSIONS,
  MAX_RECEIVING_CHAINS,
  MAX_SKIPPED_SEEDS,
  SessionRecord,
} from './session-record.ts'

const seed = 'record codec'

/** A record with everything in it: skipped seeds, several chains, archived sessions, a pending pre-key. */
async function richRecord(): Promise<{ ours: WatonParty; theirs: RustParty; record: SessionRecord }> {
  const [ours, theirs] = [new WatonParty(seed), new RustParty(`peer, ${seed}`)]
  await ours.start(theirs.bundle())
  await theirs.decrypt(await ours.encrypt(utf8Bytes('hello')))
  for (let turn = 0; turn < 3; turn++) {
    await theirs.encrypt(utf8Bytes('lost'))
    await ours.decrypt(await theirs.encrypt(utf8Bytes('read')))
    await theirs.decrypt(await ours.encrypt(utf8Bytes('answer')))
  }
  await ours.start(theirs.bundle(false))
  await ours.start(theirs.bundle())
  if (ours.record === undefined) throw new TypeError('a session was opened')
  return { ours, theirs, record: ours.record }
}

const { ours, theirs, record } = await richRecord()
const bytes = encodeSessionRecord(record)

describe('decoding a session record', () => {
  it('refuses a record of a newer version with a code of its own', () => {
    const newer = Uint8Array.from(bytes).fill(3, 0, 1)
    expect(() => decodeSessionRecord(newer)).toThrow(
      expect.objectContaining({ name: 'ProtocolError', code: 'WATON_SIGNAL_RECORD_VERSION' }),
    )
  })

  it('refuses every truncation and bytes behind the end', () => {
    const damaged = expect.objectContaining({ code: 'WATON_SIGNAL_RECORD_MALFORMED' }) as Error
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSessionRecord(bytes.subarray(0, length)), `length ${String(length)}`).toThrow(
        damaged,
      )
    }
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    expect(() => decodeSessionRecord(longer)).toThrow(damaged)
  })

  it('throws nothing but ProtocolError on random and on damaged bytes', () => {
    const random = seededRandom(seed)
    for (let round = 0; round < 4000; round++) {
      const input = round % 2 === 0 ? random.bytes(randomInteger(random, 300)) : Uint8Array.from(bytes)
      input[randomInteger(random, Math.max(input.length, 1))] = randomInteger(random, 256)
      if (input.length > 0) input[0] = 1
      try {
        decodeSessionRecord(input)
      } catch (error) {
        expect(error, `seed ${seed}, round ${String(round)}`).toBeInstanceOf(ProtocolError)
      }
    }
  })

  it('refuses more sessions and more seeds than a record may hold', () => {
    const damaged = expect.objectContaining({ code: 'WATON_SIGNAL_RECORD_MALFORMED' }) as Error
    const { current } = record
    const chain = record.archived.flatMap(({ receiving }) => receiving)[0]
    if (current === undefined || chain === undefined) throw new TypeError('the record is rich')
    const archived = (length: number): Uint8Array =>
      encodeSessionRecord(
        new SessionRecord(
          undefined,
          Array.from({ length }, () => current),
        ),
      )
    expect(decodeSessionRecord(archived(MAX_ARCHIVED_SESSIONS)).archived).toHaveLength(MAX_ARCHIVED_SESSIONS)
    expect(() => decodeSessionRecord(archived(MAX_ARCHIVED_SESSIONS + 1))).toThrow(damaged)
    const seeds = (perChain: number): Uint8Array => {
      const skipped = Array.from({ length: perChain }, (_, counter) => ({ counter, seed: chain.chainKey }))
      const receiving = Array.from({ length: 2 }, () => ({ ...chain, skipped }))
      return encodeSessionRecord(new SessionRecord({ ...current, receiving }, []))
    }
    expect(decodeSessionRecord(seeds(MAX_SKIPPED_SEEDS / 2)).current?.receiving).toHaveLength(2)
    expect(() => decodeSessionRecord(seeds(MAX_SKIPPED_SEEDS / 2 + 1))).toThrow(damaged)
    const receiving = Array.from({ length: MAX_RECEIVING_CHAINS + 1 }, () => ({ ...chain, skipped: [] }))
    const chains = encodeSessionRecord(new SessionRecord({ ...current, receiving }, []))
    expect(() => decodeSessionRecord(chains)).toThrow(damaged)
  })

  it('gives back a record that encodes to the same bytes', () => {
    expect(toHex(encodeSessionRecord(decodeSessionRecord(bytes)))).toBe(toHex(bytes))
    const nothing = encodeSessionRecord(EMPTY_RECORD)
    expect(toHex(encodeSessionRecord(decodeSessionRecord(nothing)))).toBe(toHex(nothing))
  })

  it('keeps nothing of the memory it was given', () => {
    const given = Uint8Array.from(bytes)
    const decoded = decodeSessionRecord(given)
    given.fill(0)
    expect(toHex(encodeSessionRecord(decoded))).toBe(toHex(bytes))
  })

  it('gives back a record in which the conversation goes on, with what was lost read late', async () => {
    const late = await theirs.encrypt(utf8Bytes('written before we restarted'))
    const next = await theirs.encrypt(utf8Bytes('and after'))
    ours.record = decodeSessionRecord(encodeSessionRecord(record))
    expect(utf8Text(await ours.decrypt(next))).toBe('and after')
    ours.record = decodeSessionRecord(encodeSessionRecord(ours.record))
    expect(utf8Text(await ours.decrypt(late))).toBe('written before we restarted')
  })
})

describe('a session record', () => {
  it('shows no key to the console, to JSON or to whoever lists its properties', () => {
    expect(inspect(record, { depth: 9, showHidden: true })).not.toMatch(/\d+, \d+, \d+/)
    expect(JSON.stringify({ record })).toBe('{"record":{"open":true,"archived":2}}')
    expect(Object.keys(record)).toEqual([])
  })
})
