/** The other party is the Noise client of an unmodified Baileys, and libsignal for the certificate signatures. */
import { Curve, makeNoiseHandler, proto } from '@whiskeysockets/baileys'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex } from '../../base/bytes.ts'
import { systemClock } from '../../base/clock.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { keyPairFromPrivate } from '../../protocol/crypto/index.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import { HandshakeMessage } from '../../protocol/proto/connection.ts'
import { CertificateAuthority } from './certificate-authority.ts'
import { WA_HEADER } from './frame-reader.ts'
import { NoiseResponder } from './noise-responder.ts'

const requireHere = createRequire(import.meta.url)
const { curve } = requireHere('libsignal') as {
  curve: { verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean }
}

const quiet = {
  level: 'silent',
  child: () => quiet,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}

function setUp(seed: string) {
  const random = seededRandom(seed)
  const authority = new CertificateAuthority(systemClock, random)
  const responder = new NoiseResponder(authority.serverKey, WA_HEADER, random)
  const ephemeral = Curve.generateKeyPair()
  const noiseKey = Curve.generateKeyPair()
  const client = makeNoiseHandler({ keyPair: ephemeral, NOISE_HEADER: Buffer.from(WA_HEADER), logger: quiet })
  const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish()
  const finish = (serverHello: Uint8Array, payload: Uint8Array): Uint8Array => {
    const key = client.processHandshake(proto.HandshakeMessage.decode(serverHello), noiseKey)
    return proto.HandshakeMessage.encode({
      clientFinish: { static: key, payload: client.encrypt(payload) },
    }).finish()
  }
  return { authority, responder, client, noiseKey, hello, finish }
}

function bytes(value: Uint8Array | null | undefined): Uint8Array {
  return new Uint8Array(value ?? [])
}

/** Whether the key signed the certificate, in the opinion of libsignal. */
function isSigned(
  certificate: proto.CertChain.INoiseCertificate | null | undefined,
  key: Uint8Array,
): boolean {
  const { details, signature } = certificate ?? {}
  return curve.verifySignature(
    Buffer.of(5, ...key),
    Buffer.from(bytes(details)),
    Buffer.from(bytes(signature)),
  )
}

describe('noise responder', () => {
  it('refuses a hello without an ephemeral key, and one that resumes by half', () => {
    const { responder, authority } = setUp('refuse')
    const chain = authority.issueChain()
    const empty = encodeProto(HandshakeMessage, { clientHello: {} }, 'HandshakeMessage')
    expect(() => responder.answerHello(empty, chain)).toThrow(ProtocolError)
    const resuming = { clientHello: { ephemeral: new Uint8Array(32), static: new Uint8Array(48) } }
    const frame = encodeProto(HandshakeMessage, resuming, 'HandshakeMessage')
    expect(() => responder.answerHello(frame, chain)).toThrow(/only one/)
    expect(() => responder.answerHello(Uint8Array.of(0xff), chain)).toThrow(ProtocolError)
  })

  it('refuses a finish that was altered', () => {
    const { responder, authority, hello, finish } = setUp('altered')
    const frame = finish(responder.answerHello(hello, authority.issueChain()).frame, Uint8Array.of(1, 2, 3))
    const altered = Uint8Array.from(frame, (byte, index) => (index === frame.length - 1 ? byte ^ 1 : byte))
    expect(() => responder.readFinish(altered)).toThrow(CryptoError)
  })

  it('completes a handshake with Baileys and carries frames both ways, each once', async () => {
    const { responder, authority, client, noiseKey, hello, finish } = setUp('complete')
    const payload = Uint8Array.of(1, 2, 3)
    const result = responder.readFinish(
      finish(responder.answerHello(hello, authority.issueChain()).frame, payload),
    )
    expect(result.payload).toEqual(payload)
    expect(result.clientKey).toEqual(new Uint8Array(noiseKey.public))
    await client.finishInit()
    const first = new Uint8Array(client.encrypt(Uint8Array.of(7)))
    expect(result.fromClient.open(first)).toEqual(Uint8Array.of(7))
    expect(() => result.fromClient.open(first)).toThrow(CryptoError)
    expect(new Uint8Array(client.decrypt(result.toClient.seal(Uint8Array.of(8))))).toEqual(Uint8Array.of(8))
  })
})

interface Vector {
  readonly prologue: string
  readonly responderStaticPrivate: string
  readonly responderEphemeralPrivate: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

/** The responder of a published vector, and its messages. */
function fromVector(name: string): {
  responder: NoiseResponder
  messages: readonly { payload: Uint8Array; ciphertext: Uint8Array }[]
  hello: Uint8Array
} {
  const url = new URL(`../../../tests/vectors/noise/${name}`, import.meta.url)
  const vector = JSON.parse(readFileSync(url, 'utf8')) as Vector
  const messages = vector.messages.map(({ payload, ciphertext }) => ({
    payload: fromHex(payload),
    ciphertext: fromHex(ciphertext),
  }))
  const said = messages[0]?.ciphertext ?? new Uint8Array(0)
  const clientHello = {
    ephemeral: said.subarray(0, 32),
    static: said.subarray(32, 80),
    payload: said.subarray(80),
  }
  return {
    responder: new NoiseResponder(
      keyPairFromPrivate(fromHex(vector.responderStaticPrivate)),
      fromHex(vector.prologue),
      { bytes: () => fromHex(vector.responderEphemeralPrivate) },
    ),
    messages,
    hello: proto.HandshakeMessage.encode({ clientHello }).finish(),
  }
}

function concatenated(frame: Uint8Array): Uint8Array {
  const { serverHello } = proto.HandshakeMessage.decode(frame)
  return concatBytes(bytes(serverHello?.ephemeral), bytes(serverHello?.static), bytes(serverHello?.payload))
}

describe('noise responder, by the published vectors', () => {
  it('resumes (IK)', () => {
    const { responder, messages, hello } = fromVector('cacophony-ik.json')
    const [first, second, third, fourth] = messages
    const { pattern, frame, result } = responder.answerHello(hello, second?.payload ?? new Uint8Array(0))
    expect(pattern).toBe('IK')
    expect(concatenated(frame)).toEqual(second?.ciphertext)
    expect(result?.payload).toEqual(first?.payload)
    expect(result?.fromClient.open(third?.ciphertext ?? new Uint8Array(0))).toEqual(third?.payload)
    expect(result?.toClient.seal(fourth?.payload ?? new Uint8Array(0))).toEqual(fourth?.ciphertext)
  })

  it('falls back when the hello was sealed for another key (XXfallback)', () => {
    const { responder, messages, hello } = fromVector('noise-c-xxfallback.json')
    const [, second, third] = messages
    const { pattern, frame, result } = responder.answerHello(hello, second?.payload ?? new Uint8Array(0))
    expect([pattern, result]).toEqual(['XXfallback', undefined])
    expect(concatenated(frame)).toEqual(second?.ciphertext)
    const said = third?.ciphertext ?? new Uint8Array(0)
    const clientFinish = { static: said.subarray(0, 48), payload: said.subarray(48) }
    const { payload } = responder.readFinish(proto.HandshakeMessage.encode({ clientFinish }).finish())
    expect(payload).toEqual(third?.payload)
  })
})

describe('certificate authority', () => {
  it('issues a chain that libsignal verifies from the root to the key of the server', () => {
    const { authority } = setUp('chain')
    const { leaf, intermediate } = proto.CertChain.decode(authority.issueChain())
    const read = (details: Uint8Array | null | undefined) =>
      proto.CertChain.NoiseCertificate.Details.decode(details ?? new Uint8Array(0))
    const middle = read(intermediate?.details)
    const end = read(leaf?.details)
    expect([middle.issuerSerial, end.issuerSerial]).toEqual([0, middle.serial])
    expect(bytes(end.key)).toEqual(authority.serverKey.publicKey)
    expect(isSigned(intermediate, authority.rootKey)).toBe(true)
    expect(isSigned(leaf, bytes(middle.key))).toBe(true)
    expect(isSigned(leaf, authority.rootKey)).toBe(false)
    const nowSeconds = systemClock.nowMs() / 1000
    expect(Number(end.notBefore)).toBeLessThan(nowSeconds)
    expect(Number(end.notAfter)).toBeGreaterThan(nowSeconds)
  })
})
