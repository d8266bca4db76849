/**
 * The connection is cut before and after every frame, and inside of frames at seeded bytes, while a client is linked (by
 * QR code, and by a code that is typed in), logs in and writes. Whether the server notices the cut is drawn as well; `WATON_CUTS=all` cuts at every frame both ways
 * and at 200 bytes; without it the stories by typed code are cut only while they link, since what follows is the same. `WATON_CUTS=20` takes a sample of 20 frames. Another seed with `WATON_SEED`.
 */
import { describe, expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { describeCut } from './cut-socket.ts'
import type { Cut, Direction, Passed } from './cut-socket.ts'
import { WHOLE, runStory } from './cut-scenario.ts'
import type { CutEvidence, Way } from './cut-scenario.ts'

const seed = process.env.WATON_SEED ?? '20'
const isLong = process.env.WATON_CUTS === 'all'
const sampleSize = isLong ? Infinity : Number(process.env.WATON_CUTS ?? Infinity)
const byteCuts: Readonly<Record<Way, number>> = isLong
  ? { qr: 200, code: 200 }
  : { qr: Math.min(30, sampleSize), code: Math.min(10, sampleSize) }

/** Stories told at the same time. */
const PARALLEL = 4

const DIRECTIONS: readonly Direction[] = ['sent', 'received']

function frameCuts(way: Way, passed: CutEvidence['passed'], random: RandomSource): Cut[] {
  const both = DIRECTIONS.flatMap((direction) =>
    countingTo(framesToCut(way, passed[direction])).flatMap((position) => [
      { direction, at: 'before frame' as const, position },
      { direction, at: 'after frame' as const, position },
    ]),
  )
  return both.flatMap((cut) => {
    const ways = isLong ? [false, true] : [randomInteger(random, 2) === 1]
    return ways.map((isHalfOpen) => ({ ...cut, isHalfOpen }))
  })
}

/** From the front, how many frames of a direction are cut. */
function framesToCut(way: Way, { frameEnds, linkingFrames }: Passed): number {
  return isLong || way === 'qr' ? frameEnds.length : linkingFrames
}

/** Inside of frames, each as likely as the other: the key upload has most of the bytes. */
function byteCutsOf(way: Way, passed: CutEvidence['passed'], random: RandomSource): Cut[] {
  return Array.from({ length: byteCuts[way] }, (_, index) => {
    const direction = index % 2 === 0 ? 'sent' : 'received'
    const { frameEnds } = passed[direction]
    const frame = randomInteger(random, framesToCut(way, passed[direction]))
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

interface Outcomes {
  readonly failures: readonly object[]
  readonly doubts: readonly string[]
}

/** What is wrong with how each story ended, empty when all is well; and what cuts swallowed where they left a link in doubt. */
async function outcomesOf(way: Way, cuts: readonly Cut[]): Promise<Outcomes> {
  const failures: object[] = []
  const doubts = new Set<string>()
  const waiting = [...cuts]
  const worker = async (): Promise<void> => {
    for (let cut = waiting.shift(); cut !== undefined; cut = waiting.shift()) {
      const failure = await failureOf(way, cut, doubts)
      if (failure !== undefined) failures.push({ cut: describeCut(cut), ...failure })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return { failures, doubts: [...doubts].sort() }
}

async function failureOf(way: Way, cut: Cut, doubts: Set<string>): Promise<object | undefined> {
  try {
    const evidence = await runStory(seed, way, cut)
    if (evidence.doubt !== undefined) doubts.add(evidence.doubt)
    return defectsOf(evidence, cut)
  } catch (error) {
    return { error: String(error) }
  }
}

function defectsOf(evidence: CutEvidence, cut: Cut): object | undefined {
  const { devices, me, proof } = evidence
  const expected = { ...WHOLE, isCut: true, traced: [describeCut(cut)], devices: [me] }
  const actual = { ...evidence, isCut: proof?.cut === cut, devices }
  const wrong = Object.entries(expected).filter(
    ([name, value]) => JSON.stringify(actual[name as keyof typeof actual]) !== JSON.stringify(value),
  )
  if (wrong.length === 0) return undefined
  return Object.fromEntries(wrong.map(([name]) => [name, actual[name as keyof typeof actual]]))
}

function countingTo(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index + 1)
}

/** Positions from 1 up, each once. */
function everyFrame(cuts: readonly Cut[], direction: Direction, at: Cut['at']): readonly number[] {
  return [
    ...new Set(
      cuts.filter((cut) => cut.direction === direction && cut.at === at).map(({ position }) => position),
    ),
  ]
}

const ways: readonly Way[] = ['qr', 'code']
const dry = new Map<Way, CutEvidence>()
for (const way of ways) dry.set(way, await runStory(seed, way))

describe.each([...dry])(`linking by %s, login and chat (seed ${seed})`, (way, { passed, ...evidence }) => {
  const random = seededRandom(`cuts ${seed} ${way}`)
  const all = frameCuts(way, passed, random)

  test('come to their end without a cut', () => {
    expect(evidence).toMatchObject({ ...WHOLE, traced: [], devices: [evidence.me] })
    for (const direction of DIRECTIONS) {
      expect(passed[direction].frameEnds.length).toBeGreaterThan(10)
      const positions = countingTo(framesToCut(way, passed[direction]))
      expect(everyFrame(all, direction, 'before frame')).toEqual(positions)
      expect(everyFrame(all, direction, 'after frame')).toEqual(positions)
    }
  })

  const frames = sample(all, sampleSize, random)
  test(`survive a cut at a frame (${String(frames.length)} cuts)`, { timeout: 900_000 }, async () => {
    const { failures, doubts } = await outcomesOf(way, frames)
    expect(failures).toEqual([])
    // the cuts that used to cost refused logins are among them, in both forms
    if (frames.length === all.length) expect(doubts).toEqual(['answer', 'word of it'])
  })

  const bytes = byteCutsOf(way, passed, random)
  test(
    `survive a cut in the middle of the bytes (${String(bytes.length)} cuts)`,
    { timeout: 900_000 },
    async () => {
      expect(await outcomesOf(way, bytes)).toMatchObject({ failures: [] })
    },
  )
})
