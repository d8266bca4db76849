/** The sources as the compiler sees them, with types: for rules that syntax alone cannot check. */
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT, sourceFiles } from './sources.ts'

/** Compiles every source file that is not a test. Takes seconds: once per test file. */
export function compileSources(): ts.Program {
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)).config as object
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT)
  return ts.createProgram(
    sourceFiles().map(({ path }) => join(ROOT, path)),
    options,
  )
}

/** Whether a type is the class of this name, or extends it. */
export function isOrExtends(type: ts.Type, name: string): boolean {
  if (type.isUnion()) return type.types.every((one) => isOrExtends(one, name))
  if (type.symbol.name === name) return true
  return (type.getBaseTypes() ?? []).some((base) => isOrExtends(base, name))
}
