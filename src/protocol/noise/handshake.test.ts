import { readFileSync } from 'node:fs'
import { Curve, encodeBinaryNode, makeNoiseHandler, proto } from '@whiskeysockets/baileys'
import P from 'pino'
import { describe, expect, it } from 'vitest'
import {
  CHAIN_NOW_SECONDS,
  issueChain,
  newServerKeys,
  ScriptedServer,
  type ServerResult,
} from '../../../tests/vectors/noise/scripted-server.ts'
import { fromHex, utf8Bytes } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import { type Handshake, type HandshakeOptions, startHandshake } from './handshake.ts'
import { TransportCipher } from './transport-cipher.ts'

const keys = newServerKeys()
const random = seededRandom('handshake')
const noiseKey = generateKeyPair(random)
const clientPayload = utf8Bytes('what a client says about itself')

function start(overrides: Partial<HandshakeOptions> = {}): Handshake {
  return startHandshake({
    noiseKey,
    random,
    rootKey: keys.root.public,
    nowSeconds: CHAIN_NOW_SECONDS,
    ...overrides,
  })
}

type ServerHello = NonNullable<proto.HandshakeMessage['serverHello']>

/** A server hello to `hello`, edited before it is sent. */
function editedAnswer(hello: Uint8Array, edit: (serverHello: ServerHello) => void): Uint8Array {
  const message = proto.HandshakeMessage.decode(new ScriptedServer(keys).answer(hello))
  if (message.serverHello != null) edit(message.serverHello)
  return proto.HandshakeMessage.encode(message).finish()
}

function flipBit(bytes: Uint8Array | null | undefined): void {
  if (bytes == null) return
  bytes[7] = (bytes[7] ?? 0) ^ 1
}

describe('the handshake refuses', () => {
  it.each<[string, (hello: ServerHello) => void]>([
    [
      'an altered server ephemeral',
      (hello) => {
        flipBit(hello.ephemeral)
      },
    ],
    [
      'an altered server static key',
      (hello) => {
        flipBit(hello.static)
      },
    ],
    [
      'an altered certificate payload',
      (hello) => {
        flipBit(hello.payload)
      },
    ],
    [
      'a server ephemeral of low order',
      (hello) => {
        hello.ephemeral = new Uint8Array(32)
      },
    ],
    [
      'a server static key that is cut short',
      (hello) => {
        hello.static = hello.static?.subarray(0, 15) ?? null
      },
    ],
  ])('%s', (_name, edit) => {
    const handshake = start()
    const answer = editedAnswer(handshake.hello, edit)
    expect(() => handshake.readServerHello(answer, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_HANDSHAKE' }),
    )
  })

  it.each<[string, (hello: ServerHello) => void]>([
    [
      'an ephemeral',
      (hello) => {
        hello.ephemeral = null
      },
    ],
    [
      'a full ephemeral',
      (hello) => {
        hello.ephemeral = new Uint8Array(31)
      },
    ],
    [
      'a static key',
      (hello) => {
        hello.static = null
      },
    ],
    [
      'a payload',
      (hello) => {
        hello.payload = null
      },
    ],
  ])('a server hello without %s', (_name, edit) => {
    const handshake = start()
    const answer = editedAnswer(handshake.hello, edit)
    expect(() => handshake.readServerHello(answer, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_MALFORMED' }),
    )
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['bytes that are no protobuf', utf8Bytes('HTTP/1.1 400 Bad Request')],
    ['a message that is no server hello', start().hello],
  ])('%s in place of a server hello', (_name, bytes) => {
    expect(() => start().readServerHello(bytes, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_MALFORMED' }),
    )
  })

  it("a replayed genuine chain in front of another static key, which Baileys' client accepts", () => {
    const genuine = issueChain(keys)
    const attacker = { ...keys, static: Curve.generateKeyPair() }

    const handshake = start()
    const answer = new ScriptedServer(attacker, genuine).answer(handshake.hello)
    expect(() => handshake.readServerHello(answer, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_KEY' }),
    )

    const baileys = startBaileys()
    const server = new ScriptedServer(attacker, genuine)
    expect(() => baileys.finish(server.answer(baileys.hello))).not.toThrow()
  })

  it('a second server hello', () => {
    const handshake = start()
    const server = new ScriptedServer(keys)
    const answer = server.answer(handshake.hello)
    handshake.readServerHello(answer, clientPayload)
    expect(() => handshake.readServerHello(answer, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_HANDSHAKE_USED' }),
    )
  })

  it('a second try after a failure', () => {
    const handshake = start()
    const answer = new ScriptedServer(keys).answer(handshake.hello)
    expect(() => handshake.readServerHello(new Uint8Array(3), clientPayload)).toThrow()
    expect(() => handshake.readServerHello(answer, clientPayload)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_HANDSHAKE_USED' }),
    )
  })
})

describe('a handshake with an independent server', () => {
  it('gives the server our static key and payload, and us its certified key', () => {
    const handshake = start()
    const server = new ScriptedServer(keys)
    const result = handshake.readServerHello(server.answer(handshake.hello), clientPayload)
    const seen = server.finish(result.finish)
    expect(new Uint8Array(seen.clientStatic)).toEqual(noiseKey.publicKey)
    expect(new Uint8Array(seen.clientPayload)).toEqual(clientPayload)
    expect(result.serverStatic).toEqual(new Uint8Array(keys.static.public))
    expect(result.certificate.leaf.serial).toBe(329)
  })

  it("is the same handshake for that server as unmodified Baileys'", () => {
    const baileys = startBaileys()
    const server = new ScriptedServer(keys)
    const seen = server.finish(baileys.finish(server.answer(baileys.hello)))
    expect(new Uint8Array(seen.clientStatic)).toEqual(noiseKey.publicKey)
    expect(new Uint8Array(seen.clientPayload)).toEqual(clientPayload)
  })

  it('repeats itself for the same random bytes, so that a run can be replayed', () => {
    const [one, two] = [start({ random: seededRandom(7) }), start({ random: seededRandom(7) })]
    expect(one.hello).toEqual(two.hello)
    expect(start().hello).not.toEqual(start().hello)
  })
})

describe('frames after the handshake', () => {
  const node = { tag: 'iq', attrs: { id: '1', type: 'get', xmlns: 'w:p' } }

  it("that we seal open in Baileys' handler", async () => {
    const { handler, seen } = connectBaileys()
    const server = new TransportCipher({
      sendKey: seen.serverToClientKey,
      receiveKey: seen.clientToServerKey,
    })
    await handler.finishInit()
    const received: unknown[] = []
    for (let count = 0; count < 3; count++) {
      await handler.decodeFrame(server.seal(encodeBinaryNode(node)), (frame: unknown) => {
        received.push(frame)
      })
    }
    expect(received).toEqual(Array.from({ length: 3 }, (): unknown => expect.objectContaining({ tag: 'iq' })))
  })

  it('that Baileys seals open in ours', async () => {
    const { handler, seen } = connectBaileys()
    const server = new TransportCipher({
      sendKey: seen.serverToClientKey,
      receiveKey: seen.clientToServerKey,
    })
    await handler.finishInit()
    // The intro and the two handshake frames would have gone first; the first encoded frame still carries the intro.
    const first = handler.encodeFrame(utf8Bytes('first'))
    const second = handler.encodeFrame(utf8Bytes('second'))
    expect(server.open(first.subarray(4 + 3))).toEqual(utf8Bytes('first'))
    expect(server.open(second.subarray(3))).toEqual(utf8Bytes('second'))
  })

  it("go both ways between our client and the server's keys", () => {
    const handshake = start()
    const scripted = new ScriptedServer(keys)
    const { cipher, finish } = handshake.readServerHello(scripted.answer(handshake.hello), clientPayload)
    const seen = scripted.finish(finish)
    const server = new TransportCipher({
      sendKey: seen.serverToClientKey,
      receiveKey: seen.clientToServerKey,
    })
    expect(server.open(cipher.seal(utf8Bytes('up')).subarray(3))).toEqual(utf8Bytes('up'))
    expect(cipher.open(server.seal(utf8Bytes('down')).subarray(3))).toEqual(utf8Bytes('down'))
  })
})

describe('a handshake recorded with the real server', () => {
  const vectorUrl = new URL('../../../tests/vectors/noise/whatsapp-xx.json', import.meta.url)
  const vector = JSON.parse(readFileSync(vectorUrl, 'utf8')) as Record<string, string>
  const bytesOf = (name: string): Uint8Array => fromHex(vector[name] ?? '')

  it('is read to the end, and its server is WhatsApp', () => {
    const handshake = startHandshake({
      noiseKey,
      random: { bytes: () => bytesOf('clientEphemeralPrivate') },
      nowSeconds: 1_750_000_000,
    })
    const hello = proto.HandshakeMessage.decode(handshake.hello).clientHello
    expect(new Uint8Array(hello?.ephemeral ?? [])).toEqual(bytesOf('clientEphemeralPublic'))
    const answer = proto.HandshakeMessage.encode({
      serverHello: {
        ephemeral: bytesOf('serverEphemeral'),
        static: bytesOf('serverStaticSealed'),
        payload: bytesOf('certificateChainSealed'),
      },
    }).finish()
    const { serverStatic, certificate } = handshake.readServerHello(answer, clientPayload)
    expect(serverStatic).toEqual(bytesOf('serverStatic'))
    expect(certificate.leaf.key).toEqual(serverStatic)
  })
})

interface BaileysHandshake {
  readonly handler: ReturnType<typeof makeNoiseHandler>
  readonly hello: Uint8Array
  finish(answer: Uint8Array): Uint8Array
}

/** Unmodified Baileys as the client, driven as its socket drives it. */
function startBaileys(): BaileysHandshake {
  const ephemeral = Curve.generateKeyPair()
  const handler = makeNoiseHandler({
    keyPair: ephemeral,
    NOISE_HEADER: Uint8Array.of(0x57, 0x41, 0x06, 0x03),
    logger: P({ level: 'silent' }),
  })
  return {
    handler,
    hello: proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish(),
    finish(answer) {
      const noise = { private: Buffer.from(noiseKey.privateKey), public: Buffer.from(noiseKey.publicKey) }
      const sealedStatic = handler.processHandshake(proto.HandshakeMessage.decode(answer), noise)
      const payload = handler.encrypt(clientPayload)
      return proto.HandshakeMessage.encode({ clientFinish: { static: sealedStatic, payload } }).finish()
    },
  }
}

function connectBaileys(): { handler: BaileysHandshake['handler']; seen: ServerResult } {
  const baileys = startBaileys()
  const server = new ScriptedServer(keys)
  const seen = server.finish(baileys.finish(server.answer(baileys.hello)))
  return { handler: baileys.handler, seen }
}
