/**
 * Every parser of bytes and of addresses: damaged and random inputs are read or refused with an error of ours, in memory
 * that the input explains. Stanzas are in `stanzas.property.test.ts`, stored rows in `stored.property.test.ts`.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/base/bytes.ts'
import { ProtocolError } from '../../src/base/errors.ts'
import { MAX_INFLATED_BYTES, decodeNode } from '../../src/protocol/binary/decode.ts'
import * as jids from '../../src/protocol/jid.ts'
import { unwrapEphemeral } from '../../src/protocol/pairing/link-code.ts'
import * as stanzas from '../../src/protocol/stanza/index.ts'
import { FrameParser } from '../../src/transport/framing.ts'
import { FUZZ_TIMEOUT_MS, budget, expectInProportion, mutation, outcomeOf, typed } from './fuzz/budget.ts'
import { PROTO_TYPES, byteParsers } from './fuzz/byte-parsers.ts'
import type { ByteParser } from './fuzz/byte-parsers.ts'
import { mutateBytes } from './fuzz/mutate.ts'

/** Functions of the sources whose name says that they read something from outside. */
const READS = /^export (?:async )?function ((?:parse|decode|read|unpad|unwrap|accept)[A-Z]\w*)/gm

/** Readers that are tested elsewhere, or only as a part of another one. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['decodeProto', 'with every generated type'],
  ['readFields', 'as part of the Signal messages'],
  ['parseServerHello', 'as part of readServerHello'],
  ['unwrapMessage', 'as part of contentOf'],
  ['readInfo', 'as part of readWebMessageInfo'],
  ['readPragma', 'reads what SQLite answers'],
  ['readPage', 'stored.property.test.ts'],
  ['readLog', 'stored.property.test.ts'],
  ['decodeEvent', 'stored.property.test.ts'],
  ['readableContent', 'as part of messagePayload, stored.property.test.ts'],
  ['readFailure', 'makes an error'],
  ['readContact', 'reads what a caller gives, numbers.test.ts'],
  ['readPublicPage', 'reads what a server sends, public-page.test.ts'],
])

const PARSERS = await byteParsers()

function check(parser: ByteParser, bytes: Uint8Array): boolean {
  const outcome = outcomeOf(() => parser.parse(bytes))
  if ('refusal' in outcome) return false
  expectInProportion(outcome.result, bytes.length)
  return true
}

describe.each(PARSERS.map((parser) => [parser.name, parser] as const))('%s', (_name, parser) => {
  test(
    'reads damaged and random bytes or refuses them, never anything else',
    () => {
      let refused = 0
      const index = fc.nat({ max: parser.valid.length - 1 })
      fc.assert(
        fc.property(index, mutation, (which, seed) => {
          if (!check(parser, mutateBytes(parser.valid[which] ?? new Uint8Array(0), seed))) refused += 1
        }),
        budget(250),
      )
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          check(parser, bytes)
        }),
        budget(250),
      )
      // a parser that takes anything would make this test worth nothing
      if (!['agreeByLinkCode', 'readServiceWorker', 'decodePage'].includes(parser.name))
        expect(refused).toBeGreaterThan(0)
    },
    FUZZ_TIMEOUT_MS,
  )
})

/** What a byte that cannot be there, or one that is missing, is refused with. */
const BROKEN_OFF: ReadonlySet<string> = new Set([
  'WATON_NODE_MALFORMED',
  'WATON_PROTO_MALFORMED',
  'WATON_SIGNAL_MALFORMED',
  'WATON_SIGNAL_RECORD_MALFORMED',
  'WATON_SENDER_KEY_RECORD_MALFORMED',
])

describe('a refusal of bytes', () => {
  test('says where they stop making sense, and why', () => {
    const seen = new Set<string>()
    for (const { name, parse, valid } of PARSERS) {
      for (const bytes of valid) {
        const cut = Array.from(bytes.subarray(0, 400), (_, length) => bytes.subarray(0, length))
        const damaged = Array.from({ length: 300 }, (_, number) => mutateBytes(bytes, number))
        for (const input of [...cut, ...damaged]) {
          const outcome = outcomeOf(() => parse(input))
          if (!('refusal' in outcome) || !BROKEN_OFF.has(outcome.refusal.code)) continue
          const { code, details, message } = outcome.refusal
          seen.add(code)
          expect(details.offset, `${name}, ${code}: ${message}`).toBeTypeOf('number')
          expect(details.offset).toBeGreaterThanOrEqual(0)
          expect(message).toMatch(/: .{5}/)
        }
      }
    }
    expect([...seen].sort()).toEqual([...BROKEN_OFF].sort())
  })
})

describe('protobuf', () => {
  test(
    'of every generated type reads damaged messages of Baileys, and random bytes, or refuses them',
    () => {
      expect(PROTO_TYPES.length).toBeGreaterThan(100)
      const type = fc.nat({ max: PROTO_TYPES.length - 1 })
      fc.assert(
        fc.property(type, fc.nat(), mutation, (which, index, seed) => {
          const parser = PROTO_TYPES[which]
          const valid = parser?.valid[index % parser.valid.length]
          if (parser === undefined || valid === undefined) return
          check(parser, mutateBytes(valid, seed))
          check(parser, mutateBytes(new Uint8Array(0), seed))
        }),
        budget(2500),
      )
    },
    FUZZ_TIMEOUT_MS,
  )

  test('nested without end is refused', () => {
    // field 37 of Message, viewOnceMessage, in which field 1 is a Message again: as deep as 60 KB can say it
    let bytes = new Uint8Array(0)
    const field = (tag: readonly number[], body: Uint8Array): Uint8Array<ArrayBuffer> =>
      Uint8Array.from([...tag, (body.length & 0x7f) | 0x80, (body.length >> 7) & 0x7f, ...body])
    for (let depth = 0; depth < 150; depth += 1) bytes = field([0xaa, 0x02], field([0x0a], bytes))
    const parser = PARSERS.find(({ name }) => name === 'decodeMessage')
    const outcome = outcomeOf(() => parser?.parse(bytes))
    expect(outcome).toMatchObject({ refusal: { code: 'WATON_PROTO_MALFORMED' } })
  })
})

describe('compressed stanzas', () => {
  test('that expand beyond the limit are refused before anything is made of them', () => {
    const bomb = concatBytes(
      Uint8Array.of(2),
      deflateSync(new Uint8Array(MAX_INFLATED_BYTES + 1), { level: 1 }),
    )
    expect(bomb.length).toBeLessThan(1024 * 1024)
    expect(() => decodeNode(bomb)).toThrow(expect.objectContaining({ code: 'WATON_NODE_INFLATE' }))
  })

  test('within the limit that hold more items than any real one are refused', () => {
    // a list of lists, each of two bytes that cost a hundred in memory
    const size = MAX_INFLATED_BYTES / 16
    const list = new Uint8Array(size).fill(0xf8)
    const bomb = concatBytes(Uint8Array.of(2), deflateSync(list, { level: 1 }))
    expect(() => decodeNode(bomb)).toThrow(ProtocolError)
  })
})

describe('frames', () => {
  test('hold no more memory than was received, whatever length they announce', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (chunks) => {
        const parser = new FrameParser()
        let received = 0
        for (const chunk of chunks) {
          received += chunk.length
          outcomeOf(() => parser.push(chunk))
          expect(parser.pendingBytes).toBeLessThanOrEqual(received)
        }
      }),
      budget(1000),
    )
  })
})

describe('addresses', () => {
  const part = fc.string({
    unit: fc.constantFrom(...Array.from('0123456789.:@_-aélid\u0000')),
    maxLength: 20,
  })
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .tuple(part, fc.constantFrom('s.whatsapp.net', 'lid', 'g.us', 'hosted', '', 'x'))
      .map(([u, s]) => `${u}@${s}`),
  )

  test(
    'of any text are read or refused by every function that takes one',
    () => {
      fc.assert(
        fc.property(text, (jid) => {
          for (const read of [jids.parseJid, jids.userJid, jids.signalAddress]) outcomeOf(() => read(jid))
          outcomeOf(() => jids.withDevice(jid, 3))
          const parsed = jids.tryParseJid(jid)
          jids.parseDevice(jid)
          for (const is of [jids.isPn, jids.isLid, jids.isHosted, jids.isGroup, jids.isServer]) is(jid)
          jids.sameUser(jid, jid)
          if (parsed !== undefined) expect(jids.tryParseJid(jids.formatJid(parsed))).toEqual(parsed)
        }),
        budget(2000),
      )
    },
    FUZZ_TIMEOUT_MS,
  )
})

describe('the key of a phone behind a pairing code', () => {
  test('of a wrong length is refused', async () => {
    for (const length of [0, 1, 79, 81, 500]) {
      const error: unknown = await unwrapEphemeral(new Uint8Array(length), 'ABCD1234').catch(
        (e: unknown) => e,
      )
      expect(typed(error).code).toBe('WATON_PAIRING_WRAPPED_KEY')
    }
  })
})

describe('the list of parsers', () => {
  test('has every function that reads something from outside', () => {
    const listed = new Set([
      ...PARSERS.map(({ name }) => name),
      ...Object.keys(stanzas),
      ...Object.keys(jids),
      'unwrapEphemeral',
      'messagePayload',
      ...ELSEWHERE.keys(),
    ])
    const missing: string[] = []
    for (const folder of ['protocol', 'transport', 'client']) {
      const root = fileURLToPath(new URL(`../../src/${folder}`, import.meta.url))
      for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file.endsWith('.d.ts')) continue
        const source = readFileSync(join(root, file), 'utf8')
        for (const [, name = ''] of source.matchAll(READS))
          if (!listed.has(name)) missing.push(`${folder}/${file}: ${name}`)
      }
    }
    expect(missing, 'add them to tests/properties/fuzz/byte-parsers.ts').toEqual([])
  })
})
