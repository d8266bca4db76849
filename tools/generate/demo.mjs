// Writes docs/assets/demo.txt: what `npm start` prints without a terminal. The demo is seeded and waits for messages
// instead of time, so it prints the same every time.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

function run(...args) {
  const environment = { ...process.env, NO_COLOR: '1' }
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: environment,
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}`)
  return stdout
}

run('tools/build.mjs')
mkdirSync(`${ROOT}docs/assets`, { recursive: true })
writeFileSync(`${ROOT}docs/assets/demo.txt`, run('dist/cli/main.js', 'demo'))
