/** Draws a fault plan from a seed: for runs in which nobody chose what goes wrong. */
import { UsageError } from '../../base/errors.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { TraceDirection } from '../trace.ts'
import { MAX_FAULTS } from './plan.ts'
import type { AtByte, AtFrame, FaultName, FaultPlan, PlannedFault } from './plan.ts'

/** What to draw. */
export interface DrawOptions {
  /** The same seed draws the same plan. */
  readonly seed: string | number
  /** How many faults. */
  readonly count: number
  /** Which kinds; each is as likely as the others. @default all but `lose` and `refuse`, which change what a client is told */
  readonly kinds?: readonly FaultName[]
  /** The last frame, stanza or answer that something happens to. @default 60 */
  readonly within?: number
  /** The longest delay, and the longest refusal of connections. @default 5,000 */
  readonly maxMs?: number
  /** Whose connections; see `PlannedFault`. @default everybody's */
  readonly device?: string
}

const DEFAULT_KINDS: readonly FaultName[] = [
  'cut',
  'drop',
  'delay',
  'corrupt',
  'duplicate',
  'reorder',
  'hold-answers',
  'refuse-connections',
  'restart',
]
const ALL: readonly FaultName[] = [...DEFAULT_KINDS, 'lose', 'refuse']
/** Numbers that the server refuses messages with. @source reference whatsmeow `send.go`, Baileys `Types/Message` and WA Web */
const REFUSALS: readonly number[] = [400, 463, 475, 479, 500]
const DIRECTIONS: readonly TraceDirection[] = ['client-to-server', 'server-to-client']
const DEFAULT_WITHIN = 60
const DEFAULT_MAX_MS = 5_000
const ACKS = { direction: 'server-to-client', tags: ['ack'] } as const
/** About the length of a frame of a conversation: how far a cut at a byte lies with the same `within`. */
const BYTES_PER_FRAME = 150

/**
 * A plan with as many faults as asked for. The same options give the same plan.
 *
 * @throws {UsageError} `WATON_SIMULATOR_FAULT_DRAW` for numbers or kinds that make no plan
 */
export function drawFaults(options: DrawOptions): FaultPlan {
  const {
    seed,
    count,
    kinds = DEFAULT_KINDS,
    within = DEFAULT_WITHIN,
    maxMs = DEFAULT_MAX_MS,
    device,
  } = options
  const areNumbersRight = [count, within, maxMs].every((value) => Number.isSafeInteger(value) && value > 0)
  if (
    !areNumbersRight ||
    count > MAX_FAULTS ||
    kinds.length === 0 ||
    kinds.some((kind) => !ALL.includes(kind))
  ) {
    throw new UsageError(
      'WATON_SIMULATOR_FAULT_DRAW',
      `count (at most ${String(MAX_FAULTS)}), within and maxMs are whole numbers from 1, and kinds are of: ${ALL.join(', ')}`,
    )
  }
  const random = seededRandom(`draw ${String(seed)}`)
  const faults = Array.from({ length: count }, () => {
    const kind = oneOf(random, kinds, 'cut')
    return { ...draw(kind, random, { within, maxMs }), ...(device === undefined ? {} : { device }) }
  })
  return { seed, faults }
}

function draw(
  kind: FaultName,
  random: RandomSource,
  limits: { within: number; maxMs: number },
): PlannedFault {
  const direction = oneOf(random, DIRECTIONS, 'client-to-server')
  const place = 1 + randomInteger(random, limits.within)
  const forMs = 1 + randomInteger(random, limits.maxMs)
  const isAtByte = randomInteger(random, 2) === 1
  const frame: AtFrame = { direction, frame: place }
  if (kind === 'lose') return { fault: kind, at: { ...ACKS, stanza: place } }
  if (kind === 'refuse') {
    const at = { direction: 'client-to-server', stanza: place } as const
    return { fault: kind, at, code: oneOf(random, REFUSALS, 400) }
  }
  return drawOfNetwork(kind, frame, { isAtByte, forMs, random })
}

function drawOfNetwork(
  kind: Exclude<FaultName, 'lose' | 'refuse'>,
  at: AtFrame,
  { isAtByte, forMs, random }: { isAtByte: boolean; forMs: number; random: RandomSource },
): PlannedFault {
  const { direction, frame: place } = at
  switch (kind) {
    case 'cut':
      return { fault: kind, at: isAtByte ? byteNear(place, direction, random) : at }
    case 'drop':
      return { fault: kind, at, cutAfterMs: forMs }
    case 'delay':
      return { fault: kind, at, forMs }
    case 'corrupt':
    case 'restart':
      return { fault: kind, at }
    case 'duplicate':
      return { fault: kind, at: { direction, stanza: place } }
    case 'reorder':
      return { fault: kind, at: { direction, stanza: place }, behind: 1 + randomInteger(random, 3) }
    case 'hold-answers':
      return { fault: kind, at: { answer: place }, count: 1 + randomInteger(random, 2) }
    case 'refuse-connections':
      return { fault: kind, at, forMs }
  }
}

function byteNear(place: number, direction: TraceDirection, random: RandomSource): AtByte {
  return { direction, byte: place * BYTES_PER_FRAME + randomInteger(random, BYTES_PER_FRAME) }
}

function oneOf<Value>(random: RandomSource, values: readonly Value[], otherwise: Value): Value {
  return values[randomInteger(random, values.length)] ?? otherwise
}
