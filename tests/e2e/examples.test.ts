import { readFile } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'

describe('the examples', () => {
  it('test-your-bot.ts finds that the bot works', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/test-your-bot.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })

  it('test-in-virtual-time.ts finds that the bot works, tomorrow and on a bad network', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/test-in-virtual-time.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })

  it('test-in-virtual-time.ts is what the guide shows', async () => {
    const [guide, program] = await Promise.all(
      ['docs/guides/test-your-bot.md', 'examples/test-in-virtual-time.ts'].map((path) =>
        readFile(new URL(`../../${path}`, import.meta.url), 'utf8'),
      ),
    )
    const [, shown] = /^```ts\n([\s\S]*?)^```$/m.exec(guide ?? '') ?? []
    expect(shown).toBe(program?.replace(/^\/\*\*[\s\S]*?\*\/\n/, ''))
  })
})
