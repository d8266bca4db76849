// waton's sessions for the `session` subject: `waton/protocol` over a Map of encoded records. The client keeps decoded
// records in a bounded cache and encodes them for its commits; so does this, and it encodes after every operation.
import { randomFillSync } from 'node:crypto'
import { signal } from 'waton/protocol'

export const random = { bytes: (length) => randomFillSync(new Uint8Array(length)) }

export function createWatonParty(person) {
  const local = { registrationId: person.registrationId, identityKey: person.identity }
  const stored = new Map()
  const records = new Map()
  const context = () => ({ local, random, nowMs: Date.now() })
  const save = (name, record) => {
    records.set(name, record)
    stored.set(name, signal.encodeSessionRecord(record))
  }
  return {
    reset() {
      stored.clear()
      records.clear()
    },
    establish(name, bundle) {
      save(name, signal.startSession({ ...context(), record: records.get(name), bundle }))
    },
    encrypt(name, plaintext) {
      const encrypted = signal.encryptSignal({ ...context(), record: records.get(name), plaintext })
      save(name, encrypted.record)
      return encrypted
    },
    decrypt(name, { type, body }) {
      const asked = { ...context(), record: records.get(name), body }
      const opened = type === 'pkmsg' ? openFirst(person, asked) : signal.decryptSignal(asked)
      save(name, opened.record)
      return opened.plaintext
    },
  }
}

function openFirst({ signedPreKey, preKeys }, asked) {
  const { preKeyId } = signal.readPreKeySignal(asked.body)
  const preKey = preKeys.find(({ id }) => id === preKeyId)
  return signal.decryptPreKeySignal({ ...asked, signedPreKey, preKey })
}
