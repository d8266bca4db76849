/**
 * Privacy tokens against a server that wants them: what a message to a stranger carries, what is done when it is refused,
 * and when the other side is given a token of ours. How long a token holds is decided by Baileys' own functions.
 */
import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import {
  isTcTokenExpired,
  shouldSendNewTcToken,
  storeTcTokensFromIqResult,
} from '@whiskeysockets/baileys/lib/Utils/tc-token-utils.js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryStore } from 'waton'
import type { Client } from 'waton'
import { VirtualClock } from 'waton/testing'
import { fromHex, toHex, utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import {
  CONNECTION_HINTS,
  LID_BY_PN,
  NCT_SALT,
  PN_BY_LID,
  PRIVACY_TOKEN,
  SELF,
  TOKEN_ISSUED,
} from '../../src/client/state/records.ts'
import { childOf, childrenOf, contentBytes, contentText, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import {
  TOKEN_BUCKET_SECONDS,
  csToken,
  isTokenDue,
  isTokenUsable,
} from '../../src/protocol/stanza/privacy-token.ts'
import type { TokenIssue } from '../../src/protocol/stanza/iq/privacy-tokens.ts'
import type { PrivacyToken } from '../../src/protocol/stanza/notifications/privacy-token.ts'
import { Message, encodeMessage } from '../../src/protocol/proto/message.ts'
import type { MessageProperties } from '../../src/protocol/proto/message.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { until } from '../helpers/until.ts'
import { openLog } from './event-log.ts'
import { Stranger } from './stranger.ts'
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

describe('a token that follows from the salt of the account', () => {
  const SALT = seededRandom('the salt').bytes(32)
  const STRICT = { needToken: true, locked: [] as string[], salts: { '15550000001': SALT } }

  function saltTokenIn(message: BinaryNode | undefined): string | undefined {
    const child = message === undefined ? undefined : childOf(message, 'cstoken')
    return child === undefined ? undefined : toHex(contentBytes(child) ?? new Uint8Array())
  }

  async function scene(seed: string): Promise<{
    world: World
    client: Client
    store: MemoryStore
    alice: SimulatedPhone
    bob: SimulatedPhone
  }> {
    const world = new World(seed)
    const { alice, bob } = await world.addPair()
    const store = new MemoryStore()
    const client = await linkedClient(world, alice, { store })
    await until(
      'the first piece of history',
      async () => (await store.listRecords('default', 'history-notification', undefined, 10)).length > 0,
    )
    await until('the switches of the server', async () => (await readHints(store))?.includes('isSaltUsed'))
    world.server.world.strangers.habits = STRICT
    return { world, client, store, alice, bob }
  }

  async function readHints(store: MemoryStore): Promise<string | undefined> {
    const [row] = await store.listRecords('default', 'connection-hints', undefined, 1)
    return row === undefined ? undefined : utf8Text(row.value)
  }

  async function salts(store: MemoryStore): Promise<number> {
    return (await store.listRecords('default', 'nct-salt', undefined, 10)).length
  }

  test('is refused by the server when the salt is another', async () => {
    const { world, client, store, alice, bob } = await scene('salt 1')
    await alice.shareSalt(seededRandom('another salt').bytes(32))
    await until('the salt', async () => (await salts(store)) === 1)
    const sent = await client.send(BOB, { text: 'hello' })
    await expect(sent.acked).rejects.toMatchObject({ code: 'WATON_SEND_TOKEN_MISSING' })
    expect(saltTokenIn(messages(world)[0])).toHaveLength(64)
    expect(world.server.trace.notes.map(({ text }) => text)).toContainEqual(
      expect.stringContaining('does not follow from the salt'),
    )
    expect(bob.messages).toEqual([])
  })

  test('is carried where there is none of theirs, also after a restart, and gives way to theirs', async () => {
    const { world, client, store, alice, bob } = await scene('salt 2')
    await alice.shareSalt(SALT)
    await until('the salt', async () => (await salts(store)) === 1)
    await client.close()
    const again = newClient(world, { store })
    await again.connect()
    await (
      await again.send(BOB, { text: 'one' })
    ).acked
    await bob.giveToken(ALICE)
    await until('the token to be taken', () => world.sent({ tag: 'ack', type: 'privacy_token' }).length === 1)
    await (
      await again.send(BOB, { text: 'two' })
    ).acked
    await (
      await again.send(ALICE, { text: 'note to self' })
    ).acked
    const expected = createHmac('sha256', SALT).update(bob.lid, 'utf8').digest('hex')
    expect(messages(world).map(saltTokenIn)).toEqual([expected, undefined, undefined])
    expect(messages(world).map((message) => tokenIn(message) !== undefined)).toEqual([false, true, false])
    expect(bob.messages.map(({ text }) => text)).toEqual(['one', 'two'])
    expect(world.violations).toEqual([])
  })

  test('is believed of the own phone only, and a damaged piece of history is kept and changes nothing', async () => {
    const { world, store } = await scene('salt 3')
    const notification = (payload: Uint8Array): MessageProperties => ({
      protocolMessage: {
        type: Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
        historySyncNotification: {
          syncType: Message.HistorySyncType.INITIAL_BOOTSTRAP,
          initialHistBootstrapInlinePayload: payload,
        },
      },
    })
    const field = Uint8Array.of(0x9a, 0x01, 32, ...SALT)
    const payload = new Uint8Array(deflateSync(field))
    const forged = new Stranger(world, 'salt 3')
    world.inject(forged.message({ from: BOB, id: 'X1', category: 'peer' }, notification(payload)))
    const companion = new Stranger(world, 'salt 3 companion')
    const other = '15550000001:5@s.whatsapp.net'
    world.inject(companion.message({ from: other, id: 'X2', category: 'peer' }, notification(payload)))
    const phone = new Stranger(world, 'salt 3 phone')
    const bad = payload.slice(0, -6)
    world.inject(phone.message({ from: ALICE, id: 'X3', category: 'peer' }, notification(bad)))
    await until('three answers', () => ['X1', 'X2', 'X3'].every((id) => world.answersTo(id).length > 0))
    expect(await salts(store)).toBe(0)
    const kept = await store.listRecords('default', 'history-notification', undefined, 10)
    expect(kept.map(({ key }) => key)).toContain('X3')
    world.inject(phone.message({ from: ALICE, id: 'X4', category: 'peer' }, notification(payload)))
    await until('the salt', async () => (await salts(store)) === 1)
  })

  test.each([{ isSaltUsed: false }, { isWanted: true }, {}, { isWanted: false, isSaltUsed: true }])(
    'is carried only where the server wants it, whatever it wants of others: %o',
    async (tokens) => {
      const { outbox, state } = await openLog()
      const attached = await state.commit(async (unit) => {
        unit.put(CONNECTION_HINTS, SELF, { tokens })
        unit.put(NCT_SALT, SELF, SALT)
        unit.put(LID_BY_PN, '15550000002', '100000000002')
        const message = new Uint8Array()
        const toBob = await outbox.tokens.attach(unit, { to: BOB, message })
        const toNobodyKnown = await outbox.tokens.attach(unit, { to: '15550000003@s.whatsapp.net', message })
        return [...toBob, ...toNobodyKnown].map(({ tag }) => tag)
      })
      expect(attached).toEqual(tokens.isSaltUsed === true ? ['cstoken'] : [])
    },
  )
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

describe('handing out a token of ours', () => {
  const GIVEN = utf8Bytes('given in return')
  const nowSeconds = Math.floor(new VirtualClock().nowMs() / 1000)

  /** An outbox whose server gives these tokens in return, with those who were handed one of ours. */
  async function handing(given: readonly PrivacyToken[] = []) {
    const { outbox, state } = await openLog()
    const asked: string[] = []
    const query = (_query: unknown, { jids }: TokenIssue): Promise<readonly PrivacyToken[]> => {
      asked.push(...jids)
      return Promise.resolve(given)
    }
    outbox.tokens.resume({ query, isOpen: true } as unknown as Connection)
    const send = (to: string, message: MessageProperties): Promise<readonly BinaryNode[]> =>
      state.commit((unit) => outbox.tokens.attach(unit, { to, message: encodeMessage(message) }))
    return { state, asked, send }
  }

  test.each([
    ['older', nowSeconds - 120, 'known'],
    ['newer', nowSeconds - 30, 'given in return'],
  ])(
    'of two tokens of theirs, the one in return being %s, the newer is kept',
    async (_age, atSeconds, kept) => {
      const { state, send } = await handing([{ type: 'trusted_contact', jid: BOB, token: GIVEN, atSeconds }])
      await state.commit((unit) => {
        unit.put(PRIVACY_TOKEN, BOB, { token: utf8Bytes('known'), atSeconds: nowSeconds - 60 })
        return Promise.resolve()
      })
      await send(BOB, { conversation: 'hello' })
      await until('ours to be handed out', async () => (await state.read(TOKEN_ISSUED, BOB)) !== undefined)
      const { token } = (await state.read(PRIVACY_TOKEN, BOB)) ?? {}
      expect(token && utf8Text(token)).toBe(kept)
    },
  )

  test('edits, deletions and settings are no reason for it, and a text is', async () => {
    const { asked, send } = await handing()
    const { REVOKE, MESSAGE_EDIT, EPHEMERAL_SETTING } = Message.ProtocolMessage.Type
    for (const type of [REVOKE, MESSAGE_EDIT, EPHEMERAL_SETTING])
      await send(BOB, { protocolMessage: { type } })
    await settle()
    expect(asked).toEqual([])
    await send(BOB, { conversation: 'hello' })
    await until('the question', () => asked.length > 0)
    expect(asked).toEqual([BOB])
  })

  test('people are those whose tokens Baileys keeps: announcements and bots are none', async () => {
    const people = [BOB, '100000000002@lid']
    const others = ['0@s.whatsapp.net', '13135550002@s.whatsapp.net', '13165550012@s.whatsapp.net']
    const tokens = [...people, ...others].map((jid) =>
      node('token', { jid, t: nowSeconds, type: 'trusted_contact' }, GIVEN),
    )
    const stored: string[] = []
    await storeTcTokensFromIqResult({
      result: node('iq', {}, [node('tokens', {}, tokens)]),
      keys: {
        get: () => Promise.resolve({}),
        set: ({ tctoken }: { tctoken: object }) => Promise.resolve(void stored.push(...Object.keys(tctoken))),
      },
      getLIDForPN: () => Promise.resolve(null),
    } as never)
    expect(stored).toEqual(people)
    const { state, asked, send } = await handing()
    await state.commit((unit) => {
      for (const jid of others) unit.put(PRIVACY_TOKEN, jid, { token: GIVEN, atSeconds: nowSeconds })
      return Promise.resolve()
    })
    for (const jid of [...others, ...people])
      expect(await send(jid, { conversation: 'hello' }), jid).toEqual([])
    await until('the questions', () => asked.length === 2)
    expect(asked).toEqual(people)
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
