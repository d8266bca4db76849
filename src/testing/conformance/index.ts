/**
 * The suite that decides whether a `Store` is right. It runs under any test runner and compares with `node:assert`, so
 * authors of back ends outside this repository run the same tests.
 */
import { commitTests } from './commits.ts'
import { storeTest } from './context.ts'
import type { ConformanceOptions, ConformanceRunner, StoreFactory } from './context.ts'
import { durabilityTests } from './durability.ts'
import { ownershipTests } from './ownership.ts'
import { rowTests } from './rows.ts'
import { valueTests } from './values.ts'

export type { ConformanceOptions, ConformanceRunner, StoreFactory } from './context.ts'

/**
 * Defines the conformance tests of a store.
 *
 * ```ts
 * import { describe, test } from 'node:test'
 * import { storeConformance } from 'waton/testing'
 *
 * storeConformance(() => openMyStore(emptyPlace()), { describe, test })
 * ```
 *
 * @param makeStore - makes an empty store; called once per test, which closes it
 * @param runner - `describe` and `test` of your test runner
 */
export function storeConformance(
  makeStore: StoreFactory,
  runner: ConformanceRunner,
  options: ConformanceOptions = {},
): void {
  const test = storeTest(makeStore, runner)
  runner.describe('ownership of an account', () => {
    ownershipTests(test)
  })
  runner.describe('commits', () => {
    commitTests(test)
  })
  runner.describe('rows', () => {
    rowTests(test)
    valueTests(test)
  })
  const { reopen } = options
  if (reopen === undefined) return
  runner.describe('durability', () => {
    durabilityTests(test, reopen)
  })
}
