import { describe, expect, it } from 'vitest'
import type { Clock } from '../base/clock.ts'
import { startSimulator } from './simulator.ts'

/** Time that stands still: nothing here waits for a timer. */
const STILL: Clock = { nowMs: () => 1_700_000_000_000, schedule: () => ({ cancel: () => undefined }) }

/** Two phones write to each other; the whole record as text. */
async function runConversation(seed: string): Promise<string> {
  const simulator = await startSimulator({ seed, clock: STILL })
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  await alice.send(bob.pn, { text: 'hello' })
  await bob.waitForMessage((message) => message.text === 'hello')
  await bob.send(alice.lid, { text: 'hi' })
  await alice.waitForMessage((message) => message.text === 'hi')
  await Promise.all([alice.idle(), bob.idle()])
  const record = simulator.trace.print()
  await simulator.close()
  return record
}

describe('simulator', () => {
  it('refuses phones after it was closed', async () => {
    const simulator = await startSimulator()
    await simulator.close()
    await expect(simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })).rejects.toMatchObject({
      code: 'WATON_SIMULATOR_CLOSED',
    })
    await expect(simulator.endpoint.connect()).rejects.toMatchObject({ code: 'WATON_SIMULATOR_CLOSED' })
  })

  it.each(['0123', '1555', '+15550000001', '1'.repeat(16)])(
    'refuses the phone number %s',
    async (phoneNumber) => {
      const simulator = await startSimulator()
      await expect(simulator.addPhone({ phoneNumber, name: 'X' })).rejects.toMatchObject({
        code: 'WATON_SIMULATOR_PHONE_NUMBER',
      })
      await simulator.close()
    },
  )

  it('refuses a port that is taken', async () => {
    const simulator = await startSimulator()
    const port = Number(new URL(simulator.endpoint.url).port)
    await expect(startSimulator({ port })).rejects.toMatchObject({ code: 'WATON_SIMULATOR_LISTEN' })
    await simulator.close()
  })

  it('makes the same record from the same seed, and another from another', async () => {
    const first = await runConversation('one')
    expect(first).toContain('<message ')
    expect(await runConversation('one')).toBe(first)
    expect(await runConversation('two')).not.toBe(first)
  })
})
