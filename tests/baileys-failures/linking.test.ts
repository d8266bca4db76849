/**
 * Where Baileys is mistaken about what the server holds of it: an account that it has not, a name, keys. Rows L4, L13 and L14 of
 * the list in README.md.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { ALICE, BOB, DEVICE, linkedClient, newClient } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { BAILEYS, CAROL, Victim, startStage, temporaryFolder } from './stage.ts'
import type { Stage } from './stage.ts'

const NOBODY = '15559999999'
const LOGGED_OUT = 401

/** Who Baileys is by its own credentials, once they are written whole. */
function namedIn(file: string): string | undefined {
  try {
    const { me } = JSON.parse(readFileSync(file, 'utf8')) as { readonly me?: { readonly id: string } }
    return me?.id
  } catch {
    return undefined
  }
}

function firstQr(client: Client): Promise<string> {
  return new Promise((resolve) => {
    client.once('pairing.qr', ({ qr }) => {
      resolve(qr)
    })
  })
}

test('L4: Baileys takes a refused pairing code for an account and logs in with it; waton says so and can be linked', async () => {
  const stage = await startStage('L4')
  const folder = temporaryFolder()
  const baileys = Victim.start(stage.url, folder)
  await until('a QR code', () => baileys.qrs[0])
  // the server answers 400: there is no such account
  expect(await baileys.requestPairingCode(NOBODY)).toBe('resolved')
  await until('its credentials', () => namedIn(join(folder, 'creds.json'))?.startsWith(NOBODY))
  await baileys.kill()
  const again = Victim.start(stage.url, folder)
  expect(await until('the end of its login', () => again.closeCodes[0])).toBe(LOGGED_OUT)
  expect(again.qrs).toEqual([])

  const { world, alice } = stage
  const store = new MemoryStore()
  const client = newClient(world, { store })
  const shown = firstQr(client)
  client.connect().catch(() => undefined)
  await shown
  await expect(client.requestPairingCode(NOBODY)).rejects.toMatchObject({
    code: 'WATON_PAIRING_CODE_REFUSED',
  })
  await client.close()
  const restarted = newClient(world, { store })
  const qr = firstQr(restarted)
  const opened = restarted.connect()
  await alice.linkDevice(await qr)
  await opened
  expect(restarted.me).toMatchObject({ pn: ALICE })
})

describe('a device that runs out of one-time keys', () => {
  test('L13, L14: Baileys makes five, and tells a presence without a word; waton fifty, and none', async () => {
    const stage = await startStage('L14')
    const { bob, carol, alice } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    const client = await linkedClient(stage.world, alice)
    // Baileys learns its name from what its phone writes
    await carol.send(BOB, { text: 'by Carol' })
    await until('its name', () => presences(stage, BAILEYS).some(({ attrs }) => attrs.name === 'Carol'))
    for (const [device, chat] of [
      [BAILEYS, CAROL],
      [DEVICE, ALICE],
    ] as const) {
      leaveKeys(stage, device, 5)
      // somebody new takes one more: the server says that they run low
      await bob.send(chat, { text: 'the first one' })
    }
    await until('the text', () => baileys.texts.includes('the first one'))
    await until('uploads', () => [BAILEYS, DEVICE].every((device) => stock(stage, device) > 4))
    // twenty people want to write before it can make more
    const given = (device: string): number => leaveKeys(stage, device, 0, 20)
    expect(given(BAILEYS)).toBeLessThan(10)
    expect(given(DEVICE)).toBe(20)

    const isWordless = ({ attrs }: BinaryNode): boolean =>
      attrs.name === undefined && attrs.type === undefined
    await until('a presence', () => presences(stage, BAILEYS).some(isWordless))
    expect(presences(stage, DEVICE).filter(isWordless)).toEqual([])
    expect(client.state).toBe('open')
  })
})

function stock({ world }: Stage, device: string): number {
  return world.device(device).directory.count
}

/** Others take one-time keys of a device until so many are left. @returns how many there were to take */
function leaveKeys({ world }: Stage, device: string, left: number, most = Infinity): number {
  const { directory } = world.device(device)
  let taken = 0
  while (directory.count > left && taken < most && directory.take() !== undefined) taken += 1
  return taken
}

function presences({ world }: Stage, device: string): readonly BinaryNode[] {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, tag: 'presence' })
    .map((entry) => entry.node)
}
