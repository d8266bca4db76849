/**
 * The benchmarks work: nothing checks their types, and some load inner modules of the build by file. Every subject runs once
 * and small, and no value is judged; how fast something is does not belong into a test.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../architecture/sources.ts'

const run = promisify(execFile)

interface Results {
  readonly results: readonly { readonly subject: string; readonly rows: readonly unknown[] }[]
}

async function bench(...options: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['bench/run.mjs', ...options], {
    cwd: ROOT,
    timeout: 170_000,
  })
  return stdout
}

const subjects = readdirSync(join(ROOT, 'bench/subjects')).map((name) => name.replace('.mjs', ''))

test('every subject measures all of its rows', { timeout: 180_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waton-bench-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const file = join(folder, 'results.json')
  await bench('--smoke', '--json', file)
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as Results
  expect(results.map(({ subject }) => subject).sort()).toEqual(subjects.sort())
  expect(results.filter(({ rows }) => rows.length === 0)).toEqual([])
})

test('the adapter for another benchmark keeps sessions and writes them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waton-bench-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const program = `
    const { default: load } = await import('./bench/peerbench-adapter.mjs')
    const { auth, curve } = await load()
    const { write, writeMany, close } = await auth.open(${JSON.stringify(folder)})
    await write(1)
    await writeMany(3)
    await close()
    console.log(curve.keyPair().pub.length)`
  const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    cwd: ROOT,
  })
  expect(stdout.trim()).toBe('32')
})

test('--help and the documentation name the options and subjects that there are', async () => {
  const source = readFileSync(join(ROOT, 'bench/run.mjs'), 'utf8')
  const options = [...source.matchAll(/^ {4}(\w+): \{ type:/gm)].map(([, name]) => `--${name ?? ''}`)
  expect(options).toContain('--only')
  const help = await bench('--help')
  expect(options.filter((option) => !help.includes(option))).toEqual([])
  const guide = readFileSync(join(ROOT, 'docs/explanation/performance.md'), 'utf8')
  const commands = guide.match(/^npm run bench.*$/gm) ?? []
  expect(commands.length).toBeGreaterThan(0)
  for (const command of commands) {
    const [call = ''] = command.split('#')
    expect(options).toEqual(expect.arrayContaining(call.match(/--\w+/g) ?? []))
    expect(subjects).toEqual(expect.arrayContaining(/--only (\S+)/.exec(call)?.[1]?.split(',') ?? []))
  }
})
