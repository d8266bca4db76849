/**
 * What an unmodified Baileys encrypted for a signed pre-key is read after that key was replaced, and what it encrypts then
 * is for the new one.
 */
import { onTestFinished, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { VirtualClock } from 'waton/testing'
import { ROTATION_MS } from '../../src/client/keys/signed-pre-key.ts'
import { childrenOf, requireBytes } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { readPreKeySignal } from '../../src/protocol/signal/index.ts'
import { ALICE, World, linkedClient, newClient, untilLogged } from '../client/support.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'

/** The signed pre-key that a message was encrypted for, unless its session is older than the message. */
function signedPreKeyIdOf(message: BinaryNode): number | undefined {
  const [part] = childrenOf(message, 'enc')
  return part?.attrs.type === 'pkmsg' ? readPreKeySignal(requireBytes(part)).signedPreKeyId : undefined
}

async function linkedBaileys(url: string, phone: SimulatedPhone): Promise<Baileys> {
  const baileys = await Baileys.start(url)
  onTestFinished(() => baileys.quit())
  await baileys.connect()
  await phone.linkDevice(await until('a QR code', () => baileys.qrs[0]))
  await until('Baileys to be open', () => baileys.opened > 0)
  return baileys
}

test('a Baileys that has the old key is read after a rotation, and one that comes later uses the new key', async () => {
  const clock = new VirtualClock()
  const world = new World('baileys and keys', clock)
  const url = await world.server.start()
  const { alice, bob } = await world.addPair()
  const carol = await world.addPhone('15550000003', 'Carol')
  const options = { store: new MemoryStore(), clock, timing: { keepAliveMs: 1e11, leaseMs: 1e11 } }
  const before = await linkedClient(world, alice, options)
  const early = await linkedBaileys(url, bob)

  // the first message, which would have started the session, never arrives
  await before.close()
  const { id: lost } = await early.send(ALICE, 'lost')
  const { mailbox, directory } = world.device()
  await until('the message to wait', () => mailbox.after(0).some(({ stanza }) => stanza.attrs.id === lost))
  mailbox.clear()
  clock.advance(ROTATION_MS)
  const client = newClient(world, options)
  await client.connect()
  await until('the rotation', () => directory.keys?.signedPreKey.id === 2)

  const { id: old } = await early.send(ALICE, 'for the old key')
  await untilLogged(client, old)
  const late = await linkedBaileys(url, carol)
  const { id: young } = await late.send(ALICE, 'for the new key')
  await untilLogged(client, young)

  const keyFor = (id: string): (number | undefined)[] =>
    world
      .received({ tag: 'message' })
      .filter(({ attrs }) => attrs.id === id)
      .map(signedPreKeyIdOf)
  expect([keyFor(old), keyFor(young)]).toEqual([[1], [2]])
  expect(world.sent({ tag: 'receipt', type: 'retry' })).toEqual([])
  await client.send(carol.pn, { text: 'heard' })
  await late.waitForText('heard')
  expect(world.violations).toEqual([])
})
