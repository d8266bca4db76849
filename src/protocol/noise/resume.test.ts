import { readFileSync } from 'node:fs'
import { Curve, proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHAIN_NOW_SECONDS,
  issueChain,
  newServerKeys,
  ScriptedServer,
} from '../../../tests/vectors/noise/scripted-server.ts'
import { concatBytes, fromHex, utf8Bytes } from '../../base/bytes.ts'
import { CryptoError, describeError, ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair, keyPairFromPrivate, sharedSecret } from '../crypto/index.ts'
import { startHandshake } from './handshake.ts'
import { type ResumeOptions, resumeHandshake, type Resumption } from './resume.ts'
import { SymmetricState } from './symmetric-state.ts'
import { TransportCipher } from './transport-cipher.ts'

const keys = newServerKeys()
const rotated = { ...keys, static: Curve.generateKeyPair() }
const random = seededRandom('resume')
const noiseKey = generateKeyPair(random)
const clientPayload = utf8Bytes('what a client says about itself')
const chain = issueChain(keys)
const rotatedChain = issueChain(rotated)
const SEED = 20_26

function start(overrides: Partial<ResumeOptions> = {}): Resumption {
  return resumeHandshake({
    noiseKey,
    random,
    rootKey: keys.root.public,
    nowSeconds: CHAIN_NOW_SECONDS,
    serverStatic: new Uint8Array(keys.static.public),
    clientPayload,
    ...overrides,
  })
}

function refusal(code: string): unknown {
  return expect.objectContaining({ code })
}

describe('a resumption refuses', () => {
  it('an answer by somebody who does not own the known key', () => {
    const resumption = start()
    const fake = { ephemeral: Curve.generateKeyPair().public, payload: new Uint8Array(40) }
    const answer = proto.HandshakeMessage.encode({ serverHello: fake }).finish()
    expect(() => resumption.readServerHello(answer)).toThrow(refusal('WATON_NOISE_RESUME'))
  })

  it('an answer to the hello of another connection', () => {
    const { answer } = new ScriptedServer(keys, chain).resume(start().hello, new Uint8Array(0))
    expect(() => start().readServerHello(answer)).toThrow(refusal('WATON_NOISE_RESUME'))
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a client hello', start().hello],
    [
      'a server hello without ephemeral',
      proto.HandshakeMessage.encode({ serverHello: { payload: new Uint8Array(16) } }).finish(),
    ],
    [
      'a server hello without payload',
      proto.HandshakeMessage.encode({ serverHello: { ephemeral: new Uint8Array(32) } }).finish(),
    ],
  ])('%s in place of a server hello', (_name, bytes) => {
    expect(() => start().readServerHello(bytes)).toThrow(refusal('WATON_NOISE_MALFORMED'))
  })

  it.each<[string, Uint8Array, string]>([
    ['a fallback to a key that nobody certified', chain, 'WATON_NOISE_CERTIFICATE_KEY'],
    [
      'a fallback to a certificate of another root',
      issueChain(rotated, { intermediateSigner: Curve.generateKeyPair() }),
      'WATON_NOISE_CERTIFICATE_SIGNATURE',
    ],
    [
      'a fallback to a certificate that has expired',
      issueChain(rotated, { leaf: { notAfter: CHAIN_NOW_SECONDS - 7 * 86_400 } }),
      'WATON_NOISE_CERTIFICATE_VALIDITY',
    ],
  ])('%s', (_name, presented, code) => {
    const resumption = start()
    const answer = new ScriptedServer(rotated, presented).answerFallback(resumption.hello)
    expect(() => resumption.readServerHello(answer)).toThrow(refusal(code))
  })

  it('an answer in the manner of XX, which has another name', () => {
    const resumption = start()
    const answer = new ScriptedServer(keys, chain).answer(resumption.hello)
    expect(() => resumption.readServerHello(answer)).toThrow(refusal('WATON_NOISE_HANDSHAKE'))
  })

  it('a second answer, also after a failure', () => {
    const resumption = start()
    const { answer } = new ScriptedServer(keys, chain).resume(resumption.hello, new Uint8Array(0))
    expect(() => resumption.readServerHello(new Uint8Array(3))).toThrow()
    expect(() => resumption.readServerHello(answer)).toThrow(refusal('WATON_NOISE_HANDSHAKE_USED'))
  })

  it(`every answer in which one byte was changed, with an error of its own (seed ${SEED.toString()})`, () => {
    const property = fc.property(
      fc.constantFrom('IK', 'XXfallback', 'XX'),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (pattern, position, difference) => {
        const { answer, read } = exchange(pattern)
        const altered = Uint8Array.from(answer)
        const index = position % altered.length
        altered[index] = (altered[index] ?? 0) ^ difference
        expectRefusalOrSameMeaning(read, altered, answer)
      },
    )
    fc.assert(property, { seed: SEED, numRuns: 150 })
  })
})

describe('a server refuses', () => {
  it(`every client message in which one byte was changed (seed ${SEED.toString()})`, () => {
    const resumption = start()
    const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (position, difference) => {
      const { hello } = resumption
      const altered = Uint8Array.from(hello)
      const index = position % altered.length
      altered[index] = (altered[index] ?? 0) ^ difference
      if (meaning(altered) === meaning(hello)) return
      expect(() => new ScriptedServer(keys, chain).resume(altered, new Uint8Array(0))).toThrow()
    })
    fc.assert(property, { seed: SEED, numRuns: 60 })
  })
})

describe('a resumption with an independent server', () => {
  it('gives the server our static key and payload with the first message, and both the same keys', () => {
    const resumption = start()
    const { answer, result } = new ScriptedServer(keys, chain).resume(
      resumption.hello,
      utf8Bytes('not looked at'),
    )
    const outcome = resumption.readServerHello(answer)
    expect(outcome.pattern).toBe('IK')
    expect('finish' in outcome).toBe(false)
    expect(new Uint8Array(result.clientStatic)).toEqual(noiseKey.publicKey)
    expect(new Uint8Array(result.clientPayload)).toEqual(clientPayload)
    expectConnected(outcome.cipher, result)
  })

  it('falls back when the server has another key, which is certified and handed out', () => {
    const resumption = start()
    const server = new ScriptedServer(rotated, rotatedChain)
    const outcome = resumption.readServerHello(server.answerFallback(resumption.hello))
    if (outcome.pattern !== 'XXfallback') throw new TypeError('no fallback')
    expect(outcome.serverStatic).toEqual(new Uint8Array(rotated.static.public))
    expect(outcome.certificate.leaf.key).toEqual(outcome.serverStatic)
    const result = server.finish(outcome.finish)
    expect(new Uint8Array(result.clientPayload)).toEqual(clientPayload)
    expectConnected(outcome.cipher, result)
  })
})

describe('the published vector of Noise_IK_25519_AESGCM_SHA256', () => {
  const vector = readVector('cacophony-ik.json')

  it('is what a resumption says and reads, with its keys and its prologue', () => {
    const [first, second, ...later] = vector.messages
    const resumption = resumeHandshake({
      noiseKey: keyPairFromPrivate(fromHex(vector.initiatorStaticPrivate)),
      random: { bytes: () => fromHex(vector.initiatorEphemeralPrivate) },
      nowSeconds: 0,
      serverStatic: keyPairFromPrivate(fromHex(vector.responderStaticPrivate)).publicKey,
      clientPayload: fromHex(first?.payload ?? ''),
      prologue: fromHex(vector.prologue),
    })
    const hello = proto.HandshakeMessage.decode(resumption.hello).clientHello
    const { ephemeral, static: sealedStatic, payload } = hello ?? {}
    expect(concatBytes(bytes(ephemeral), bytes(sealedStatic), bytes(payload))).toEqual(
      fromHex(first?.ciphertext ?? ''),
    )
    const said = fromHex(second?.ciphertext ?? '')
    const serverHello = { ephemeral: said.subarray(0, 32), payload: said.subarray(32) }
    const { cipher } = resumption.readServerHello(proto.HandshakeMessage.encode({ serverHello }).finish())
    // the responder has spoken last
    later.forEach((message, index) => {
      const [plain, sealed] = [fromHex(message.payload), fromHex(message.ciphertext)]
      if (index % 2 === 0) expect(cipher.seal(plain).subarray(3)).toEqual(sealed)
      else expect(cipher.open(sealed)).toEqual(plain)
    })
    expect(later).toHaveLength(4)
  })
})

describe('the published vector of Noise_XXfallback_25519_AESGCM_SHA256', () => {
  const vector = readVector('noise-c-xxfallback.json')
  const [first, second, third, ...later] = vector.messages.map(({ payload, ciphertext }) => ({
    payload: fromHex(payload),
    ciphertext: fromHex(ciphertext),
  }))

  it('is what the symmetric state of a fallback says and reads', () => {
    if (first === undefined || second === undefined || third === undefined) throw new TypeError('no vector')
    const own = keyPairFromPrivate(fromHex(vector.initiatorStaticPrivate))
    const ephemeral = keyPairFromPrivate(fromHex(vector.initiatorEphemeralPrivate))
    const state = new SymmetricState(fromHex(vector.prologue), 'XXfallback')
    state.mixHash(first.ciphertext.subarray(0, 32))
    const serverEphemeral = second.ciphertext.subarray(0, 32)
    state.mixHash(serverEphemeral)
    state.mixKey(sharedSecret(ephemeral.privateKey, serverEphemeral))
    const serverStatic = state.open(second.ciphertext.subarray(32, 80))
    expect(serverStatic).toEqual(keyPairFromPrivate(fromHex(vector.responderStaticPrivate)).publicKey)
    state.mixKey(sharedSecret(ephemeral.privateKey, serverStatic))
    expect(state.open(second.ciphertext.subarray(80))).toEqual(second.payload)
    const sealedStatic = state.seal(own.publicKey)
    state.mixKey(sharedSecret(own.privateKey, serverEphemeral))
    expect(concatBytes(sealedStatic, state.seal(third.payload))).toEqual(third.ciphertext)
    expect(state.handshakeHash).toEqual(fromHex(vector.handshakeHash))
    // In Noise's own words the server has initiated the fallback: its keys are the other way round than WhatsApp's.
    const { sendKey, receiveKey } = state.split()
    const cipher = new TransportCipher({ sendKey: receiveKey, receiveKey: sendKey })
    later.forEach(({ payload, ciphertext }, index) => {
      if (index % 2 === 0) expect(cipher.open(ciphertext)).toEqual(payload)
      else expect(cipher.seal(payload).subarray(3)).toEqual(ciphertext)
    })
    expect(later).toHaveLength(3)
  })
})

interface Vector {
  readonly prologue: string
  readonly initiatorStaticPrivate: string
  readonly initiatorEphemeralPrivate: string
  readonly responderStaticPrivate: string
  readonly handshakeHash: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

function readVector(name: string): Vector {
  const url = new URL(`../../../tests/vectors/noise/${name}`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as Vector
}

function bytes(value: Uint8Array | null | undefined): Uint8Array {
  return new Uint8Array(value ?? [])
}

/** A hello and a genuine answer to it, and how the client reads one. */
function exchange(pattern: 'IK' | 'XXfallback' | 'XX'): {
  answer: Uint8Array
  read: (answer: Uint8Array) => unknown
} {
  if (pattern === 'XX') {
    const handshake = startHandshake({
      noiseKey,
      random,
      rootKey: keys.root.public,
      nowSeconds: CHAIN_NOW_SECONDS,
    })
    const answer = new ScriptedServer(keys, chain).answer(handshake.hello)
    return { answer, read: (altered) => handshake.readServerHello(altered, clientPayload) }
  }
  const resumption = start()
  const answer =
    pattern === 'IK'
      ? new ScriptedServer(keys, chain).resume(resumption.hello, chain).answer
      : new ScriptedServer(rotated, rotatedChain).answerFallback(resumption.hello)
  return { answer, read: (altered) => resumption.readServerHello(altered) }
}

/** What a message says in fields that we know: a byte in an unknown field or a redundant encoding changes nothing. */
function meaning(message: Uint8Array): string {
  try {
    const { clientHello, serverHello, clientFinish } = proto.HandshakeMessage.decode(message)
    return JSON.stringify(
      [clientHello, serverHello, clientFinish].map((part) =>
        [part?.static, part?.payload, (part as { ephemeral?: Uint8Array } | null)?.ephemeral].map((field) =>
          Buffer.from(field ?? []).toString('hex'),
        ),
      ),
    )
  } catch {
    return 'unreadable'
  }
}

function expectRefusalOrSameMeaning(
  read: (answer: Uint8Array) => unknown,
  altered: Uint8Array,
  answer: Uint8Array,
): void {
  let thrown: unknown
  try {
    read(altered)
  } catch (error) {
    thrown = error
  }
  if (thrown === undefined) expect(meaning(altered)).toBe(meaning(answer))
  else
    expect(thrown instanceof CryptoError || thrown instanceof ProtocolError, describeError(thrown)).toBe(true)
}

function expectConnected(
  cipher: TransportCipher,
  seen: { readonly serverToClientKey: Uint8Array; readonly clientToServerKey: Uint8Array },
): void {
  const server = new TransportCipher({ sendKey: seen.serverToClientKey, receiveKey: seen.clientToServerKey })
  expect(server.open(cipher.seal(utf8Bytes('up')).subarray(3))).toEqual(utf8Bytes('up'))
  expect(cipher.open(server.seal(utf8Bytes('down')).subarray(3))).toEqual(utf8Bytes('down'))
}
