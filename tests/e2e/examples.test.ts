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

  it('order-bot.ts answers each order once, although its first attempt fails', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const complain = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await import('../../examples/order-bot.ts')
    expect(print).toHaveBeenCalledWith('ok')
    expect(complain).toHaveBeenCalledTimes(1)
    print.mockRestore()
    complain.mockRestore()
  })

  it('send-content.ts sends a place, a poll and a card, and one is passed on', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/send-content.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })

  it('look-up-contacts.ts tells who is on WhatsApp', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/look-up-contacts.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })

  it('gateway.ts sends from two accounts, each message once', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    await import('../../examples/gateway.ts')
    expect(print).toHaveBeenCalledWith('ok')
    print.mockRestore()
  })

  it.each([
    ['send-content.ts', 'send-messages.md'],
    ['look-up-contacts.ts', 'contacts.md'],
    ['test-in-virtual-time.ts', 'test-your-bot.md'],
    ['order-bot.ts', 'bots.md'],
  ])('%s is what the guide %s shows', async (example, name) => {
    const [guide, program] = await Promise.all(
      [`docs/guides/${name}`, `examples/${example}`].map((path) =>
        readFile(new URL(`../../${path}`, import.meta.url), 'utf8'),
      ),
    )
    const [, shown] = /^```ts\n([\s\S]*?)^```$/m.exec(guide ?? '') ?? []
    expect(shown).toBe(program?.replace(/^\/\*\*[\s\S]*?\*\/\n/, ''))
  })
})
