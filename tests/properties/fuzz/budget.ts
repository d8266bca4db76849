/**
 * What every fuzz test shares: how many inputs, from which seed, and what a parser may do with one: give a result that is
 * in proportion to the input, or refuse it with an error of ours that says why.
 */
import fc from 'fast-check'
import { expect } from 'vitest'
import { CryptoError, ProtocolError, StorageError } from '../../../src/base/errors.ts'
import type { WatonError } from '../../../src/base/errors.ts'

/** `WATON_FUZZ=20000 npx vitest run tests/properties` tries so many inputs per parser instead of the usual few. */
const RUNS = Number(process.env.WATON_FUZZ ?? 0)

/** `WATON_FUZZ_SEED` repeats a run; a long one without it takes a new seed, which a failure prints. */
const SEED = process.env.WATON_FUZZ_SEED

/** The inputs of a property: `usual` many from a fixed seed, or the long form. */
export function budget(usual: number): { readonly numRuns: number; readonly seed?: number } {
  if (SEED !== undefined) return { numRuns: RUNS > 0 ? RUNS : usual, seed: Number(SEED) }
  return RUNS > 0 ? { numRuns: RUNS } : { numRuns: usual, seed: 20_260_101 }
}

/** Time for a property of this many inputs. */
export const FUZZ_TIMEOUT_MS: number = RUNS > 0 ? 3_600_000 : 60_000

/** A number that says which mutation was made; `fast-check` prints it. */
export const mutation: fc.Arbitrary<number> = fc.nat({ max: 0x7fffffff })

/** What became of one input. */
export type Outcome = { readonly result: unknown } | { readonly refusal: WatonError }

/** Runs a parser; anything that is neither a result nor a typed refusal escapes and fails the test. */
export function outcomeOf(parse: () => unknown): Outcome {
  try {
    return { result: parse() }
  } catch (error) {
    return { refusal: typed(error) }
  }
}

/** The error when it is one that parsers may throw. Throws it on when it is not. */
export function typed(error: unknown): WatonError {
  const isTyped =
    error instanceof ProtocolError || error instanceof CryptoError || error instanceof StorageError
  if (!isTyped) throw error
  expect(error.code).toMatch(/^WATON_[A-Z0-9_]+$/)
  expect(error.message.length).toBeGreaterThan(10)
  return error
}

/** Sizes that a result may have for each unit of input, and what even an empty input may give. */
const GROWTH = 64
const BASE = 4096

/** Checks that a result is not larger than its input explains: every object, and every character and byte, counts. */
export function expectInProportion(result: unknown, inputSize: number): void {
  const limit = BASE + GROWTH * inputSize
  expect(weigh(result, limit), `${String(inputSize)} bytes of input`).toBeLessThanOrEqual(limit)
}

/** The size of a value, counted up to a limit. */
function weigh(value: unknown, limit: number): number {
  const seen = new Set<object>()
  const open: unknown[] = [value]
  let weight = 0
  while (open.length > 0 && weight <= limit) {
    const next = open.pop()
    weight += 1
    if (typeof next === 'string') weight += next.length
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    if (next instanceof Uint8Array) weight += next.length
    else if (next instanceof Map) open.push(...next.keys(), ...next.values())
    else for (const [name, inner] of Object.entries(next)) open.push(name, inner)
  }
  return weight
}
