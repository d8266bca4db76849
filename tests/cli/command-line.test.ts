import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from './run.ts'
import type { Ended } from './run.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waton-cli-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

function waton(args: readonly string[]): Promise<Ended> {
  return run(args, folder)
}

describe('the command line', () => {
  it.each([
    ['an unknown command', ['dmeo'], /unknown command 'dmeo'[\s\S]*Did you mean demo/],
    ['an unknown option', ['demo', '--sed', '2'], /unknown option '--sed'/],
    ['a port that is no number', ['simulate', '--port', 'x'], /whole number/],
    ['a port out of range', ['simulate', '--port', '70000'], /at most 65535/],
    ['a phone number without a country code', ['chat', '0151 234'], /country code/],
    ['no phones', ['simulate', '--phones', '0'], /from 1 to 20/],
  ])('refuses %s with code 2 and a hint', async (_what, args, hint) => {
    const { code, stderr, stdout } = await waton(args)
    expect(stderr).toMatch(hint)
    expect(stderr).toMatch(/waton --help/)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('refuses to guess a command: none at all prints the help and is a mistake', async () => {
    const { code, stderr } = await waton([])
    expect(stderr).toMatch(/Usage: waton/)
    expect(code).toBe(2)
  })

  it('tells a failure on standard error with its code, and ends with 1', async () => {
    const { code, stderr } = await waton(['chat', '--store', 'postgres://localhost/x'])
    expect(stderr).toMatch(/^error: .*WATON_STORE_PATH/s)
    expect(stderr).not.toMatch(/\bat .*\.js:/)
    expect(code).toBe(1)
  })

  it('tells what to do when no server was described', async () => {
    const { code, stderr } = await waton(['pair', '--endpoint', 'missing.json'])
    expect(stderr).toMatch(/waton simulate[\s\S]*WATON_CLI_ENDPOINT/)
    expect(code).toBe(1)
  })

  it.each([[[]], [['demo']], [['pair']], [['chat']], [['simulate']]])(
    'prints the help of %j in 80 columns',
    async (command) => {
      const { code, stdout } = await waton([...command, '--help'])
      expect(stdout).toMatch(/^Usage: waton/)
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
      expect(code).toBe(0)
    },
  )

  it('prints its version', async () => {
    const { code, stdout } = await waton(['--version'])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(code).toBe(0)
  })
})
