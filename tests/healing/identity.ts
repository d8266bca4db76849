/**
 * A device with another identity under the same number: new keys, no session, nothing on the server. Its own word for the
 * identity is new, too; the account's is not, as nobody but the phone could give it.
 */
import type { Change, Store } from 'waton/persistence'
import type { Faults } from 'waton/simulator'
import { generateKeyPair } from '../../src/protocol/crypto/index.ts'
import { generateRegistrationId, generateSignedPreKey } from '../../src/protocol/signal/index.ts'
import { seededRandom } from '../../src/base/random.ts'
import { CREDENTIALS, SELF, SIGNED_PRE_KEY } from '../../src/client/state/records.ts'

/** What goes with an identity. */
const LOST = [
  'session',
  'pre-key',
  'spent-pre-key',
  'pre-key-state',
  'signed-pre-key',
  'signed-pre-key-state',
]

/** Gives the closed client of a device another identity. */
export async function registerAnew(faults: Faults, store: Store, device: string): Promise<void> {
  const random = seededRandom(`another identity of ${device}`)
  const claim = await store.claim('default', { owner: 'registers anew', nowMs: Date.now(), leaseMs: 60_000 })
  const at = Date.now()
  const changes: Change[] = []
  for (const kind of LOST)
    for (const { key } of await store.listRecords('default', kind, undefined, 10_000))
      changes.push({ op: 'delete-record', kind, key })
  const stored = await store.readRecord('default', CREDENTIALS.kind, SELF)
  if (stored === undefined) throw new Error('the device has no credentials')
  const identityKey = generateKeyPair(random)
  const signed = generateSignedPreKey(identityKey, 1, random)
  const { id, signature, publicKey, privateKey } = signed
  const credentials = {
    ...CREDENTIALS.decode(stored),
    identityKey,
    registrationId: generateRegistrationId(random),
    signedPreKeyId: id,
  }
  const preKey = { id, signature, keyPair: { publicKey, privateKey }, createdAtMs: at }
  changes.push(
    {
      op: 'put-record',
      row: { kind: CREDENTIALS.kind, key: SELF, value: CREDENTIALS.encode(credentials), at },
    },
    {
      op: 'put-record',
      row: { kind: SIGNED_PRE_KEY.kind, key: String(id), value: SIGNED_PRE_KEY.encode(preKey), at },
    },
  )
  await store.commit(claim, changes)
  await claim.release()
  // the server lets no companion change its identity: it has to have forgotten the former one
  faults.loseKeys(device)
}
