/**
 * The stanza codec against two foreign ones, on random input: Baileys, whose bytes must be matched, and the Rust codec of
 * whatsapp-rust-bridge, which has no ancestor in common with it. Failures print the seed.
 */
import { deflateSync } from 'node:zlib'
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import type { BinaryNode as BaileysNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import fc from 'fast-check'
import { decodeNode as rustDecode, encodeNode as rustEncode } from 'whatsapp-rust-bridge'
import { describe, expect, test } from 'vitest'
import { asBuffer, concatBytes, toHex, utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { ProtocolError, UsageError } from '../../src/base/errors.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { decodeNode } from '../../src/protocol/binary/decode.ts'
import { dictionaryWords, singleByteWords } from '../../src/protocol/binary/dictionary.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { printNode } from '../../src/protocol/binary/print.ts'

const WORDS = [...singleByteWords().slice(1), ...dictionaryWords().flat()]
const SERVERS = [
  's.whatsapp.net',
  'lid',
  'g.us',
  'c.us',
  'broadcast',
  'newsletter',
  'hosted',
  'hosted.lid',
  'bot',
  'msgr',
]
const DEVICE_SERVERS = ['s.whatsapp.net', 'lid', 'hosted', 'hosted.lid']

function pick<T>(random: RandomSource, values: readonly T[]): T {
  const value = values[randomInteger(random, values.length)]
  if (value === undefined) throw new RangeError('nothing to pick from')
  return value
}

function textOver(random: RandomSource, alphabet: string, maxLength: number): string {
  const characters = Array.from(alphabet)
  return Array.from({ length: 1 + randomInteger(random, maxLength) }, () => pick(random, characters)).join('')
}

/** Every kind of value that stanzas carry, each with its edges (127 and 128 packable characters, lengths around 256). */
const VALUES: readonly ((random: RandomSource) => string)[] = [
  (random) => pick(random, WORDS),
  () => '',
  (random) => textOver(random, '0123456789', 20),
  (random) => textOver(random, '0123456789-.', 130),
  (random) => textOver(random, '0123456789ABCDEF', 130),
  (random) => textOver(random, '0123456789ABCDEFabcdef-.', 8),
  (random) => `3EB0${toHex(random.bytes(9)).toUpperCase()}`,
  (random) => textOver(random, 'abcdefghijklmnopqrstuvwxyz ABC/=+', 60),
  (random) => textOver(random, 'é漢😀 ñaZ0', 90),
  (random) => textOver(random, 'x', 260),
  (random) => `${textOver(random, '0123456789', 15)}@${pick(random, SERVERS)}`,
  (random) =>
    `${textOver(random, '0123456789', 15)}:${String(randomInteger(random, 256))}@${pick(random, DEVICE_SERVERS)}`,
  (random) => `${textOver(random, '0123456789', 12)}-${textOver(random, '0123456789', 10)}@g.us`,
  () => '@s.whatsapp.net',
  () => 'status@broadcast',
]

function randomNode(random: RandomSource, depth: number): BinaryNode {
  const attrs: Record<string, string> = {}
  for (let count = randomInteger(random, 7); count > 0; count--) {
    const name = randomInteger(random, 4) > 0 ? pick(random, WORDS) : textOver(random, 'abc_-XYZ019', 12)
    attrs[name] = pick(random, VALUES)(random)
  }
  const tag = randomInteger(random, 5) > 0 ? pick(random, WORDS) : textOver(random, 'abc:_-', 12)
  switch (randomInteger(random, depth > 3 ? 3 : 5)) {
    case 0:
      return { tag, attrs }
    case 1:
      return { tag, attrs, content: pick(random, VALUES)(random) }
    case 2:
      return {
        tag,
        attrs,
        content: random.bytes(randomInteger(random, randomInteger(random, 60) === 0 ? 80_000 : 400)),
      }
    default:
      return {
        tag,
        attrs,
        content: Array.from({ length: randomInteger(random, 5) }, () => randomNode(random, depth + 1)),
      }
  }
}

/** The text that arrives for a text that was sent: only the device number 0 is left out, and half a character is replaced. */
function arriving(text: string): string {
  return utf8Text(utf8Bytes(text)).replace(/^([^@:]*):0@(s\.whatsapp\.net|lid|hosted|hosted\.lid)$/s, '$1@$2')
}

type Plain = readonly [
  tag: string,
  attrs: Readonly<Record<string, string>>,
  content: string | readonly Plain[] | undefined,
]

/** A stanza of any codec in a form that compares by value; text and its UTF-8 bytes count as the same content. */
function plain(
  node: { tag: string; attrs: unknown; content?: unknown },
  text: (value: string) => string,
): Plain {
  const { tag, attrs, content } = node
  const entries = Object.entries(attrs as Record<string, string>).map(([name, value]) => [
    text(name),
    text(value),
  ])
  const head = [text(tag), Object.fromEntries(entries) as Record<string, string>] as const
  if (typeof content === 'string') return [...head, toHex(utf8Bytes(text(content)))]
  if (content instanceof Uint8Array) return [...head, toHex(content)]
  if (Array.isArray(content)) return [...head, (content as BinaryNode[]).map((child) => plain(child, text))]
  return [...head, undefined]
}

/** The same stanza without blank attributes and empty lists. */
function dropEmpty([tag, attrs, content]: Plain): Plain {
  const filled = Object.fromEntries(Object.entries(attrs).filter(([, value]) => value.trim() !== ''))
  if (!Array.isArray(content)) return [tag, filled, content]
  return [tag, filled, content.length === 0 ? undefined : (content as Plain[]).map(dropEmpty)]
}

const same = (text: string): string => text

async function baileysReads(bytes: Uint8Array): Promise<Plain | undefined> {
  try {
    return plain(await decodeBinaryNode(asBuffer(bytes)), same)
  } catch {
    return undefined
  }
}

/** Random stanzas, each with the seed that makes it again. */
function* stanzas(seed: string, count: number): Generator<{ seed: string; node: BinaryNode }> {
  for (let index = 0; index < count; index++) {
    const own = `${seed}/${String(index)}`
    yield { seed: own, node: randomNode(seededRandom(own), 0) }
  }
}

describe('random stanzas', () => {
  test('have the bytes that Baileys gives them, and read back in both', async () => {
    for (const { seed, node } of stanzas('binary equality', 4000)) {
      const bytes = encodeNode(node)
      expect(toHex(bytes), seed).toBe(toHex(encodeBinaryNode(node as BaileysNode)))
      const expected = plain(node, arriving)
      expect(plain(decodeNode(bytes), same), seed).toEqual(expected)
      expect(await baileysReads(bytes), seed).toEqual(expected)
    }
  })

  test('read the same when their frame is compressed', () => {
    for (const { seed, node } of stanzas('binary compressed', 300)) {
      const frame = concatBytes(Uint8Array.of(2), deflateSync(encodeNode(node).subarray(1)))
      expect(plain(decodeNode(frame), same), seed).toEqual(plain(node, arriving))
    }
  })

  test('read the same in the Rust codec, and its bytes read the same here', () => {
    // Its habits: the server is written without the @ that stands before no user; what is empty or blank is left out.
    const text = (value: string): string => arriving(value).replace(/^@(?=s\.whatsapp\.net$)/, '')
    const asRust = (node: { tag: string; attrs: unknown; content?: unknown }): Plain =>
      dropEmpty(plain(node, text))
    for (const { seed, node } of stanzas('binary rust', 2000)) {
      const expected = asRust(node)
      expect(asRust(rustDecode(encodeNode(node))), seed).toEqual(expected)
      expect(asRust(decodeNode(rustEncode(node as never))), seed).toEqual(expected)
    }
  })
})

describe('arbitrary text', () => {
  const jidLike = fc.string({ unit: fc.constantFrom(...Array.from('0123456789AFaf.-_:@ xé')), maxLength: 24 })
  const server = fc.constantFrom(...SERVERS, 'interop', 'example.org', '')
  const device = fc.constantFrom('', ':0', ':7', ':255', ':07', ':x', ':')
  const address = fc.tuple(jidLike, device, server).map(([user, suffix, name]) => `${user}${suffix}@${name}`)
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    jidLike,
    address,
    fc.constantFrom(...WORDS, 'constructor', '__proto__', 'toString', '\ud800', '\0'),
  )
  const content = fc.oneof(fc.constant(undefined), text, fc.uint8Array({ maxLength: 64 }))
  const stanza = fc
    .tuple(text, fc.array(fc.tuple(text, text), { maxLength: 4 }), content)
    .map(([tag, attributes, inside]) => {
      const attrs: Record<string, string> = {}
      for (const [name, value] of attributes) {
        Object.defineProperty(attrs, name, { value, enumerable: true, configurable: true, writable: true })
      }
      return inside === undefined ? { tag, attrs } : { tag, attrs, content: inside }
    })

  test('reads back as it was, here and in Baileys, with the bytes of Baileys wherever those read back', async () => {
    await fc.assert(
      fc.asyncProperty(stanza, async (node) => {
        let bytes: Uint8Array
        try {
          bytes = encodeNode(node)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
          return
        }
        const expected = plain(node, arriving)
        expect(plain(decodeNode(bytes), same)).toEqual(expected)
        const theirs = encodeBinaryNode(node)
        const reread = await baileysReads(theirs)
        // Their decoder drops an attribute of this name, on any bytes.
        if (!Object.hasOwn(node.attrs, '__proto__')) expect(await baileysReads(bytes)).toEqual(expected)
        if (JSON.stringify(reread) === JSON.stringify(expected)) expect(toHex(bytes)).toBe(toHex(theirs))
      }),
      { numRuns: 5000 },
    )
  })
})

describe('damaged frames', () => {
  /** What reading gives; anything but a stanza or a `ProtocolError` escapes and fails the test. */
  function read(frame: Uint8Array): BinaryNode | undefined {
    try {
      return decodeNode(frame)
    } catch (error) {
      if (error instanceof ProtocolError) return undefined
      throw error
    }
  }

  test('of random bytes are refused or read, never anything else', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 2, 255), fc.uint8Array({ maxLength: 400 }), (flags, rest) => {
        read(concatBytes(Uint8Array.of(flags), rest))
      }),
      { numRuns: 5000 },
    )
  })

  test('that begin like a stanza are refused, or read as Baileys reads them', async () => {
    const tag = fc.constantFrom(
      0,
      3,
      17,
      25,
      236,
      239,
      240,
      245,
      246,
      247,
      248,
      249,
      250,
      251,
      252,
      253,
      254,
      255,
    )
    const small = fc.integer({ min: 0, max: 6 })
    await fc.assert(
      fc.asyncProperty(small, fc.array(fc.oneof(tag, small), { maxLength: 60 }), async (size, rest) => {
        const frame = Uint8Array.of(0, 248, size, 25, ...rest)
        const node = read(frame)
        if (node !== undefined) expect(plain(node, same)).toEqual(await baileysReads(frame))
      }),
      { numRuns: 10_000 },
    )
  })

  test('made from good ones by flipping, cutting and inserting are refused, or read as Baileys reads them', async () => {
    let readable = 0
    for (const { seed, node } of stanzas('binary mutation', 1500)) {
      const random = seededRandom(`${seed} damage`)
      let frame = encodeNode(node)
      for (let count = 1 + randomInteger(random, 3); count > 0; count--) {
        const at = 1 + randomInteger(random, frame.length - 1)
        const insert = random.bytes(randomInteger(random, 3))
        frame = concatBytes(frame.subarray(0, at), insert, frame.subarray(at + randomInteger(random, 3)))
      }
      const result = read(frame)
      if (result === undefined) continue
      readable++
      expect(plain(result, same), seed).toEqual(await baileysReads(frame))
      expect(printNode(result), seed).toContain('<')
    }
    expect(readable).toBeGreaterThan(50)
  })

  test('cut off anywhere are refused', () => {
    for (const { seed, node } of stanzas('binary truncation', 60)) {
      const frame = encodeNode(node)
      for (let length = 0; length < Math.min(frame.length, 600); length++) {
        expect(read(frame.subarray(0, length)), `${seed} cut to ${String(length)}`).toBeUndefined()
      }
    }
  })
})
