// The cipher of an open connection. The frames to open are sealed here with plain node:crypto.
import { createCipheriv, hkdfSync } from 'node:crypto'
import { timed } from '../harness.mjs'
import { silent } from '../parties/baileys.mjs'

export const title = 'Noise transport'
export const about = 'Sealing a payload into a frame and opening the body of one.'
export const rows = Object.fromEntries(
  ['200 B', '4 KB'].flatMap((size) => [
    [`seal ${size}`, { unit: 'µs CPU' }],
    [`open ${size}`, { unit: 'µs CPU' }],
  ]),
)

const FRAMES = 500

/** The keys of a handshake over nothing: those that Baileys' handler has when it is told to finish at once. */
function transportKeys() {
  const name = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
  const bytes = Buffer.from(hkdfSync('sha256', '', name, '', 64))
  return { sendKey: bytes.subarray(0, 32), receiveKey: bytes.subarray(32) }
}

function sealedFrames(key, payload) {
  return Array.from({ length: FRAMES }, (_, counter) => {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(counter, 8)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    return Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()])
  })
}

function prepare(open) {
  const cases = {}
  for (const [name, size] of [
    ['200 B', 200],
    ['4 KB', 4096],
  ]) {
    const payload = Buffer.alloc(size, 7)
    const frames = sealedFrames(transportKeys().receiveKey, payload)
    cases[`seal ${name}`] = timed(`seal ${name}`, async (lap) => {
      const cipher = await open()
      return lap(FRAMES, () => void cipher.seal(payload))
    })
    cases[`open ${name}`] = timed(`open ${name}`, async (lap) => {
      const cipher = await open()
      return lap(FRAMES, (index) => void cipher.open(frames[index]))
    })
  }
  return { cases }
}

export const contestants = {
  async waton() {
    const { noise } = await import('waton/protocol')
    return prepare(() => new noise.TransportCipher(transportKeys()))
  },
  async Baileys() {
    const { makeNoiseHandler } = await import('@whiskeysockets/baileys')
    return prepare(async () => {
      const keyPair = { private: Buffer.alloc(32, 1), public: Buffer.alloc(32, 2) }
      const handler = makeNoiseHandler({ keyPair, NOISE_HEADER: Buffer.from('WA\x06\x03'), logger: silent })
      await handler.finishInit()
      handler.encodeFrame(Buffer.alloc(1)) // the intro goes out with the first frame
      return { seal: handler.encodeFrame, open: handler.decrypt }
    })
  },
}
