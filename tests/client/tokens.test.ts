/**
 * Privacy tokens against a server that wants them: what a message to a stranger carries, what is done when it is refused,
 * and when the other side is given a token of ours. How long a token holds is decided by Baileys' own functions.
 */
import { isTcTokenExpired, shouldSendNewTcToken } from '@whiskeysockets/baileys/lib/Utils/tc-token-utils.js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryStore } from 'waton'
import { VirtualClock } from 'waton/testing'
import { fromHex, toHex, utf8Bytes } from '../../src/base/bytes.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { LID_BY_PN, PN_BY_LID, PRIVACY_TOKEN } from '../../src/client/state/records.ts'
import { childOf, childrenOf, contentBytes, contentText, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import {
  TOKEN_BUCKET_SECONDS,
  csToken,
  isTokenDue,
  isTokenUsable,
} from '../../src/protocol/stanza/privacy-token.ts'
import { until } from '../helpers/until.ts'
import { openLog } from './event-log.ts'
import { BOB, World, linkedClient, newClient, settle } from './support.ts'

/** The tokens that the client has handed out. */
function issued(world: World): readonly BinaryNode[] {
  return world
    .sent({ tag: 'iq', xmlns: 'privacy' })
    .flatMap((query) => childrenOf(query, 'tokens'))
    .flatMap((tokens) => childrenOf(tokens, 'token'))
}

function messages(world: World): readonly BinaryNode[] {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.category === undefined)
}

function tokenIn(message: BinaryNode | undefined): string | undefined {
  const child = message === undefined ? undefined : childOf(message, 'tctoken')
  return child === undefined ? undefined : toHex(contentBytes(child) ?? new Uint8Array())
}

const ALICE = '15550000001@s.whatsapp.net'

describe('a message to a stranger', () => {
  test('is refused without a token of theirs, and its sender is told what is missing', async () => {
    const world = new World('tokens 1')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.world.strangers.habits = { needToken: true, locked: [] }
    const sent = await client.send(BOB, { text: 'hello' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_TOKEN_MISSING' })
    // asked for in exchange for one of ours, in vain
    expect(issued(world).map(({ attrs }) => attrs.jid)).toContain(BOB)
    expect(messages(world)).toHaveLength(1)
    expect(bob.messages).toEqual([])
    expect(world.violations).toEqual([])
  })

  test('is refused for good when the account is restricted, and no token is handed out in vain', async () => {
    const world = new World('tokens 2')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    world.server.world.strangers.habits = { needToken: true, locked: ['15550000001'] }
    // whoever is given a token of ours is written to at the same moment: only what the repair does counts
    const sent = await client.send(BOB, { text: 'hello' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_RESTRICTED' })
    expect(world.sent({ tag: 'iq', xmlns: 'w:mex' })).toHaveLength(1)
    expect(issued(world)).toHaveLength(1)
    expect(messages(world)).toHaveLength(1)
    expect(bob.messages).toEqual([])
  })

  test('is encrypted anew with the token that the server has, and shown once', async () => {
    const world = new World('tokens 3')
    const { alice, bob } = await world.addPair()
    // before there is a device that could be told
    await bob.giveToken(ALICE)
    const client = await linkedClient(world, alice)
    world.server.world.strangers.habits = { needToken: true, locked: [] }
    const sent = await client.send(BOB, { text: 'hello' })
    await sent.acked
    const [first, second] = messages(world)
    expect(messages(world)).toHaveLength(2)
    expect(tokenIn(second)).toHaveLength(32)
    expect([first?.attrs.id, second?.attrs.id]).toEqual([sent.id, sent.id])
    expect(bob.messages.map(({ text }) => text)).toEqual(['hello'])
  })

  test('carries the token that they have handed out, the newest, also after a restart', async () => {
    const world = new World('tokens 4')
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    world.server.world.strangers.habits = { needToken: true, locked: [] }
    const now = Math.floor(world.server.clock.nowMs() / 1000)
    await bob.giveToken(ALICE, { atSeconds: now - 2 * TOKEN_BUCKET_SECONDS })
    await bob.giveToken(ALICE, { atSeconds: now - 60 })
    await until(
      'both tokens to be taken',
      () => world.sent({ tag: 'ack', type: 'privacy_token' }).length === 2,
    )
    await (
      await client.send(BOB, { text: 'one' })
    ).acked
    await client.close()
    const again = newClient(world, { store })
    await again.connect()
    await (
      await again.send(BOB, { text: 'two' })
    ).acked
    const tokens = messages(world).map(tokenIn)
    expect(tokens[0]).toHaveLength(32)
    expect(tokens).toEqual([tokens[0], tokens[0]])
    expect(bob.messages.map(({ text }) => text)).toEqual(['one', 'two'])
  })

  test('does not carry a token that is too old, nor one to ourselves', async () => {
    const world = new World('tokens 5')
    const { alice, bob } = await world.addPair()
    const client = await linkedClient(world, alice)
    const now = Math.floor(world.server.clock.nowMs() / 1000)
    await bob.giveToken(ALICE, { atSeconds: now - 4 * TOKEN_BUCKET_SECONDS })
    await until('the token to be taken', () => world.sent({ tag: 'ack', type: 'privacy_token' }).length === 1)
    await (
      await client.send(BOB, { text: 'old' })
    ).acked
    await (
      await client.send(ALICE, { text: 'note to self' })
    ).acked
    expect(messages(world).map(tokenIn)).toEqual([undefined, undefined])
    await settle()
    expect(issued(world).map(({ attrs }) => attrs.jid)).toEqual([BOB])
  })
})

describe('of tokens that came for both addresses of a person', () => {
  const nowSeconds = Math.floor(new VirtualClock().nowMs() / 1000)
  const OLD = nowSeconds - 2 * TOKEN_BUCKET_SECONDS
  const NEW = nowSeconds - 60
  const EXPIRED = nowSeconds - 4 * TOKEN_BUCKET_SECONDS
  const BOB_LID = '100000000002@lid'

  async function carried(
    { forLid, forNumber }: { forLid: number; forNumber: number },
    isLearned: boolean,
  ): Promise<string | undefined> {
    const { outbox, state } = await openLog()
    const [attached] = await state.commit(async (unit) => {
      unit.put(PRIVACY_TOKEN, BOB, { token: utf8Bytes('of the number'), atSeconds: forNumber })
      unit.put(PRIVACY_TOKEN, BOB_LID, { token: utf8Bytes('of the LID'), atSeconds: forLid })
      if (isLearned) await learnMapping(unit, BOB, BOB_LID)
      else {
        unit.put(LID_BY_PN, '15550000002', '100000000002')
        unit.put(PN_BY_LID, '100000000002', '15550000002')
      }
      return outbox.tokens.attach(unit, { to: BOB, message: new Uint8Array() })
    })
    return attached === undefined ? undefined : contentText(attached)
  }

  test.each([false, true])('none that has expired is carried (moved: %s)', async (isLearned) => {
    expect(await carried({ forLid: EXPIRED, forNumber: EXPIRED }, isLearned)).toBeUndefined()
    expect(await carried({ forLid: EXPIRED, forNumber: OLD }, isLearned)).toBe('of the number')
    expect(await carried({ forLid: OLD, forNumber: EXPIRED }, isLearned)).toBe('of the LID')
  })

  test.each([false, true])('the newest is carried (moved: %s)', async (isLearned) => {
    expect(await carried({ forLid: OLD, forNumber: NEW }, isLearned)).toBe('of the number')
    expect(await carried({ forLid: NEW, forNumber: OLD }, isLearned)).toBe('of the LID')
  })
})

describe('a token of ours', () => {
  test('is handed out once for many messages, also across a restart', async () => {
    const world = new World('tokens 6')
    const { alice } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    for (const text of ['one', 'two', 'three']) await (await client.send(BOB, { text })).acked
    await until('a token to be handed out', () => issued(world).length === 1)
    await client.close()
    const again = newClient(world, { store })
    await again.connect()
    await (
      await again.send(BOB, { text: 'four' })
    ).acked
    await settle()
    expect(issued(world)).toHaveLength(1)
    expect(issued(world)[0]?.attrs).toMatchObject({ jid: BOB, type: 'trusted_contact' })
  })

  test('is handed out again when they have registered anew', async () => {
    const world = new World('tokens 7')
    const { alice } = await world.addPair()
    const client = await linkedClient(world, alice)
    await (
      await client.send(BOB, { text: 'one' })
    ).acked
    await until('a token to be handed out', () => issued(world).length === 1)
    const attributes = { from: BOB, id: 'identity-1', type: 'encrypt', t: '1700000000' }
    world.inject(node('notification', attributes, [node('identity')]))
    await until('another token', () => issued(world).length === 2)
  })
})

describe('how long tokens hold', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is what Baileys says, to the second', () => {
    vi.useFakeTimers()
    const bucket = TOKEN_BUCKET_SECONDS
    for (const now of [100 * bucket, 100 * bucket + 1, 101 * bucket - 1, 3000 * bucket + 12_345]) {
      vi.setSystemTime(now * 1000)
      for (let buckets = 0; buckets <= 6; buckets += 1)
        for (const offset of [-1, 0, 1, bucket / 2]) {
          const at = Math.floor(now / bucket) * bucket - buckets * bucket + offset
          expect(isTokenUsable(at, now), `${String(at)} at ${String(now)}`).toBe(!isTcTokenExpired(at))
          expect(isTokenDue(at, now), `${String(at)} at ${String(now)}`).toBe(shouldSendNewTcToken(at))
        }
      expect(isTokenUsable(undefined, now)).toBe(false)
      expect(isTokenDue(undefined, now)).toBe(true)
    }
  })

  test('a token from a salt is the one of another implementation', () => {
    // whatsapp-rust 0.7, wacore/src/iq/tctoken.rs
    expect(toHex(csToken(utf8Bytes('whatsapp_nct_salt_example'), 'alice@lid'))).toBe(
      toHex(fromHex('7c6afc325785ac3c4f571e648a3bb822f0e2e49434812ed2809aea2e7043b576')),
    )
  })
})
