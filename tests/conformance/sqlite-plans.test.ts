/** No statement of the SQLite store reads a table from one end to the other: a store that grows does not get slower. */
import { expect, test } from 'vitest'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import { PLANS } from '../../src/persistence/sqlite/change-writer.ts'
import { QUERIES } from '../../src/persistence/sqlite/reader.ts'
import { openDatabase, temporaryPaths } from './support.ts'

const newPath = temporaryPaths()

test('every change and every query finds its rows by an index', async () => {
  const path = newPath()
  const store = await openSqlite(path)
  const database = await openDatabase(path)
  const plans = [...Object.values(PLANS).map(({ sql }) => sql), ...QUERIES].map((sql) => {
    const values = Array.from({ length: sql.split('?').length - 1 }, () => null)
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    return { sql, scans: rows.map(({ detail }) => String(detail)).filter((step) => /SCAN waton_/.test(step)) }
  })
  database.close()
  await store.close()
  expect(plans.length).toBeGreaterThan(15)
  expect(plans.filter(({ scans }) => scans.length > 0)).toEqual([])
})
