// What `import` costs: a fresh process for every value. "Bare Node" imports nothing.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

export const title = 'Import'
export const about = 'A fresh process that imports the package and ends.'
export const rows = {
  'import time': { unit: 'ms' },
  'RSS after import': { unit: 'MB' },
  'heap after import': { unit: 'MB' },
}

function program(specifier) {
  return `
    const start = performance.now()
    ${specifier === undefined ? '' : `await import('${specifier}')`}
    const ms = performance.now() - start
    const { rss, heapUsed } = process.memoryUsage()
    console.log(JSON.stringify({ ms, rss, heapUsed }))
    process.exit(0)`
}

function prepare(specifier) {
  const source = program(specifier)
  return {
    cases: {
      import: {
        async run() {
          const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], {
            cwd: root,
            timeout: 30_000,
          })
          const { ms, rss, heapUsed } = JSON.parse(stdout)
          return {
            'import time': ms,
            'RSS after import': rss / 2 ** 20,
            'heap after import': heapUsed / 2 ** 20,
          }
        },
      },
    },
  }
}

export const contestants = {
  waton: () => prepare('waton'),
  Baileys: () => prepare('@whiskeysockets/baileys'),
  'bare Node': () => prepare(undefined),
}
