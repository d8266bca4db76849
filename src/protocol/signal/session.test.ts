/**
 * What a session refuses, what it keeps, and its bounds. The other side is a foreign implementation throughout; more of
 * the conversation itself is in interop.test.ts.
 */
import { describe, expect, it } from 'vitest'
import curveVectors from '../../../tests/vectors/crypto/x25519.json' with { type: 'json' }
import { NOW_MS, RustParty, WatonParty, type Ciphertext } from '../../../tests/vectors/signal/parties.ts'
import { concatBytes, fromHex, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import { encodePreKeySignalMessage, encodeSignalMessage, readPreKeySignal } from './message.ts'
import { decodeSessionRecord, encodeSessionRecord } from './record-codec.ts'
import {
  ARCHIVED_SESSION_LIFE_MS,
  EMPTY_RECORD,
  MAX_ARCHIVED_SESSIONS,
  MAX_RECEIVING_CHAINS,
  MAX_SKIPPED_SEEDS,
  SessionRecord,
} from './session-record.ts'
import {
  decryptPreKeySignal,
  decryptSignal,
  encryptSignal,
  hasOpenSession,
  sessionInfo,
  startSession,
} from './session.ts'

let count = 0

/** A conversation in which both sides have written. */
async function conversation(): Promise<{ ours: WatonParty; theirs: RustParty }> {
  const [ours, theirs] = [
    new WatonParty(`session ${String(++count)}`),
    new RustParty(`peer ${String(count)}`),
  ]
  await theirs.start(ours.bundle())
  await ours.decrypt(await theirs.encrypt(utf8Bytes('hello')))
  await theirs.decrypt(await ours.encrypt(utf8Bytes('answer')))
  return { ours, theirs }
}

function recordOf(party: WatonParty): SessionRecord {
  if (party.record === undefined) throw new TypeError('the party has a session')
  return party.record
}

function contextOf(party: WatonParty): {
  local: WatonParty['keys']['local']
  random: WatonParty['keys']['random']
  nowMs: number
} {
  return { local: party.keys.local, random: party.keys.random, nowMs: NOW_MS }
}

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error

describe('decrypting', () => {
  it('refuses every altered bit of a message, changes nothing, and then reads the message', async () => {
    const { ours, theirs } = await conversation()
    const original = await theirs.encrypt(utf8Bytes('original'))
    for (let bit = 8; bit < original.body.length * 8; bit++) {
      const body = Uint8Array.from(original.body)
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(ours.decrypt({ type: 'msg', body }), `bit ${String(bit)}`).rejects.toMatchObject({
        code: expect.stringMatching(/^WATON_SIGNAL_(BAD_MAC|MALFORMED|INVALID_KEY|TOO_FAR)$/) as string,
      })
    }
    expect(utf8Text(await ours.decrypt(original))).toBe('original')
  })

  it('refuses an altered first message, keeps the sessions there were, and then reads the message', async () => {
    const { ours, theirs } = await conversation()
    const baseKey = sessionInfo(recordOf(ours))?.baseKey
    await theirs.start(ours.bundle())
    const original = await theirs.encrypt(utf8Bytes('new session'))
    const { message } = readPreKeySignal(original.body)
    const body = Uint8Array.from(original.body)
    const macAt = original.body.length - (original.body.length - message.byteOffset) + message.length - 1
    for (const at of [macAt - original.body.byteOffset, 40, 80]) {
      body.set(original.body)
      body[at] = (body[at] ?? 0) ^ 1
      await expect(ours.decrypt({ type: 'pkmsg', body }), `byte ${String(at)}`).rejects.toBeDefined()
      expect(sessionInfo(recordOf(ours))?.baseKey).toEqual(baseKey)
    }
    expect(utf8Text(await ours.decrypt(original))).toBe('new session')
    expect(sessionInfo(recordOf(ours))?.baseKey).not.toEqual(baseKey)
  })

  it('refuses to work without a session', async () => {
    const { ours, theirs } = await conversation()
    const { body } = await theirs.encrypt(utf8Bytes('x'))
    const context = contextOf(ours)
    expect(() => decryptSignal({ record: EMPTY_RECORD, body, ...context })).toThrow(
      withCode('WATON_SIGNAL_NO_SESSION'),
    )
    expect(() => encryptSignal({ record: EMPTY_RECORD, plaintext: body, ...context })).toThrow(
      withCode('WATON_SIGNAL_NO_SESSION'),
    )
    expect(hasOpenSession(EMPTY_RECORD)).toBe(false)
    expect(sessionInfo(EMPTY_RECORD)).toBeUndefined()
  })

  it.each(curveVectors.lowOrder.public)('refuses the low-order ratchet key %s', async (publicKey) => {
    const { ours } = await conversation()
    const { local } = ours.keys
    const forged = encodeSignalMessage(
      { ratchetKey: fromHex(publicKey), counter: 0, previousCounter: 0, ciphertext: new Uint8Array(16) },
      {
        macKey: new Uint8Array(32),
        senderIdentity: local.identityKey.publicKey,
        receiverIdentity: local.identityKey.publicKey,
      },
    )
    await expect(ours.decrypt({ type: 'msg', body: forged })).rejects.toMatchObject({
      code: 'WATON_SIGNAL_INVALID_KEY',
    })
  })

  it('refuses low-order identity and base keys in a first message', async () => {
    const { ours, theirs } = await conversation()
    await theirs.start(ours.bundle())
    const envelope = readPreKeySignal((await theirs.encrypt(utf8Bytes('x'))).body)
    for (const weak of curveVectors.lowOrder.public.map(fromHex)) {
      for (const altered of [
        { ...envelope, identityKey: weak },
        { ...envelope, baseKey: weak },
      ]) {
        const body = encodePreKeySignalMessage(altered)
        await expect(ours.decrypt({ type: 'pkmsg', body })).rejects.toMatchObject({
          code: 'WATON_SIGNAL_INVALID_KEY',
        })
      }
    }
  })

  it('refuses a second ratchet step before we have answered the first, as the libraries do that step at once', async () => {
    // The peer deviates from the protocol, so it has to be ours: its own half is taken again with our old key.
    const [ours, theirs] = [new WatonParty('patient'), new WatonParty('hasty')]
    await theirs.start(ours.bundle())
    await ours.decrypt(await theirs.encrypt(utf8Bytes('hello')))
    await theirs.decrypt(await ours.encrypt(utf8Bytes('answer')))
    await ours.decrypt(await theirs.encrypt(utf8Bytes('steps the ratchet')))
    const { current } = recordOf(theirs)
    if (current === undefined) throw new TypeError('the peer has a session')
    const honest = theirs.record
    theirs.record = new SessionRecord(
      { ...current, sending: { ...current.sending, chainKey: undefined } },
      [],
    )
    const hasty = await theirs.encrypt(utf8Bytes('steps it again'))
    await expect(ours.decrypt(hasty)).rejects.toMatchObject({ code: 'WATON_SIGNAL_BAD_MAC' })
    theirs.record = honest
    await theirs.decrypt(await ours.encrypt(utf8Bytes('goes on')))
  })
})

describe('a first message', () => {
  it('is refused when the pre-keys that it names are not held', async () => {
    const [ours, theirs] = [new WatonParty('spent'), new RustParty('peer of spent')]
    await theirs.start(ours.bundle())
    const { body } = await theirs.encrypt(utf8Bytes('hello'))
    const { signedPreKey, preKeys } = ours.keys
    const preKey = preKeys.get(1)
    const context = contextOf(ours)
    const otherId = { ...signedPreKey, id: signedPreKey.id + 1 }
    const refusals = [
      { preKey },
      { signedPreKey: otherId, preKey },
      { signedPreKey },
      { signedPreKey, preKey: preKeys.get(2) },
    ]
    for (const keys of refusals) {
      expect(() => decryptPreKeySignal({ body, ...keys, ...context })).toThrow(
        withCode('WATON_SIGNAL_UNKNOWN_PRE_KEY'),
      )
    }
    const { plaintext } = decryptPreKeySignal({ body, signedPreKey, preKey, ...context })
    expect(utf8Text(plaintext)).toBe('hello')
  })

  it('is refused when it claims the identity of someone else', async () => {
    const [ours, theirs] = [new WatonParty('impostor'), new RustParty('peer of impostor')]
    await theirs.start(ours.bundle())
    const envelope = readPreKeySignal((await theirs.encrypt(utf8Bytes('hello'))).body)
    const identityKey = generateKeyPair(seededRandom('someone else')).publicKey
    const body = encodePreKeySignalMessage({ ...envelope, identityKey })
    await expect(ours.decrypt({ type: 'pkmsg', body })).rejects.toMatchObject({
      code: 'WATON_SIGNAL_BAD_MAC',
    })
  })

  it('is refused when it claims another identity for a session that exists', async () => {
    const [ours, theirs] = [new WatonParty('claimed'), new RustParty('peer of claimed')]
    await theirs.start(ours.bundle())
    await ours.decrypt(await theirs.encrypt(utf8Bytes('hello')))
    const second = await theirs.encrypt(utf8Bytes('second'))
    const identityKey = generateKeyPair(seededRandom('someone else')).publicKey
    const body = encodePreKeySignalMessage({ ...readPreKeySignal(second.body), identityKey })
    await expect(ours.decrypt({ type: 'pkmsg', body })).rejects.toMatchObject({
      code: 'WATON_SIGNAL_UNKNOWN_PRE_KEY',
    })
    expect(utf8Text(await ours.decrypt(second))).toBe('second')
  })

  it('needs no pre-keys when its session exists, and says so', async () => {
    const [ours, theirs] = [new WatonParty('existing'), new RustParty('peer of existing')]
    await theirs.start(ours.bundle())
    const [first, second] = [await theirs.encrypt(utf8Bytes('1')), await theirs.encrypt(utf8Bytes('2'))]
    const { signedPreKey, preKeys } = ours.keys
    const context = contextOf(ours)
    const opened = decryptPreKeySignal({ body: first.body, signedPreKey, preKey: preKeys.get(1), ...context })
    expect(opened.isNewSession).toBe(true)
    expect(opened.identityKey).toEqual(theirs.keys.local.identityKey.publicKey)
    const again = decryptPreKeySignal({ record: opened.record, body: second.body, ...context })
    expect(again.isNewSession).toBe(false)
    expect(again.identityKey).toEqual(theirs.keys.local.identityKey.publicKey)
    expect(utf8Text(again.plaintext)).toBe('2')
  })
})

describe('the facts of a session', () => {
  it('are the same base key on both sides, the remote identity, and whether an answer came', async () => {
    const [ours, theirs] = [new WatonParty('facts'), new WatonParty('peer of facts')]
    await ours.start(theirs.bundle())
    expect(sessionInfo(recordOf(ours))).toMatchObject({
      remoteIdentityKey: theirs.keys.local.identityKey.publicKey,
      remoteRegistrationId: theirs.keys.local.registrationId,
      pendingPreKey: true,
    })
    await theirs.decrypt(await ours.encrypt(utf8Bytes('x')))
    expect(sessionInfo(recordOf(theirs))).toMatchObject({
      baseKey: sessionInfo(recordOf(ours))?.baseKey,
      remoteIdentityKey: ours.keys.local.identityKey.publicKey,
      remoteRegistrationId: ours.keys.local.registrationId,
      pendingPreKey: false,
    })
    await ours.decrypt(await theirs.encrypt(utf8Bytes('y')))
    expect(sessionInfo(recordOf(ours))?.pendingPreKey).toBe(false)
  })
})

describe('replaced sessions', () => {
  it('decrypt and become the current one again', async () => {
    const { ours, theirs } = await conversation()
    const before = sessionInfo(recordOf(ours))?.baseKey
    const late = await theirs.encrypt(utf8Bytes('late'))
    await ours.start(theirs.bundle())
    expect(sessionInfo(recordOf(ours))?.baseKey).not.toEqual(before)
    expect(utf8Text(await ours.decrypt(late))).toBe('late')
    expect(sessionInfo(recordOf(ours))?.baseKey).toEqual(before)
    expect(recordOf(ours).archived.map(({ archivedAtMs }) => archivedAtMs)).toEqual([NOW_MS])
    expect(recordOf(ours).current?.archivedAtMs).toBe(0)
  })

  it('are at most 40, the oldest being forgotten', async () => {
    const { ours, theirs } = await conversation()
    const late = await theirs.encrypt(utf8Bytes('late'))
    for (let index = 0; index < MAX_ARCHIVED_SESSIONS; index++) await ours.start(theirs.bundle(false))
    const full = recordOf(ours)
    expect(full.archived).toHaveLength(MAX_ARCHIVED_SESSIONS)
    expect(utf8Text(await ours.decrypt(late))).toBe('late')
    ours.record = full
    await ours.start(theirs.bundle(false))
    expect(recordOf(ours).archived).toHaveLength(MAX_ARCHIVED_SESSIONS)
    await expect(ours.decrypt(late)).rejects.toMatchObject({ code: 'WATON_SIGNAL_BAD_MAC' })
  })

  it('are forgotten 60 days after they were replaced', async () => {
    const { ours, theirs } = await conversation()
    const bundle = theirs.bundle(false)
    const context = contextOf(ours)
    const archived = startSession({ record: recordOf(ours), bundle, ...context })
    const atLimit = startSession({
      record: archived,
      bundle,
      ...context,
      nowMs: NOW_MS + ARCHIVED_SESSION_LIFE_MS,
    })
    expect(atLimit.archived).toHaveLength(2)
    const after = startSession({
      record: archived,
      bundle,
      ...context,
      nowMs: NOW_MS + ARCHIVED_SESSION_LIFE_MS + 1,
    })
    expect(after.archived).toHaveLength(1)
  })

  it('are searched within a budget of chain steps, so that a forged message costs bounded time', async () => {
    const { ours, theirs } = await conversation()
    const messages: Ciphertext[] = []
    for (let index = 0; index < 2000; index++) messages.push(await theirs.encrypt(utf8Bytes(String(index))))
    for (let index = 0; index < 5; index++) await ours.start(theirs.bundle(false))
    const [near, far] = [messages[10], messages[1999]]
    if (near === undefined || far === undefined) throw new TypeError('both were made')
    // An unknown ratchet key with a high counter is not tried in the sixth session, a low one is.
    await expect(ours.decrypt(far)).rejects.toMatchObject({ code: 'WATON_SIGNAL_BAD_MAC' })
    expect(utf8Text(await ours.decrypt(near))).toBe('10')
    expect(utf8Text(await ours.decrypt(far))).toBe('1999')
  })
})

describe('the bounds of a session', () => {
  it(`are ${String(MAX_RECEIVING_CHAINS)} receiving chains: older messages are refused`, async () => {
    const { ours, theirs } = await conversation()
    const late: Ciphertext[] = []
    for (let turn = 0; turn < MAX_RECEIVING_CHAINS + 1; turn++) {
      late.push(await theirs.encrypt(utf8Bytes(`late ${String(turn)}`)))
      await ours.decrypt(await theirs.encrypt(utf8Bytes('ping')))
      await theirs.decrypt(await ours.encrypt(utf8Bytes('pong')))
    }
    const [oldest, ...others] = late
    expect(recordOf(ours).current?.receiving).toHaveLength(MAX_RECEIVING_CHAINS)
    if (oldest !== undefined) {
      await expect(ours.decrypt(oldest)).rejects.toMatchObject({ code: 'WATON_SIGNAL_BAD_MAC' })
    }
    for (const ciphertext of others) expect(utf8Text(await ours.decrypt(ciphertext))).toMatch(/^late/)
  })

  it(`are ${String(MAX_SKIPPED_SEEDS)} seeds of missing messages over all chains, the oldest being forgotten`, async () => {
    const { ours, theirs } = await conversation()
    const missing: Ciphertext[] = []
    for (let turn = 0; turn < 3; turn++) {
      for (let index = 0; index < 900; index++) missing.push(await theirs.encrypt(utf8Bytes('missing')))
      await ours.decrypt(await theirs.encrypt(utf8Bytes('ping')))
      await theirs.decrypt(await ours.encrypt(utf8Bytes('pong')))
    }
    const kept = recordOf(ours).current?.receiving.reduce((sum, chain) => sum + chain.skipped.length, 0)
    expect(kept).toBe(MAX_SKIPPED_SEEDS)
    expect(encodeSessionRecord(recordOf(ours)).length).toBeLessThan(MAX_SKIPPED_SEEDS * 36)
    const oldest = missing.slice(0, 700)
    for (const ciphertext of oldest) {
      await expect(ours.decrypt(ciphertext)).rejects.toMatchObject({ code: 'WATON_SIGNAL_OLD_COUNTER' })
    }
    ours.record = decodeSessionRecord(encodeSessionRecord(recordOf(ours)))
    for (const ciphertext of missing.slice(700))
      expect(utf8Text(await ours.decrypt(ciphertext))).toBe('missing')
    expect(recordOf(ours).current?.receiving.every(({ skipped }) => skipped.length === 0)).toBe(true)
  })
})

describe('a record', () => {
  it('is a value: an older one still encrypts and decrypts as if nothing had happened since', async () => {
    const { ours, theirs } = await conversation()
    const snapshot = recordOf(ours)
    const bytes = encodeSessionRecord(snapshot)
    const ciphertext = await theirs.encrypt(utf8Bytes('read twice'))
    expect(utf8Text(await ours.decrypt(ciphertext))).toBe('read twice')
    await ours.encrypt(utf8Bytes('uses a key'))
    expect(encodeSessionRecord(snapshot)).toEqual(bytes)
    ours.record = snapshot
    expect(utf8Text(await ours.decrypt(ciphertext))).toBe('read twice')
  })

  it('protects two messages under two keys, also when the plaintexts are the same', async () => {
    const { ours } = await conversation()
    const plaintext = concatBytes(utf8Bytes('same'))
    const bodies = [await ours.encrypt(plaintext), await ours.encrypt(plaintext)].map(({ body }) =>
      body.join(),
    )
    expect(new Set(bodies).size).toBe(2)
  })
})
