/**
 * Token buckets by name: so much at once, and so much in the long run. What finds its bucket empty is the caller's to
 * drop or to keep waiting. A bucket that was not used lately is forgotten, which makes it full again.
 *
 * @source whatsapp-rust `src/retry.rs`, #871: 20 at once, 10 a minute; without it a storm of 25,000 receipts got an account locked
 */
import { BoundedMap } from '../../base/bounded-map.ts'

/** At once. */
const BURST = 20

/** One more after so long. */
const REFILL_MS = 6_000

/** Buckets at most. */
const MAX_BUCKETS = 4_096

interface Bucket {
  readonly tokens: number
  /** Refilled up to here. */
  readonly atMs: number
}

/** See the file comment. */
export class TokenBuckets {
  readonly #buckets = new BoundedMap<string, Bucket>(MAX_BUCKETS)

  /** Takes a token from each bucket, or from none when one is empty. Returns whether there was one in each. */
  take(names: readonly string[], nowMs: number): boolean {
    const filled = names.map((name) => this.#filled(name, nowMs))
    if (filled.some(({ tokens }) => tokens < 1)) return false
    for (const [index, name] of names.entries()) {
      const bucket = filled[index]
      if (bucket !== undefined) this.#buckets.set(name, { ...bucket, tokens: bucket.tokens - 1 })
    }
    return true
  }

  /** How long it is until there is a token in each bucket; 0 when there is. */
  pauseMs(names: readonly string[], nowMs: number): number {
    const pauses = names.map((name) => {
      const { tokens, atMs } = this.#filled(name, nowMs)
      return tokens < 1 ? atMs + REFILL_MS - nowMs : 0
    })
    return Math.max(0, ...pauses)
  }

  #filled(name: string, nowMs: number): Bucket {
    const bucket = this.#buckets.get(name)
    if (bucket === undefined || bucket.atMs > nowMs) return { tokens: BURST, atMs: nowMs }
    const gained = Math.floor((nowMs - bucket.atMs) / REFILL_MS)
    if (bucket.tokens + gained >= BURST) return { tokens: BURST, atMs: nowMs }
    return { tokens: bucket.tokens + gained, atMs: bucket.atMs + gained * REFILL_MS }
  }
}
