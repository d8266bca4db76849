/**
 * Everything that the client reads back from its store, found by itself: damaged, cut, of another version, or JSON of
 * another shape. It is read or refused with a typed error, and a value that is given back can be written and read again.
 *
 * A new record kind that `client/state/records.ts` exports is tested here by itself once it has an example below.
 */
import { Curve, proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { errorCode } from '../../src/base/errors.ts'
import { decodeEvent, encodePayload } from '../../src/client/event-record.ts'
import { messagePayload, messageRow } from '../../src/client/message-record.ts'
import { DURABLE_VERSIONS } from '../../src/client/events/registry.ts'
import { outboxItem, outboxRow, sendableItem } from '../../src/client/send/outbox-item.ts'
import type { OutboxItem } from '../../src/client/send/outbox-item.ts'
import type { RecordKind } from '../../src/client/state/record-kind.ts'
import * as records from '../../src/client/state/records.ts'
import { encodeSessionRecord } from '../../src/protocol/signal/index.ts'
import { LibsignalParty, WatonParty } from '../vectors/signal/parties.ts'
import type { SessionRecord } from '../../src/protocol/signal/index.ts'
import { FUZZ_TIMEOUT_MS, budget, expectInProportion, mutation, outcomeOf, typed } from './fuzz/budget.ts'
import { mutateBytes, mutateJson } from './fuzz/mutate.ts'

function keyPair(): { publicKey: Uint8Array; privateKey: Uint8Array } {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair()
  return { publicKey: new Uint8Array(publicKey), privateKey: new Uint8Array(privateKey) }
}

async function session(): Promise<SessionRecord> {
  const us = new WatonParty('stored, us')
  const them = new LibsignalParty('stored, them')
  await them.start(us.bundle())
  await us.decrypt(await them.encrypt(utf8Bytes('hello')))
  if (us.record === undefined) throw new TypeError('the party has a session')
  return us.record
}

const PRE_KEY = keyPair()
const SESSION = await session()
const SIGNED = { id: 1, keyPair: keyPair(), signature: new Uint8Array(64), createdAtMs: 5 }

/** One value of every kind; kinds of plain text or bytes need none. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  'app-state-collection': {
    version: 7,
    ltHash: new Uint8Array(128),
    needsSnapshot: true,
    missingKeys: ['000000000001'],
    fault: { code: 'WATON_APP_STATE_HASH', attempts: 2, retryAtMs: 1_700_000_000_000 },
  },
  'app-state-entry': { valueMac: new Uint8Array(32), data: Uint8Array.of(10, 2, 91, 93) },
  'app-state-key-request': { askedAtMs: 1_700_000_000_000 },
  'chat-timer': { seconds: 604_800, setAtMs: 1_700_000_000_000 },
  unreadable: { seq: 7 },
  'history-import': {
    state: 'waiting',
    to: '1@s.whatsapp.net',
    arrivedAtMs: 5,
    parts: 2,
    items: 300,
    messages: 200,
  },
  credentials: {
    noiseKey: keyPair(),
    identityKey: keyPair(),
    registrationId: 77,
    advSecret: new Uint8Array(32),
    signedPreKeyId: 1,
    history: 'recent',
    linked: {
      pn: '1@s.whatsapp.net',
      lid: '2@lid',
      deviceId: 3,
      deviceIdentity: Uint8Array.of(1),
      isUnconfirmed: true,
      isDue: true,
    },
    doubtful: {
      pn: '1@s.whatsapp.net',
      deviceId: 2,
      deviceIdentity: Uint8Array.of(2),
      isUnconfirmed: true,
    },
  },
  'given-up-devices': {
    devices: [
      {
        pn: '1@s.whatsapp.net',
        deviceId: 2,
        keyIndex: 2,
        noiseKey: keyPair(),
        givenUpAtMs: 1_700_000_000_000,
        refusals: 0,
      },
    ],
  },
  'sender-key-shares': { shares: [Uint8Array.of(0x33, 1), Uint8Array.of(0x33, 2)] },
  'pre-key-state': {
    nextId: 5,
    firstUnuploadedId: 3,
    uploaded: true,
    oldestId: 1,
    oldestSpentId: 2,
    repairedAtMs: 9,
  },
  'signed-pre-key-state': { candidateId: 3, notBeforeMs: 7, retired: [{ id: 1, retiredAtMs: 5 }] },
  'known-server': {
    key: new Uint8Array(32),
    notBeforeSeconds: 1,
    notAfterSeconds: 9,
    rootKey: new Uint8Array(32),
    rootSerial: 0,
  },
  standing: {
    quarantine: { reason: 'logged-out', serverCode: 401, atMs: 5 },
    ban: { code: 101, atMs: 5, expiresAtMs: 9 },
  },
  'connection-hints': {
    routingInfo: Uint8Array.of(1),
    propsHash: 'x',
    clockSkewMs: -3,
    webVersion: { primary: 2, secondary: 3000, tertiary: 1, fetchedAtMs: 5 },
    tokens: { isWanted: true, isIssuedToLid: false },
  },
  'signed-pre-key': SIGNED,
  'pre-key': PRE_KEY,
  session: SESSION,
  'device-list': {
    devices: [{ id: 0 }, { id: 3, keyIndex: 2 }, { id: 99, keyIndex: 4, isHosted: true }],
    fetchedAtMs: 9,
    isStale: true,
    signed: { rawId: 7, timestampSeconds: 8, currentIndex: 4, validIndexes: [2, 4] },
    unverified: Uint8Array.of(1),
  },
  'identity-change': { atMs: 5, formerKey: new Uint8Array(32) },
  'dirty-collection': { version: 3, atMs: 5 },
  'privacy-token': { token: Uint8Array.of(1, 2), atSeconds: 5 },
  'backup-stamp': { madeAtMs: 5 },
  'token-issued': { atSeconds: 5 },
  'privacy-settings': { readreceipts: 'all', last: 'contacts' },
  'pending-receipt': { status: 'read', to: '1@g.us', participant: '2@lid', ids: ['A', 'B'], atSeconds: 5 },
  'retry-count': { count: 2 },
  placeholder: {
    state: 'waiting',
    dueAtMs: 9,
    id: 'A',
    chat: '1@g.us',
    kind: 'group',
    author: '2:3@lid',
    isFromMe: false,
    isOffline: true,
    sentAtSeconds: 5,
    pushName: 'Bob',
  },
  'resend-order': {
    id: 'A',
    device: '2:3@lid',
    reason: 'asked',
    count: 2,
    orderedAtMs: 5,
    chat: '2@lid',
    registrationId: 7,
    bundle: {
      registrationId: 7,
      identityKey: new Uint8Array(32),
      signedPreKey: { id: 1, publicKey: new Uint8Array(32), signature: new Uint8Array(64) },
      preKey: { id: 2, publicKey: new Uint8Array(32) },
    },
    stanza: Uint8Array.of(1),
    refusals: 2,
    keyRefusals: 3,
  },
  'resend-history': { answers: 2, baseKey: new Uint8Array(32) },
  'session-renewal': { atMs: 5 },
  'fan-out-check': { orderedAtMs: 5, participantHash: '2:abcdefgh', copies: ['2:3@lid'] },
  consumer: { low: 4, lost: { from: 1, to: 3, count: 2 } },
  'event-log-size': { sizeBytes: 4096, upTo: 7 },
  'consumer-ahead': Uint8Array.from({ length: 128 }, (_, index) => index),
  'dead-letter': { seq: 4, reason: 'x', attempts: 3, atMs: 5, isRetrying: true },
}

/** What an older waton wrote for kinds that are of a later version now, and what it means today. */
const OLDER: Readonly<Record<string, readonly { readonly stored: Uint8Array; readonly means: unknown }[]>> = {
  'device-list': [
    {
      stored: Uint8Array.of(1, ...utf8Bytes('{"deviceIds":[0,3],"fetchedAtMs":9}')),
      means: { devices: [{ id: 0 }, { id: 3 }], fetchedAtMs: 9 },
    },
  ],
  'pre-key': [{ stored: Uint8Array.of(1, ...PRE_KEY.privateKey), means: PRE_KEY }],
  session: [{ stored: Uint8Array.of(1, ...records.SESSION.encode(SESSION).subarray(1)), means: SESSION }],
  consumer: [
    {
      stored: Uint8Array.of(1, ...utf8Bytes('{"low":4,"finished":[6,7]}')),
      means: { low: 4, finished: [6, 7] },
    },
  ],
  'dead-letter': [
    {
      stored: Uint8Array.of(1, ...utf8Bytes('{"seq":4,"reason":"x"}')),
      means: { seq: 4, reason: 'x', attempts: 0, atMs: 0, isRetrying: false },
    },
  ],
}

function isKind(value: unknown): value is RecordKind<unknown> {
  return typeof value === 'object' && value !== null && 'kind' in value && 'decode' in value
}

const KINDS = Object.values(records as Record<string, unknown>).filter(isKind)

/** A valid record of a kind. */
function exampleOf(kind: RecordKind<unknown>): Uint8Array {
  const example = EXAMPLES[kind.kind]
  if (example !== undefined) return kind.encode(example)
  const plain = Uint8Array.of(1, ...utf8Bytes('some text'))
  // throws for a kind that has a shape: give it an example above
  kind.decode(plain)
  return plain
}

/** Checks what a reader makes of bytes: a refusal, or a value in proportion. */
async function check(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Promise<unknown> {
  try {
    const result = await read(bytes)
    expectInProportion(result, bytes.length)
    return result
  } catch (error) {
    typed(error)
    return undefined
  }
}

/** Damages a valid value in every way: its bytes, its version, and the shape of its JSON. */
async function damage(
  read: (bytes: Uint8Array) => unknown,
  valid: Uint8Array,
  runs: number,
  newest: number = valid[0] ?? 1,
): Promise<void> {
  const json = parsed(valid)
  await fc.assert(
    fc.asyncProperty(mutation, async (seed) => {
      await check(read, mutateBytes(valid, seed))
      if (json === undefined) return
      const text = JSON.stringify(mutateJson(json, seed))
      await check(read, Uint8Array.of(valid[0] ?? 1, ...utf8Bytes(text)))
    }),
    budget(runs),
  )
  for (let length = 0; length < valid.length; length += 1 + Math.floor(valid.length / 300))
    await check(read, valid.subarray(0, length))
  for (const version of [0, newest + 1, 99, 255]) {
    const other = Uint8Array.from(valid)
    other[0] = version
    const refusal: unknown = await Promise.resolve()
      .then(() => read(other))
      .catch((error: unknown) => error)
    expect(errorCode(refusal), `version ${String(version)}`).toMatch(/RECORD/)
  }
}

/** The whole numbers from one to before another. */
function range(from: number, before: number): readonly number[] {
  return Array.from({ length: Math.max(0, before - from) }, (_, index) => from + index)
}

function parsed(record: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(record.subarray(1))) as unknown
  } catch {
    return undefined
  }
}

describe.each(KINDS.map((kind) => [kind.kind, kind] as const))('a stored %s record', (_name, kind) => {
  test(
    'that is damaged is refused, or has the shape of a sound one',
    async () => {
      const valid = exampleOf(kind)
      await damage(
        (bytes) => {
          const value = kind.decode(bytes)
          // whatever is let in can be kept and read again
          const again = kind.encode(kind.decode(kind.encode(value)))
          expect(again).toEqual(kind.encode(value))
          return value
        },
        valid,
        200,
      )
    },
    FUZZ_TIMEOUT_MS,
  )

  test(
    'of an older version is read as what it means today, or refused when it is damaged',
    async () => {
      const version = exampleOf(kind)[0] ?? 0
      const older = OLDER[kind.kind] ?? []
      expect(older.map(({ stored }) => stored[0])).toEqual(range(1, version))
      for (const { stored, means } of older) {
        expect(kind.decode(stored)).toEqual(means)
        await damage((bytes) => kind.decode(bytes), stored, 200, version)
      }
    },
    FUZZ_TIMEOUT_MS,
  )
})

describe('a stored message', () => {
  const valid = messageRow(
    {
      id: 'A',
      chat: '1@s.whatsapp.net',
      sender: { jid: '1@s.whatsapp.net' },
      fromMe: false,
      origin: 'live',
      sentAtMs: 5,
      pushName: 'Bob',
      kind: 'text',
      message: new Uint8Array(proto.Message.encode({ conversation: 'hello' }).finish()),
    },
    6,
  )

  test(
    'that is damaged is refused, or has a sender and content',
    async () => {
      const read = (value: Uint8Array): unknown => {
        const payload = messagePayload({ ...valid, value })
        expect(payload.sender.jid).toBeTypeOf('string')
        expect(payload.content).toBeTypeOf('object')
        return payload
      }
      await damage(read, valid.value, 500)
    },
    FUZZ_TIMEOUT_MS,
  )
})

describe.each([
  [
    'message.undecryptable',
    { id: 'A', chat: 'c', sender: { jid: 'x' }, fromMe: false, origin: 'live', sentAtMs: 1, reason: 'R' },
  ],
  ['message.receipt', { ids: ['A'], chat: 'c', from: { jid: 'x' }, status: 'read', atMs: 1 }],
  ['send.failed', { id: 'A', chat: 'c', code: 'X', serverCode: 400, action: 'report', advice: 'Y' }],
] as const)('a stored %s event', (type, payload) => {
  const row = { seq: 1, type, version: DURABLE_VERSIONS[type], at: 1, chat: 'c' }
  const noMessage = (): Promise<undefined> => Promise.resolve(undefined)

  test(
    'that is damaged is refused, or belongs to a chat',
    async () => {
      const value = encodePayload(type, payload)
      const read = async (bytes: Uint8Array): Promise<unknown> => {
        const event = await decodeEvent({ ...row, value: bytes }, noMessage)
        expect(event.payload).toHaveProperty('chat', expect.any(String))
        return event
      }
      expect(await read(value)).toMatchObject({ type, payload })
      await damage(read, value, 300)
    },
    FUZZ_TIMEOUT_MS,
  )

  test.each(['constructor', '__proto__', 'message.from.the.future'])(
    'is refused as a <%s>',
    async (other) => {
      const value = encodePayload(type, payload)
      await expect(decodeEvent({ ...row, type: other, value }, noMessage)).rejects.toMatchObject({
        code: 'WATON_STORE_RECORD_NEWER',
      })
    },
  )
})

describe('a stored event with JSON of the server in it', () => {
  const row = { seq: 1, type: 'newsletter.changed', version: 1, at: 1, chat: 'c' }

  test.each([
    { base64: 'AAAA' },
    { base64: '*', other: 1 },
    { a: { base64: 'AAAA' } },
    { a: [{ _base64: { base64: 'x' }, base64: 7 }] },
    { __base64: 'x', _base64: 'y', base64: null },
  ])('has the same after it was stored: %j', async (settings) => {
    const value = encodePayload('newsletter.changed', { chat: '1@newsletter', settings, atMs: 5 })
    const event = await decodeEvent({ ...row, value }, () => Promise.resolve(undefined))
    expect(event.payload).toEqual({ chat: '1@newsletter', settings, atMs: 5 })
  })
})

describe('a stored outbox row', () => {
  const body = {
    to: '15550000002@s.whatsapp.net',
    message: new Uint8Array(proto.Message.encode({ conversation: 'hello' }).finish()),
    stanzaType: 'text',
    failure: { code: 'X', serverCode: 3 },
  }
  const item: OutboxItem = { id: 'A', chat: 'c', position: 1, state: 'queued', at: 1, body }

  test.each([
    ['outboxItem', outboxItem],
    ['sendableItem', sendableItem],
  ] as const)(
    'that is damaged is refused by %s, or can be sent',
    async (_name, open) => {
      const row = outboxRow(item)
      const read = (value: Uint8Array): unknown => {
        const opened = open({ ...row, value })
        expect(outboxRow(opened).state).toBe('queued')
        return opened
      }
      await damage(read, row.value, 400)
    },
    FUZZ_TIMEOUT_MS,
  )

  test.each(['', 'toString', '__proto__', 'sent'])('in the state <%s> is refused', (state) => {
    expect(outcomeOf(() => outboxItem({ ...outboxRow(item), state }))).toMatchObject({
      refusal: { code: 'WATON_STORE_RECORD' },
    })
  })
})

test('a session record of ours is among the examples', () => {
  expect(encodeSessionRecord(EXAMPLES.session as never).length).toBeGreaterThan(200)
})
