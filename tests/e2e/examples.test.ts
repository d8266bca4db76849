import { describe, expect, it, vi } from 'vitest'

describe('the examples', () => {
  it('test-your-bot.ts finds that the bot works', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/test-your-bot.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })
})
