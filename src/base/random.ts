/**
 * Randomness as an injected dependency (promise G9). Key pairs, ids and padding are built from these bytes, so a
 * seeded source gives the same run again.
 */
import { createCipheriv, createHash, randomFillSync } from 'node:crypto'

/** Where random bytes come from. */
export interface RandomSource {
  /** `length` fresh bytes that the caller owns. */
  bytes(length: number): Uint8Array
}

/** The operating system's generator. */
export const systemRandom: RandomSource = { bytes: systemBytes }

const POOL_BYTES = 4096
/** Up to this length a request is served from the pool: padding, ids, and keys, but no bulk data. */
const MAX_POOLED_BYTES = 64
const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

/** A call of the generator costs 1.6 µs whatever its length: small requests share one. What was given out is wiped. */
function systemBytes(length: number): Uint8Array {
  if (length > MAX_POOLED_BYTES) return randomFillSync(new Uint8Array(length))
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = pool.slice(used, used + length)
  pool.fill(0, used, used + length)
  used += length
  return bytes
}

/**
 * A reproducible source for tests and the simulator: AES-256-CTR keyed by SHA-256 of the seed. Never use it for a real account.
 */
export function seededRandom(seed: string | number): RandomSource {
  const key = createHash('sha256')
    .update(`waton seed ${String(seed)}`)
    .digest()
  const stream = createCipheriv('aes-256-ctr', key, new Uint8Array(16))
  return { bytes: (length) => new Uint8Array(stream.update(new Uint8Array(length))) }
}

/** A whole number in `0 .. bound - 1` without modulo bias worth caring about (48 random bits). */
export function randomInteger(random: RandomSource, bound: number): number {
  const bytes = random.bytes(6)
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value % bound
}
