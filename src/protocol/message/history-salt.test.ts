/** The salt in a piece of history against what the schema's own classes encode (Baileys' have no salt) and zlib compresses. */
import { deflateSync } from 'node:zlib'
import schema from '@wppconnect/wa-proto'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { MAX_HISTORY_BYTES, readHistorySalt } from './history-salt.ts'

const { HistorySync } = schema.waproto
const { INITIAL_BOOTSTRAP } = HistorySync.HistorySyncType
const SALT = seededRandom('salt').bytes(32)

function history(more: Partial<schema.waproto.HistorySync.$Properties> = {}): Uint8Array {
  const chat = {
    id: '15550000002@s.whatsapp.net',
    messages: [{ message: { key: { id: 'A' }, message: { conversation: 'hello' } }, msgOrderId: 1 }],
  }
  const sync = { syncType: INITIAL_BOOTSTRAP, conversations: [chat], progress: 100, ...more }
  return new Uint8Array(HistorySync.encode(sync).finish())
}

const compressed = (bytes: Uint8Array): Uint8Array => new Uint8Array(deflateSync(bytes))

function refusal(payload: Uint8Array): string {
  try {
    readHistorySalt(payload)
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
  return 'none'
}

test('what is no compressed history is refused', () => {
  const whole = compressed(history({ nctSalt: SALT }))
  expect(refusal(new Uint8Array())).toBe('WATON_HISTORY_INFLATE')
  expect(refusal(history({ nctSalt: SALT }))).toBe('WATON_HISTORY_INFLATE')
  expect(refusal(whole.subarray(0, -8))).toBe('WATON_HISTORY_INFLATE')
  for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x9a, 0x01, 32, 1), Uint8Array.of(0x9f, 0x01)])
    expect(refusal(compressed(bytes)), bytes.join()).toBe('WATON_PROTO_MALFORMED')
})

test('what expands to too much, or a thousandfold, is refused before it is there', () => {
  const random = seededRandom('large').bytes(1024 * 1024)
  const large = new Uint8Array(MAX_HISTORY_BYTES + 1024 * 1024)
  for (let at = 0; at < large.length; at += 2 * random.length) large.set(random, at)
  expect(refusal(compressed(large))).toBe('WATON_HISTORY_INFLATE')
  expect(refusal(compressed(new Uint8Array(8 * 1024 * 1024)))).toBe('WATON_HISTORY_INFLATE')
})

test('a history without a salt, or with one that is none, has none', () => {
  expect(readHistorySalt(compressed(history()))).toBeUndefined()
  for (const nctSalt of [new Uint8Array(), new Uint8Array(257)])
    expect(readHistorySalt(compressed(history({ nctSalt })))).toBeUndefined()
})

test('the salt is read from among everything else, the last one of several', () => {
  const rest = {
    inlineContactsProvided: true,
    companionMetaNonce: 'x',
    threadIdUserSecret: new Uint8Array(16),
  }
  const whole = history({ ...rest, nctSalt: SALT })
  expect(readHistorySalt(compressed(whole))).toEqual(SALT)
  const later = seededRandom('later').bytes(32)
  const twice = Buffer.concat([whole, history({ nctSalt: later })])
  expect(readHistorySalt(compressed(twice))).toEqual(later)
})
