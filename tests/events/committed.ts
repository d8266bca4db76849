/**
 * Files of the contract that are written once: a missing one is written by a test run on a developer's machine and committed;
 * one that is there is compared and never written over, not even with `--update`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** The parsed file, or what `make` gives when there is none yet. */
export function committed<Value>(path: string, make: () => Value): Value {
  if (!existsSync(path)) {
    if (process.env.CI !== undefined)
      throw new Error(
        `${path} is missing: run this test outside of CI once and commit the file that it writes`,
      )
    write(path, make())
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Value
}

/** Writes a file of the contract. */
export function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`)
}
