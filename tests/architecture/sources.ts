/** The source tree as the architecture tests see it: files, their text, and their syntax without types. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Where package.json is. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** One parsed file. */
export interface SourceFile {
  /** Path from the root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly syntax: ts.SourceFile
}

/** Paths of the files under a folder that `accept` says yes to, sorted. */
export function filesUnder(folder: string, accept: (path: string) => boolean): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => !path.includes('node_modules/') && accept(path))
    .sort()
}

/** The text of a file, given its path from the root. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The subpaths of the package (`.`, `./client`, ...) and the source behind each. */
export function publicEntries(): readonly (readonly [subpath: string, source: string])[] {
  const manifest = JSON.parse(textOf('package.json')) as {
    readonly exports: Readonly<Record<string, string | { readonly source: string }>>
  }
  return Object.entries(manifest.exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : [[subpath, target.source.replace(/^\.\//, '')] as const],
  )
}

/** Parses one file, given its path from the root. */
export function parse(path: string): SourceFile {
  const text = textOf(path)
  return { path, text, syntax: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true) }
}

/** Every hand-written source file that is not a test. */
export function sourceFiles(): readonly SourceFile[] {
  const isSource = (path: string): boolean =>
    path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('/generated/')
  return filesUnder('src', isSource).map(parse)
}

/** Calls `visit` for every node of a file, outside in. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  node.forEachChild((child) => {
    walk(child, visit)
  })
}

/** `path:line` of a node, for a message that an editor can open. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  const { line } = file.syntax.getLineAndCharacterOfPosition(node.getStart(file.syntax))
  return `${file.path}:${String(line + 1)}`
}
