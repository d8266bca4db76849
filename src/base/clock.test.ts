import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'

test('a timer that is further away than a timer of Node can be does not run at once, and is cancelled', async () => {
  const ran: string[] = []
  const month = systemClock.schedule(31 * 24 * 60 * 60 * 1000, () => ran.push('month'))
  const never = systemClock.schedule(Infinity, () => ran.push('never'))
  await new Promise<void>((resolve) => {
    systemClock.schedule(20, resolve)
  })
  month.cancel()
  never.cancel()
  expect(ran).toEqual([])
})
