// A phone that writes app state: Baileys' schema, and MACs and hash of whatsapp-rust-bridge. Never timed.
import { createCipheriv } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import * as rust from 'whatsapp-rust-bridge'
import { seededRandom } from '../inputs.mjs'

export const COLLECTION = 'regular_low'

const ltHash = new rust.LTHashAntiTampering()
const encode = (type, message) => Buffer.from(type.encode(message).finish())

function createWriter(random) {
  const key = { id: Buffer.from(random.bytes(6)), data: Buffer.from(random.bytes(32)) }
  const keys = rust.expandAppStateKeys(key.data)
  const write = (chat, operation, serial) => {
    const jid = `${100_000_000_000_000 + chat}@lid`
    const isContact = chat % 2 === 0
    const index = Buffer.from(JSON.stringify([isContact ? 'contact' : 'pin_v1', jid]))
    const action = isContact
      ? { contactAction: { fullName: `João da Silva ${serial}`, firstName: 'João', lidJid: jid } }
      : { pinAction: { pinned: serial % 2 === 0 } }
    const value = { timestamp: 1_763_000_000_000 + serial, ...action }
    const data = encode(proto.SyncActionData, { index, value, version: 3 })
    const iv = random.bytes(16)
    const cipher = createCipheriv('aes-256-cbc', keys.valueEncryptionKey, iv)
    const encrypted = Buffer.concat([iv, cipher.update(data), cipher.final()])
    const valueMac = rust.generateContentMac(operation + 1, encrypted, key.id, keys.valueMacKey)
    return {
      chat,
      valueMac,
      operation,
      record: {
        index: { blob: rust.generateIndexMac(index, keys.indexKey) },
        value: { blob: Buffer.concat([encrypted, valueMac]) },
        keyId: { id: key.id },
      },
    }
  }
  return { key, keys, write }
}

/** A snapshot of so many values, and patches of ten on top: eight set, two of which are new, and two remove. */
export function appStateOf(values, patchCount) {
  const random = seededRandom('app state')
  const { key, keys, write } = createWriter(random)
  const known = new Map()
  let [version, serial] = [500, 0]
  let hash = new Uint8Array(128)
  const apply = (mutations) => {
    const removed = mutations.flatMap(({ chat }) => known.get(chat) ?? [])
    const added = mutations.filter(({ operation }) => operation === 0)
    hash = ltHash.subtractThenAdd(
      hash,
      removed,
      added.map(({ valueMac }) => valueMac),
    )
    for (const { chat, operation, valueMac } of mutations) {
      if (operation === 0) known.set(chat, valueMac)
      else known.delete(chat)
    }
  }
  const snapshotMac = () => rust.generateSnapshotMac(hash, BigInt(version), COLLECTION, keys.snapshotMacKey)
  const first = Array.from({ length: values }, (_, chat) => write(chat, 0, serial++))
  apply(first)
  const snapshot = encode(proto.SyncdSnapshot, {
    version: { version },
    records: first.map(({ record }) => record),
    mac: snapshotMac(),
    keyId: { id: key.id },
  })
  const patches = Array.from({ length: patchCount }, (_, round) => {
    version += 1
    const chats = Array.from({ length: 10 }, (_, place) => (place < 2 ? values : 0) + round * 10 + place)
    const mutations = chats.map((chat, place) => write(chat, place < 8 ? 0 : 1, serial++))
    apply(mutations)
    const mac = snapshotMac()
    const macs = mutations.map(({ valueMac }) => valueMac)
    return encode(proto.SyncdPatch, {
      version: { version },
      mutations: mutations.map(({ operation, record }) => ({ operation, record })),
      snapshotMac: mac,
      patchMac: rust.generatePatchMac(mac, macs, BigInt(version), COLLECTION, keys.patchMacKey),
      keyId: { id: key.id },
    })
  })
  return { key, snapshot, patches, values, finalVersion: version, finalHash: Buffer.from(hash) }
}

/** MACs of values, as many as asked for. */
export function valueMacs(count) {
  const random = seededRandom('value MACs')
  return Array.from({ length: count }, () => Buffer.from(random.bytes(32)))
}
