/** Refusals and limits of the decoder first; what it reads is compared with Baileys. Random input is a property test. */
import { deflateSync } from 'node:zlib'
import { decodeBinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import { describe, expect, test } from 'vitest'
import { asBuffer, concatBytes, fromHex, toHex, utf8Bytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { decodeNode, MAX_INFLATED_BYTES, MAX_ITEMS } from './decode.ts'
import { encodeNode } from './encode.ts'
import { node } from './node.ts'
import { MAX_DEPTH } from './tags.ts'

/** The refusal of a frame. */
function refusal(frame: Uint8Array): ProtocolError | undefined {
  try {
    decodeNode(frame)
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    return error as ProtocolError
  }
  return undefined
}

/** `content` inside stanzas of the tag `iq`, one in the other. */
function nested(levels: number): Uint8Array {
  const shells = new Uint8Array(5 * (levels - 1))
  for (let level = 0; level < levels - 1; level++) shells.set([248, 2, 25, 248, 1], 5 * level)
  return concatBytes(Uint8Array.of(0), shells, Uint8Array.of(248, 1, 25))
}

describe('the decoder refuses', () => {
  test.each([
    ['nothing at all', ''],
    ['a flag byte alone', '00'],
    ['a stanza without items', '0000'],
    ['a stanza that is no list', '0019'],
    ['an empty list', '00f80019'],
    ['an empty tag', '00f80100'],
    ['a list cut off', '00f8'],
    ['an attribute without a value', '00f8031911'],
    ['children that do not follow', '00f80219f802f80119'],
    ['more children than bytes are left', '00f80219f9ffff'],
    ['more attributes than bytes are left', '00f9ffff19'],
    ['a child that is a word', '00f80219f80119'],
    ['text cut off', '00f8031911fc0561'],
    ['a length of four bytes without the bytes', '00f80219feffffffff'],
    ['packed text cut off', '00f8031911ff0512'],
    ['a half byte that stands for no digit', '00f8031911ff01c1'],
    ['the padding half byte that stands for no digit', '00f8031911ff811d'],
    ['an unknown tag', '00f8031911f0'],
    ['a list where text belongs', '00f8031911f800'],
    ['a JID without a server', '00f8031911fa1900'],
    ['a JID of another network without a server', '00f8031911f5ff82123f00050003'],
    ['bytes behind the stanza', '00f8011900'],
  ])('%s', (_, hex) => {
    const error = refusal(fromHex(hex))
    expect(error).toMatchObject({ code: 'WATON_NODE_MALFORMED' })
    expect(error?.details).toMatchObject({ lengthBytes: hex.length / 2 })
    expect(typeof error?.details['offset']).toBe('number')
    expect(error?.details['reason']).not.toBe('')
  })

  test('compressed bytes that are damaged or cut off', () => {
    const compressed = deflateSync(encodeNode(node('iq', { id: 'x'.repeat(200) })).subarray(1))
    for (const body of [
      compressed.subarray(0, -1),
      compressed.subarray(0, 3),
      compressed.subarray(1),
      new Uint8Array(0),
    ]) {
      expect(refusal(concatBytes(Uint8Array.of(2), body))).toMatchObject({ code: 'WATON_NODE_INFLATE' })
    }
  })

  test('a few kilobytes that expand beyond the limit', () => {
    const bomb = concatBytes(Uint8Array.of(2), deflateSync(new Uint8Array(MAX_INFLATED_BYTES + 1)))
    expect(bomb.length).toBeLessThan(100_000)
    expect(refusal(bomb)).toMatchObject({
      code: 'WATON_NODE_INFLATE',
      details: { reason: 'ERR_BUFFER_TOO_LARGE' },
    })
  })

  test('stanzas nested too deep, and JIDs inside JIDs', () => {
    expect(refusal(nested(MAX_DEPTH))).toBeUndefined()
    expect(refusal(nested(MAX_DEPTH + 1))).toMatchObject({ code: 'WATON_NODE_TOO_LARGE' })
    expect(refusal(nested(1_000_000))).toMatchObject({ code: 'WATON_NODE_TOO_LARGE' })
    const jids = concatBytes(fromHex('00f8031911'), new Uint8Array(100_000).fill(250))
    expect(refusal(jids)).toMatchObject({ code: 'WATON_NODE_TOO_LARGE' })
  })

  test('more stanzas and attributes than any real frame has', () => {
    const list = concatBytes(
      Uint8Array.of(248, 2, 25, 249, 255, 255),
      new Uint8Array(3 * 65_535).map((_, at) => [248, 1, 25][at % 3] ?? 0),
    )
    const lists = Math.ceil(MAX_ITEMS / 65_535)
    const frame = concatBytes(
      Uint8Array.of(0, 248, 2, 25, 248, lists),
      ...new Array<Uint8Array>(lists).fill(list),
    )
    expect(refusal(frame)).toMatchObject({ code: 'WATON_NODE_TOO_LARGE' })
  })
})

describe('names that an object already has', () => {
  test('are attributes like any other and leave the prototype alone', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const raw = names.flatMap((name) => [252, name.length, ...utf8Bytes(name), 252, 1, 0x61])
    const { attrs } = decodeNode(Uint8Array.of(0, 248, 1 + 2 * names.length, 25, ...raw))
    expect(Object.keys(attrs)).toEqual(names)
    expect(Object.getPrototypeOf(attrs)).toBe(Object.prototype)
    expect(names.map((name) => Object.getOwnPropertyDescriptor(attrs, name)?.value as unknown)).toEqual([
      'a',
      'a',
      'a',
      'a',
    ])
  })
})

describe('every form of text', () => {
  test.each([
    ['a word', '03', 's.whatsapp.net'],
    ['a word of a dictionary', 'ec00', 'read-self'],
    ['the empty text', '00', ''],
    ['raw text', 'fc0461c3a962', 'aéb'],
    ['raw text that is no UTF-8', 'fc0261ff', 'a\ufffd'],
    ['raw text with a length of 20 bits', 'fdf000026162', 'ab'],
    ['raw text with a length of 4 bytes', 'fe000000026162', 'ab'],
    ['digits', 'ff021234', '1234'],
    ['an odd number of digits and signs', 'ff831ab23f', '1-.23'],
    ['packed text of nothing', 'ff80', ''],
    ['half bytes of padding in the middle', 'ff02f12f', '\u000012\u0000'],
    ['hexadecimal text', 'fb02cafe', 'CAFE'],
    ['a JID', 'faff02123403', '1234@s.whatsapp.net'],
    ['a JID of nobody', 'fa0003', '@s.whatsapp.net'],
    ['a JID of raw text', 'fafc0161fc036c6964', 'a@lid'],
    ['a JID in a JID', 'fafc0161fafc016203', 'a@b@s.whatsapp.net'],
    ['a device of a phone number', 'f70007ff021234', '1234:7@s.whatsapp.net'],
    ['a device of a LID', 'f701ffff021234', '1234:255@lid'],
    ['the device 0', 'f70100ff021234', '1234@lid'],
    ['a hosted device of a phone number', 'f78063ff021234', '1234:99@hosted'],
    ['a hosted device of a LID', 'f78163ff021234', '1234:99@hosted.lid'],
    ['a device of an unknown domain', 'f70207ff021234', '1234:7@s.whatsapp.net'],
    ['a device of nobody', 'f7000700', ':7@s.whatsapp.net'],
    ['a person on Messenger', 'f6ff021234012cfc046d736772', '1234:300@msgr'],
    ['a person on another network', 'f5ff021234012c0005fc07696e7465726f70', '5-1234:300@interop'],
  ])('%s, as attribute and as content', async (_, hex, text) => {
    for (const frame of [
      fromHex(`00f8031911${hex}`),
      fromHex(`02${toHex(deflateSync(fromHex(`f8031911${hex}`)))}`),
    ]) {
      expect(decodeNode(frame).attrs).toEqual({ to: text })
      expect((await decodeBinaryNode(asBuffer(frame))).attrs).toEqual({ to: text })
    }
    const inside = fromHex(`00f80219${hex}`)
    const { content } = decodeNode(inside)
    const theirs: unknown = (await decodeBinaryNode(asBuffer(inside))).content
    if (content instanceof Uint8Array) expect(toHex(content)).toBe(toHex(theirs as Uint8Array))
    else expect(content).toEqual(theirs)
  })
})

describe('content', () => {
  test('that was bytes is a plain byte array over the memory of the frame, even of a Buffer', () => {
    const frame = asBuffer(fromHex('00f8021dfc020102'))
    const { content } = decodeNode(frame)
    expect(content).toEqual(Uint8Array.of(1, 2))
    expect((content as Uint8Array).buffer).toBe(frame.buffer)
  })

  test('and text are found wherever the frame lies in its memory', () => {
    const stanza = node('iq', { id: 'abc', name: 'é', t: '123456' }, Uint8Array.of(9, 8, 7))
    const memory = concatBytes(new Uint8Array(11), encodeNode(stanza), new Uint8Array(5))
    expect(decodeNode(memory.subarray(11, memory.length - 5))).toEqual(stanza)
  })

  test('is absent, empty or a list as it was sent', () => {
    expect(decodeNode(fromHex('00f80119'))).toEqual({ tag: 'iq', attrs: {} })
    expect('content' in decodeNode(fromHex('00f80119'))).toBe(false)
    expect(decodeNode(fromHex('00f8021900'))).toEqual({ tag: 'iq', attrs: {}, content: [] })
    expect(decodeNode(fromHex('00f80219fc00'))).toEqual({ tag: 'iq', attrs: {}, content: new Uint8Array(0) })
    expect(decodeNode(fromHex('00f80219f801f80119'))).toEqual(node('iq', {}, [node('iq')]))
  })
})

test('flag bits of unknown meaning are ignored, and of an attribute that comes twice the last one counts', async () => {
  const frame = fromHex('fdf8051911fc016111fc0162')
  expect(decodeNode(frame)).toEqual(node('iq', { to: 'b' }))
  expect((await decodeBinaryNode(asBuffer(frame))).attrs).toEqual({ to: 'b' })
})
