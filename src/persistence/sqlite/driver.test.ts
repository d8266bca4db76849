import { expect, test } from 'vitest'
import { builtInSqlite, hasCompleteSqlite, loadDriver } from './driver.ts'

test.each(['20.19.0', '20.20.2', '22.5.0', '22.13.0', '22.14.0', '23.9.0'])(
  'the SQLite of Node %s is none or not complete',
  (version) => {
    expect(hasCompleteSqlite(version)).toBe(false)
  },
)

test.each(['22.15.0', '22.23.3', '23.10.0', '24.0.0', '100.0.0'])(
  'the SQLite of Node %s is complete',
  (version) => {
    expect(hasCompleteSqlite(version)).toBe(true)
  },
)

test("Node's own SQLite is taken where it is complete, else the optional dependency", async () => {
  const isComplete = hasCompleteSqlite(process.versions.node)
  expect(builtInSqlite() !== undefined).toBe(isComplete)
  expect((await loadDriver()).name).toBe(isComplete ? 'node:sqlite' : '@photostructure/sqlite')
})
