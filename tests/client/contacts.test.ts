/** `client.contacts.lookup`: numbers in, one answer for each. */
import { describe, expect, test } from 'vitest'
import { isWatonError, MemoryStore } from 'waton'
import type { Client } from 'waton'
import { BOB, World, linkedClient, newClient } from './support.ts'

const NOBODY = '15550009999@s.whatsapp.net'

async function worldWithBob(seed: string): Promise<{ world: World; client: Client; lid: string }> {
  const world = new World(seed)
  const { alice, bob } = await world.addPair()
  return { world, client: await linkedClient(world, alice), lid: bob.lid }
}

const questions = (world: World): number =>
  world.sent({ tag: 'iq' }).filter((iq) => JSON.stringify(iq).includes('"contact"')).length

describe('looking numbers up', () => {
  test('is refused without a connection', async () => {
    const client = newClient(new World('offline lookup'), { store: new MemoryStore() })
    await expect(client.contacts.lookup(['15550000002'])).rejects.toMatchObject({
      code: 'WATON_NOT_CONNECTED',
    })
  })

  test('tells for each what it is, in the order in which they were given, whatever they look like', async () => {
    const { world, client, lid } = await worldWithBob('lookup')
    const shop = await world.addPhone('15550000003', 'Shop')
    const account = world.server.world.accountOf('15550000003')
    if (account !== undefined) account.profile = { verifiedName: 'The Shop' }
    const inputs = ['+1 555 000-0002', 'nobody', NOBODY, lid, '15550000003', '+15550000002', '999999@lid']
    const results = await client.contacts.lookup(inputs)
    expect(results.map(({ input }) => input)).toEqual(inputs)
    const bob = { isOnWhatsApp: true, jid: lid, pn: BOB, lid, isBusiness: false }
    expect(results).toMatchObject([
      bob,
      { isOnWhatsApp: undefined, error: { code: 'WATON_CONTACT_NUMBER' } },
      { isOnWhatsApp: false },
      bob,
      { isOnWhatsApp: true, pn: shop.pn, lid: shop.lid, isBusiness: true },
      bob,
      { isOnWhatsApp: false },
    ])
    expect(questions(world)).toBe(1)
    await (
      await client.send(results[0]?.jid ?? '', { text: 'found you' })
    ).delivered
    expect(world.violations).toEqual([])
  })

  test('asks about a hundred at a time, and about nobody twice in a short while', async () => {
    const { world, client } = await worldWithBob('many')
    const many = Array.from({ length: 250 }, (_, index) => String(16_000_000_000 + index))
    const first = await client.contacts.lookup([...many, '15550000002'])
    expect(first.filter(({ isOnWhatsApp }) => isOnWhatsApp === false)).toHaveLength(250)
    expect(questions(world)).toBe(3)
    const again = await client.contacts.lookup(many)
    expect(again.every(({ isOnWhatsApp }) => isOnWhatsApp === false)).toBe(true)
    expect(questions(world)).toBe(3)
  })

  test('never takes an error or silence of the server for "not on WhatsApp"', async () => {
    const { world, client } = await worldWithBob('errors')
    world.server.faults.spoilDirectory('error', { code: 404 })
    expect(await client.contacts.lookup([BOB])).toMatchObject([
      { isOnWhatsApp: undefined, error: { code: 'WATON_CONTACT_REFUSED', details: { serverCode: 404 } } },
    ])
    world.server.faults.spoilDirectory('silence')
    expect(await client.contacts.lookup([BOB])).toMatchObject([
      { isOnWhatsApp: undefined, error: { code: 'WATON_CONTACT_NOT_TOLD' } },
    ])
    expect(await client.contacts.lookup([BOB])).toMatchObject([{ isOnWhatsApp: true }])
  })

  test('tells what stopped it for those who were not asked about any more', async () => {
    const { world, client } = await worldWithBob('deadline')
    const many = Array.from({ length: 150 }, (_, index) => String(16_000_000_000 + index))
    world.server.faults.plan({ seed: 1, faults: [{ fault: 'hold-answers', at: { answer: 1 }, count: 5 }] })
    const results = await client.contacts.lookup(many, { timeoutMs: 50 })
    const codes = new Set(results.map(({ error }) => (isWatonError(error) ? error.code : '')))
    expect([...codes]).toEqual(['WATON_QUERY_TIMEOUT'])
  })
})
