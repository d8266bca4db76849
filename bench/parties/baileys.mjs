// Baileys as its documentation asks to use it, for every subject that needs more than one function of it.
import { addTransactionCapability, initAuthCreds } from '@whiskeysockets/baileys'
import { makeLibSignalRepository } from '@whiskeysockets/baileys/lib/Signal/libsignal.js'

const quiet = () => undefined
export const silent = {
  level: 'silent',
  child: () => silent,
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
}

/** Its key store in memory: the fastest that it can be given. */
export function memoryKeys() {
  const records = new Map()
  return {
    records,
    get(type, ids) {
      const found = {}
      for (const id of ids) {
        const value = records.get(`${type}-${id}`)
        if (value !== undefined) found[id] = value
      }
      return found
    },
    set(data) {
      for (const [type, values] of Object.entries(data)) {
        for (const [id, value] of Object.entries(values ?? {})) {
          if (value === null) records.delete(`${type}-${id}`)
          else records.set(`${type}-${id}`, value)
        }
      }
    },
  }
}

/** A key with the type byte that libsignal wants to see. */
export const typed = (key) => Buffer.concat([Buffer.of(5), key])
const pairOf = ({ publicKey, privateKey }) => ({
  public: Buffer.from(publicKey),
  private: Buffer.from(privateKey),
})

/** A person's sessions in Baileys' own Signal repository with its transaction layer. */
export function createBaileysParty(person) {
  const keys = memoryKeys()
  const { signedPreKey } = person
  const creds = {
    ...initAuthCreds(),
    registrationId: person.registrationId,
    signedIdentityKey: pairOf(person.identity),
    signedPreKey: {
      keyPair: pairOf(signedPreKey),
      signature: Buffer.from(signedPreKey.signature),
      keyId: signedPreKey.id,
    },
    me: { id: '15550000001:1@s.whatsapp.net', lid: `${person.name}@lid` },
  }
  const reset = () => {
    keys.records.clear()
    for (const key of person.preKeys) keys.records.set(`pre-key-${key.id}`, pairOf(key))
  }
  reset()
  const transactions = addTransactionCapability(keys, silent, {
    maxCommitRetries: 10,
    delayBetweenTriesMs: 3000,
  })
  const repository = makeLibSignalRepository({ creds, keys: transactions }, silent, async () => [])
  const jid = (name) => `${name}@lid`
  return {
    reset,
    establish(name, { registrationId, identityKey, signedPreKey: signed, preKey }) {
      const session = {
        registrationId,
        identityKey: typed(identityKey),
        signedPreKey: {
          keyId: signed.id,
          publicKey: typed(signed.publicKey),
          signature: signed.signature,
        },
        preKey: { keyId: preKey.id, publicKey: typed(preKey.publicKey) },
      }
      return repository.injectE2ESession({ jid: jid(name), session })
    },
    async encrypt(name, data) {
      const { type, ciphertext } = await repository.encryptMessage({ jid: jid(name), data })
      return { type, body: ciphertext }
    },
    decrypt: (name, { type, body }) =>
      repository.decryptMessage({ jid: jid(name), type, ciphertext: Buffer.from(body) }),
  }
}
