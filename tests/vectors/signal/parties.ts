/**
 * Three implementations of Signal sessions behind one interface, so that a test can put any two of them against each
 * other: waton, `libsignal` (JavaScript, below Baileys) and `whatsapp-rust-bridge` (Rust as WebAssembly). Each party is
 * one device that talks to exactly one other and keeps everything in memory.
 */
import {
  ProtocolAddress as LibsignalAddress,
  SessionBuilder as LibsignalBuilder,
  SessionCipher as LibsignalCipher,
  type SessionRecord as LibsignalRecord,
  type SignalStorage as LibsignalStorage,
} from 'libsignal'
import * as rust from 'whatsapp-rust-bridge'
import { asBuffer, concatBytes, EMPTY_BYTES, equalBytes } from '../../../src/base/bytes.ts'
import { UsageError } from '../../../src/base/errors.ts'
import { seededRandom, type RandomSource } from '../../../src/base/random.ts'
import { generateKeyPair, type KeyPair } from '../../../src/protocol/crypto/index.ts'
import {
  decryptPreKeySignal,
  decryptSignal,
  encodeSessionRecord,
  encryptSignal,
  generatePreKeys,
  generateRegistrationId,
  generateSignedPreKey,
  readPreKeySignal,
  startSession,
  type LocalIdentity,
  type PreKeyBundle,
  type PreKeyPair,
  type SessionRecord,
  type SignedPreKeyPair,
} from '../../../src/protocol/signal/index.ts'

/** A message on its way: the type attribute of `<enc>` and its bytes. */
export interface Ciphertext {
  readonly type: 'msg' | 'pkmsg'
  readonly body: Uint8Array
}

/** One device in a conversation of two. */
export interface SignalParty {
  readonly name: string
  /** What the device publishes, with its next one-time pre-key unless `withPreKey` is false. */
  bundle(withPreKey?: boolean): PreKeyBundle
  /** Opens a session from the other's bundle, replacing the current one. */
  start(bundle: PreKeyBundle): Promise<void>
  encrypt(plaintext: Uint8Array): Promise<Ciphertext>
  decrypt(ciphertext: Ciphertext): Promise<Uint8Array>
}

/** The present of all parties: no test depends on real time. */
export const NOW_MS = 1_750_000_000_000
const PRE_KEYS = 60

/** The keys of one device. */
export interface DeviceKeys {
  readonly local: LocalIdentity
  readonly signedPreKey: SignedPreKeyPair
  readonly preKeys: Map<number, PreKeyPair>
  readonly random: RandomSource
}

/** Fresh keys from a seed. */
export function deviceKeys(seed: string): DeviceKeys {
  const random = seededRandom(seed)
  const identityKey = generateKeyPair(random)
  return {
    local: { registrationId: generateRegistrationId(random), identityKey },
    signedPreKey: generateSignedPreKey(identityKey, 7, random),
    preKeys: new Map(generatePreKeys(1, PRE_KEYS, random).map((key) => [key.id, key])),
    random,
  }
}

/** The bundle that a server would hand out for these keys; each call gives the next unused one-time pre-key. */
export class Publisher {
  readonly #keys: DeviceKeys
  #next = 1

  constructor(keys: DeviceKeys) {
    this.#keys = keys
  }

  bundle(withPreKey: boolean): PreKeyBundle {
    const { local, signedPreKey, preKeys } = this.#keys
    const preKey = withPreKey ? preKeys.get(this.#next++) : undefined
    return {
      registrationId: local.registrationId,
      identityKey: local.identityKey.publicKey,
      signedPreKey,
      ...(preKey === undefined ? {} : { preKey }),
    }
  }
}

/** waton itself; checks after every refusal that the record is bit for bit what it was. */
export class WatonParty implements SignalParty {
  readonly name = 'waton'
  readonly keys: DeviceKeys
  record: SessionRecord | undefined
  readonly #publisher: Publisher

  constructor(seed: string) {
    this.keys = deviceKeys(seed)
    this.#publisher = new Publisher(this.keys)
  }

  bundle(withPreKey = true): PreKeyBundle {
    return this.#publisher.bundle(withPreKey)
  }

  start(bundle: PreKeyBundle): Promise<void> {
    this.record = startSession({ record: this.record, bundle, ...this.#context() })
    return Promise.resolve()
  }

  encrypt(plaintext: Uint8Array): Promise<Ciphertext> {
    const { record } = this
    if (record === undefined) return Promise.reject(noSession())
    const { record: next, type, body } = encryptSignal({ record, plaintext, ...this.#context() })
    this.record = next
    return Promise.resolve({ type, body })
  }

  // Not `async` for its own sake: a refusal must reject, like that of the other parties.
  // eslint-disable-next-line @typescript-eslint/require-await
  async decrypt({ type, body }: Ciphertext): Promise<Uint8Array> {
    const before = this.#recordBytes()
    try {
      return type === 'pkmsg' ? this.#decryptPreKey(body) : this.#decryptOrdinary(body)
    } catch (error) {
      if (equalBytes(before, this.#recordBytes())) throw error
      throw new UsageError('WATON_TEST', 'a failed decryption changed the record', { cause: error })
    }
  }

  #recordBytes(): Uint8Array {
    return this.record === undefined ? EMPTY_BYTES : encodeSessionRecord(this.record)
  }

  #decryptOrdinary(body: Uint8Array): Uint8Array {
    const { record } = this
    if (record === undefined) throw noSession()
    const { record: next, plaintext } = decryptSignal({ record, body, ...this.#context() })
    this.record = next
    return plaintext
  }

  #decryptPreKey(body: Uint8Array): Uint8Array {
    const { preKeyId } = readPreKeySignal(body)
    const { signedPreKey, preKeys } = this.keys
    const preKey = preKeyId === undefined ? undefined : preKeys.get(preKeyId)
    const { record } = this
    const result = decryptPreKeySignal({ record, body, signedPreKey, preKey, ...this.#context() })
    this.record = result.record
    if (result.isNewSession && preKeyId !== undefined) preKeys.delete(preKeyId)
    return result.plaintext
  }

  #context(): { local: LocalIdentity; random: RandomSource; nowMs: number } {
    return { local: this.keys.local, random: this.keys.random, nowMs: NOW_MS }
  }
}

/** The JavaScript library that Baileys stands on. */
export class LibsignalParty implements SignalParty {
  readonly name = 'libsignal'
  readonly keys: DeviceKeys
  /** What libsignal stored last. */
  record: LibsignalRecord | undefined
  readonly #publisher: Publisher
  readonly #cipher: LibsignalCipher
  readonly #builder: LibsignalBuilder

  constructor(seed: string) {
    this.keys = deviceKeys(seed)
    this.#publisher = new Publisher(this.keys)
    // One queue per address is shared by the whole process, so the address carries the seed.
    const address = new LibsignalAddress(`peer of ${seed}`, 0)
    const storage = this.#storage()
    this.#cipher = new LibsignalCipher(storage, address)
    this.#builder = new LibsignalBuilder(storage, address)
  }

  bundle(withPreKey = true): PreKeyBundle {
    return this.#publisher.bundle(withPreKey)
  }

  async start(bundle: PreKeyBundle): Promise<void> {
    const { signedPreKey, preKey } = bundle
    const device = {
      registrationId: bundle.registrationId,
      identityKey: typedBuffer(bundle.identityKey),
      signedPreKey: {
        keyId: signedPreKey.id,
        publicKey: typedBuffer(signedPreKey.publicKey),
        signature: asBuffer(signedPreKey.signature),
      },
      ...(preKey === undefined ? {} : { preKey: { keyId: preKey.id, publicKey: typedBuffer(preKey.publicKey) } }),
    }
    // Its own types demand a one-time pre-key; its code, like the protocol, does not.
    await this.#builder.initOutgoing(device as Parameters<LibsignalBuilder['initOutgoing']>[0])
  }

  async encrypt(plaintext: Uint8Array): Promise<Ciphertext> {
    const { type, body } = await this.#cipher.encrypt(asBuffer(plaintext))
    // The declared type says text; the code gives a Buffer.
    return { type: type === 3 ? 'pkmsg' : 'msg', body: new Uint8Array(body as unknown as Uint8Array) }
  }

  async decrypt({ type, body }: Ciphertext): Promise<Uint8Array> {
    const bytes = asBuffer(body)
    const plaintext = await (type === 'pkmsg'
      ? this.#cipher.decryptPreKeyWhisperMessage(bytes)
      : this.#cipher.decryptWhisperMessage(bytes))
    return new Uint8Array(plaintext)
  }

  #storage(): LibsignalStorage {
    const { local, signedPreKey, preKeys } = this.keys
    return {
      loadSession: () => Promise.resolve(this.record),
      storeSession: (_address, record) => {
        this.record = record
        return Promise.resolve()
      },
      isTrustedIdentity: () => true,
      getOurIdentity: () => pairBuffers(local.identityKey),
      getOurRegistrationId: () => local.registrationId,
      loadPreKey: (id) => {
        const pair = preKeys.get(Number(id))
        return Promise.resolve(pair === undefined ? undefined : pairBuffers(pair))
      },
      removePreKey: (id) => {
        preKeys.delete(id)
      },
      loadSignedPreKey: () => pairBuffers(signedPreKey),
    }
  }
}

/** The Rust library behind WebAssembly: independent of the JavaScript one, and nearest to the official clients. */
export class RustParty implements SignalParty {
  readonly name = 'rust'
  readonly keys: DeviceKeys
  /** The serialised session that the library stored last. */
  record: Uint8Array | undefined
  readonly #publisher: Publisher
  readonly #storage: rust.SignalStorage
  #cipher: rust.SessionCipher
  readonly #builder: rust.SessionBuilder

  constructor(seed: string) {
    this.keys = deviceKeys(seed)
    this.#publisher = new Publisher(this.keys)
    this.#storage = this.#createStorage()
    this.#cipher = new rust.SessionCipher(this.#storage, new rust.ProtocolAddress('peer', 0))
    this.#builder = new rust.SessionBuilder(this.#storage, new rust.ProtocolAddress('peer', 0))
  }

  bundle(withPreKey = true): PreKeyBundle {
    return this.#publisher.bundle(withPreKey)
  }

  async start(bundle: PreKeyBundle): Promise<void> {
    const { signedPreKey, preKey } = bundle
    await this.#builder.processPreKeyBundle({
      registrationId: bundle.registrationId,
      identityKey: typedBuffer(bundle.identityKey),
      signedPreKey: {
        keyId: signedPreKey.id,
        publicKey: typedBuffer(signedPreKey.publicKey),
        signature: signedPreKey.signature,
      },
      ...(preKey === undefined ? {} : { preKey: { keyId: preKey.id, publicKey: typedBuffer(preKey.publicKey) } }),
    })
    // A cipher keeps the session it has loaded and would go on in the old one.
    this.#cipher = new rust.SessionCipher(this.#storage, new rust.ProtocolAddress('peer', 0))
  }

  async encrypt(plaintext: Uint8Array): Promise<Ciphertext> {
    const { type, body } = await this.#cipher.encrypt(plaintext)
    return { type: type === 3 ? 'pkmsg' : 'msg', body }
  }

  async decrypt({ type, body }: Ciphertext): Promise<Uint8Array> {
    return type === 'pkmsg'
      ? await this.#cipher.decryptPreKeyWhisperMessage(body)
      : await this.#cipher.decryptWhisperMessage(body)
  }

  #createStorage(): rust.SignalStorage {
    const { local, signedPreKey, preKeys } = this.keys
    return {
      loadSession: () => this.record ?? null,
      storeSession: (_address, record) => {
        this.record = record.serialize()
      },
      getOurIdentity: () => pairBuffers(local.identityKey),
      getOurRegistrationId: () => local.registrationId,
      isTrustedIdentity: () => true,
      loadPreKey: (id) => {
        const pair = preKeys.get(id)
        return pair === undefined ? null : pairBuffers(pair)
      },
      removePreKey: (id) => {
        preKeys.delete(id)
      },
      loadSignedPreKey: () => ({
        keyId: signedPreKey.id,
        keyPair: pairBuffers(signedPreKey),
        signature: signedPreKey.signature,
      }),
      loadSenderKey: () => null,
      storeSenderKey: () => undefined,
    }
  }
}

/** A public key with its type byte, as both foreign libraries want it. */
export function typedBuffer(publicKey: Uint8Array): Buffer {
  return asBuffer(concatBytes(Uint8Array.of(5), publicKey))
}

function pairBuffers(pair: KeyPair): { pubKey: Buffer; privKey: Buffer } {
  return { pubKey: typedBuffer(pair.publicKey), privKey: asBuffer(pair.privateKey) }
}

function noSession(): UsageError {
  return new UsageError('WATON_TEST', 'the party has no session')
}
