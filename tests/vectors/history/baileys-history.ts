/**
 * Pieces of history as a phone would write them, with every field that Baileys' schema has filled from a seed, and written
 * by the classes that Baileys ships. Nothing of waton is in here but its seeded randomness.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { proto } from '@whiskeysockets/baileys'
import protobuf from 'protobufjs'
import { seededRandom } from '../../../src/base/random.ts'
import type { RandomSource } from '../../../src/base/random.ts'

const SCHEMA_FILE = join(
  dirname(createRequire(import.meta.url).resolve('@whiskeysockets/baileys/package.json')),
  'WAProto',
  'WAProto.proto',
)
const schema = protobuf.parse(readFileSync(SCHEMA_FILE, 'utf8'), { keepCase: true }).root.resolveAll()

/** Messages within messages have no end. */
const MAX_DEPTH = 3

const { HistorySyncType } = proto.HistorySync

/** Every type of history that phones send. */
export const SYNC_TYPES: readonly proto.HistorySync.HistorySyncType[] = [
  HistorySyncType.INITIAL_BOOTSTRAP,
  HistorySyncType.INITIAL_STATUS_V3,
  HistorySyncType.FULL,
  HistorySyncType.RECENT,
  HistorySyncType.PUSH_NAME,
  HistorySyncType.NON_BLOCKING_DATA,
  HistorySyncType.ON_DEMAND,
]

type Fields = Record<string, unknown>

/** A value of every field of a type, or of some of them. */
class Filler {
  readonly #random: RandomSource
  readonly #share: number

  /** @param share - how many of 256 fields are there */
  constructor(seed: string, share: number) {
    this.#random = seededRandom(seed)
    this.#share = share
  }

  number(limit: number): number {
    return ((this.#random.bytes(4)[0] ?? 0) * 65_536 + (this.#random.bytes(2)[0] ?? 0) * 257) % limit
  }

  jid(kind: number = this.number(4)): string {
    const user = String(100_000_000_000 + this.number(16_000_000))
    return `${user}@${['s.whatsapp.net', 'lid', 'g.us', 'hosted.lid'][kind] ?? 'lid'}`
  }

  type(name: string, depth = 0): Fields {
    const values: Fields = {}
    const type = schema.lookupType(name)
    const chosen = new Set<unknown>()
    for (const field of type.fieldsArray) {
      if ((this.#random.bytes(1)[0] ?? 0) >= this.#share) continue
      if (field.partOf && !field.options?.proto3_optional) {
        if (chosen.has(field.partOf)) continue
        chosen.add(field.partOf)
      }
      const { resolvedType } = field
      if (resolvedType instanceof protobuf.Type && depth >= MAX_DEPTH) continue
      const one = (): unknown => this.#value(field, depth)
      values[field.name] = field.repeated ? Array.from({ length: 1 + this.number(3) }, one) : one()
    }
    return values
  }

  #value(field: protobuf.Field, depth: number): unknown {
    const { resolvedType, name } = field
    if (resolvedType instanceof protobuf.Enum) {
      const numbers = Object.values(resolvedType.values)
      return numbers[this.number(numbers.length)]
    }
    if (resolvedType?.fullName === '.proto.Message') return this.message()
    if (resolvedType) return this.type(resolvedType.fullName, depth + 1)
    switch (field.type) {
      case 'string':
        return this.#text(name)
      case 'bytes':
        return this.#random.bytes(1 + this.number(40))
      case 'bool':
        return this.number(2) === 1
      case 'float':
      case 'double':
        return this.number(1000) / 4
      case 'uint64':
      case 'int64':
        return this.number(2) === 1 ? 1_700_000_000_000 + this.number(1_000_000) : this.number(100_000)
      default:
        return this.number(100_000)
    }
  }

  #text(name: string): string {
    if (/jid$|^participant$|^lid$/i.test(name)) return this.jid()
    return `${name} ☕ ${'x'.repeat(this.number(60))}${String(this.number(1000))}`
  }

  message(): Fields {
    const texts = ['ação', 'hello', 'привет', '👍'.repeat(1 + this.number(40))]
    const text = texts[this.number(texts.length)] ?? 'hello'
    return this.number(2) === 1
      ? { conversation: text }
      : { extendedTextMessage: { text, contextInfo: { stanzaId: this.id(), participant: this.jid() } } }
  }

  id(): string {
    return `3EB0${Array.from(this.#random.bytes(9), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  }
}

/** How a piece of history is to be. */
export interface HistoryShape {
  readonly seed: string
  readonly syncType?: proto.HistorySync.HistorySyncType
  readonly chats?: number
  readonly messages?: number
  /** How many of 256 fields are there. @default 256 */
  readonly share?: number
}

/** A piece of history with everything that Baileys' schema knows. */
export function baileysHistory(shape: HistoryShape): proto.HistorySync {
  const { seed, syncType = HistorySyncType.RECENT, chats = 4, messages = 5, share = 256 } = shape
  const fill = new Filler(seed, share)
  const message = (chat: string): Fields => {
    const key = { remoteJid: chat, fromMe: fill.number(2) === 1, id: fill.id(), participant: fill.jid(1) }
    return { ...fill.type('proto.WebMessageInfo'), key, message: fill.message() }
  }
  const conversations = Array.from({ length: chats }, (_, index) => {
    const id = fill.jid(index % 4)
    return {
      ...fill.type('proto.Conversation'),
      id,
      messages: Array.from({ length: messages }, (_, order) => ({ message: message(id), msgOrderId: order })),
    }
  })
  return proto.HistorySync.fromObject({
    ...fill.type('proto.HistorySync'),
    syncType,
    conversations,
    statusV3Messages: [message('status@broadcast')],
  })
}

/** As it is on the wire, decompressed. */
export function historyBytes(history: proto.IHistorySync): Uint8Array {
  return new Uint8Array(proto.HistorySync.encode(history).finish())
}
