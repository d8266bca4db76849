/**
 * Three implementations of sender keys behind one interface, so that a test can put any of them into one group: waton, the
 * group ciphers of Baileys (JavaScript) and `whatsapp-rust-bridge` (Rust as WebAssembly). Each party is one device in one
 * group and keeps everything in memory.
 */
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord as BaileysRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js'
import * as rust from 'whatsapp-rust-bridge'
import { asBuffer, utf8Bytes } from '../../../src/base/bytes.ts'
import { seededRandom, type RandomSource } from '../../../src/base/random.ts'
import {
  createSenderKey,
  decodeOwnSenderKey,
  decodeSenderKeyRecord,
  decryptSenderKey,
  encodeOwnSenderKey,
  encodeSenderKeyRecord,
  encryptSenderKey,
  senderKeyDistribution,
  takeDistribution,
  type OwnSenderKey,
} from '../../../src/protocol/sender-key/index.ts'

/** One device in a group. */
export interface GroupParty {
  readonly name: string
  /** What the other devices need to read from the next message on; the first call makes the key. */
  distribute(): Promise<Uint8Array>
  /** Takes in what another device distributed. */
  take(writer: string, distribution: Uint8Array): Promise<void>
  encrypt(plaintext: Uint8Array): Promise<Uint8Array>
  decrypt(writer: string, body: Uint8Array): Promise<Uint8Array>
}

const GROUP = '120363000000000001@g.us'

/** waton. Everything goes through its stored form after each step, as in a store. */
export class WatonMember implements GroupParty {
  readonly name: string
  readonly #random: RandomSource
  #own: Uint8Array | undefined
  readonly #records = new Map<string, Uint8Array>()

  constructor(name: string) {
    this.name = name
    this.#random = seededRandom(`member ${name}`)
  }

  /** The stored keys of another device. */
  recordOf(writer: string): Uint8Array | undefined {
    return this.#records.get(writer)
  }

  /** Puts another key in place of its own. */
  rotate(): void {
    this.#own = encodeOwnSenderKey(createSenderKey(this.#random))
  }

  distribute(): Promise<Uint8Array> {
    return Promise.resolve(senderKeyDistribution(this.#key()))
  }

  take(writer: string, distribution: Uint8Array): Promise<void> {
    const before = this.#records.get(writer)
    const record = takeDistribution(
      before === undefined ? undefined : decodeSenderKeyRecord(before),
      distribution,
    )
    this.#records.set(writer, encodeSenderKeyRecord(record))
    return Promise.resolve()
  }

  encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    const { senderKey, body } = encryptSenderKey(this.#key(), plaintext, this.#random)
    this.#own = encodeOwnSenderKey(senderKey)
    return Promise.resolve(body)
  }

  // async, so that a refusal is a rejection like that of the others
  // eslint-disable-next-line @typescript-eslint/require-await
  async decrypt(writer: string, body: Uint8Array): Promise<Uint8Array> {
    const before = this.#records.get(writer)
    const { record, plaintext } = decryptSenderKey(
      before === undefined ? undefined : decodeSenderKeyRecord(before),
      body,
    )
    this.#records.set(writer, encodeSenderKeyRecord(record))
    return plaintext
  }

  #key(): OwnSenderKey {
    this.#own ??= encodeOwnSenderKey(createSenderKey(this.#random))
    return decodeOwnSenderKey(this.#own)
  }
}

/** Baileys. */
export class BaileysMember implements GroupParty {
  readonly name: string
  readonly #rows = new Map<string, Uint8Array>()
  readonly #store = {
    loadSenderKey: (name: SenderKeyName): Promise<BaileysRecord> => {
      const row = this.#rows.get(name.toString())
      return Promise.resolve(row === undefined ? new BaileysRecord() : BaileysRecord.deserialize(row))
    },
    storeSenderKey: (name: SenderKeyName, record: BaileysRecord): Promise<void> => {
      this.#rows.set(name.toString(), utf8Bytes(JSON.stringify(record.serialize())))
      return Promise.resolve()
    },
  }

  constructor(name: string) {
    this.name = name
  }

  async distribute(): Promise<Uint8Array> {
    return (await new GroupSessionBuilder(this.#store).create(nameOf(this.name))).serialize()
  }

  async take(writer: string, distribution: Uint8Array): Promise<void> {
    const message = new SenderKeyDistributionMessage(null, null, null, null, asBuffer(distribution))
    await new GroupSessionBuilder(this.#store).process(nameOf(writer), message)
  }

  encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    return new GroupCipher(this.#store, nameOf(this.name)).encrypt(asBuffer(plaintext))
  }

  decrypt(writer: string, body: Uint8Array): Promise<Uint8Array> {
    return new GroupCipher(this.#store, nameOf(writer)).decrypt(asBuffer(body))
  }
}

function nameOf(writer: string): SenderKeyName {
  return new SenderKeyName(GROUP, { id: writer, deviceId: 0, toString: () => `${writer}.0` })
}

/** The Rust library. */
export class RustMember implements GroupParty {
  readonly name: string
  readonly #rows = new Map<string, Uint8Array>()
  readonly #storage: rust.SignalStorage

  constructor(name: string) {
    this.name = name
    const never = (): never => {
      throw new RangeError('group messages need no sessions')
    }
    this.#storage = {
      loadSession: never,
      storeSession: never,
      getOurIdentity: never,
      getOurRegistrationId: never,
      isTrustedIdentity: never,
      loadPreKey: never,
      removePreKey: never,
      loadSignedPreKey: never,
      loadSenderKey: (id) => this.#rows.get(id),
      storeSenderKey: (id, record) => void this.#rows.set(id, record),
    }
  }

  async distribute(): Promise<Uint8Array> {
    const builder = new rust.GroupSessionBuilder(this.#storage)
    return (await builder.create(this.#nameOf(this.name))).serialize()
  }

  async take(writer: string, distribution: Uint8Array): Promise<void> {
    const message = rust.SenderKeyDistributionMessage.deserialize(distribution)
    await new rust.GroupSessionBuilder(this.#storage).process(this.#nameOf(writer), message)
  }

  encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    return this.#cipherOf(this.name).encrypt(plaintext)
  }

  decrypt(writer: string, body: Uint8Array): Promise<Uint8Array> {
    return this.#cipherOf(writer).decrypt(body)
  }

  #nameOf(writer: string): rust.SenderKeyName {
    return new rust.SenderKeyName(GROUP, new rust.ProtocolAddress(writer, 0))
  }

  #cipherOf(writer: string): rust.GroupCipher {
    return new rust.GroupCipher(this.#storage, GROUP, new rust.ProtocolAddress(writer, 0))
  }
}
