// Runs every generator of this folder, one after the other in alphabetical order. Generators are idempotent: a run on a
// clean tree changes nothing, which is how a forgotten regeneration is noticed.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = dirname(fileURLToPath(import.meta.url))
const generators = readdirSync(folder)
  .filter((name) => name.endsWith('.mjs') && name !== basename(fileURLToPath(import.meta.url)))
  .sort()

for (const name of generators) {
  console.log(`> ${name}`)
  const { status } = spawnSync(process.execPath, [join(folder, name)], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
