import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { filesUnder, ROOT, textOf } from './sources.ts'

/** One TypeScript block of a document or doc comment, under a path that exists only in this test. */
interface Example {
  readonly virtualPath: string
  readonly text: string
}

const isMarkdown = (path: string): boolean => path.endsWith('.md')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesUnder('docs', isMarkdown),
  ...filesUnder('src', (path) => isMarkdown(path) || (path.endsWith('.ts') && !path.includes('/generated/'))),
]

/**
 * The whole programs among the examples of one file; line numbers stay those of the file. An example of a doc comment that
 * imports nothing is a fragment, whose names are those of the code around it.
 */
function examplesIn(path: string): readonly Example[] {
  const isSource = path.endsWith('.ts')
  const text = isSource ? textOf(path).replace(/^ *\* ?/gm, '') : textOf(path)
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].flatMap((block) => {
    const [, body = ''] = block
    if (isSource && !/^import /m.test(body)) return []
    const linesBefore = text.slice(0, block.index).split('\n').length
    const name = `${path.replaceAll(/[^a-zA-Z0-9]/g, '-')}.${String(linesBefore)}.ts`
    // An example is a module of its own, also when it imports nothing.
    return [
      { virtualPath: join(ROOT, 'examples', name), text: `${'\n'.repeat(linesBefore)}${body}\nexport {}\n` },
    ]
  })
}

function compile(examples: readonly Example[]): readonly string[] {
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)).config as object
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT)
  const texts = new Map(examples.map((example) => [example.virtualPath, example.text]))
  // Examples show how things are used; they need no types on what they declare.
  const host = ts.createCompilerHost({ ...options, isolatedDeclarations: false, declaration: false })
  const readFile = host.readFile.bind(host)
  const fileExists = host.fileExists.bind(host)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  const program = ts.createProgram(
    [...texts.keys()],
    { ...options, isolatedDeclarations: false, declaration: false },
    host,
  )
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return found.filter((one) => !isPlaceholder(path, one)).map((one) => describeDiagnostic(path, one))
  })
}

/** In a doc comment, a name that nobody declares is something of the reader's: `openMyStore()`. */
function isPlaceholder(path: string, { code }: ts.Diagnostic): boolean {
  const cannotFindName = 2304
  return path.includes('src-') && code === cannotFindName
}

function describeDiagnostic(path: string, diagnostic: ts.Diagnostic): string {
  const position = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
  return `${path.slice(ROOT.length + 1)}: line ${String(position?.line ?? 0)}: ${text}`
}

describe('the documentation', () => {
  const examples = documents.flatMap(examplesIn)

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(1)
  })

  it('has only examples that compile', () => {
    expect(compile(examples)).toEqual([])
  })

  it('links only to files that exist', () => {
    const broken = documents.filter(isMarkdown).flatMap((path) =>
      [...textOf(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map(([, target = '']) => join(ROOT, path, '..', target))
        .filter((target) => !ts.sys.fileExists(target) && !ts.sys.directoryExists(target))
        .map((target) => `${path} -> ${target.slice(ROOT.length + 1)}`),
    )
    expect(broken).toEqual([])
  })
})
