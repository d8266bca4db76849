import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { keyPairFromPrivate, sharedSecret } from '../crypto/index.ts'
import { SymmetricState } from './symmetric-state.ts'
import { TransportCipher } from './transport-cipher.ts'

interface XxVector {
  readonly prologue: string
  readonly initiatorStaticPrivate: string
  readonly initiatorEphemeralPrivate: string
  readonly responderStaticPrivate: string
  readonly responderEphemeralPrivate: string
  readonly handshakeHash: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

function readVector(name: string): unknown {
  const url = new URL(`../../../tests/vectors/noise/${name}`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8'))
}

const vector = readVector('cacophony-xx.json') as XxVector
const initiatorStatic = keyPairFromPrivate(fromHex(vector.initiatorStaticPrivate))
const initiatorEphemeral = keyPairFromPrivate(fromHex(vector.initiatorEphemeralPrivate))
const responderStatic = keyPairFromPrivate(fromHex(vector.responderStaticPrivate))
const responderEphemeral = keyPairFromPrivate(fromHex(vector.responderEphemeralPrivate))

function message(index: number): { payload: Uint8Array; ciphertext: Uint8Array } {
  const { payload = '', ciphertext = '' } = vector.messages[index] ?? {}
  return { payload: fromHex(payload), ciphertext: fromHex(ciphertext) }
}

/** Plays the initiator through the three messages of XX, comparing every byte with the vector. */
function playInitiator(): SymmetricState {
  const state = new SymmetricState(fromHex(vector.prologue))

  const first = message(0)
  state.mixHash(initiatorEphemeral.publicKey)
  expect(concatBytes(initiatorEphemeral.publicKey, state.seal(first.payload))).toEqual(first.ciphertext)

  const second = message(1)
  state.mixHash(second.ciphertext.subarray(0, 32))
  state.mixKey(sharedSecret(initiatorEphemeral.privateKey, responderEphemeral.publicKey))
  expect(state.open(second.ciphertext.subarray(32, 80))).toEqual(responderStatic.publicKey)
  state.mixKey(sharedSecret(initiatorEphemeral.privateKey, responderStatic.publicKey))
  expect(state.open(second.ciphertext.subarray(80))).toEqual(second.payload)

  const third = message(2)
  const sealedStatic = state.seal(initiatorStatic.publicKey)
  state.mixKey(sharedSecret(initiatorStatic.privateKey, responderEphemeral.publicKey))
  expect(concatBytes(sealedStatic, state.seal(third.payload))).toEqual(third.ciphertext)
  return state
}

describe('the symmetric state against the published vector of Noise_XX_25519_AESGCM_SHA256', () => {
  it('refuses a sealed part that was altered', () => {
    const state = new SymmetricState(fromHex(vector.prologue))
    state.mixKey(sharedSecret(initiatorEphemeral.privateKey, responderEphemeral.publicKey))
    expect(() => state.open(new Uint8Array(48))).toThrow(
      expect.objectContaining({ code: 'WATON_CRYPTO_TAG' }),
    )
  })

  it('makes and reads every handshake message byte for byte', () => {
    expect(toHex(playInitiator().handshakeHash)).toBe(vector.handshakeHash)
  })

  it('ends with keys that seal and open the messages after the handshake', () => {
    const cipher = new TransportCipher(playInitiator().split())
    const [third, fourth, fifth] = [message(3), message(4), message(5)]
    // In XX the initiator has spoken last, so the responder is next.
    expect(cipher.open(third.ciphertext)).toEqual(third.payload)
    expect(cipher.seal(fourth.payload).subarray(3)).toEqual(fourth.ciphertext)
    expect(cipher.open(fifth.ciphertext)).toEqual(fifth.payload)
  })
})

describe('the symmetric state against a handshake recorded with the real server', () => {
  const recorded = readVector('whatsapp-xx.json') as Record<string, string>
  const bytesOf = (name: string): Uint8Array => fromHex(recorded[name] ?? '')

  it('has the recorded hash after every step', () => {
    const ephemeral = keyPairFromPrivate(bytesOf('clientEphemeralPrivate'))
    const state = new SymmetricState(Uint8Array.of(0x57, 0x41, 0x06, 0x03))
    expect(state.handshakeHash).toEqual(bytesOf('hashAfterPrologue'))
    state.mixHash(ephemeral.publicKey)
    expect(state.handshakeHash).toEqual(bytesOf('hashAfterClientEphemeral'))
    state.mixHash(bytesOf('serverEphemeral'))
    expect(state.handshakeHash).toEqual(bytesOf('hashAfterServerEphemeral'))
    state.mixKey(sharedSecret(ephemeral.privateKey, bytesOf('serverEphemeral')))
    const serverStatic = state.open(bytesOf('serverStaticSealed'))
    expect(state.handshakeHash).toEqual(bytesOf('hashAfterServerStatic'))
    state.mixKey(sharedSecret(ephemeral.privateKey, serverStatic))
    expect(state.open(bytesOf('certificateChainSealed'))).toEqual(bytesOf('certificateChain'))
    expect(state.handshakeHash).toEqual(bytesOf('hashAfterCertificateChain'))
  })
})
