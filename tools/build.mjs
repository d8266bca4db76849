// Compiles src/ to dist/ when a source is newer than the last build; `--force` always compiles.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'dist', '.built')

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
  const configs = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].map(
    (name) => statSync(join(root, name)).mtimeMs,
  )
  return newest(join(root, 'src')) < builtAt && Math.max(...configs) < builtAt
}

if (!existsSync(join(root, 'src')) || (!process.argv.includes('--force') && isFresh())) process.exit(0)

rmSync(stamp, { force: true })
if (process.argv.includes('--force')) rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (result.status !== 0) process.exit(result.status ?? 1)

// Generated protobuf modules are plain JavaScript with declarations beside them: tsc does not copy those.
const generated = join('protocol', 'proto', 'generated')
if (existsSync(join(root, 'src', generated))) {
  cpSync(join(root, 'src', generated), join(root, 'dist', generated), { recursive: true })
}
writeFileSync(stamp, '')
