/**
 * Every parser of `protocol/stanza`, found by its name, on stanzas of a real conversation of an unmodified Baileys with
 * the simulator that were damaged in any way, as trees and as bytes: a result in proportion, or a typed refusal.
 *
 * A new parser (`parseSomething`) or query (`defineIq`) that the folder's index exports is tested here by itself.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startSimulator } from 'waton/simulator'
import { decodeNode } from '../../src/protocol/binary/decode.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { printNode } from '../../src/protocol/binary/print.ts'
import * as stanzas from '../../src/protocol/stanza/index.ts'
import { Baileys } from '../helpers/baileys.ts'
import { FUZZ_TIMEOUT_MS, budget, expectInProportion, mutation, outcomeOf } from './fuzz/budget.ts'
import { mutateBytes, mutateJson, mutateNode } from './fuzz/mutate.ts'
import { MEX, STANZA_SHAPES, mexNotice } from './fuzz/stanza-shapes.ts'

type Parser = (stanza: BinaryNode) => unknown

const OWN = { pn: '15550000001@s.whatsapp.net', lid: '100000000001@lid' }

/** What a query was asked: enough for the parsers that look at it. */
const QUESTION = { devices: [], users: [], sid: '', jids: [], id: '', ids: [] }

/** Exports with such a name that do not take a stanza. */
const NO_STANZA: ReadonlySet<string> = new Set(['parseRetryKeys'])

/** The parsers that are not called so: they look at a stanza and say what it is, or has. */
const OTHERS: Readonly<Record<string, Parser>> = {
  addressPairs: stanzas.addressPairs,
  addressPairsWithin: stanzas.addressPairsWithin,
  parseRetryKeys: (stanza) => stanzas.parseRetryKeys(stanzas.parseRetryReceipt(stanza)),
  isPairing: stanzas.isPairing,
  isServerPing: stanzas.isServerPing,
  isLinkCodeNotification: stanzas.isLinkCodeNotification,
  isLinkingNotification: stanzas.isLinkingNotification,
  isLinkingRequest: stanzas.isLinkingRequest,
}

function isQuery(value: unknown): value is { parse: (answer: BinaryNode, input: unknown) => unknown } {
  return typeof value === 'object' && value !== null && 'parse' in value && 'build' in value
}

/** Every parser that the folder exports, by name. */
function registry(): ReadonlyMap<string, Parser> {
  const found = new Map<string, Parser>(Object.entries(OTHERS))
  for (const [name, value] of Object.entries(stanzas) as [string, unknown][]) {
    if (isQuery(value)) found.set(name, (stanza) => value.parse(stanza, QUESTION))
    else if (typeof value === 'function' && name.startsWith('parse') && !NO_STANZA.has(name))
      found.set(name, (stanza) => (value as (stanza: BinaryNode, own: typeof OWN) => unknown)(stanza, OWN))
  }
  return found
}

const PARSERS = registry()

/** Whether a parser finds in a stanza what it is for: it is read, and not as nothing. Some queries have no result. */
function isToldBy(name: string, parse: Parser, stanza: BinaryNode): boolean {
  const outcome = outcomeOf(() => parse(stanza))
  if (!('result' in outcome)) return false
  const { result } = outcome
  if (result === undefined) return isQuery((stanzas as Record<string, unknown>)[name])
  return result !== false && !(Array.isArray(result) && result.length === 0)
}

interface Corpus {
  readonly stanzas: readonly BinaryNode[]
  readonly frames: readonly Uint8Array[]
}

let recording: Promise<Corpus> | undefined

/** The conversation, recorded by whichever test needs it first. */
function recorded(): Promise<Corpus> {
  recording ??= record()
  return recording
}

async function record(): Promise<Corpus> {
  const simulator = await startSimulator({ seed: 'fuzz corpus' })
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const baileys = await Baileys.link(simulator, alice)
  await baileys.send('15550000002@s.whatsapp.net', 'from Baileys')
  await bob.waitForMessage(({ text }) => text === 'from Baileys')
  await bob.send('15550000001@s.whatsapp.net', { text: 'to Baileys' })
  await baileys.waitForText('to Baileys')
  const trace = simulator.trace.stanzas().map((entry) => entry.node)
  await baileys.quit()
  await simulator.close()
  const stanzas = [...trace, ...STANZA_SHAPES]
  return { stanzas, frames: stanzas.map(encodeNode) }
}

describe('the corpus', () => {
  test('has what Baileys sent and what it was sent, and every parser reads something of it', async () => {
    const { stanzas: corpus } = await recorded()
    const tags = new Set(corpus.map(({ tag }) => tag))
    for (const tag of ['iq', 'message', 'receipt', 'ack', 'success', 'ib', 'notification'])
      expect(tags).toContain(tag)
    const untold = [...PARSERS].filter(
      ([name, parse]) => !corpus.some((stanza) => isToldBy(name, parse, stanza)),
    )
    expect(
      untold.map(([name]) => name),
      'add what they read to fuzz/stanza-shapes.ts',
    ).toEqual([])
  })
})

describe.each([...PARSERS])('%s', (name, parse) => {
  test(
    'reads damaged stanzas or refuses them, never anything else',
    async () => {
      const { stanzas: corpus } = await recorded()
      const telling = corpus.filter((stanza) => isToldBy(name, parse, stanza))
      fc.assert(
        fc.property(fc.boolean(), fc.nat(), mutation, (isOwn, index, seed) => {
          // half of the time one of those that it is for, which may be few among many
          const kinds = isOwn ? telling : corpus
          const stanza = mutateNode(kinds[index % kinds.length] ?? node('iq'), corpus, seed)
          const outcome = outcomeOf(() => parse(stanza))
          if ('result' in outcome) expectInProportion(outcome.result, printNode(stanza).length)
        }),
        budget(250),
      )
    },
    FUZZ_TIMEOUT_MS,
  )
})

describe('the JSON of a mex notification', () => {
  test(
    'of another shape is read',
    () => {
      fc.assert(
        fc.property(fc.nat({ max: MEX.length - 1 }), mutation, (index, seed) => {
          const json = JSON.stringify(mutateJson(mutateJson(MEX[index], seed), seed + 1))
          const outcome = outcomeOf(() => stanzas.parseMex(mexNotice(json)))
          expect(outcome).toHaveProperty('result')
          if ('result' in outcome) expectInProportion(outcome.result, json.length)
        }),
        budget(1000),
      )
    },
    FUZZ_TIMEOUT_MS,
  )

  test.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of %s nested without end is refused: whoever keeps it would run out of stack', (_what, open, close) => {
    for (const levels of [100, 5000, 200_000]) {
      const json = `{"x":${open.repeat(levels)}0${close.repeat(levels)}}`
      expect(outcomeOf(() => stanzas.parseMex(mexNotice(json)))).toMatchObject({
        refusal: { code: 'WATON_MEX_JSON' },
      })
    }
  })
})

describe('damaged frames', () => {
  test(
    'are refused with the place and the reason, or read as a stanza that every parser can be given',
    async () => {
      const { frames } = await recorded()
      let readable = 0
      let refused = 0
      fc.assert(
        fc.property(fc.nat(), mutation, (index, seed) => {
          const frame = mutateBytes(frames[index % frames.length] ?? new Uint8Array(0), seed)
          const outcome = outcomeOf(() => decodeNode(frame))
          if ('refusal' in outcome) {
            refused += 1
            const { code, details } = outcome.refusal
            if (code !== 'WATON_NODE_MALFORMED') return
            expect(details.offset).toBeTypeOf('number')
            expect(details.offset).toBeLessThanOrEqual(frame.length)
            expect(details.reason).toBeTypeOf('string')
            return
          }
          readable += 1
          expectInProportion(outcome.result, frame.length)
          for (const parser of PARSERS.values()) outcomeOf(() => parser(outcome.result as BinaryNode))
        }),
        budget(2000),
      )
      expect(Math.min(readable, refused)).toBeGreaterThan(20)
    },
    FUZZ_TIMEOUT_MS,
  )
})
