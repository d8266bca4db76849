/**
 * Builds the package before any test: the writer thread of SQLite and the child processes of fault tests run what a user
 * would run, and a stale build would test yesterday's code.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Called by vitest once, before the first test. */
export function setup(): void {
  const script = fileURLToPath(new URL('../../tools/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed; see the compiler output above')
}
