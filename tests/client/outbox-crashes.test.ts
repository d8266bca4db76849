/**
 * A process that dies at any of its commits while messages are accepted, cancelled, refused, repaired and acknowledged: the
 * next one goes on, and everybody has everything once (promises G3 and G4).
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { CiphertextRecord, assertNoKeyReuse } from 'waton/simulator'
import { until } from '../helpers/until.ts'
import { MortalStore } from './crash.ts'
import type { CrashPoint } from './crash.ts'
import { BOB, DEVICE, World, linkedClient, newClient } from './support.ts'

const IDS = ['M1', 'M2', 'M3', 'M4']
const CANCELLED = 'M3'

/** What a program does whenever it starts: what it had sent before is the same messages again. */
async function run(client: Client): Promise<void> {
  for (const id of IDS) await client.send(BOB, { text: id }, { id })
  await client.outbox.cancel(CANCELLED)
  await client.connect()
  for (const id of IDS) if (id !== CANCELLED) await (await client.outbox.get(id))?.delivered
}

/** Resolves when the program is through, or dead. */
async function runUntilDeath(client: Client, store: MortalStore): Promise<void> {
  const death = new Promise<void>((resolve) => {
    store.onDeath = resolve
  })
  await Promise.race([run(client), death]).catch((error: unknown) => {
    if (!store.isDead) throw error
  })
}

const POINTS: CrashPoint[] = Array.from({ length: 16 }, (_, index) => ({
  commit: index + 1,
  isWritten: index % 2 === 0,
}))

describe('a process that dies', () => {
  test.each(POINTS)(
    'at commit $commit (written: $isWritten) has lost, repeated and given away nothing',
    async (point) => {
      const world = new World(`crash ${String(point.commit)}`)
      const { alice, bob } = await world.addPair()
      const disk = new MemoryStore()
      const linked = await linkedClient(world, alice, { store: disk })
      await (
        await linked.send(BOB, { text: 'warm up' })
      ).delivered
      await linked.close()
      const record = new CiphertextRecord(world.server.trace)
      world.server.faults.refuseMessages(DEVICE, 479, { id: 'M2' })

      const mortal = new MortalStore(disk, point)
      const dying = newClient(world, { store: mortal })
      await runUntilDeath(dying, mortal)
      expect(mortal.isDead).toBe(true)
      onTestFinished(() => dying.close().catch(() => undefined))
      world.server.faults.disconnect(DEVICE)
      await mortal.bury()

      const client = newClient(world, { store: disk })
      await run(client)
      await until('all of them', () => bob.messages.length === IDS.length)
      expect(bob.messages.map(({ text }) => text).sort()).toEqual(['M1', 'M2', 'M4', 'warm up'])
      expect(bob.undecryptable).toEqual([])
      expect(world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === CANCELLED)).toEqual([])
      expect([...record].filter(({ id }) => id === 'M2').length).toBeGreaterThan(1)
      assertNoKeyReuse(record)
      expect(await client.outbox.get(CANCELLED)).toMatchObject({ state: 'cancelled' })
    },
  )
})
