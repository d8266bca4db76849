/** Folders, child processes and file fingerprints for the tests of stores on disk. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll } from 'vitest'
import { loadDriver } from '../../src/persistence/sqlite/driver.ts'
import type { SqlDatabase } from '../../src/persistence/sqlite/driver.ts'

/** A folder of this test file's own, removed after its last test; returns a new path in it at every call. */
export function temporaryPaths(): (name?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'waton-store-'))
  let count = 0
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return (name = 'store.db') => join(folder, `${String(++count)}-${name}`)
}

/**
 * Opens a SQLite file past the store, with the library that the store uses: another one in the same process would
 * neither see the store's locks nor leave them alone.
 */
export async function openDatabase(path: string): Promise<SqlDatabase> {
  return (await loadDriver()).open(path, { readOnly: false, busyTimeoutMs: 0 })
}

/** The SHA-256 of a file. */
export function fingerprint(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** The files of a folder that begin with this path, without the common part. */
export function siblings(path: string): string[] {
  const folder = join(path, '..')
  const name = path.slice(folder.length + 1)
  const names = readdirSync(folder).filter((entry) => entry.startsWith(name))
  return names.map((entry) => entry.slice(name.length)).sort()
}

/** The compiled `waton/sqlite`: Node 20 cannot run TypeScript, so child processes run what users run. */
export function compiledSqlite(): string {
  const path = fileURLToPath(new URL('../../dist/persistence/sqlite/index.js', import.meta.url))
  if (!existsSync(path)) throw new Error('dist is missing: run `npm run build` first')
  return pathToFileURL(path).href
}

/** A running child program whose output is read line by line. */
export interface Child {
  readonly process: ChildProcess
  /** The next line of its output; rejects when it ends before. */
  nextLine(): Promise<string>
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Everything it has printed so far. */
  readonly lines: readonly string[]
}

/** How a child is started. */
export interface ChildOptions {
  readonly arguments?: readonly string[]
  /** A limit for files that it writes, in KiB: writes beyond it fail as on a full disk. */
  readonly fileLimitKb?: number
  /** Flags for Node itself. */
  readonly flags?: readonly string[]
}

const PREAMBLE = `
  const { openSqlite } = await import(process.argv[1])
  const { loadDriver } = await import(new URL('driver.js', process.argv[1]))
  const [, , ...args] = process.argv
  const say = (line) => process.stdout.write(line + '\\n')
`

/** Runs a program that has \`openSqlite\`, \`args\` and \`say(line)\`. */
export function startChild(program: string, options: ChildOptions = {}): Child {
  const node = [
    ...(options.flags ?? []),
    '--input-type=module',
    '-e',
    PREAMBLE + program,
    compiledSqlite(),
    ...(options.arguments ?? []),
  ]
  const limit = options.fileLimitKb
  // With SIGXFSZ ignored, which a child inherits, the system call fails instead of ending the process.
  const shell = `trap '' XFSZ; ulimit -f ${String(limit)}; exec "$0" "$@"`
  const child =
    limit === undefined
      ? spawn(process.execPath, node, { stdio: ['pipe', 'pipe', 'inherit'] })
      : spawn('bash', ['-c', shell, process.execPath, ...node], { stdio: ['pipe', 'pipe', 'inherit'] })
  return new LineReader(child)
}

class LineReader implements Child {
  readonly process: ChildProcess
  readonly ended: Promise<number | string>
  readonly lines: string[] = []
  #read = 0
  #hasEnded = false
  /** Wakes whoever waits for a line. */
  #wake: () => void = () => undefined

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('the child has no output to read')
    this.process = child
    const reader = createInterface(child.stdout)
    reader.on('line', (line) => {
      this.lines.push(line)
      this.#wake()
    })
    const closed = once(reader, 'close').then(() => {
      this.#hasEnded = true
      this.#wake()
    })
    const exited = once(child, 'exit').then(
      ([code, signal]: (number | string | null)[]) => code ?? signal ?? 'unknown',
    )
    this.ended = Promise.all([exited, closed]).then(([outcome]) => outcome)
  }

  async nextLine(): Promise<string> {
    while (this.lines.length <= this.#read) {
      if (this.#hasEnded) throw new Error('the child ended without another line')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.lines[this.#read++] ?? ''
  }
}
