/** How the threads of this folder are started: where their programs are, and with which flags of Node. */
import { builtInSqlite } from './driver.ts'

/**
 * Where a thread's program is. It runs from `dist` also when this file runs from `src` under a test runner, because
 * Node 20 cannot run TypeScript in a worker; `npm test` builds first.
 */
export function threadUrl(name: 'worker' | 'copy-worker'): URL {
  const here = import.meta.url
  // by the package's name: the code of this file may be packed anywhere
  if (!here.endsWith('.ts')) return new URL(`./${name}.js`, import.meta.resolve('waton/sqlite'))
  return new URL(`../../../dist/persistence/sqlite/${name}.js`, here)
}

/**
 * Flags of the main program (loaders, inspectors) are not for the thread, except the one that decides which SQLite a
 * thread finds: two libraries on one file would drop each other's locks. Node 22 calls its SQLite experimental; once
 * per process, from the main thread, is enough.
 */
export function threadArguments(): string[] {
  const known = process.allowedNodeEnvironmentFlags
  // Node 20 has no such flag, and no SQLite of its own.
  if (!known.has('--experimental-sqlite')) return []
  if (builtInSqlite() === undefined) return ['--no-experimental-sqlite']
  return ['--experimental-sqlite', '--disable-warning=ExperimentalWarning']
}
