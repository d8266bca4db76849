/**
 * The connection is cut before and after every frame, and inside of frames at seeded bytes, while a client is linked,
 * logs in and writes. Whether the server notices the cut is drawn as well; `WATON_CUTS=all` cuts at every frame both ways
 * and at 200 bytes, `WATON_CUTS=20` takes a sample of 20 frames. Another seed with `WATON_SEED`.
 */
import { describe, expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { describeCut } from './cut-socket.ts'
import type { Cut, Direction } from './cut-socket.ts'
import { WHOLE, runStory } from './cut-scenario.ts'
import type { CutEvidence } from './cut-scenario.ts'

const seed = process.env.WATON_SEED ?? '20'
const isLong = process.env.WATON_CUTS === 'all'
const sampleSize = isLong ? Infinity : Number(process.env.WATON_CUTS ?? Infinity)
const byteCuts = isLong ? 200 : Math.min(30, sampleSize)

/** Stories told at the same time. */
const PARALLEL = 4

const DIRECTIONS: readonly Direction[] = ['sent', 'received']

function frameCuts(passed: CutEvidence['passed'], random: RandomSource): Cut[] {
  const both = DIRECTIONS.flatMap((direction) =>
    [...passed[direction].frameEnds.keys()].flatMap((index) => [
      { direction, at: 'before frame' as const, position: index + 1 },
      { direction, at: 'after frame' as const, position: index + 1 },
    ]),
  )
  return both.flatMap((cut) => {
    const ways = isLong ? [false, true] : [randomInteger(random, 2) === 1]
    return ways.map((isHalfOpen) => ({ ...cut, isHalfOpen }))
  })
}

/** Inside of frames, each as likely as the other: the key upload has most of the bytes. */
function byteCutsOf(passed: CutEvidence['passed'], random: RandomSource): Cut[] {
  return Array.from({ length: byteCuts }, (_, index) => {
    const direction = index % 2 === 0 ? 'sent' : 'received'
    const { frameEnds } = passed[direction]
    const frame = randomInteger(random, frameEnds.length)
    const start = frameEnds[frame - 1] ?? 0
    const position = start + 1 + randomInteger(random, (frameEnds[frame] ?? 0) - start - 1)
    return { direction, at: 'byte', position, isHalfOpen: randomInteger(random, 2) === 1 }
  })
}

/** A seeded sample in the original order. */
function sample(cuts: readonly Cut[], size: number, random: RandomSource): Cut[] {
  const left = [...cuts.keys()]
  while (left.length > size) left.splice(randomInteger(random, left.length), 1)
  return left.flatMap((index) => cuts[index] ?? [])
}

/** What is wrong with how each story ended; empty when all is well. */
async function failuresOf(cuts: readonly Cut[]): Promise<readonly object[]> {
  const failures: object[] = []
  const waiting = [...cuts]
  const worker = async (): Promise<void> => {
    for (let cut = waiting.shift(); cut !== undefined; cut = waiting.shift()) {
      const failure = await failureOf(cut)
      if (failure !== undefined) failures.push({ cut: describeCut(cut), ...failure })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return failures
}

async function failureOf(cut: Cut): Promise<object | undefined> {
  try {
    return defectsOf(await runStory(seed, cut), cut)
  } catch (error) {
    return { error: String(error) }
  }
}

function defectsOf(evidence: CutEvidence, cut: Cut): object | undefined {
  const { devices, me, proof } = evidence
  const expected = { ...WHOLE, isCut: true, devices: [me] }
  const actual = { ...evidence, isCut: proof?.cut === cut, devices }
  const wrong = Object.entries(expected).filter(
    ([name, value]) => JSON.stringify(actual[name as keyof typeof actual]) !== JSON.stringify(value),
  )
  if (wrong.length === 0) return undefined
  return Object.fromEntries(wrong.map(([name]) => [name, actual[name as keyof typeof actual]]))
}

const dry = await runStory(seed)
const random = seededRandom(`cuts ${seed}`)

describe(`linking, login and chat (seed ${seed})`, () => {
  test('come to their end without a cut', () => {
    expect(dry).toMatchObject({ ...WHOLE, devices: [dry.me] })
    expect(dry.passed.sent.frameEnds.length).toBeGreaterThan(10)
    expect(dry.passed.received.frameEnds.length).toBeGreaterThan(10)
  })

  const frames = sample(frameCuts(dry.passed, random), sampleSize, random)
  test(`survive a cut at a frame (${String(frames.length)} cuts)`, { timeout: 900_000 }, async () => {
    expect(await failuresOf(frames)).toEqual([])
  })

  const bytes = byteCutsOf(dry.passed, random)
  test(
    `survive a cut in the middle of the bytes (${String(bytes.length)} cuts)`,
    { timeout: 900_000 },
    async () => {
      expect(await failuresOf(bytes)).toEqual([])
    },
  )
})
