/** A bot and what was so before its device was linked: labels, sorted chats, contacts. */
import { expect, test } from 'vitest'
import { Bot, MemoryStore } from 'waton'
import type { ChangeOrigin } from 'waton'
import { silentLogger } from '../../src/base/logger.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { until } from '../helpers/until.ts'
import { BOB, World } from './support.ts'

test('a bot answers to what is done now, and not to what was so when it was linked', async () => {
  const world = new World('bot history')
  const { alice } = await world.addPair()
  const store = new MemoryStore()
  const handled: string[] = []
  const start = async (): Promise<Bot> => {
    const bot = new Bot({
      store,
      endpoint: world.endpoint,
      onQr: ({ qr }) => alice.linkDevice(qr),
      stopOnSignals: false,
    })
    bot.on('label.assigned', ({ event: { payload } }) => {
      handled.push(`label ${payload.labelId} ${payload.origin}`)
    })
    bot.on('chat.changed', ({ event: { payload } }) => {
      handled.push(`chat ${payload.origin}`)
    })
    await bot.start()
    return bot
  }
  await (await start()).stop()

  const clock = world.server.clock
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 60_000 })
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger: silentLogger,
    onEvents: () => undefined,
    onFailure: () => undefined,
  })
  await state.commit((unit) => {
    const tell = (labelId: string, origin: ChangeOrigin): void => {
      const at = { chat: BOB, atMs: unit.nowMs, origin }
      unit.event('label.assigned', { ...at, labelId, isAssigned: true }, BOB)
      unit.event('chat.changed', { ...at, changes: { isArchived: true } }, BOB)
    }
    tell('1', 'history')
    tell('2', 'live')
    return Promise.resolve()
  })
  await state.close()
  await claim.release()

  const bot = await start()
  await until('what was done since', () => handled.length >= 2)
  expect(handled).toEqual(['label 2 live', 'chat live'])
  await bot.stop()
})
