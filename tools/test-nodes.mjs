// Runs the tests with other versions of Node, one after the other:
// node tools/test-nodes.mjs /path/to/node22 /path/to/node24 [-- tests/conformance]
import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const values = process.argv.slice(2)
const end = values.includes('--') ? values.indexOf('--') : values.length
const nodes = values.slice(0, end).map((path) => resolve(path))
const filters = values.slice(end + 1)

if (nodes.length === 0) {
  console.error('usage: node tools/test-nodes.mjs NODE... [-- VITEST_ARGUMENT...]')
  process.exit(2)
}

const failed = nodes.filter((node) => {
  console.log(`\n=== ${node} ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '(not found)'}`)
  // Programs that tests start by name find the same Node.
  const PATH = dirname(node) + delimiter + process.env.PATH
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, PATH } }
  return spawnSync(node, [vitest, 'run', ...filters], options).status !== 0
})
console.log(failed.length === 0 ? '\nall passed' : `\nfailed with ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
