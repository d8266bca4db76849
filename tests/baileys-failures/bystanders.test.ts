/**
 * Where one device, or one chat, is the trouble of all the others. Rows W6 (one to one) and L9 of the list in README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { childOf, childrenOf } from '../../src/protocol/binary/node.ts'
import { BOB, DEVICE, linkedClient, newClient, untilLogged } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BAILEYS, START_MS, Victim, goSilent, sentBy, startStage, temporaryFolder } from './stage.ts'
import type { Stage } from './stage.ts'

const DAVE = '15550000004@s.whatsapp.net'
/** Bob's second device, which is a waton. */
const BOBS_OTHER = '15550000002:1@s.whatsapp.net'

/** The devices that a message had copies for. */
function copiesOf(stage: Stage, device: string, id: string): readonly (string | undefined)[] {
  return sentBy(stage, device, id).flatMap((message) => {
    const participants = childOf(message, 'participants')
    return participants === undefined ? [] : childrenOf(participants, 'to').map(({ attrs }) => attrs.jid)
  })
}

describe('a device of the other side without keys', () => {
  test('W6: Baileys then sends to nobody; waton to the others, and to it as soon as it has some', async () => {
    const stage = await startStage('W6 keys')
    const { world, bob, alice } = stage
    const other = await linkedClient(world, bob)
    const baileys = await Victim.link(stage, temporaryFolder())
    world.server.faults.loseKeys(BOBS_OTHER)
    expect(await baileys.send(BOB, 'one', 'ONE')).toBe('rejected')
    expect(sentBy(stage, BAILEYS, 'ONE')).toEqual([])

    const client = await linkedClient(world, alice)
    await client.send(BOB, { text: 'one' }, { id: 'W-ONE' })
    await bob.waitForMessage(({ id }) => id === 'W-ONE')
    expect(copiesOf(stage, DEVICE, 'W-ONE')).not.toContain(BOBS_OTHER)
    // its next login tells it that the server has none of its keys
    world.server.faults.disconnect(BOBS_OTHER)
    await until('its keys', () => world.device(BOBS_OTHER).directory.isUsable)
    await client.send(BOB, { text: 'two' }, { id: 'W-TWO' })
    await untilLogged(other, 'W-TWO')
    expect(bob.messages.map(({ id }) => id)).toEqual(['W-ONE', 'W-TWO'])
  })
})

describe('a device of the other side whose session is damaged', () => {
  test('W6: Baileys leaves it out for ever and says that it has sent; waton tells, and begins another', async () => {
    const stage = await startStage('W6 copy')
    const { world, bob, alice, url } = stage
    const other = await linkedClient(world, bob)
    const folder = temporaryFolder()
    const first = await Victim.link(stage, folder)
    await first.send(BOB, 'one', 'ONE')
    await untilLogged(other, 'ONE')
    await first.kill()
    loseChains(join(folder, `session-${String(bob.lid.split('@')[0])}_1.1.json`))
    const again = Victim.start(url, folder)
    await until('Baileys to be back', () => again.opened > 0, START_MS)
    for (const id of ['TWO', 'THREE']) {
      expect(await again.send(BOB, id, id)).toBe('resolved')
      await bob.waitForMessage((message) => message.id === id)
      expect(copiesOf(stage, BAILEYS, id)).toContain(BOB)
      expect(copiesOf(stage, BAILEYS, id)).not.toContain(BOBS_OTHER)
    }

    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    await client.send(BOB, { text: 'one' }, { id: 'W-ONE' })
    await untilLogged(other, 'W-ONE')
    await client.close()
    await damage(store, 'session', `${String(bob.lid.split('@')[0])}_1.1`)
    const restarted = newClient(world, { store })
    const told: string[] = []
    restarted.on('store.quarantined', ({ kind }) => {
      told.push(kind)
    })
    await restarted.connect()
    await restarted.send(BOB, { text: 'two' }, { id: 'W-TWO' })
    await untilLogged(other, 'W-TWO')
    expect(copiesOf(stage, DEVICE, 'W-TWO')).toContain(BOBS_OTHER)
    expect(told).toEqual(['session'])
  })
})

/** Takes the chains out of a session that Baileys has written: nothing can be encrypted in it any more. */
function loseChains(file: string): void {
  const record = JSON.parse(readFileSync(file, 'utf8')) as { _sessions: Record<string, { _chains: object }> }
  for (const session of Object.values(record._sessions)) session._chains = {}
  writeFileSync(file, JSON.stringify(record))
}

async function damage(store: MemoryStore, kind: string, key: string): Promise<void> {
  expect(await store.readRecord('default', kind, key)).toBeDefined()
  const claim = await store.claim('default', { owner: 'the test', nowMs: 1, leaseMs: 60_000 })
  await store.commit(claim, [{ op: 'put-record', row: { kind, key, value: Uint8Array.of(0, 1), at: 1 } }])
  await claim.release()
}

describe('a chat that the server has not answered about', () => {
  test('L9: Baileys lets every other chat wait for it; waton none', async () => {
    const stage = await startStage('L9')
    const { world, bob } = stage
    await world.addPhone('15550000004', 'Dave')
    const baileys = await Victim.link(stage, temporaryFolder())
    await baileys.send(BOB, 'warm up', 'WARM')
    await bob.waitForMessage(({ id }) => id === 'WARM')
    slowDown(stage, BAILEYS)
    const sending = [baileys.send(DAVE, 'first', 'FIRST'), baileys.send(BOB, 'second', 'SECOND')]
    await Promise.all(sending)
    await until('both', () => idsSentBy(stage, BAILEYS).length >= 3)
    expect(idsSentBy(stage, BAILEYS)).toEqual(['WARM', 'FIRST', 'SECOND'])

    const other = await startStage('L9 waton')
    await other.world.addPhone('15550000004', 'Dave')
    const client = await linkedClient(other.world, other.alice)
    await (
      await client.send(BOB, { text: 'warm up' }, { id: 'WARM' })
    ).delivered
    goSilent(other, DEVICE)
    await client.send(DAVE, { text: 'first' }, { id: 'FIRST' })
    await client.send(BOB, { text: 'second' }, { id: 'SECOND' })
    await other.bob.waitForMessage(({ id }) => id === 'SECOND')
    expect(idsSentBy(other, DEVICE)).toEqual(['WARM', 'SECOND'])
  })
})

/** From now on everything takes its time to reach a device. */
function slowDown({ world }: Stage, device: string): void {
  const at = { direction: 'server-to-client', frame: 1 } as const
  world.server.faults.plan({ seed: 1, faults: [{ fault: 'delay', device, at, forMs: 500 }] })
}

function idsSentBy({ world }: Stage, device: string): readonly (string | undefined)[] {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, tag: 'message' })
    .map(({ node: { attrs } }) => attrs.id)
}
