/**
 * Sessions between waton and two foreign implementations, in both roles. Refusals first: what libsignal and Baileys get
 * wrong is shown next to what waton does with the same bytes.
 */
import { addTransactionCapability, DEFAULT_CONNECTION_CONFIG, initAuthCreds } from '@whiskeysockets/baileys'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  deviceKeys,
  LibsignalParty,
  Publisher,
  RustParty,
  typedBuffer,
  WatonParty,
  type Ciphertext,
  type SignalParty,
} from '../../../tests/vectors/signal/parties.ts'
import { asBuffer, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { sign } from '../crypto/index.ts'
import { typedKey } from './keys.ts'
import type { PreKeyBundle } from './pre-keys.ts'
import { encodeSessionRecord } from './record-codec.ts'

// libsignal prints sessions, keys included, to the console whenever it closes one or fails.
beforeEach(() => {
  for (const method of ['error', 'warn', 'info', 'log'] as const) {
    vi.spyOn(console, method).mockImplementation(() => undefined)
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function say(from: SignalParty, to: SignalParty, text: string): Promise<Ciphertext> {
  const ciphertext = await from.encrypt(utf8Bytes(text))
  expect(utf8Text(await to.decrypt(ciphertext))).toBe(text)
  return ciphertext
}

function forgedBundle(): PreKeyBundle {
  const [victim, attacker] = [deviceKeys('victim'), deviceKeys('attacker')]
  const { signedPreKey, local } = attacker
  const signature = sign(local.identityKey.privateKey, typedKey(signedPreKey.publicKey), seededRandom(1))
  return {
    ...new Publisher(victim).bundle(true),
    signedPreKey: { id: signedPreKey.id, publicKey: signedPreKey.publicKey, signature },
  }
}

describe('a bundle whose signed pre-key someone else signed', () => {
  it('is refused by waton and by the Rust library', async () => {
    await expect(async () => new WatonParty('honest').start(forgedBundle())).rejects.toMatchObject({
      name: 'CryptoError',
      code: 'WATON_SIGNAL_BUNDLE_SIGNATURE',
    })
    await expect(new RustParty('honest').start(forgedBundle())).rejects.toBeDefined()
  })

  it('is accepted by libsignal, which encrypts to the attacker', async () => {
    const party = new LibsignalParty('trusting')
    await party.start(forgedBundle())
    expect((await party.encrypt(utf8Bytes('for the attacker'))).type).toBe('pkmsg')
  })

  it('is accepted by Baileys', async () => {
    const bundle = forgedBundle()
    const logger = pino({ level: 'silent' })
    const rows = new Map<string, unknown>()
    const keys = addTransactionCapability(
      {
        get: (type, ids) =>
          Promise.resolve(Object.fromEntries(ids.map((id) => [id, rows.get(`${type} ${id}`)])) as never),
        set: (data) => {
          for (const [type, entries] of Object.entries(data)) {
            for (const [id, value] of Object.entries(entries as object)) rows.set(`${type} ${id}`, value)
          }
        },
      },
      logger,
      { maxCommitRetries: 1, delayBetweenTriesMs: 1 },
    )
    const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      { creds: initAuthCreds(), keys },
      logger,
    )
    const jid = '15550000001@s.whatsapp.net'
    const { signedPreKey, preKey } = bundle
    if (preKey === undefined) throw new TypeError('the bundle has a one-time pre-key')
    await repository.injectE2ESession({
      jid,
      session: {
        registrationId: bundle.registrationId,
        identityKey: typedBuffer(bundle.identityKey),
        signedPreKey: {
          keyId: signedPreKey.id,
          publicKey: typedBuffer(signedPreKey.publicKey),
          signature: asBuffer(signedPreKey.signature),
        },
        preKey: { keyId: preKey.id, publicKey: typedBuffer(preKey.publicKey) },
      },
    })
    const { type } = await repository.encryptMessage({ jid, data: asBuffer(utf8Bytes('for the attacker')) })
    expect(type).toBe('pkmsg')
  })
})

describe('a message in an older session, after a refresh and before our next message', () => {
  /** Session, refresh, the peer writes in the old session, we answer: does the peer read the answer? */
  async function fourSteps(us: SignalParty): Promise<Uint8Array> {
    const peer = new RustParty(`peer of ${us.name}`)
    await us.start(peer.bundle())
    await say(us, peer, 'one')
    await say(peer, us, 'two')
    const late = await peer.encrypt(utf8Bytes('three, in the first session'))
    await us.start(peer.bundle())
    expect(utf8Text(await us.decrypt(late))).toBe('three, in the first session')
    return peer.decrypt(await us.encrypt(utf8Bytes('four')))
  }

  it('makes libsignal overwrite its open session, so that its next message cannot be read', async () => {
    await expect(fourSteps(new LibsignalParty('corrupted'))).rejects.toBeDefined()
  })

  it('leaves the sessions of waton intact', async () => {
    expect(utf8Text(await fourSteps(new WatonParty('intact')))).toBe('four')
  })
})

describe('a message in an older session, while our new session is still unread', () => {
  /** We open a session, then another; the peer still writes in the first one, then reads ours and answers in it. */
  async function crossing(us: SignalParty, peer: SignalParty): Promise<Uint8Array> {
    await us.start(peer.bundle())
    await say(us, peer, 'opens the first session')
    await us.start(peer.bundle())
    const second = await us.encrypt(utf8Bytes('opens the second session'))
    await say(peer, us, 'in the first session')
    await peer.decrypt(second)
    return us.decrypt(await peer.encrypt(utf8Bytes('in the second session')))
  }

  it('costs libsignal and the Rust library their new session, whoever the peer is', async () => {
    await expect(crossing(new LibsignalParty('loses'), new WatonParty('peer'))).rejects.toBeDefined()
    await expect(crossing(new LibsignalParty('loses too'), new RustParty('peer'))).rejects.toBeDefined()
    await expect(crossing(new RustParty('loses'), new WatonParty('peer'))).rejects.toBeDefined()
    await expect(crossing(new RustParty('loses too'), new LibsignalParty('their peer'))).rejects.toBeDefined()
  })

  it('costs waton nothing', async () => {
    for (const peer of [new LibsignalParty('a peer'), new RustParty('a peer'), new WatonParty('a peer')]) {
      const answer = await crossing(new WatonParty(`keeps both, with ${peer.name}`), peer)
      expect(utf8Text(answer)).toBe('in the second session')
    }
  })
})

describe('the size of a record', () => {
  it('grows in libsignal with every turn of the conversation, and stays flat in waton', async () => {
    const [ours, theirs] = [new WatonParty('flat'), new LibsignalParty('growing')]
    await ours.start(theirs.bundle())
    const sizes: (readonly [number, number])[] = []
    for (let turn = 0; turn < 500; turn++) {
      await say(ours, theirs, 'ping')
      await say(theirs, ours, 'pong')
      if (ours.record === undefined || theirs.record === undefined) continue
      sizes.push([encodeSessionRecord(ours.record).length, JSON.stringify(theirs.record.serialize()).length])
    }
    const [early = [0, 0], late = [0, 0]] = [sizes[20], sizes[499]]
    expect(late[0]).toBe(early[0])
    expect(late[0]).toBeLessThan(700)
    expect(late[1]).toBeGreaterThan(10 * early[1])
  })
})

const foreign = [
  ['libsignal', (seed: string) => new LibsignalParty(seed)],
  ['the Rust library', (seed: string) => new RustParty(seed)],
] as const

describe.each(foreign)('with %s', (_name, createForeign) => {
  let [ours, theirs]: [WatonParty, SignalParty] = [new WatonParty(''), new WatonParty('')]
  let count = 0

  beforeEach(() => {
    const seed = `${_name} ${String(count++)}`
    ours = new WatonParty(`waton, ${seed}`)
    theirs = createForeign(`foreign, ${seed}`)
  })

  it('refuses a message that arrives twice as an old counter, and changes nothing', async () => {
    await theirs.start(ours.bundle())
    const first = await say(theirs, ours, 'first')
    await expect(ours.decrypt(first)).rejects.toMatchObject({ code: 'WATON_SIGNAL_OLD_COUNTER' })
    await say(ours, theirs, 'answer')
    const second = await say(theirs, ours, 'second')
    await expect(ours.decrypt(second)).rejects.toMatchObject({ code: 'WATON_SIGNAL_OLD_COUNTER' })
    await expect(ours.decrypt(first)).rejects.toMatchObject({ code: 'WATON_SIGNAL_OLD_COUNTER' })
    await say(theirs, ours, 'third')
  })

  it('refuses a message behind more than 2000 missing ones, and reads the one before that limit', async () => {
    await theirs.start(ours.bundle())
    await say(theirs, ours, 'counter 0')
    let [inReach, tooFar]: (Ciphertext | undefined)[] = []
    for (let counter = 1; counter <= 2002; counter++) {
      const ciphertext = await theirs.encrypt(utf8Bytes(`counter ${String(counter)}`))
      if (counter === 2001) inReach = ciphertext
      if (counter === 2002) tooFar = ciphertext
    }
    if (inReach === undefined || tooFar === undefined) throw new TypeError('both were made')
    await expect(ours.decrypt(tooFar)).rejects.toMatchObject({ code: 'WATON_SIGNAL_TOO_FAR' })
    expect(utf8Text(await ours.decrypt(inReach))).toBe('counter 2001')
    expect(utf8Text(await ours.decrypt(tooFar))).toBe('counter 2002')
  })

  it.each([true, false])('opens a session towards it (one-time pre-key: %s)', async (withPreKey) => {
    await ours.start(theirs.bundle(withPreKey))
    expect((await say(ours, theirs, 'hello')).type).toBe('pkmsg')
    expect((await say(ours, theirs, 'still unanswered')).type).toBe('pkmsg')
    expect((await say(theirs, ours, 'answer')).type).toBe('msg')
    expect((await say(ours, theirs, 'established')).type).toBe('msg')
  })

  it.each([true, false])('accepts a session from it (one-time pre-key: %s)', async (withPreKey) => {
    await theirs.start(ours.bundle(withPreKey))
    expect((await say(theirs, ours, 'hello')).type).toBe('pkmsg')
    expect((await say(theirs, ours, 'still unanswered')).type).toBe('pkmsg')
    expect((await say(ours, theirs, 'answer')).type).toBe('msg')
    expect((await say(theirs, ours, 'established')).type).toBe('msg')
  })

  it('carries plaintexts of all lengths around the block size', async () => {
    await theirs.start(ours.bundle())
    await say(theirs, ours, 'hello')
    for (const length of [0, 1, 15, 16, 17, 100, 4096, 70_000]) {
      await say(ours, theirs, 'x'.repeat(length))
      await say(theirs, ours, 'y'.repeat(length))
    }
  })

  it.each(['we', 'they'])(
    'survives loss, delay and reordering of first messages when %s open',
    async (who) => {
      const [from, to] = who === 'we' ? [ours, theirs] : [theirs, ours]
      await from.start(to.bundle())
      const sent: Ciphertext[] = []
      for (let index = 0; index < 6; index++) sent.push(await from.encrypt(utf8Bytes(String(index))))
      for (const index of [4, 1, 5, 0]) {
        const ciphertext = sent[index]
        if (ciphertext !== undefined) expect(utf8Text(await to.decrypt(ciphertext))).toBe(String(index))
      }
      await say(to, from, 'answer')
      await say(from, to, 'established')
      const late = sent[2]
      if (late !== undefined) expect(utf8Text(await to.decrypt(late))).toBe('2')
    },
  )

  it('reads messages of earlier turns late, in both directions', async () => {
    await ours.start(theirs.bundle())
    await say(ours, theirs, 'hello')
    await say(theirs, ours, 'hello')
    const late: [SignalParty, Ciphertext, string][] = []
    for (let turn = 0; turn < 4; turn++) {
      late.push([theirs, await ours.encrypt(utf8Bytes(`ours ${String(turn)}`)), `ours ${String(turn)}`])
      await say(ours, theirs, 'ping')
      late.push([ours, await theirs.encrypt(utf8Bytes(`theirs ${String(turn)}`)), `theirs ${String(turn)}`])
      await say(theirs, ours, 'pong')
    }
    for (const [reader, ciphertext, text] of late.reverse()) {
      expect(utf8Text(await reader.decrypt(ciphertext))).toBe(text)
    }
  })

  it('converges when both open a session at the same moment', async () => {
    await ours.start(theirs.bundle())
    await theirs.start(ours.bundle())
    const [fromUs, fromThem] = [
      await ours.encrypt(utf8Bytes('ours')),
      await theirs.encrypt(utf8Bytes('theirs')),
    ]
    expect(utf8Text(await ours.decrypt(fromThem))).toBe('theirs')
    expect(utf8Text(await theirs.decrypt(fromUs))).toBe('ours')
    // They write first: libsignal corrupts its open session when it reads a message in another one (shown above).
    for (let turn = 0; turn < 3; turn++) {
      await say(theirs, ours, 'ping')
      await say(ours, theirs, 'pong')
    }
    expect((await ours.encrypt(utf8Bytes('last'))).type).toBe('msg')
  })

  it('goes on in a session that either side opens anew', async () => {
    await ours.start(theirs.bundle())
    await say(ours, theirs, 'one')
    await say(theirs, ours, 'two')
    await theirs.start(ours.bundle())
    expect((await say(theirs, ours, 'three')).type).toBe('pkmsg')
    expect((await say(ours, theirs, 'four')).type).toBe('msg')
    await ours.start(theirs.bundle())
    expect((await say(ours, theirs, 'five')).type).toBe('pkmsg')
    expect((await say(theirs, ours, 'six')).type).toBe('msg')
  })

  it('talks for 100 turns of several messages', async () => {
    await theirs.start(ours.bundle())
    await say(theirs, ours, 'hello')
    for (let turn = 0; turn < 100; turn++) {
      for (let index = 0; index <= turn % 3; index++) await say(ours, theirs, `ping ${String(index)}`)
      for (let index = 0; index <= turn % 2; index++) await say(theirs, ours, `pong ${String(index)}`)
    }
  })
})
