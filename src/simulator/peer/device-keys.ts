/**
 * The key material of one simulated phone: identity, registration id, signed pre-key and the stock of one-time
 * pre-keys. It hands out, spends and replenishes; sessions are `sessions.ts`, stanzas are `stanzas.ts`.
 */
import type { RandomSource } from '../../base/random.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { generatePreKeys, generateRegistrationId, generateSignedPreKey } from '../../protocol/signal/index.ts'
import type { LocalIdentity, PreKeyPair, SignedPreKeyPair } from '../../protocol/signal/index.ts'

/** One-time pre-keys kept at most; the oldest are forgotten beyond it (a peer that never used one asks again). */
const MAX_PRE_KEYS = 5_000
const MAX_PRE_KEY_ID = 0xffffff

/** See the file comment. */
export class DeviceKeys {
  readonly identity: KeyPair
  readonly registrationId: number
  readonly signedPreKey: SignedPreKeyPair
  readonly #random: RandomSource
  readonly #preKeys = new Map<number, PreKeyPair>()
  #nextPreKeyId = 1

  constructor(random: RandomSource) {
    this.#random = random
    this.identity = generateKeyPair(random)
    this.registrationId = generateRegistrationId(random)
    this.signedPreKey = generateSignedPreKey(this.identity, 1, random)
  }

  /** What the Signal functions need to know of this device. */
  get local(): LocalIdentity {
    return { registrationId: this.registrationId, identityKey: this.identity }
  }

  /** How many one-time pre-keys are unspent. */
  get stock(): number {
    return this.#preKeys.size
  }

  /** Makes `count` new one-time pre-keys and keeps their private halves. */
  makePreKeys(count: number): readonly PreKeyPair[] {
    const made = generatePreKeys(this.#nextPreKeyId, count, this.#random)
    for (const preKey of made) this.#preKeys.set(preKey.id, preKey)
    const last = made.at(-1)?.id ?? this.#nextPreKeyId - 1
    this.#nextPreKeyId = (last % MAX_PRE_KEY_ID) + 1
    for (const id of this.#preKeys.keys()) {
      if (this.#preKeys.size <= MAX_PRE_KEYS) break
      this.#preKeys.delete(id)
    }
    return made
  }

  /** The one-time pre-key, unless it was spent or never existed. */
  preKey(id: number): PreKeyPair | undefined {
    return this.#preKeys.get(id)
  }

  /** Forgets every one-time pre-key; what was published of them stays published. @returns how many there were */
  losePreKeys(): number {
    const count = this.#preKeys.size
    this.#preKeys.clear()
    return count
  }

  /** Forgets a one-time pre-key after a session was built with it. */
  spend(id: number): void {
    this.#preKeys.delete(id)
  }
}
