// The other end of every session: libsignal over the cheapest possible store. Never timed.
import libsignal from 'libsignal'
import { typed } from './baileys.mjs'

const { ProtocolAddress, SessionBuilder, SessionCipher } = libsignal

export function createLibsignalParty(person) {
  const sessions = new Map()
  const pairOf = ({ publicKey, privateKey }) => ({
    pubKey: typed(publicKey),
    privKey: Buffer.from(privateKey),
  })
  const store = {
    loadSession: async (address) => sessions.get(address),
    storeSession: async (address, record) => void sessions.set(address, record),
    isTrustedIdentity: () => true,
    getOurIdentity: () => pairOf(person.identity),
    getOurRegistrationId: () => person.registrationId,
    loadPreKey: async (id) => pairOf(person.preKeys.find((key) => key.id === id)),
    removePreKey: async () => undefined,
    loadSignedPreKey: async () => pairOf(person.signedPreKey),
  }
  const addressOf = (name) => new ProtocolAddress(name, 0)
  return {
    establish(name, { registrationId, identityKey, signedPreKey, preKey }) {
      return new SessionBuilder(store, addressOf(name)).initOutgoing({
        registrationId,
        identityKey: typed(identityKey),
        signedPreKey: {
          keyId: signedPreKey.id,
          publicKey: typed(signedPreKey.publicKey),
          signature: signedPreKey.signature,
        },
        preKey: { keyId: preKey.id, publicKey: typed(preKey.publicKey) },
      })
    },
    async encrypt(name, plaintext) {
      const { type, body } = await new SessionCipher(store, addressOf(name)).encrypt(Buffer.from(plaintext))
      return { type: type === 3 ? 'pkmsg' : 'msg', body: Buffer.from(body) }
    },
    decrypt(name, { type, body }) {
      const cipher = new SessionCipher(store, addressOf(name))
      const bytes = Buffer.from(body)
      return type === 'pkmsg'
        ? cipher.decryptPreKeyWhisperMessage(bytes)
        : cipher.decryptWhisperMessage(bytes)
    },
  }
}
