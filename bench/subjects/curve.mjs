// Curve25519 keys, secrets and XEdDSA signatures. "Stranger" rows use a key that was not seen lately: waton keeps
// imported keys in bounded caches, and the inputs outnumber them.
import { crypto } from 'waton/protocol'
import { sized, timed } from '../harness.mjs'
import { seededRandom } from '../inputs.mjs'
import { typed } from '../parties/baileys.mjs'
import { random } from '../parties/waton.mjs'

export const title = 'Curve25519'
export const about = 'Raw 32-byte keys in and out. A stranger is a key that is not in any cache.'
export const rows = {
  'new key pair': { unit: 'µs CPU' },
  'shared secret, stranger': { unit: 'µs CPU' },
  'sign 300 B': { unit: 'µs CPU' },
  'verify, stranger': { unit: 'µs CPU' },
  'verify, known signer': { unit: 'µs CPU' },
}

const STRANGERS = sized(1100, 20)

function signers() {
  const source = seededRandom('signers')
  return Array.from({ length: STRANGERS }, () => {
    const { publicKey, privateKey } = crypto.generateKeyPair(source)
    const message = Buffer.from(source.bytes(33))
    const signature = Buffer.from(crypto.sign(privateKey, message, source))
    return { publicKey: Buffer.from(publicKey), privateKey: Buffer.from(privateKey), message, signature }
  })
}

function prepare({ keyPair, secret, sign, verify }) {
  const all = signers()
  const [self] = all
  const message = Buffer.alloc(300, 9)
  let next = 0
  const stranger = () => all[(next = (next + 1) % STRANGERS)]
  const check = (signer) => {
    if (!verify(signer.publicKey, signer.message, signer.signature))
      throw new Error('a signature was refused')
  }
  return {
    cases: {
      'new key pair': timed('new key pair', (lap) => lap(50, () => void keyPair())),
      'shared secret, stranger': timed('shared secret, stranger', (lap) =>
        lap(50, () => void secret(self.privateKey, stranger().publicKey)),
      ),
      'sign 300 B': timed('sign 300 B', (lap) => lap(10, () => void sign(self.privateKey, message))),
      'verify, stranger': timed('verify, stranger', (lap) => lap(10, () => check(stranger()))),
      'verify, known signer': timed('verify, known signer', (lap) => lap(10, () => check(self))),
    },
  }
}

export const contestants = {
  waton: () =>
    prepare({
      keyPair: () => crypto.generateKeyPair(random),
      secret: crypto.sharedSecret,
      sign: (privateKey, message) => crypto.sign(privateKey, message, random),
      verify: crypto.verify,
    }),
  async Baileys() {
    const { Curve } = await import('@whiskeysockets/baileys')
    const { default: curve } = await import('libsignal/src/curve.js')
    return prepare({
      keyPair: Curve.generateKeyPair,
      secret: Curve.sharedKey,
      sign: Curve.sign,
      // Baileys' own wrapper drops the verdict
      verify: (publicKey, message, signature) => curve.verifySignature(typed(publicKey), message, signature),
    })
  },
}
