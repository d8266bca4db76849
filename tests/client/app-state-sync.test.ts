/** App state on its way to a client (promise G5): fetched when there is a reason, verified, told once. */
import { describe, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { AppStateWorld, changes } from './app-state.ts'
import { BOB, settle } from './support.ts'

describe('after linking', () => {
  test('everything that the phone has set is told once, as history, and sync.initial says that it is here', async () => {
    const world = await new AppStateWorld('linking').begin()
    await world.alice.changeChat(BOB, { archived: true, pinned: true })
    await world.alice.saveContact(BOB, 'Bob the builder')
    const client = world.again()
    const initial: object[] = []
    client.on('sync.initial', (event) => initial.push(event))
    client.once('pairing.qr', async ({ qr }) => {
      await world.alice.linkDevice(qr)
    })
    await client.connect()
    await world.converged()
    await until('sync.initial', () => initial.length > 0)
    expect(initial).toMatchObject([{ complete: true }])
    const events = await changes(client)
    expect(events.map(({ type }) => type).sort()).toMatchInlineSnapshot(`
      [
        "chat.changed",
        "chat.changed",
      ]
    `)
    expect(world.violations).toEqual([])
    expect(world.questions).toHaveLength(1)
  })

  test('what the phone changes later is fetched and told', async () => {
    const world = await new AppStateWorld('later').begin()
    const client = await world.link()
    await world.converged()
    await world.alice.changeChat(BOB, { archived: true })
    await world.converged()
    expect(await changes(client)).toMatchObject([
      { type: 'chat.changed', payload: { changes: { isArchived: true }, origin: 'live' } },
    ])
    await settle()
    expect(world.violations).toEqual([])
  })
})
