/** What may leave a function as an error, checked with types: a `WatonError`, or what somebody else threw and we only hand on. */
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { compileSources, isOrExtends } from './program.ts'
import { placeOf, sourceFiles, walk } from './sources.ts'
import type { SourceFile } from './sources.ts'

/** Commander turns these into a message and exit code 2; they never leave its parser. */
const COMMAND_LINE = { path: 'src/cli/program.ts', className: 'InvalidArgumentError' }

/** A suite that runs under any test runner fails the way that runners understand. */
const CONFORMANCE_SUITE = /^src\/testing\/conformance\//

const program = compileSources()
const checker = program.getTypeChecker()

/** The files with nodes that the type checker knows. */
const files: readonly SourceFile[] = sourceFiles().flatMap((file) => {
  const syntax = program.getSourceFiles().find(({ fileName }) => fileName.endsWith(`/${file.path}`))
  return syntax === undefined ? [] : [{ ...file, syntax }]
})

/** What a statement throws, or a call rejects a promise with. */
function thrownBy(node: ts.Node): ts.Expression | undefined {
  if (ts.isThrowStatement(node)) return node.expression
  if (!ts.isCallExpression(node)) return undefined
  const called = node.expression.getText()
  return called === 'Promise.reject' || called === 'reject' || called.endsWith('.reject')
    ? node.arguments[0]
    : undefined
}

/** A caught or kept value that is handed on as it is: made elsewhere, where this test looks at it too. */
function isHandedOn(expression: ts.Expression, type: ts.Type): boolean {
  const isName = ts.isIdentifier(expression) || ts.isPropertyAccessExpression(expression)
  return isName && ((type.flags & ts.TypeFlags.Unknown) !== 0 || type.symbol.name === 'Error')
}

function isAllowed(expression: ts.Expression, file: SourceFile): boolean {
  if (ts.isConditionalExpression(expression))
    return isAllowed(expression.whenTrue, file) && isAllowed(expression.whenFalse, file)
  const type = checker.getTypeAtLocation(expression)
  if (isHandedOn(expression, type)) return true
  if (file.path === COMMAND_LINE.path && type.symbol.name === COMMAND_LINE.className) return true
  if ((type.flags & ts.TypeFlags.Unknown) !== 0) return false
  // `asError(unknown)` makes a WatonError of what is no error, and hands on what is one
  if (ts.isCallExpression(expression) && expression.expression.getText() === 'asError') return true
  return isOrExtends(type, 'WatonError')
}

describe('what the sources throw or reject with', () => {
  const thrown = files.flatMap((file) => {
    const found: { expression: ts.Expression; file: SourceFile }[] = []
    walk(file.syntax, (node) => {
      const expression = thrownBy(node)
      if (expression !== undefined) found.push({ expression, file })
    })
    return found
  })

  it('is found at all', () => {
    expect(thrown.length).toBeGreaterThan(150)
  })

  it('is a WatonError, or handed on unchanged', () => {
    const offenders = thrown
      .filter(({ expression, file }) => !isAllowed(expression, file))
      .map(({ expression, file }) => `${placeOf(file, expression)} ${expression.getText()}`)
    expect(offenders).toEqual([])
  })

  it('is never an assertion', () => {
    const offenders = files
      .filter(({ path }) => !CONFORMANCE_SUITE.test(path))
      .filter(({ text }) => /from '(node:)?assert|\bconsole\.assert\b/.test(text))
      .map(({ path }) => path)
    expect(offenders).toEqual([])
  })

  it('does not say two things about trying again', () => {
    const offenders: string[] = []
    for (const file of files) {
      walk(file.syntax, (node) => {
        if (!ts.isObjectLiteralExpression(node) || !ts.isNewExpression(node.parent)) return
        const names = node.properties.map((one) => one.name?.getText())
        if (names.includes('action') && names.includes('retryable')) offenders.push(placeOf(file, node))
      })
    }
    expect(offenders).toEqual([])
  })
})
