/** Draws a fault plan from a seed: for runs in which nobody chose what goes wrong. */
import { UsageError } from '../../base/errors.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import type { TraceDirection } from '../trace.ts'
import { MAX_FAULTS } from './plan.ts'
import type { FaultName, FaultPlan, PlannedFault } from './plan.ts'

/** What to draw. */
export interface DrawOptions {
  /** The same seed draws the same plan. */
  readonly seed: string | number
  /** How many faults. */
  readonly count: number
  /** Which kinds; each is as likely as the others. @default all */
  readonly kinds?: readonly FaultName[]
  /** The last frame, stanza or answer that something happens to. @default 60 */
  readonly within?: number
  /** The longest delay, and the longest refusal of connections. @default 5,000 */
  readonly maxMs?: number
  /** Whose connections; see `PlannedFault`. @default everybody's */
  readonly device?: string
}

const ALL: readonly FaultName[] = [
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
const DIRECTIONS: readonly TraceDirection[] = ['client-to-server', 'server-to-client']
const DEFAULT_WITHIN = 60
const DEFAULT_MAX_MS = 5_000
/** About the length of a frame of a conversation: how far a cut at a byte lies with the same `within`. */
const BYTES_PER_FRAME = 150

/**
 * A plan with as many faults as asked for. The same options give the same plan.
 *
 * @throws {UsageError} `WATON_SIMULATOR_FAULT_DRAW` for numbers or kinds that make no plan
 */
export function drawFaults(options: DrawOptions): FaultPlan {
  const { seed, count, kinds = ALL, within = DEFAULT_WITHIN, maxMs = DEFAULT_MAX_MS, device } = options
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
    const kind = kinds[randomInteger(random, kinds.length)] ?? 'cut'
    return { ...draw(kind, random, { within, maxMs }), ...(device === undefined ? {} : { device }) }
  })
  return { seed, faults }
}

function draw(
  kind: FaultName,
  random: RandomSource,
  limits: { within: number; maxMs: number },
): PlannedFault {
  const direction = DIRECTIONS[randomInteger(random, DIRECTIONS.length)] ?? 'client-to-server'
  const place = 1 + randomInteger(random, limits.within)
  const forMs = 1 + randomInteger(random, limits.maxMs)
  const isAtByte = randomInteger(random, 2) === 1
  const frame = { direction, frame: place }
  switch (kind) {
    case 'cut':
      if (!isAtByte) return { fault: kind, at: frame }
      return {
        fault: kind,
        at: { direction, byte: place * BYTES_PER_FRAME + randomInteger(random, BYTES_PER_FRAME) },
      }
    case 'drop':
      return { fault: kind, at: frame, cutAfterMs: forMs }
    case 'delay':
      return { fault: kind, at: frame, forMs }
    case 'corrupt':
    case 'restart':
      return { fault: kind, at: frame }
    case 'duplicate':
      return { fault: kind, at: { direction, stanza: place } }
    case 'reorder':
      return { fault: kind, at: { direction, stanza: place }, behind: 1 + randomInteger(random, 3) }
    case 'hold-answers':
      return { fault: kind, at: { answer: place }, count: 1 + randomInteger(random, 2) }
    case 'refuse-connections':
      return { fault: kind, at: frame, forMs }
  }
}
