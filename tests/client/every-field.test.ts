/**
 * Nothing that came vanishes: each field of the schema's `Message` is delivered to a real client, empty and with a field in
 * it that nobody knows. It becomes an event, by a kind of its own or as unknown and counted, and its bytes are kept as they came;
 * or it is one of the few that are instructions and not content (requirement R78).
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { MemoryStore } from 'waton'
import type { Client, MessagePayload } from 'waton'
import { proto } from '@whiskeysockets/baileys'
import { Writer } from 'protobufjs/minimal.js'
import { describe, expect, test } from 'vitest'
import { storedMessage } from '../../src/client/message-record.ts'
import { concatBytes, toHex } from '../../src/base/bytes.ts'
import { WRAPPER_NAMES } from '../../src/protocol/message/wrappers.ts'
import { until } from '../helpers/until.ts'
import { Stranger } from './stranger.ts'
import { ALICE, World, keepingLogger, linkedClient, log } from './support.ts'
import type { Line } from './support.ts'

const PN = '15550000007@s.whatsapp.net'

const SCHEMA = readFileSync(
  createRequire(import.meta.url).resolve('@wppconnect/wa-proto/WAProto.proto'),
  'utf8',
)

interface Field {
  readonly type: string
  readonly name: string
  readonly number: number
}

function fieldsOf(messageName: string, indent = ''): readonly Field[] {
  const start = SCHEMA.indexOf(`\n${indent}message ${messageName} {\n`)
  const body = SCHEMA.slice(start, SCHEMA.indexOf(`\n${indent}}\n`, start))
  const line = new RegExp(`^${indent} {4}optional (\\S+) (\\w+) = (\\d+);`, 'gm')
  return [...body.matchAll(line)].map(([, type = '', name = '', number]) => ({
    ...{ type, name, number: Number(number) },
  }))
}

const FIELDS = fieldsOf('Message')

/** A field of any length-delimited type. */
function field(number: number, content: Uint8Array = new Uint8Array(0)): Uint8Array {
  return new Uint8Array(
    new Writer()
      .uint32(number * 8 + 2)
      .bytes(content)
      .finish(),
  )
}

/** A field that no schema has: 9999, a text. */
const NEWER = field(9999, Uint8Array.of(0x41))

interface SetUp {
  readonly world: World
  readonly client: Client
  readonly store: MemoryStore
  readonly stranger: Stranger
  readonly lines: Line[]
  readonly deliver: (id: string, content: Uint8Array, attrs?: Record<string, string>) => Promise<void>
  readonly events: () => Promise<ReadonlyMap<string, MessagePayload>>
  /** The bytes of a message in the store. */
  readonly bytesOf: (payload: MessagePayload | undefined) => Promise<Uint8Array | undefined>
  /** How often something unknown was counted. */
  readonly counted: (what: string, name: string) => number
}

async function setUp(seed: string): Promise<SetUp> {
  const world = new World(seed)
  const { alice } = await world.addPair()
  const store = new MemoryStore()
  const lines: Line[] = []
  const client = await linkedClient(world, alice, { store, logger: keepingLogger(lines) })
  const stranger = new Stranger(world, seed)
  return {
    ...{ world, client, store, stranger, lines },
    deliver: async (id, content, attrs = {}) => {
      world.inject(stranger.message({ from: PN, id, ...attrs }, content))
      await until(`the answer to ${id}`, () => world.answersTo(id).length > 0)
    },
    events: async () =>
      new Map(
        (await log(client)).flatMap(({ type, payload }) =>
          type === 'message' ? [[payload.id, payload] as const] : [],
        ),
      ),
    bytesOf: async (payload) => {
      if (payload === undefined) return undefined
      const { chat, id, sender } = payload
      const row = await store.readMessage('default', { chat, id, sender: sender.jid })
      return row && storedMessage(row).message
    },
    counted: (what, name) =>
      client.unknowns().find((one) => one.what === what && one.name === name)?.count ?? 0,
  }
}

/** Fields that are not content of a message, and what becomes of them. */
const NO_CONTENT: ReadonlySet<string> = new Set(['senderKeyDistributionMessage'])

describe('each field of a message', () => {
  test('is an event with a kind, or unknown and counted, and its bytes are kept', async () => {
    const { deliver, events, bytesOf, counted } = await setUp('every field')
    expect(FIELDS.length).toBeGreaterThan(100)
    for (const { name, number } of FIELDS) await deliver(name, field(number))
    const told = await events()
    const vanished = FIELDS.filter(({ name }) => !told.has(name)).map(({ name }) => name)
    expect(vanished).toEqual([...NO_CONTENT])
    for (const { name, number } of FIELDS.filter((one) => told.has(one.name))) {
      const payload = told.get(name)
      expect(toHex((await bytesOf(payload)) ?? new Uint8Array(0)), name).toBe(toHex(field(number)))
      const content = payload?.content as { readonly unknown?: { readonly kind: string } }
      if (content.unknown === undefined) continue
      const kind = name === 'messageContextInfo' ? 'empty' : name
      expect(content.unknown.kind, name).toBe(kind)
      if (name === 'protocolMessage') expect(counted('protocol', 'undefined'), name).toBe(1)
      else if (kind !== 'empty') expect(counted('content', name), name).toBe(1)
    }
  }, 60_000)

  test('that says something newer than the schema says it in the counts, and keeps it', async () => {
    const { deliver, events, bytesOf, counted } = await setUp('newer')
    const nested = FIELDS.filter(({ type }) => !['string', 'bytes'].includes(type))
    for (const { name, number } of nested) await deliver(name, field(number, NEWER))
    const told = await events()
    for (const { name, number } of nested) {
      expect(counted('field', `${name}.9999`), name).toBe(1)
      if (NO_CONTENT.has(name)) continue
      expect(toHex((await bytesOf(told.get(name))) ?? new Uint8Array(0)), name).toBe(
        toHex(field(number, NEWER)),
      )
    }
  }, 60_000)

  test('that nobody knows stands beside a key for a group without being lost', async () => {
    const { deliver, events, counted } = await setUp('beside a key')
    const group = { from: '120363000000000001@g.us', participant: PN }
    const key = field(FIELDS.find(({ name }) => name === 'senderKeyDistributionMessage')?.number ?? 0)
    await deliver('K1', key, group)
    await deliver('K2', concatBytes(key, NEWER), group)
    const other = FIELDS.find(({ name }) => name === 'rootSecretDistributeMessage')?.number ?? 0
    await deliver('K3', concatBytes(key, field(other)), group)
    expect([...(await events()).keys()]).toEqual(['K2', 'K3'])
    expect(counted('field', '9999')).toBe(1)
    expect(counted('content', 'rootSecretDistributeMessage')).toBe(1)
  })
})

describe('a protocol message', () => {
  const PROTOCOL = FIELDS.find(({ name }) => name === 'protocolMessage')?.number ?? 0
  const type = (number: number): Uint8Array => new Uint8Array(new Writer().uint32(16).int32(number).finish())

  test('of each field is an event, or is dropped by name because only the own phone may say it', async () => {
    const { deliver, events, lines } = await setUp('protocol fields')
    const fields = fieldsOf('ProtocolMessage', '    ').filter(
      ({ type: of }) => /^[A-Z]/.test(of) && of !== 'Type',
    )
    expect(fields.length).toBeGreaterThan(15)
    for (const { name, number } of fields) await deliver(name, field(PROTOCOL, field(number)))
    const told = await events()
    const dropped = lines.filter(({ fields: { drop } }) => drop !== undefined).map(({ fields: { id } }) => id)
    for (const { name } of fields) expect(told.has(name) || dropped.includes(name), name).toBe(true)
    expect(told.size + dropped.length).toBe(fields.length)
    expect(dropped).toContain('appStateSyncKeyShare')
    expect(dropped).toContain('peerDataOperationRequestResponseMessage')
  })

  test('of the own phone and a type that nobody knows is counted', async () => {
    const { deliver, counted } = await setUp('own phone')
    await deliver('P1', field(PROTOCOL, type(999)), { from: ALICE, category: 'peer' })
    await deliver('P2', field(PROTOCOL, concatBytes(type(6), NEWER)), { from: ALICE, category: 'peer' })
    expect(counted('protocol', '999')).toBe(1)
    expect(counted('field', 'protocolMessage.9999')).toBe(1)
  })

  test('of the own phone counts in a wrapper too', async () => {
    const { deliver, store } = await setUp('wrapped')
    const key = { keyId: { keyId: Uint8Array.of(1) }, keyData: { keyData: new Uint8Array(32) } }
    const protocolMessage = { type: 6, appStateSyncKeyShare: { keys: [key] } }
    const message = proto.Message.fromObject({ ephemeralMessage: { message: { protocolMessage } } })
    await deliver('P1', new Uint8Array(proto.Message.encode(message).finish()), { from: ALICE })
    expect(await store.readRecord('default', 'app-state-key', '01')).toBeDefined()
  })
})

describe('wrappers within wrappers', () => {
  test.each([9, 60, 5_000, 100_000])(
    '%i of them do no harm, and the next message is received',
    async (levels) => {
      const { client, deliver, events } = await setUp(`bomb ${String(levels)}`)
      const numbers = WRAPPER_NAMES.map((name) => FIELDS.find((one) => one.name === name)?.number ?? 0)
      const text = field(1, Uint8Array.of(0x41))
      // lengths are written from the inside out: a chunk each, joined once
      const chunks: Uint8Array[] = [text]
      let length = text.length
      for (let level = 0; level < levels && length < 900_000; level += 1) {
        const number = numbers[level % numbers.length] ?? 37
        const inner = new Writer().uint32(10).uint32(length).finish()
        const outer = new Writer()
          .uint32(number * 8 + 2)
          .uint32(length + inner.length)
          .finish()
        chunks.push(inner, outer)
        length += inner.length + outer.length
      }
      const bytes = new Uint8Array(Buffer.concat(chunks.reverse()))
      const startedAt = performance.now()
      await deliver('BOMB', bytes)
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      await deliver('NEXT', field(1, Uint8Array.of(0x42)))
      expect((await events()).get('NEXT')?.content).toMatchObject({ text: 'B' })
      // visible in any case
      const types = (await log(client)).map(({ type: of }) => of)
      expect(types).toHaveLength(2)
      expect(['message', 'message.undecryptable']).toContain(types[0])
    },
  )
})
