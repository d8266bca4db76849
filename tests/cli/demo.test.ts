import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { Command, run } from './run.ts'

const shown = await readFile(new URL('../../docs/assets/demo.txt', import.meta.url), 'utf8')

describe('waton demo without a terminal', () => {
  it('prints what docs/assets/demo.txt shows (npm run generate writes it), and ends with 0', async () => {
    const { code, stdout, stderr } = await run(['demo'], tmpdir())
    expect(stderr).toBe('')
    expect(stdout).toBe(shown)
    expect(code).toBe(0)
  })

  it('fits 80 columns', () => {
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  it('shows another QR code with another seed, and the same conversation', async () => {
    const { stdout } = await run(['demo', '--seed', '2'], tmpdir())
    const withoutQr = (text: string): string => text.replace(/^[█▀▄ ]+\n/gm, '')
    expect(stdout).not.toBe(shown)
    expect(withoutQr(stdout)).toBe(withoutQr(shown))
  })

  it('ends in order when it is interrupted', async () => {
    const demo = new Command(['demo'], tmpdir())
    await demo.printed(/scans this code/)
    demo.kill('SIGINT')
    const { code, stderr } = await demo.ended
    expect(stderr).toBe('')
    expect([0, 130]).toContain(code)
  })
})
