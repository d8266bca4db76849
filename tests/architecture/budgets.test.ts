/** The budgets of tools/budgets.mjs hold; the numbers are there. `node tools/budgets.mjs` prints the table. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from './sources.ts'

interface Spread {
  readonly median: number
  readonly p90: number
  readonly max: number
}

interface Measured {
  readonly files: number
  readonly functions: number
  readonly functionLines: Spread
  readonly problems: readonly string[]
}

const output = execFileSync(process.execPath, [join(ROOT, 'tools/budgets.mjs'), '--json'], {
  encoding: 'utf8',
})
const measured = JSON.parse(output) as Measured

describe('the sources', () => {
  it('are measured', () => {
    expect(measured.files).toBeGreaterThan(250)
    expect(measured.functions).toBeGreaterThan(2000)
    expect(measured.functionLines.median).toBeGreaterThan(1)
  })

  it('keep their budgets', () => {
    expect(measured.problems).toEqual([])
  })
})
