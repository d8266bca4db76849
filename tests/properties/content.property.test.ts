/**
 * Whatever is given as content is refused with a `UsageError` before anything is written, or becomes a message in which an
 * unmodified Baileys finds every text of it. Content that is right is spoilt at one place by values of every wrong kind.
 */
import { proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { OutgoingContent } from '../../src/client/content.ts'
import { composeMessage, prepareContent } from '../../src/client/send/compose.ts'
import { targetSlot } from '../../src/protocol/message/reference.ts'
import type { FoundMessage } from '../../src/protocol/message/reference.ts'
import { decodeMessage } from '../../src/protocol/proto/message.ts'
import { ALICE, BOB, CAROL, JPEG, NOW, SAME_KINDS } from '../content/samples.ts'
import { FUZZ_TIMEOUT_MS, budget } from './fuzz/budget.ts'

const TARGET = { id: 'TARGET', chat: BOB, sender: { jid: ALICE }, fromMe: true }

/** Content that is about a message, beside what Baileys has the same of. */
const ABOUT: readonly object[] = [
  { text: 'answer', quoted: TARGET, expiresInSeconds: 86_400, forwarded: { score: 2 } },
  { reaction: { target: TARGET, text: '👍' } },
  { edit: { target: TARGET, content: { text: 'better', mentions: [CAROL] } } },
  { delete: { target: TARGET } },
  { forward: TARGET },
  { pin: { target: TARGET, action: 'pin', durationSeconds: 604_800 } },
  { keep: { target: TARGET, action: 'keep' } },
  { disappearing: { expiresInSeconds: 86_400 } },
  { liveLocation: { latitude: 1, longitude: 2, sequence: 1 }, caption: 'c' },
  { limitSharing: { limited: true } },
]
const SAMPLES: readonly object[] = [...SAME_KINDS.map(([, content]) => content), ...ABOUT]

const cycle: Record<string, unknown> = {}
cycle['text'] = cycle

function thrower(): never {
  throw new RangeError('a getter of the caller')
}

/** What no JSON can hold, and what is too much of it. */
const JUNK: readonly unknown[] = [
  undefined,
  null,
  NaN,
  -1,
  -0,
  Infinity,
  1e308,
  2 ** 53,
  5n,
  Symbol('x'),
  '',
  '\ud83d',
  'a\udc00b',
  '\u0000',
  'FN:x\r\nTEL:1\rEND:VCARD',
  'x'.repeat(1_000_000),
  '👍'.repeat(128),
  `a${'👍'.repeat(128)}`,
  '__proto__',
  [],
  {},
  cycle,
  Array.from({ length: 10_000 }, (_, index) => `${String(15_550_000_000 + index)}@s.whatsapp.net`),
  Array.from({ length: 200_000 }, () => 'x'),
  Object.create(null),
  JSON.parse('{"__proto__":{"text":"x"},"constructor":1}'),
  Object.defineProperty({}, 'text', { get: thrower, enumerable: true }),
  new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower }),
  new Date(NaN),
  new Map([['text', 'x']]),
  new Uint8Array(0),
  JPEG,
  new Uint8Array(2_000_000).fill(0xff),
  thrower,
]

/** What may stand anywhere in content whose author has no compiler. Made late: fast-check looks into values. */
type Hostile = () => unknown
const HOSTILE: fc.Arbitrary<Hostile> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => () => value),
  fc.string({ unit: 'binary', maxLength: 80 }).map((value) => () => value),
  fc.double().map((value) => () => value),
  fc.nat({ max: JUNK.length - 1 }).map((index) => () => JUNK[index]),
)

type Path = readonly (string | number)[]

/** Every place in a value. */
function placesIn(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [at]
  return [at, ...Object.entries(value).flatMap(([name, part]) => placesIn(part, [...at, name]))]
}

function replaced(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  const parts = copy as Record<string, unknown>
  parts[first] = replaced(parts[first], rest, by)
  return copy
}

/** A sample with one place spoilt, or one part too many. */
const SPOILT: fc.Arbitrary<Hostile> = fc
  .record({ sample: fc.constantFrom(...SAMPLES), hostile: HOSTILE, pick: fc.nat(), extra: fc.boolean() })
  .map(({ sample, hostile, pick, extra }) => {
    const places = placesIn(sample)
    const place = places[pick % places.length] ?? []
    return () => replaced(sample, extra ? [...place, 'mentions'] : place, hostile())
  })

const STORED: FoundMessage = {
  id: 'TARGET',
  chat: BOB,
  sender: { jid: ALICE, pn: ALICE },
  fromMe: true,
  isInChat: true,
  neverLeft: false,
  sentAtMs: NOW,
  message: decodeMessage(
    new Uint8Array(proto.Message.encode({ extendedTextMessage: { text: 'stored' } }).finish()),
  ),
}

function compose(content: unknown): Uint8Array {
  const prepared = prepareContent(content as OutgoingContent)
  const found = new Map(prepared.targets.map((target) => [targetSlot(target), STORED]))
  return composeMessage(
    prepared,
    { id: 'A', chat: BOB, me: ALICE, nowMs: NOW, random: seededRandom(7) },
    found,
  ).message
}

/** The texts that a person reads: not addresses, ids and the words that name a choice. */
function textsIn(value: unknown, name = ''): readonly string[] {
  if (typeof value === 'string')
    return ['id', 'jid', 'chat', 'action', 'mentions'].includes(name) ? [] : [value]
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  return Object.entries(value)
    .filter(([key]) => !['target', 'quoted', 'forward', 'sender', 'mentions', 'phoneNumbers'].includes(key))
    .flatMap(([key, part]) => textsIn(part, Array.isArray(value) ? name : key))
}

function check(content: unknown): 'refused' | 'sent' {
  let message: Uint8Array
  try {
    message = compose(content)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    expect((error as UsageError).message.length).toBeLessThan(800)
    return 'refused'
  }
  const read = proto.Message.decode(message)
  // Baileys reads all of it, and nothing else
  expect(Buffer.from(proto.Message.encode(read).finish()).equals(message)).toBe(true)
  const texts = new Set(textsIn(proto.Message.toObject(read, { defaults: false })))
  const vcards = [...texts].filter((text) => text.startsWith('BEGIN:VCARD')).join('\n')
  // what was cut in the middle of a character would be written with a replacement for its half
  const given = textsIn(content).join('')
  if (!given.includes('\ufffd')) expect([...texts].filter((text) => text.includes('\ufffd'))).toEqual([])
  for (const text of textsIn(content))
    expect(texts.has(text) || text === '' || vcards.includes(text), JSON.stringify(text.slice(0, 80))).toBe(
      true,
    )
  return 'sent'
}

describe('content', () => {
  test('of the samples can all be sent', () => {
    for (const sample of SAMPLES) expect([sample, check(sample)]).toEqual([sample, 'sent'])
  })

  test('spoilt at one place is refused, or every text of it is sent', { timeout: FUZZ_TIMEOUT_MS }, () => {
    const ends = { refused: 0, sent: 0 }
    fc.assert(
      fc.property(SPOILT, (content) => {
        ends[check(content())] += 1
      }),
      budget(1500),
    )
    // the test says something only when both happen
    expect(ends.refused).toBeGreaterThan(10)
    expect(ends.sent).toBeGreaterThan(10)
  })

  test(
    'that is any value at all is refused, or every text of it is sent',
    { timeout: FUZZ_TIMEOUT_MS },
    () => {
      fc.assert(
        fc.property(HOSTILE, (content) => {
          check(content())
        }),
        budget(500),
      )
    },
  )

  test('of many cards is named without cutting a character, and a name ends no line of a card', () => {
    const card = (displayName: string): object => ({ displayName, phoneNumbers: ['+15550000003'] })
    expect(check({ contacts: { cards: [card('a'), card('👍'.repeat(128))] } })).toBe('sent')
    expect(check({ contact: { vcard: `BEGIN:VCARD\nFN:a${'👍'.repeat(128)}\nEND:VCARD` } })).toBe('sent')
    const { contactMessage } = proto.Message.decode(compose({ contact: card('x\rTEL:+15550000009\r\ny\nz') }))
    expect(contactMessage?.vcard?.split(/[\r\n]+/).filter((line) => line.startsWith('TEL'))).toHaveLength(1)
  })

  test('is refused when the copies for ten devices would not fit into a frame', () => {
    const vcard = `BEGIN:VCARD\nVERSION:3.0\nFN:x\nNOTE:${'\u20ac'.repeat(65_000)}\nEND:VCARD`
    const cards = Array.from({ length: 6 }, () => ({ vcard }))
    expect(() => compose({ contacts: { cards } })).toThrow(/at most 1048576 can be sent/)
    expect(check({ contacts: { cards: cards.slice(0, 5) } })).toBe('sent')
  })
})
