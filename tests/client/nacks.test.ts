/**
 * Every code that a server is known to refuse a message with, each against a server that does: what is repaired reaches the
 * other side once, and what is not is told by its number, with what can be done.
 */
import { NACK_REASONS, SERVER_ERROR_CODES } from '@whiskeysockets/baileys/lib/Utils/decode-wa-message.js'
import { describe, expect, test } from 'vitest'
import { NACK_RULES } from '../../src/client/send/nack.ts'
import { ciphertexts, sendFailures, sentAs } from './sent.ts'
import { BOB, DEVICE, FastClock, World, linkedClient } from './support.ts'

/** What no repair helps with: as which code it is told, and what its sender can do. */
const FINAL: readonly (readonly [number, string, string])[] = [
  [400, 'WATON_SEND_REFUSED', 'report'],
  [401, 'WATON_SEND_REFUSED', 'check-account'],
  [402, 'WATON_SEND_REFUSED', 'wait'],
  [403, 'WATON_SEND_REFUSED', 'check-account'],
  [404, 'WATON_SEND_REFUSED', 'fix-call'],
  [405, 'WATON_SEND_REFUSED', 'fix-call'],
  [409, 'WATON_SEND_REFUSED', 'report'],
  [410, 'WATON_SEND_REFUSED', 'discard'],
  [413, 'WATON_SEND_REFUSED', 'fix-call'],
  [475, 'WATON_SEND_CAPPED', 'wait'],
  [487, 'WATON_SEND_REFUSED', 'report'],
  [488, 'WATON_SEND_REFUSED', 'report'],
  [489, 'WATON_SEND_REFUSED', 'report'],
  [490, 'WATON_SEND_REFUSED', 'report'],
  [491, 'WATON_SEND_REFUSED', 'report'],
  [495, 'WATON_SEND_REFUSED', 'report'],
  [499, 'WATON_SEND_REFUSED', 'discard'],
  [500, 'WATON_SEND_REFUSED', 'discard'],
  [501, 'WATON_SEND_REFUSED', 'fix-call'],
  [550, 'WATON_SEND_REFUSED', 'fix-call'],
  [551, 'WATON_SEND_REFUSED', 'fix-call'],
]

/** The devices are asked for, and the message is encrypted anew. */
const WRONG_DEVICES = [406, 479, 493]
/** The message is encrypted anew for the same devices. */
const WRONG_CIPHERTEXT = [496]
/** The same ciphertext is sent again, later. */
const NOT_NOW = [429, 503, 504, 552]
/** Somebody repairs it: tests of tokens, and of groups. */
const REPAIRED_BY_OTHERS = [421, 463]

/** With a clock that runs fast: nothing ends because the machine is slow. */
const PATIENT = {
  connectTimeoutMs: 1e9,
  queryTimeoutMs: 1e9,
  keepAliveMs: 1e9,
  pongTimeoutMs: 1e9,
  ackTimeoutMs: 1e9,
  leaseMs: 1e9,
}

describe('the codes of a refusal', () => {
  test('are all that other implementations know, and each is in one of the lists here', () => {
    const here = [
      ...FINAL.map(([code]) => code),
      ...[...WRONG_DEVICES, ...WRONG_CIPHERTEXT, ...NOT_NOW, ...REPAIRED_BY_OTHERS],
    ]
    expect([...here].sort()).toEqual([...NACK_RULES.keys()].sort())
    const theirs = [...Object.values(NACK_REASONS), ...Object.values(SERVER_ERROR_CODES).map(Number)]
    expect(theirs.length).toBeGreaterThan(14)
    // whatsapp-rust has two more, which only the server says
    for (const code of [...theirs, 421, 475]) expect(here).toContain(code)
  })

  test('that nothing helps with are told by their number, at once, and hold up nothing', async () => {
    const world = new World('final')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    for (const [serverCode, code, action] of FINAL) {
      const id = `N${String(serverCode)}`
      world.server.faults.refuseMessages(DEVICE, serverCode, { id })
      const sent = await client.send(BOB, { text: id }, { id })
      await expect(sent.acked).rejects.toMatchObject({ code, action, details: { id, serverCode } })
      await expect(sent.delivered).rejects.toMatchObject({ code })
      expect(sentAs(world, id)).toHaveLength(1)
    }
    expect(await sendFailures(client)).toMatchObject(
      FINAL.map(([serverCode, code, action]) => ({ id: `N${String(serverCode)}`, serverCode, code, action })),
    )
    await (
      await client.send(BOB, { text: 'goes on' })
    ).delivered
    expect(bob.messages.map(({ text }) => text)).toEqual(['goes on'])
    expect(bob.undecryptable).toEqual([])
  })

  test('that speak of the ciphertext have another one made, for the same devices', async () => {
    const world = new World('ciphertext')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    await (
      await client.send(BOB, { text: 'warm up' })
    ).delivered
    const asked = world.sent({ xmlns: 'usync' }).length
    for (const code of WRONG_CIPHERTEXT) {
      const id = `N${String(code)}`
      world.server.faults.refuseMessages(DEVICE, code, { id })
      await (
        await client.send(BOB, { text: id }, { id })
      ).delivered
      const [first, second, ...more] = sentAs(world, id).map(ciphertexts)
      expect(more).toEqual([])
      expect([...(second?.keys() ?? [])]).toEqual([...(first?.keys() ?? [])])
      for (const [device, ciphertext] of first ?? []) expect(second?.get(device)).not.toBe(ciphertext)
    }
    expect(world.sent({ xmlns: 'usync' })).toHaveLength(asked)
    expect(bob.messages.map(({ text }) => text)).toEqual(['warm up', 'N496'])
    expect(await sendFailures(client)).toEqual([])
  })

  test('that speak of the moment have the same ciphertext repeated, and shown once', async () => {
    const world = new World('not now')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice, { clock: new FastClock(100), timing: PATIENT })
    for (const code of NOT_NOW) {
      const id = `N${String(code)}`
      world.server.faults.refuseMessages(DEVICE, code, { id })
      await (
        await client.send(BOB, { text: id }, { id })
      ).delivered
      const [first, second, ...more] = sentAs(world, id)
      expect(more).toEqual([])
      expect(second).toEqual(first)
    }
    expect(bob.messages.map(({ text }) => text)).toEqual(NOT_NOW.map((code) => `N${String(code)}`))
    expect(await sendFailures(client)).toEqual([])
  })
})
