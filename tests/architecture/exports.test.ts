import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { parse, placeOf, publicEntries, ROOT, sourceFiles } from './sources.ts'
import type { SourceFile } from './sources.ts'

function isExported(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some((one) => one.kind === ts.SyntaxKind.ExportKeyword)
  )
}

function declaredNames(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map((one) => one.name.getText())
  const { name } = statement as unknown as { readonly name?: ts.Identifier }
  return name === undefined ? [] : [name.text]
}

/** The names that a module exports, following its own `export ... from`. Types are marked. */
function exportedNames(path: string): readonly string[] {
  const { syntax } = parse(path)
  return syntax.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return reExportedNames(path, statement)
    if (!isExported(statement)) return []
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
    return declaredNames(statement).map((name) => (isType ? `type ${name}` : name))
  })
}

function reExportedNames(path: string, statement: ts.ExportDeclaration): readonly string[] {
  const { exportClause, moduleSpecifier } = statement
  if (exportClause === undefined) {
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return []
    return exportedNames(relative(ROOT, join(ROOT, dirname(path), moduleSpecifier.text)))
  }
  if (!ts.isNamedExports(exportClause)) return [`* as ${exportClause.name.text}`]
  return exportClause.elements.map((one) =>
    statement.isTypeOnly || one.isTypeOnly ? `type ${one.name.text}` : one.name.text,
  )
}

/** Exported declarations of a file without a doc comment. */
function undocumented(file: SourceFile): readonly string[] {
  return file.syntax.statements
    .filter((statement) => isExported(statement) && ts.getJSDocCommentsAndTags(statement).length === 0)
    .filter((statement, index, all) => !isLaterOverload(statement, all[index - 1]))
    .map((statement) => `${placeOf(file, statement)} ${declaredNames(statement).join(', ')}`)
}

function isLaterOverload(statement: ts.Statement, before: ts.Statement | undefined): boolean {
  if (before === undefined || !ts.isFunctionDeclaration(statement) || !ts.isFunctionDeclaration(before))
    return false
  return statement.name?.text === before.name?.text
}

describe('exports', () => {
  it('are documented, all of them', () => {
    expect(sourceFiles().flatMap(undocumented)).toEqual([])
  })

  it.each(publicEntries())('of %s change on purpose only', async (subpath, source) => {
    const names = [...exportedNames(source)].sort()
    expect(new Set(names).size).toBe(names.length)
    const file = subpath === '.' ? 'waton' : subpath.slice(2)
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(`public-names/${file}.txt`)
  })
})
