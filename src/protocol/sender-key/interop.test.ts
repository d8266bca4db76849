/**
 * Groups of waton and two foreign implementations, each as writer and as reader.
 */
import { describe, expect, it } from 'vitest'
import {
  BaileysMember,
  RustMember,
  WatonMember,
  type GroupParty,
} from '../../../tests/vectors/sender-key/parties.ts'
import { concatBytes, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import { encryptSenderKey } from './cipher.ts'
import { readDistribution, readSenderKeyMessage } from './message.ts'
import { decodeSenderKeyRecord } from './record-codec.ts'
import { OwnSenderKey } from './record.ts'

const KINDS = { waton: WatonMember, Baileys: BaileysMember, Rust: RustMember }
type Kind = keyof typeof KINDS

/** Who writes and who reads: waton is one of them. */
const PAIRS: readonly (readonly [Kind, Kind])[] = [
  ['Baileys', 'waton'],
  ['Rust', 'waton'],
  ['waton', 'Baileys'],
  ['waton', 'Rust'],
]

async function group(
  writerKind: Kind,
  readerKind: Kind,
): Promise<{ writer: GroupParty; reader: GroupParty }> {
  const writer = new KINDS[writerKind]('writer')
  const reader = new KINDS[readerKind]('reader')
  await reader.take(writer.name, await writer.distribute())
  return { writer, reader }
}

const write = (writer: GroupParty, text: string): Promise<Uint8Array> => writer.encrypt(utf8Bytes(text))

async function read(reader: GroupParty, body: Uint8Array): Promise<string> {
  return utf8Text(await reader.decrypt('writer', body))
}

/** The bytes with one bit turned. */
function damaged(body: Uint8Array, index: number): Uint8Array {
  return body.map((byte, at) => (at === (index + body.length) % body.length ? byte ^ 1 : byte))
}

describe('a message that is refused changes nothing', () => {
  it.each(['Baileys', 'Rust'] as const)('without the key of %s', async (kind) => {
    const reader = new WatonMember('reader')
    const writer = new KINDS[kind]('writer')
    await writer.distribute()
    await expect(reader.decrypt('writer', await write(writer, 'hello'))).rejects.toMatchObject({
      code: 'WATON_SENDER_KEY_UNKNOWN',
    })
    expect(reader.recordOf('writer')).toBeUndefined()
  })

  it.each(['Baileys', 'Rust'] as const)(
    'damaged on its way from %s, wherever it is damaged',
    async (kind) => {
      const writer = new KINDS[kind]('writer')
      const reader = new WatonMember('reader')
      await reader.take('writer', await writer.distribute())
      const body = await write(writer, 'hello')
      const before = reader.recordOf('writer')
      for (let index = 0; index < body.length; index++)
        await expect(
          reader.decrypt('writer', damaged(body, index)),
          `byte ${String(index)}`,
        ).rejects.toMatchObject({
          code: expect.stringMatching(
            /^WATON_(SENDER_KEY_SIGNATURE|SENDER_KEY_UNKNOWN|SIGNAL_MALFORMED)$/,
          ) as string,
        })
      expect(reader.recordOf('writer')).toEqual(before)
      expect(await read(reader, body)).toBe('hello')
    },
  )

  it.each(['Baileys', 'Rust'] as const)(
    'when a member who has the chain, too, writes in the name of %s',
    async (kind) => {
      const { writer, reader } = await group(kind, 'waton')
      const random = seededRandom('forger')
      const { keyId, iteration, chainKey } = readDistribution(await writer.distribute())
      const forger = new OwnSenderKey({ keyId, iteration, chainKey, signingKey: generateKeyPair(random) })
      const { body } = encryptSenderKey(forger, utf8Bytes('I was never here'), random)
      await expect(read(reader, body)).rejects.toMatchObject({ code: 'WATON_SENDER_KEY_SIGNATURE' })
      expect(await read(reader, await write(writer, 'I was'))).toBe('I was')
    },
  )

  it.each(['Baileys', 'Rust'] as const)('read before, from %s', async (kind) => {
    const { writer, reader } = await group(kind, 'waton')
    const body = await write(writer, 'once')
    expect(await read(reader, body)).toBe('once')
    await expect(read(reader, body)).rejects.toMatchObject({ code: 'WATON_SIGNAL_OLD_COUNTER' })
  })

  it('too far ahead of the last one', async () => {
    const { writer, reader: behind } = await group('Rust', 'waton')
    const reader = new WatonMember('reader')
    await reader.take('writer', await writer.distribute())
    expect(await read(reader, await write(writer, 'first'))).toBe('first')
    let body = await write(writer, 'lost')
    for (let index = 0; index < 2000; index++) body = await write(writer, 'lost')
    expect(await read(reader, body)).toBe('lost')
    await expect(read(behind, body)).rejects.toMatchObject({ code: 'WATON_SIGNAL_TOO_FAR' })
  })
})

describe.each(PAIRS)('what %s writes, %s reads', (writerKind, readerKind) => {
  it('in order', async () => {
    const { writer, reader } = await group(writerKind, readerKind)
    for (const text of ['one', 'two', 'three', ''])
      expect(await read(reader, await write(writer, text))).toBe(text)
  })

  it('lost, late and in any order', async () => {
    const seed = `order ${writerKind} ${readerKind}`
    const random = seededRandom(seed)
    const { writer, reader } = await group(writerKind, readerKind)
    const waiting: { readonly text: string; readonly body: Uint8Array }[] = []
    for (let index = 0; index < 60; index++) {
      const text = `text ${String(index)}`
      waiting.push({ text, body: await write(writer, text) })
      while (waiting.length > randomInteger(random, 12)) {
        // Baileys cannot read what comes late: see below
        const place = readerKind === 'Baileys' ? 0 : randomInteger(random, waiting.length)
        const [next] = waiting.splice(place, 1)
        if (next === undefined || randomInteger(random, 10) === 0) continue
        expect(await read(reader, next.body), seed).toBe(next.text)
      }
    }
  })

  it('also when it was given the key in the middle', async () => {
    const { writer } = await group(writerKind, readerKind)
    await write(writer, 'before')
    await write(writer, 'before')
    const late = new KINDS[readerKind]('late')
    await late.take('writer', await writer.distribute())
    expect(await read(late, await write(writer, 'after'))).toBe('after')
  })

  it('given the key a second time, with messages still on their way', async () => {
    const { writer, reader } = await group(writerKind, readerKind)
    const body = await write(writer, 'on its way')
    await write(writer, 'lost')
    await reader.take('writer', await writer.distribute())
    const next = await write(writer, 'next')
    expect(await read(reader, next)).toBe('next')
    // Baileys puts the second key in front of the first, and loses what lies before it
    if (readerKind !== 'Baileys') expect(await read(reader, body)).toBe('on its way')
  })
})

it('a message that comes late is lost for Baileys, whose record forgets what its seeds are; waton reads it', async () => {
  const writer = new WatonMember('writer')
  const baileys = new BaileysMember('baileys')
  const rust = new RustMember('rust')
  const waton = new WatonMember('reader')
  for (const reader of [baileys, rust, waton]) await reader.take('writer', await writer.distribute())
  const late = await write(writer, 'late')
  const next = await write(writer, 'next')
  for (const reader of [baileys, rust, waton]) expect(await read(reader, next)).toBe('next')
  await expect(read(baileys, late)).rejects.toThrow(/Expected Buffer/)
  for (const reader of [rust, waton]) expect(await read(reader, late)).toBe('late')
})

describe('another key of the same device', () => {
  it('is used from then on, while what was written with the former is still read', async () => {
    for (const kind of ['Baileys', 'Rust'] as const) {
      const writer = new WatonMember('writer')
      const reader = new KINDS[kind]('reader')
      await reader.take('writer', await writer.distribute())
      const former = await write(writer, 'former')
      writer.rotate()
      await reader.take('writer', await writer.distribute())
      const fresh = await write(writer, 'fresh')
      expect(readSenderKeyMessage(fresh)).toMatchObject({ iteration: 0 })
      expect(readSenderKeyMessage(fresh).keyId).not.toBe(readSenderKeyMessage(former).keyId)
      expect(await read(reader, fresh), kind).toBe('fresh')
      expect(await read(reader, former), kind).toBe('former')
    }
  })

  it('is kept beside the former ones, five at most', async () => {
    const writer = new WatonMember('writer')
    const reader = new WatonMember('reader')
    const bodies: Uint8Array[] = []
    for (let index = 0; index < 6; index++) {
      await reader.take('writer', await writer.distribute())
      bodies.push(await write(writer, `key ${String(index)}`))
      writer.rotate()
    }
    expect(decodeSenderKeyRecord(reader.recordOf('writer') ?? new Uint8Array()).states).toHaveLength(5)
    const [first, ...rest] = bodies
    await expect(read(reader, first ?? new Uint8Array())).rejects.toMatchObject({
      code: 'WATON_SENDER_KEY_UNKNOWN',
    })
    for (const [index, body] of rest.entries())
      expect(await read(reader, body)).toBe(`key ${String(index + 1)}`)
  })
})

describe('an own key', () => {
  it('never gives two messages the same place, and skips none', async () => {
    const writer = new WatonMember('writer')
    const places: number[] = []
    for (let index = 0; index < 20; index++)
      places.push(readSenderKeyMessage(await write(writer, 'text')).iteration)
    expect(places).toEqual(Array.from({ length: 20 }, (_, index) => index))
    // Baileys skips every other one, which its readers pay for
    const baileys = new BaileysMember('baileys')
    await baileys.distribute()
    const theirs: number[] = []
    for (let index = 0; index < 4; index++)
      theirs.push(readSenderKeyMessage(await write(baileys, 'text')).iteration)
    expect(theirs).toEqual([0, 2, 4, 6])
  })

  it('does not grow', async () => {
    const writer = new WatonMember('writer')
    const first = await writer.distribute()
    for (let index = 0; index < 300; index++) await write(writer, 'text')
    expect((await writer.distribute()).length - first.length).toBeLessThanOrEqual(2)
  })
})

describe('what is no message', () => {
  it('is refused with a typed error', async () => {
    const { reader, writer } = await group('Rust', 'waton')
    const body = await write(writer, 'hello')
    const inputs = [
      new Uint8Array(),
      body.subarray(0, 10),
      concatBytes(Uint8Array.of(0x23), body.subarray(1)),
      concatBytes(Uint8Array.of(0x33), new Uint8Array(80)),
    ]
    for (const input of inputs)
      await expect(read(reader, input)).rejects.toMatchObject({ code: 'WATON_SIGNAL_MALFORMED' })
    const distribution = await writer.distribute()
    for (let length = 0; length < distribution.length; length++)
      expect(() => readDistribution(distribution.subarray(0, length))).toThrow(
        expect.objectContaining({ name: 'ProtocolError' }),
      )
  })
})
