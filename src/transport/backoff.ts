/**
 * How long to wait before the next attempt to connect. Pure arithmetic: counting attempts, waiting, and deciding when
 * a connection was good enough to start from one again are the caller's.
 */
import { UsageError } from '../base/errors.ts'
import { type RandomSource, randomInteger } from '../base/random.ts'

/** No delay is ever longer: 15 minutes. */
export const MAX_RECONNECT_DELAY_MS = 900_000

const UNIT_MS = 1000
/** A delay is spread over plus and minus this share, so that many clients cut off together do not come back together. */
const JITTER_SHARE = 0.1
/** The longest delay before spreading: the cap must hold afterwards too, and clipping would bring clients together again. */
const MAX_BASE_MS = MAX_RECONNECT_DELAY_MS / (1 + JITTER_SHARE)
const JITTER_STEPS = 1_000_000

/**
 * The delay before attempt `attempt`: Fibonacci seconds (1, 1, 2, 3, 5, 8, ...), spread by ±10 %, never above 900 s.
 *
 * @param attempt - 1 for the first attempt after a loss
 * @param random - where the spread comes from
 * @returns whole milliseconds
 * @throws {UsageError} `WATON_BACKOFF_ATTEMPT` when `attempt` is not a positive whole number
 * @source whatsapp-rust 0.7 waits by the same series, spread and cap
 */
export function reconnectDelayMs(attempt: number, random: RandomSource): number {
  if (!Number.isSafeInteger(attempt) || attempt < 1) {
    throw new UsageError(
      'WATON_BACKOFF_ATTEMPT',
      'attempts are counted from 1 in whole numbers; pass the number of the next attempt',
      {
        details: { attempt },
      },
    )
  }
  const spread = 1 + JITTER_SHARE * ((2 * randomInteger(random, JITTER_STEPS + 1)) / JITTER_STEPS - 1)
  return Math.round(fibonacciMs(attempt) * spread)
}

function fibonacciMs(attempt: number): number {
  let current = UNIT_MS
  let next = UNIT_MS
  for (let n = 1; n < attempt && current < MAX_BASE_MS; n++) [current, next] = [next, current + next]
  return Math.min(current, MAX_BASE_MS)
}
