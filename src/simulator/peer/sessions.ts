/**
 * The phone's Signal sessions, one per device of other people and of this account, and encrypting and decrypting with
 * them. A record is replaced only after the operation on it succeeded, so a forged message changes nothing.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock } from '../../base/clock.ts'
import { CryptoError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { signalAddress, withDevice } from '../../protocol/jid.ts'
import {
  decryptPreKeySignal,
  decryptSignal,
  encryptSignal,
  hasOpenSession,
  readPreKeySignal,
  sessionInfo,
  startSession,
} from '../../protocol/signal/index.ts'
import type { PreKeyBundle, SessionRecord, SignalContext } from '../../protocol/signal/index.ts'
import type { AddressBook } from './address-book.ts'
import type { DeviceKeys } from './device-keys.ts'

/** Sessions kept at most. */
const MAX_SESSIONS = 20_000
/** Device ids that are looked through when sessions move from a phone number to its LID, or are lost. */
const MAX_MOVED_DEVICES = 100

/** What {@link Sessions} are built from. */
export interface SessionsOptions {
  readonly keys: DeviceKeys
  readonly addresses: AddressBook
  readonly clock: Clock
  readonly random: RandomSource
}

/** See the file comment. Every JID is a device JID in either addressing. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #records = new BoundedMap<string, SessionRecord>(MAX_SESSIONS)

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Whether a message to the device can be encrypted now. */
  has(deviceJid: string): boolean {
    const record = this.#records.get(this.#address(deviceJid))
    return record !== undefined && hasOpenSession(record)
  }

  /** The identity key that the device used last, when there is a session. */
  identityOf(deviceJid: string): Uint8Array | undefined {
    const record = this.#records.get(this.#address(deviceJid))
    return record === undefined ? undefined : sessionInfo(record)?.remoteIdentityKey
  }

  /** Starts a fresh session from the device's published keys; the old one is kept for late messages. */
  start(deviceJid: string, bundle: PreKeyBundle): void {
    const address = this.#address(deviceJid)
    const record = this.#records.get(address)
    this.#records.set(address, startSession({ record, bundle, ...this.#context() }))
  }

  /** Encrypts for one device. @throws {CryptoError} `WATON_SIGNAL_NO_SESSION` when none was started */
  encrypt(
    deviceJid: string,
    plaintext: Uint8Array,
  ): { readonly type: 'msg' | 'pkmsg'; readonly body: Uint8Array } {
    const address = this.#address(deviceJid)
    const { record, type, body } = encryptSignal({
      record: this.#require(address),
      plaintext,
      ...this.#context(),
    })
    this.#records.set(address, record)
    return { type, body }
  }

  /** Decrypts a `msg`. @throws {CryptoError} with a `WATON_SIGNAL_...` code */
  decrypt(deviceJid: string, body: Uint8Array): Uint8Array {
    const address = this.#address(deviceJid)
    const { record, plaintext } = decryptSignal({ record: this.#require(address), body, ...this.#context() })
    this.#records.set(address, record)
    return plaintext
  }

  /** The identity key inside a `pkmsg`, to be judged before it is decrypted. */
  identityIn(body: Uint8Array): Uint8Array {
    return readPreKeySignal(body).identityKey
  }

  /**
   * Decrypts a `pkmsg` and spends the one-time pre-key it names.
   *
   * @throws {WatonError} with a `WATON_SIGNAL_...` code
   */
  decryptPreKey(deviceJid: string, body: Uint8Array): Uint8Array {
    const { keys } = this.#options
    const address = this.#address(deviceJid)
    const record = this.#records.get(address)
    const { preKeyId, signedPreKeyId } = readPreKeySignal(body)
    const preKey = preKeyId === undefined ? undefined : keys.preKey(preKeyId)
    const signedPreKey = signedPreKeyId === keys.signedPreKey.id ? keys.signedPreKey : undefined
    const opened = decryptPreKeySignal({
      body,
      record,
      signedPreKey,
      preKey,
      ...this.#context(),
    })
    this.#records.set(address, opened.record)
    if (opened.isNewSession && preKeyId !== undefined) keys.spend(preKeyId)
    return opened.plaintext
  }

  /** Forgets the sessions with a person's devices, or all. @returns how many there were */
  lose(userJid?: string): number {
    const before = this.#records.size
    if (userJid === undefined) this.#records.clear()
    else {
      for (let device = 0; device < MAX_MOVED_DEVICES; device += 1)
        this.#records.delete(this.#address(withDevice(userJid, device)))
    }
    return before - this.#records.size
  }

  /** Moves the sessions of a phone number under its LID, unless the LID has its own. */
  move(pn: string, lid: string): void {
    for (let device = 0; device < MAX_MOVED_DEVICES; device += 1) {
      const from = signalAddress(withDevice(pn, device))
      const record = this.#records.get(from)
      if (record === undefined) continue
      const to = signalAddress(withDevice(lid, device))
      if (!this.#records.has(to)) this.#records.set(to, record)
      this.#records.delete(from)
    }
  }

  #address(deviceJid: string): string {
    return signalAddress(this.#options.addresses.sessionJid(deviceJid))
  }

  #require(address: string): SessionRecord {
    const record = this.#records.get(address)
    if (record === undefined) {
      throw new CryptoError('WATON_SIGNAL_NO_SESSION', 'the phone has no session with this device', {
        details: { address },
      })
    }
    return record
  }

  #context(): SignalContext {
    const { keys, random, clock } = this.#options
    return { local: keys.local, random, nowMs: clock.nowMs() }
  }
}
