/** The same handshake by an independent implementation in WebAssembly: equal messages, equal frames. */
import { readFileSync } from 'node:fs'
import { proto } from '@whiskeysockets/baileys'
import { describe, expect, it } from 'vitest'
import { NoiseSession } from 'whatsapp-rust-bridge'
import { fromHex, utf8Bytes } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import { startHandshake } from './handshake.ts'

const vectorUrl = new URL('../../../tests/vectors/noise/whatsapp-xx.json', import.meta.url)
const vector = JSON.parse(readFileSync(vectorUrl, 'utf8')) as Record<string, string>
const bytesOf = (name: string): Uint8Array => fromHex(vector[name] ?? '')

const noiseKey = generateKeyPair(seededRandom('rust noise'))
const clientPayload = utf8Bytes('what a client says about itself')

/** The handshake that was recorded with WhatsApp's server, finished with our own keys. */
function ours(): { finish: proto.HandshakeMessage; seal: (payload: Uint8Array) => Uint8Array } {
  const handshake = startHandshake({
    noiseKey,
    random: { bytes: () => bytesOf('clientEphemeralPrivate') },
    nowSeconds: 1_750_000_000,
  })
  const serverHello = {
    ephemeral: bytesOf('serverEphemeral'),
    static: bytesOf('serverStaticSealed'),
    payload: bytesOf('certificateChainSealed'),
  }
  const answer = proto.HandshakeMessage.encode({ serverHello }).finish()
  const { finish, cipher } = handshake.readServerHello(answer, clientPayload)
  return { finish: proto.HandshakeMessage.decode(finish), seal: (payload) => cipher.seal(payload) }
}

describe('the Rust implementation of the handshake', () => {
  const session = new NoiseSession(bytesOf('clientEphemeralPublic'), Uint8Array.of(0x57, 0x41, 0x06, 0x03))
  session.processHandshakeInit(
    bytesOf('serverEphemeral'),
    bytesOf('serverStaticSealed'),
    bytesOf('certificateChainSealed'),
    bytesOf('clientEphemeralPrivate'),
  )
  const sealedStatic = session.processHandshakeFinish(
    noiseKey.publicKey,
    noiseKey.privateKey,
    bytesOf('serverEphemeral'),
  )
  const sealedPayload = session.encrypt(clientPayload)
  session.finishInit()

  it('makes the same last message, and then the same frames', () => {
    const { finish, seal } = ours()
    expect(new Uint8Array(finish.clientFinish?.static ?? [])).toEqual(new Uint8Array(sealedStatic))
    expect(new Uint8Array(finish.clientFinish?.payload ?? [])).toEqual(new Uint8Array(sealedPayload))
    for (const text of ['first', 'second', 'x'.repeat(5000)]) {
      expect(seal(utf8Bytes(text)).subarray(3)).toEqual(new Uint8Array(session.encrypt(utf8Bytes(text))))
    }
  })
})
