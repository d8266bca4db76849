import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { placeOf, sourceFiles, textOf, walk } from './sources.ts'

const BUILT_IN = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'EvalError',
  'URIError',
  'AggregateError',
])
const CODE = /^WATON_[A-Z0-9]+(_[A-Z0-9]+)*$/

const files = sourceFiles()

/** Whether a literal is only what codes begin with, as in `code.startsWith('WATON_NOISE')`. */
function isPrefix(literal: ts.Node): boolean {
  const { parent } = literal
  return ts.isCallExpression(parent) && /\.startsWith$/.test(parent.expression.getText())
}

/** Every string literal of the sources that is an error code, with the places it is written at. */
function codesInSource(): ReadonlyMap<string, readonly string[]> {
  const codes = new Map<string, string[]>()
  for (const file of files) {
    walk(file.syntax, (node) => {
      if (!ts.isStringLiteralLike(node) || !CODE.test(node.text) || isPrefix(node)) return
      codes.set(node.text, [...(codes.get(node.text) ?? []), placeOf(file, node)])
    })
  }
  return codes
}

/** The cells of each row of the table of codes: code, class, action, text, places. */
const rows: ReadonlyMap<string, readonly string[]> = new Map(
  textOf('docs/reference/errors.md')
    .split('\n')
    .filter((line) => line.startsWith('| `WATON_'))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1)
      return [cells[0]?.replaceAll(/[` ]/g, '') ?? '', cells.map((cell) => cell.trim())] as const
    }),
)

describe('errors', () => {
  it('are never thrown as one of the built-in classes', () => {
    const offenders: string[] = []
    for (const file of files) {
      walk(file.syntax, (node) => {
        if (ts.isNewExpression(node) && BUILT_IN.has(node.expression.getText(file.syntax)))
          offenders.push(placeOf(file, node))
      })
    }
    expect(offenders).toEqual([])
  })

  it('have codes of one form', () => {
    const offenders: string[] = []
    for (const file of files) {
      walk(file.syntax, (node) => {
        if (ts.isStringLiteralLike(node) && /^WATON_/.test(node.text) && !CODE.test(node.text))
          offenders.push(placeOf(file, node))
      })
    }
    expect(offenders).toEqual([])
  })

  it('have codes that docs/reference/errors.md lists, and it lists no others', () => {
    expect([...rows.keys()]).toEqual([...codesInSource().keys()].sort())
  })

  it('have codes that the compiler knows, and no others', () => {
    const known = [...textOf('src/base/generated/error-codes.ts').matchAll(/'(WATON_[A-Z0-9_]+)'/g)]
    expect(known.map(([, code]) => code)).toEqual([...codesInSource().keys()].sort())
  })

  it('say in the documentation what happened', () => {
    expect([...rows].filter(([, cells]) => cells[3] === '').map(([code]) => code)).toEqual([])
  })

  it('have a class and an action where they are thrown', () => {
    const thrown = [...rows].filter(([, cells]) => cells[4] !== 'told in events')
    const bare = thrown.filter(([, cells]) => cells[1] === '' || cells[2] === '').map(([code]) => code)
    expect(bare).toEqual([])
    expect(thrown.length).toBeGreaterThan(150)
  })
})
