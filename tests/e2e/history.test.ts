/** A phone with a past links a client that dies in the middle of it: the next process has all of it, once. */
import { expect, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import { CrashStore } from 'waton/testing'
import { log } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

test('what the phone hands over survives the death of the process, and is told once', async () => {
  const simulator = await startWorld(1901)
  const { alice } = await addPair(simulator)
  alice.addPast({ chats: 6, messagesPerChat: 60, seed: 1901 })
  const disk = new MemoryStore()
  const dying = new CrashStore(disk)
  const first = await linkedClient(simulator, alice, { endpoint: simulator.endpoint, store: dying })
  await new Promise((resolve) => first.once('history.chunk', resolve))
  await dying.crash()
  await first.close().catch(() => undefined)
  expect(alice.history.every(({ receipts }) => receipts.includes('hist_sync'))).toBe(false)

  const second = new Client({ store: disk, endpoint: simulator.endpoint })
  await second.connect()
  await until('the phone to be told that all was taken in', () =>
    alice.history.every(({ receipts }) => receipts.includes('hist_sync')),
  )
  const chunks = (await log(second)).filter(({ type }) => type === 'history.chunk')
  const told = chunks.flatMap((event) => (event.type === 'history.chunk' ? event.payload.messages : []))
  // of a message that was deleted for everyone nothing is left to be told
  const written = alice.messages.filter(({ content }) => Object.keys(content).length > 0)
  expect(told.map(({ id }) => id).toSorted()).toEqual(written.map(({ id }) => id).toSorted())
  await second.close()
})
