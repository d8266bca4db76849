import { expect, test } from 'vitest'
import { hideSqliteNotice } from './warnings.ts'

test('every warning passes as it came, except that SQLite is experimental', () => {
  const passed: unknown[][] = []
  const source = {
    emitWarning: (...values: unknown[]): void => {
      passed.push(values)
    },
  }
  hideSqliteNotice(source)
  const own = new Error('SQLite is mine')
  source.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning')
  source.emitWarning('SQLite is slow today')
  source.emitWarning('Type Stripping is an experimental feature', 'ExperimentalWarning', 'CODE')
  source.emitWarning('old', { type: 'DeprecationWarning', code: 'DEP0001' })
  source.emitWarning(own)
  expect(passed).toEqual([
    ['SQLite is slow today'],
    ['Type Stripping is an experimental feature', 'ExperimentalWarning', 'CODE'],
    ['old', { type: 'DeprecationWarning', code: 'DEP0001' }],
    [own],
  ])
})
