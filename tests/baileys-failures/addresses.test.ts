/**
 * Failures of Baileys with the two addresses of a person and with hosted devices: rows W26, W27 and L11 of the list in README.md.
 */
import {
  Curve,
  addTransactionCapability,
  extractDeviceJids,
  generateSignalPubKey,
  initAuthCreds,
} from '@whiskeysockets/baileys'
import { makeLibSignalRepository } from '@whiskeysockets/baileys/lib/Signal/libsignal.js'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { deviceJids } from '../../src/client/identity/device-list.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { SESSION } from '../../src/client/state/records.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import {
  generatePreKeys,
  generateRegistrationId,
  generateSignedPreKey,
  sessionInfo,
  startSession,
} from '../../src/protocol/signal/index.ts'
import type { SessionRecord } from '../../src/protocol/signal/index.ts'
import { BOB, linkedClient } from '../client/support.ts'
import { memoryKeys } from './memory-keys.ts'
import { startStage } from './stage.ts'

const PN = '15550000002@s.whatsapp.net'
const LID = '100000000002@lid'
const silent = pino({ level: 'silent' })

type Repository = ReturnType<typeof makeLibSignalRepository>

/** Keys of a device that nobody has. */
function bundle(): Parameters<Repository['injectE2ESession']>[0]['session'] {
  const { signedIdentityKey, signedPreKey, registrationId } = initAuthCreds()
  const signed = { keyId: signedPreKey.keyId, signature: signedPreKey.signature }
  return {
    registrationId,
    identityKey: generateSignalPubKey(signedIdentityKey.public),
    signedPreKey: { ...signed, publicKey: generateSignalPubKey(signedPreKey.keyPair.public) },
    preKey: { keyId: 1, publicKey: generateSignalPubKey(Curve.generateKeyPair().public) },
  }
}

test('W26: Baileys lays an old session over a newer one when a LID is learned; waton keeps the newer', async () => {
  const options = { maxCommitRetries: 1, delayBetweenTriesMs: 1 }
  const keys = addTransactionCapability(memoryKeys(), silent, options)
  const repository = makeLibSignalRepository({ creds: initAuthCreds(), keys }, silent)
  await repository.injectE2ESession({ jid: PN, session: bundle() })
  await repository.injectE2ESession({ jid: LID, session: bundle() })
  await keys.set({ 'device-list': { '15550000002': ['0'] } })
  const newer = await repository.getSessionInfo(LID)
  await repository.migrateSession(PN, LID)
  const after = await repository.getSessionInfo(LID)
  expect(newer).not.toBeNull()
  expect(after?.baseKey).not.toEqual(newer?.baseKey)
  repository.close?.()

  const { state, session } = await watonState('W26')
  const [older, kept] = [session(), session()]
  await state.commit(async (unit) => {
    unit.put(SESSION, '15550000002.0', older)
    unit.put(SESSION, '100000000002_1.0', kept)
    await learnMapping(unit, PN, LID)
  })
  const found = await state.read(SESSION, '100000000002_1.0')
  expect(found === undefined ? undefined : sessionInfo(found)?.baseKey).toEqual(sessionInfo(kept)?.baseKey)
})

test('W27: Baileys takes every device behind a hosted one for hosted; waton only that one', () => {
  const listed = [
    { id: 0, isHosted: false },
    { id: 99, keyIndex: 2, isHosted: true },
    { id: 3, keyIndex: 3, isHosted: false },
  ]
  const answer = [{ id: LID, devices: { deviceList: listed } }]
  const theirs = extractDeviceJids(answer, '15550000001:3@s.whatsapp.net', '100000000001:3@lid', false)
  expect(theirs.map(({ server }) => server)).toEqual(['lid', 'hosted.lid', 'hosted.lid'])
  const devices = [{ id: 0 }, { id: 99, keyIndex: 2, isHosted: true } as const, { id: 3, keyIndex: 3 }]
  expect(deviceJids(LID, { devices, fetchedAtMs: 0 })).toEqual([
    ...['100000000002@lid', '100000000002:99@hosted.lid', '100000000002:3@lid'],
  ])
})

test('L11: Baileys asks the network for the LID of somebody without one whenever it opens a session; waton once', async () => {
  const asked: string[] = []
  const keys = addTransactionCapability(memoryKeys(), silent, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  const repository = makeLibSignalRepository({ creds: initAuthCreds(), keys }, silent, (pns) => {
    asked.push(...pns)
    return Promise.resolve(undefined)
  })
  await repository.injectE2ESession({ jid: PN, session: bundle() })
  const before = asked.length
  expect(before).toBeGreaterThan(1)
  for (const text of ['one', 'two', 'three'])
    await repository.encryptMessage({ jid: PN, data: Buffer.from(text) })
  // to read the session, and to write it, each time
  expect(asked.slice(before)).toEqual(Array.from({ length: 6 }, () => PN))
  repository.close?.()

  const { world, alice, bob } = await startStage('L11')
  world.server.faults.hideLids()
  const client = await linkedClient(world, alice)
  const questions = (): readonly BinaryNode[] =>
    world.sent({ tag: 'iq' }).filter(({ attrs }) => attrs.xmlns === 'usync')
  await (
    await client.send(BOB, { text: 'one' })
  ).delivered
  const known = questions().length
  for (const text of ['two', 'three', 'four']) {
    const sent = await client.send(BOB, { text })
    await sent.delivered
  }
  expect(questions()).toHaveLength(known)
  expect(bob.messages.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four'])
})

async function watonState(seed: string): Promise<{ state: AccountState; session: () => SessionRecord }> {
  const random = seededRandom(seed)
  const store = new MemoryStore()
  const nowMs = systemClock.nowMs()
  const claim = await store.claim('default', { owner: 'test', nowMs, leaseMs: 60_000 })
  const state = await AccountState.open({
    ...{ store, claim, clock: systemClock, logger: silentLogger },
    onEvents: () => undefined,
    onFailure: () => undefined,
  })
  const local = { registrationId: generateRegistrationId(random), identityKey: generateKeyPair(random) }
  const session = (): SessionRecord => {
    const identity = generateKeyPair(random)
    const { publicKey, signature } = generateSignedPreKey(identity, 1, random)
    const [preKey] = generatePreKeys(1, 1, random)
    const bundle = {
      registrationId: generateRegistrationId(random),
      identityKey: identity.publicKey,
      signedPreKey: { id: 1, publicKey, signature },
      ...(preKey === undefined ? {} : { preKey: { id: preKey.id, publicKey: preKey.publicKey } }),
    }
    return startSession({ bundle, local, random, nowMs })
  }
  return { state, session }
}
