// Builds src/ into dist/ when a source is newer than the last build; `--force` always builds: declarations by tsc, file
// by file; code by rolldown, in few files, because opening hundreds of modules took longer than a connection does
// (docs/decisions/0014-bundled-modules.md). Nothing is minified, so that stack traces can be read.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Files that the tests and benchmarks load beside the package, with its own instances behind them. */
const INNER = [
  'base/clock',
  'base/random',
  'base/seams',
  'client/events/registry',
  'client/send/encrypt',
  'client/send/sessions',
  'client/state/account-state',
  'persistence/sqlite/driver',
  'transport/websocket',
]

/** Programs that are started by their path. */
const PROGRAMS = ['cli/main', 'persistence/sqlite/copy-worker', 'persistence/sqlite/worker']

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src')
const output = join(root, 'dist')
const stamp = join(output, '.built')

function newest(directory) {
  let latest = 0
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) latest = Math.max(latest, newest(path))
    else if (!entry.name.endsWith('.test.ts')) latest = Math.max(latest, statSync(path).mtimeMs)
  }
  return latest
}

function isFresh() {
  if (!existsSync(stamp)) return false
  const builtAt = statSync(stamp).mtimeMs
  const inputs = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'tools/build.mjs']
  const changedAt = Math.max(...inputs.map((name) => statSync(join(root, name)).mtimeMs))
  return newest(source) < builtAt && changedAt < builtAt
}

function declarations() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
  // those of generated code are written by its generator
  const generated = join('protocol', 'proto', 'generated')
  cpSync(join(source, generated), join(output, generated), {
    recursive: true,
    filter: (path) => !path.endsWith('.js'),
  })
}

async function code() {
  // loaded here, because most runs of this file find nothing to do
  const { rolldown } = await import('rolldown')
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const doors = Object.values(exports).flatMap((door) => door.source?.match(/^\.\/src\/(.*)\.ts$/)?.[1] ?? [])
  const bundle = await rolldown({
    input: Object.fromEntries(
      [...doors, ...PROGRAMS, ...INNER].map((name) => [name, join(source, `${name}.ts`)]),
    ),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    onLog: (level, { code: kind, message }) => {
      // a module that one program loads at once and another on demand
      if (kind !== 'INEFFECTIVE_DYNAMIC_IMPORT') console.warn(`${level}: ${message}`)
    },
  })
  await bundle.write({
    dir: output,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    // what the declarations say already
    comments: { legal: true, annotation: true, jsdoc: false },
  })
  await bundle.close()
}

if (!existsSync(source) || (!process.argv.includes('--force') && isFresh())) process.exit(0)
rmSync(process.argv.includes('--force') ? output : join(output, 'chunks'), { recursive: true, force: true })
rmSync(stamp, { force: true })
declarations()
await code()
writeFileSync(stamp, '')
