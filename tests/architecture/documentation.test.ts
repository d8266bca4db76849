/** Everything that a user can import has a sentence that says what it is: exports, and the members of their types. */
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { compileSources } from './program.ts'
import { publicEntries, ROOT } from './sources.ts'

/** Kinds and questions, one file each: what an entry of their lists holds is said by its type, where that is declared. */
const LISTS_BY_NAME: readonly string[] = ['src/protocol/message/kinds/', 'src/protocol/stanza/iq/usync']

const program = compileSources()
const checker = program.getTypeChecker()

const isOwn = ({ fileName }: ts.SourceFile): boolean =>
  fileName.startsWith(join(ROOT, 'src')) && !fileName.includes('/generated/')

/** Whether the sentence is there, also when a class has it from the interface that it implements. */
function isDocumented(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0
}

function placeOf(declaration: ts.Declaration): string {
  const file = declaration.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(declaration.getStart())
  return `${file.fileName.slice(ROOT.length + 1)}:${String(line + 1)}`
}

/** The members that others can see. */
function membersOf(symbol: ts.Symbol): readonly (readonly [ts.Symbol, ts.Declaration])[] {
  return [...(symbol.members?.values() ?? [])].flatMap((member) => {
    const [declaration] = member.declarations ?? []
    if (declaration === undefined || !isVisible(declaration)) return []
    return [[member, declaration] as const]
  })
}

function isVisible(declaration: ts.Declaration): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Override
  if ((ts.getCombinedModifierFlags(declaration) & hidden) !== 0) return false
  if (ts.isTypeParameterDeclaration(declaration) || ts.isConstructorDeclaration(declaration)) return false
  const { name } = declaration as ts.NamedDeclaration
  return name !== undefined && !ts.isPrivateIdentifier(name)
}

/** The exports of a module without their sentence, and the members of what it exports. */
function undocumented(module: ts.Symbol, seen = new Set<ts.Symbol>()): readonly string[] {
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported
    const [declaration] = symbol.declarations ?? []
    if (seen.has(symbol) || declaration === undefined || !isOwn(declaration.getSourceFile())) return []
    seen.add(symbol)
    if (ts.isSourceFile(declaration)) return undocumented(symbol, seen)
    const own = isDocumented(symbol) ? [] : [`${placeOf(declaration)} ${exported.name}`]
    const members = LISTS_BY_NAME.some((path) => placeOf(declaration).startsWith(path))
      ? []
      : membersOf(symbol)
    return [
      ...own,
      ...members
        .filter(([member]) => !isDocumented(member))
        .map(([member, at]) => `${placeOf(at)} ${exported.name}.${member.name}`),
    ]
  })
}

describe('the documentation of', () => {
  it.each(publicEntries())('%s says what everything is', (_subpath, source) => {
    const file = program.getSourceFile(join(ROOT, source))
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    expect(module).toBeDefined()
    expect(module === undefined ? [] : undocumented(module)).toEqual([])
  })
})
