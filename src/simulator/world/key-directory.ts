/**
 * The public keys that one device left with the server: lasting keys and a stock of one-time pre-keys, each of which
 * is handed out exactly once. Where the bytes on the wire are read and written is `stanza/keys.ts`.
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import { BoundedMap } from '../../base/bounded-map.ts'
import { ProtocolError } from '../../base/errors.ts'
import type { DevicePublicKeys, KeyUpload, PublicPreKey, PublicSignedPreKey } from '../stanza/keys.ts'

/** One-time pre-keys kept per device. Clients upload 812 at a time when few are left. */
export const MAX_STOCK = 5_000
/** Spent ids remembered per device, to notice a client that offers a spent key again. */
const MAX_SPENT = 20_000
/** Below this many one-time pre-keys the device is told. @source Baileys `MIN_PREKEY_COUNT`, whatsmeow `MinPreKeyCount` */
export const LOW_STOCK = 5

/** What an upload changed. */
export interface UploadOutcome {
  readonly added: number
  /** Keys that were offered again after they had been handed out; they stay spent. */
  readonly ignoredSpent: number
  readonly identityChanged: boolean
}

/**
 * What can be refused about keys: queries of a device about its own, its queries for those of others (`fetch`), or its own
 * keys to whoever asks for them (`bundle`).
 */
export type KeyQuery = 'count' | 'upload' | 'digest' | 'rotate' | 'fetch' | 'bundle'

/** Which key of a device is not the one that it uploaded. */
export type CorruptKey = 'signed-pre-key' | 'pre-key'

/** See the file comment. */
export class KeyDirectory {
  #keys: DevicePublicKeys | undefined
  readonly #stock = new Map<number, Uint8Array>()
  readonly #spent = new BoundedMap<number, string>(MAX_SPENT)
  readonly #refusals = new Map<KeyQuery, { readonly code: number; readonly times: number }>()
  #isLowAnnounced = false

  /** The lasting keys; `undefined` until the device registered or uploaded. */
  get keys(): DevicePublicKeys | undefined {
    return this.#keys
  }

  /** Whether the device ever uploaded one-time pre-keys; before that nobody can start a session with it. */
  get isUsable(): boolean {
    return this.#keys !== undefined && (this.#stock.size > 0 || this.#spent.size > 0)
  }

  /** One-time pre-keys left. */
  get count(): number {
    return this.#stock.size
  }

  /** The one-time pre-keys left, oldest first. */
  get stock(): readonly PublicPreKey[] {
    return [...this.#stock].map(([id, publicKey]) => ({ id, publicKey }))
  }

  /** Takes the lasting keys of a new device, as its registration named them. */
  register(keys: DevicePublicKeys): void {
    this.#keys = keys
  }

  /**
   * Takes an upload.
   *
   * @param mayChangeIdentity - true for the phone, which is allowed to start over with a new identity
   * @throws {ProtocolError} `WATON_SIMULATOR_KEYS_CONFLICT` when it contradicts what is known: another identity or
   *   registration id, a known id with another key, or more keys than the directory keeps
   */
  upload(upload: KeyUpload, mayChangeIdentity: boolean): UploadOutcome {
    const identityChanged =
      this.#keys !== undefined && !equalBytes(this.#keys.identityKey, upload.identityKey)
    if (identityChanged && !mayChangeIdentity) throw conflict('the identity key is not the registered one')
    if (!identityChanged && this.#keys !== undefined && this.#keys.registrationId !== upload.registrationId) {
      throw conflict('the registration id is not the registered one')
    }
    if (identityChanged) this.#startOver()
    const fresh = upload.preKeys.filter((key) => this.#isFresh(key))
    if (this.#stock.size + fresh.length > MAX_STOCK)
      throw conflict(`more than ${String(MAX_STOCK)} one-time pre-keys`)
    const { registrationId, identityKey, signedPreKey } = upload
    this.#keys = { registrationId, identityKey, signedPreKey }
    for (const key of fresh) this.#stock.set(key.id, key.publicKey)
    if (this.#stock.size >= LOW_STOCK) this.#isLowAnnounced = false
    const ignoredSpent = upload.preKeys.filter((key) => this.#spent.has(key.id)).length
    return { added: fresh.length, ignoredSpent, identityChanged }
  }

  /** Replaces the signed pre-key. */
  rotate(signedPreKey: PublicSignedPreKey): void {
    if (this.#keys !== undefined) this.#keys = { ...this.#keys, signedPreKey }
  }

  /** Hands out one one-time pre-key, never again; `undefined` when none is left. */
  take(): PublicPreKey | undefined {
    const first = this.#stock.entries().next()
    if (first.done === true) return undefined
    const [id, publicKey] = first.value
    this.#stock.delete(id)
    this.#spent.set(id, toHex(publicKey))
    return { id, publicKey }
  }

  /** True once each time the stock falls below {@link LOW_STOCK}: then the device must be told. */
  claimLowNotice(): boolean {
    if (this.#isLowAnnounced || this.#stock.size >= LOW_STOCK) return false
    this.#isLowAnnounced = true
    return true
  }

  /** Forgets everything, as a server does that lost its data. */
  lose(): void {
    this.#keys = undefined
    this.#startOver()
  }

  /** Changes one bit of a public key. @returns whether there was such a key */
  corrupt(what: CorruptKey): boolean {
    if (this.#keys === undefined) return false
    if (what === 'signed-pre-key') {
      const { signedPreKey } = this.#keys
      const publicKey = withFlippedBit(signedPreKey.publicKey)
      this.#keys = { ...this.#keys, signedPreKey: { ...signedPreKey, publicKey } }
      return true
    }
    const [first] = this.#stock
    if (first !== undefined) this.#stock.set(first[0], withFlippedBit(first[1]))
    return first !== undefined
  }

  /** Plans to refuse the next queries of one sort. */
  planRefusal(query: KeyQuery, code: number, times: number): void {
    this.#refusals.set(query, { code, times })
  }

  /** The refusal that is planned for a query, used up by asking. */
  takeRefusal(query: KeyQuery): number | undefined {
    const planned = this.#refusals.get(query)
    if (planned === undefined) return undefined
    if (planned.times <= 1) this.#refusals.delete(query)
    else this.#refusals.set(query, { ...planned, times: planned.times - 1 })
    return planned.code
  }

  #isFresh({ id, publicKey }: PublicPreKey): boolean {
    const held = this.#stock.get(id)
    if (held !== undefined && !equalBytes(held, publicKey))
      throw conflict(`pre-key id ${String(id)} names another key`)
    const spent = this.#spent.get(id)
    if (spent !== undefined && spent !== toHex(publicKey)) {
      throw conflict(`pre-key id ${String(id)} was handed out with another key`)
    }
    return held === undefined && spent === undefined
  }

  #startOver(): void {
    this.#stock.clear()
    this.#spent.clear()
  }
}

function withFlippedBit(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte))
}

function conflict(what: string): ProtocolError {
  return new ProtocolError(
    'WATON_SIMULATOR_KEYS_CONFLICT',
    `a key upload contradicts what the server holds: ${what}`,
  )
}
