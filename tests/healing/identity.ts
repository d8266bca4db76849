/**
 * A device with another identity under the same number, for which its phone vouches: new keys, no session, nothing on the
 * server.
 */
import { Curve, proto } from '@whiskeysockets/baileys'
import type { Change, Store } from 'waton/persistence'
import type { Faults, SimulatedPhone } from 'waton/simulator'
import type { KeyPair } from '../../src/protocol/crypto/index.ts'
import { generateRegistrationId, generateSignedPreKey } from '../../src/protocol/signal/index.ts'
import { seededRandom } from '../../src/base/random.ts'
import { CREDENTIALS, SELF, SIGNED_PRE_KEY } from '../../src/client/state/records.ts'

/** The number of the one linked device that accounts have here. */
const DEVICE_ID = 1

/** Another identity of a linked device. */
export interface NewIdentity {
  readonly identityKey: KeyPair
  /** A serialised `ADVSignedDeviceIdentity`, signed by both. */
  readonly deviceIdentity: Uint8Array
}

/** Makes an identity that a phone vouches for. */
export function newIdentity(phone: SimulatedPhone): NewIdentity {
  const identity = Curve.generateKeyPair()
  const vouched = phone.vouchAnew(DEVICE_ID, new Uint8Array(identity.public))
  const account = proto.ADVSignedDeviceIdentity.decode(vouched)
  const { details, accountSignatureKey } = account
  if (!details || !accountSignatureKey) throw new Error('the phone has signed nothing')
  const agreed = Buffer.concat([Buffer.from([6, 1]), details, identity.public, accountSignatureKey])
  account.deviceSignature = Curve.sign(identity.private, agreed)
  const deviceIdentity = new Uint8Array(proto.ADVSignedDeviceIdentity.encode(account).finish())
  const publicKey = new Uint8Array(identity.public)
  return { identityKey: { publicKey, privateKey: new Uint8Array(identity.private) }, deviceIdentity }
}

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
export async function registerAnew(
  faults: Faults,
  { store, phone }: { readonly store: Store; readonly phone: SimulatedPhone },
  device: string,
): Promise<void> {
  const random = seededRandom(`another identity of ${device}`)
  const claim = await store.claim('default', { owner: 'registers anew', nowMs: Date.now(), leaseMs: 60_000 })
  const at = Date.now()
  const changes: Change[] = []
  for (const kind of LOST)
    for (const { key } of await store.listRecords('default', kind, undefined, 10_000))
      changes.push({ op: 'delete-record', kind, key })
  const stored = await store.readRecord('default', CREDENTIALS.kind, SELF)
  if (stored === undefined) throw new Error('the device has no credentials')
  const { identityKey, deviceIdentity } = newIdentity(phone)
  const signed = generateSignedPreKey(identityKey, 1, random)
  const { id, signature, publicKey, privateKey } = signed
  const former = CREDENTIALS.decode(stored)
  if (former.linked === undefined) throw new Error('the device is not linked')
  const credentials = {
    ...former,
    linked: { ...former.linked, deviceIdentity },
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
  faults.loseKeys(device, deviceIdentity)
}
