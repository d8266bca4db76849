/**
 * An unmodified Baileys links by code with the simulated phone: what the phone computes, and what the server lets through,
 * is what WhatsApp's other clients expect.
 */
import { expect, test } from 'vitest'
import { errorCode } from 'waton'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, startWorld } from '../helpers/world.ts'

const ALICE = '15550000001@s.whatsapp.net'

test('Baileys links by code after a wrong one was entered, and exchanges texts', async () => {
  const simulator = await startWorld(61)
  const { alice, bob } = await addPair(simulator)
  const baileys = await Baileys.linkByCode(simulator, bob, async (code) => {
    const wrong = code.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
    const refusal = await bob.linkDeviceByCode(wrong).catch((error: unknown) => error)
    expect(errorCode(refusal)).toBe('WATON_PHONE_LINK_CODE_WRONG')
    expect(bob.devices).toHaveLength(0)
    await bob.linkDeviceByCode(`${code.slice(0, 4)}-${code.slice(4).toLowerCase()}`)
  })
  expect(bob.devices).toMatchObject([{ deviceId: 1, platform: 'chrome' }])

  await baileys.send(ALICE, 'linked by code')
  await alice.waitForMessage((message) => message.text === 'linked by code')
  await alice.send(bob.pn, { text: 'welcome' })
  await baileys.waitForText('welcome')
  expect(simulator.trace.notes.filter((note) => note.kind === 'violation')).toEqual([])
})

test('Baileys acknowledges what the server asks of a companion, and is linked to a hosted account', async () => {
  const simulator = await startWorld(62)
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  await Baileys.linkByCode(simulator, bob, async (code) => {
    expect(simulator.faults.refreshCompanions()).toBe(1)
    await until('its ack', () =>
      simulator.trace
        .stanzas({ direction: 'client-to-server', tag: 'ack' })
        .find(({ node }) => node.attrs.type === 'companion_reg_refresh'),
    )
    await bob.linkDeviceByCode(code, { hosted: true })
  })
  expect(bob.devices).toMatchObject([{ deviceId: 1 }])
  const approvals = simulator.trace.stanzas({ direction: 'server-to-client', tag: 'iq' })
  expect(JSON.stringify(approvals.map(({ node }) => node))).toContain('15550000002:1@hosted')
  expect(simulator.trace.notes.filter((note) => note.kind === 'violation')).toEqual([])
})
