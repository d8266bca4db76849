/**
 * Failures of Baileys that show without a server: its own functions beside those of waton, on the same input. Rows W1, W2,
 * W16, L7, L8 and D1 of the list in README.md.
 */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeEventBuffer, makeNoiseHandler, useMultiFileAuthState } from '@whiskeysockets/baileys'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Client } from 'waton'
import { openSqlite } from 'waton/sqlite'
import { deflateSync } from 'node:zlib'
import { asBuffer, concatBytes, utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { NodeStream } from '../../src/client/connection/node-stream.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { aesGcmSeal, generateKeyPair, hkdfSha256 } from '../../src/protocol/crypto/index.ts'
import { TransportCipher } from '../../src/protocol/noise/index.ts'
import type { ByteSocket } from '../../src/transport/byte-socket.ts'
import { LibsignalParty, RustParty, WatonParty } from '../vectors/signal/parties.ts'
import type { SignalParty } from '../vectors/signal/parties.ts'
import { ALICE, linkedClient, untilLogged } from '../client/support.ts'
import { until } from '../helpers/until.ts'
import { Victim, startStage, temporaryFolder } from './stage.ts'

const silent = pino({ level: 'silent' })

// libsignal prints sessions, keys included, to the console whenever it closes one or fails
beforeEach(() => {
  for (const method of ['error', 'warn', 'info', 'log'] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('a server that is not WhatsApp', () => {
  test('W1: Baileys takes its certificate and shows it a QR code; waton does not go on', async () => {
    const stage = await startStage('W1')
    const baileys = Victim.start(stage.url, temporaryFolder())
    await until('a QR code', () => baileys.qrs[0])
    const store = await openSqlite(join(temporaryFolder(), 'w1.db'))
    // the root key of WhatsApp, as without the setting
    const client = new Client({ store, endpoint: { url: stage.url } })
    const codes: unknown[] = []
    client.on('pairing.qr', (code) => {
      codes.push(code)
    })
    const refused = await new Promise<unknown>((resolve) => {
      client.on('connection.closed', resolve)
      client.connect().catch(resolve)
    })
    expect(refused).toMatchObject({ reason: 'server-not-trusted', retrying: false })
    expect(codes).toEqual([])
    await client.close()
    await store.close()
  })
})

describe('a message in an older session', () => {
  /** Session, refresh, the peer writes in the old session, we answer: does the peer read the answer? */
  async function answerAfterRefresh(us: SignalParty): Promise<string> {
    const peer = new RustParty(`peer of ${us.name}`)
    await us.start(peer.bundle())
    await peer.decrypt(await us.encrypt(utf8Bytes('one')))
    await us.decrypt(await peer.encrypt(utf8Bytes('two')))
    const late = await peer.encrypt(utf8Bytes('three, in the first session'))
    // libsignal tries the session first that was used last, by its clock, which counts milliseconds
    const usedAtMs = Date.now()
    await until('the clock to move on', () => Date.now() > usedAtMs)
    await us.start(peer.bundle())
    await us.decrypt(late)
    return utf8Text(await peer.decrypt(await us.encrypt(utf8Bytes('four'))))
  }

  test('W2: libsignal breaks its open session with it; waton changes nothing before the MAC is right', async () => {
    await expect(answerAfterRefresh(new LibsignalParty('breaks'))).rejects.toBeDefined()
    expect(await answerAfterRefresh(new WatonParty('keeps'))).toBe('four')
  })
})

describe('a compressed stanza and one behind it', () => {
  /** Both sealed as a server seals them, one frame in each message of the socket. */
  function sealedFrames(key: Uint8Array): Uint8Array[] {
    const first = encodeNode(node('message', { id: 'FIRST' }, utf8Bytes('x'.repeat(50_000))))
    const second = encodeNode(node('message', { id: 'SECOND' }))
    const compressed = concatBytes(Uint8Array.of(2), deflateSync(first.subarray(1)))
    return [compressed, second].map((plaintext, counter) => {
      const iv = new Uint8Array(12)
      iv[11] = counter
      const sealed = aesGcmSeal(key, iv, plaintext)
      return concatBytes(
        Uint8Array.of(sealed.length >> 16, (sealed.length >> 8) & 0xff, sealed.length & 0xff),
        sealed,
      )
    })
  }

  test('W16: Baileys turns them round; waton keeps their order', async () => {
    const pair = generateKeyPair(seededRandom('W16'))
    const keyPair = { public: asBuffer(pair.publicKey), private: asBuffer(pair.privateKey) }
    const handler = makeNoiseHandler({ keyPair, NOISE_HEADER: Buffer.from('WA'), logger: silent })
    // nothing was mixed into the key: it follows from the name of the protocol
    await handler.finishInit()
    const salt = utf8Bytes('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
    const keys = hkdfSha256(new Uint8Array(0), 64, { salt })
    const frames = sealedFrames(keys.subarray(32))
    const byBaileys: (string | undefined)[] = []
    await Promise.all(
      frames.map((frame) =>
        handler.decodeFrame(asBuffer(frame), (stanza) => {
          byBaileys.push(stanza instanceof Uint8Array ? undefined : stanza.attrs.id)
        }),
      ),
    )
    expect(byBaileys).toEqual(['SECOND', 'FIRST'])

    const socket: ByteSocket = {
      bufferedBytes: 0,
      onData: undefined,
      onClose: undefined,
      send: () => undefined,
      close: () => undefined,
    }
    const cipher = new TransportCipher({ sendKey: keys.slice(0, 32), receiveKey: keys.slice(32) })
    const stream = new NodeStream({ socket, cipher, received: new Uint8Array(0) })
    const byWaton: (string | undefined)[] = []
    stream.onNode = ({ attrs }) => {
      byWaton.push(attrs.id)
    }
    for (const frame of frames) socket.onData?.(frame)
    expect(byWaton).toEqual(['FIRST', 'SECOND'])
  })
})

describe('a listener that throws', () => {
  test('L7: Baileys starves the others and delivers the batch again; waton neither', async () => {
    const buffer = makeEventBuffer(silent)
    const first: string[] = []
    const second: string[] = []
    buffer.on('messages.upsert', ({ messages }) => {
      for (const { key } of messages) first.push(key.id ?? '')
      if (first.length === 1) throw new Error('a mistake in a handler')
    })
    buffer.on('messages.upsert', ({ messages }) => {
      for (const { key } of messages) second.push(key.id ?? '')
    })
    buffer.buffer()
    const message = { key: { remoteJid: ALICE, id: 'ONE', fromMe: false }, messageTimestamp: 1 }
    buffer.emit('messages.upsert', { messages: [message], type: 'notify' })
    expect(() => buffer.flush()).toThrow('a mistake')
    expect(second).toEqual([])
    buffer.buffer()
    buffer.flush()
    expect(first).toEqual(['ONE', 'ONE'])

    const stage = await startStage('L7')
    const client = await linkedClient(stage.world, stage.alice)
    const seen: string[] = []
    client.on('message', () => {
      throw new Error('a mistake in a handler')
    })
    client.on('message', ({ payload }) => {
      seen.push(payload.id)
    })
    const one = await stage.bob.send(ALICE, { text: 'one' })
    const two = await stage.bob.send(ALICE, { text: 'two' })
    await untilLogged(client, two.id)
    await until('both', () => seen.length >= 2)
    expect(seen).toEqual([one.id, two.id])
  })
})

describe('a flush inside of another buffered stretch', () => {
  // waton's half: it has no buffer that could end early. What it hands out is durable and in the order of its chat
  // already, and a backlog is announced by `sync.offline`, which the next test of L8 looks at.
  test('L8: Baileys ends the outer stretch with it', () => {
    const buffer = makeEventBuffer(silent)
    buffer.buffer()
    buffer.buffer()
    buffer.flush()
    expect(buffer.isBuffering()).toBe(false)
  })

  test("L8: a live text in the middle of waton's backlog comes behind it", async () => {
    const stage = await startStage('L8')
    const { world, alice, bob } = stage
    const client = await linkedClient(world, alice)
    const seen: string[] = []
    client.on('message', ({ payload }) => {
      seen.push(payload.id)
    })
    world.server.faults.disconnect('15550000001:1@s.whatsapp.net')
    const sent: string[] = []
    // some wait for the device, the others come while it takes those
    for (let number = 0; number < 150; number += 1)
      sent.push((await bob.send(ALICE, { text: String(number) })).id)
    await until('all', () => seen.length >= sent.length)
    expect(seen).toEqual(sent)
  })
})

describe('credentials that were torn while they were written', () => {
  test('D1: Baileys makes another identity and writes it over the old one; waton refuses and leaves the file', async () => {
    const folder = temporaryFolder()
    const before = await useMultiFileAuthState(folder)
    await before.saveCreds()
    const file = join(folder, 'creds.json')
    const whole = readFileSync(file, 'utf8')
    writeFileSync(file, whole.slice(0, whole.length / 2))
    const after = await useMultiFileAuthState(folder)
    expect(after.state.creds.signedIdentityKey).not.toEqual(before.state.creds.signedIdentityKey)
    await after.saveCreds()
    expect(readFileSync(file, 'utf8')).not.toContain(whole.slice(0, 400))

    const path = join(temporaryFolder(), 'me.db')
    const store = await openSqlite(path)
    const client = new Client({ store })
    await client.outbox.get('makes the credentials')
    await client.close()
    await store.close()
    truncateSync(path, readFileSync(path).length / 2)
    const torn = readFileSync(path)
    await expect(
      openSqlite(path).then((again) => new Client({ store: again }).outbox.get('x')),
    ).rejects.toMatchObject({
      code: 'WATON_STORE_CORRUPT',
    })
    expect(readFileSync(path).equals(torn)).toBe(true)
  })
})
