/** What the encoder refuses, and the choices it makes where Baileys would lose something. Equality is a property test. */
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import { describe, expect, test } from 'vitest'
import { asBuffer, equalBytes, fromBase64, toHex } from '../../base/bytes.ts'
import { UsageError } from '../../base/errors.ts'
import { decodeNode } from './decode.ts'
import { encodeNode } from './encode.ts'
import { childrenOf, node, requireBytes } from './node.ts'
import type { BinaryNode } from './node.ts'

function codeOf(stanza: unknown): string | undefined {
  try {
    encodeNode(stanza as BinaryNode)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as UsageError).code
  }
  return undefined
}

describe('the encoder refuses', () => {
  test.each([5, true, 5n, {}, [], Symbol('x')])('an attribute that is not text: %s', (value) => {
    expect(codeOf({ tag: 'iq', attrs: { id: '1', count: value } })).toBe('WATON_NODE_INVALID')
  })

  test.each([
    undefined,
    null,
    'iq',
    {},
    { tag: '', attrs: {} },
    { tag: 7, attrs: {} },
    { tag: 'iq' },
    { tag: 'iq', attrs: null },
  ])('what is no stanza: %j', (stanza) => {
    expect(codeOf(stanza)).toBe('WATON_NODE_INVALID')
    expect(codeOf({ tag: 'iq', attrs: {}, content: [stanza] })).toBe('WATON_NODE_INVALID')
  })

  test.each([null, 5, true, {}, [new Uint8Array(1)], ['text'], new ArrayBuffer(1)])(
    'content of another kind: %j',
    (content) => {
      expect(codeOf({ tag: 'iq', attrs: {}, content })).toBe('WATON_NODE_INVALID')
    },
  )

  test.each(['1:256@lid', '1:300@s.whatsapp.net', '1:1000000@hosted', '1:256@hosted.lid'])(
    'the device number of %s, which takes one byte',
    (jid) => {
      expect(codeOf(node('iq', { to: jid }))).toBe('WATON_NODE_DEVICE')
    },
  )

  test('more children or attributes than a list can hold', () => {
    const child = node('x')
    expect(codeOf({ tag: 'iq', attrs: {}, content: new Array<BinaryNode>(65_536).fill(child) })).toBe(
      'WATON_NODE_TOO_LARGE',
    )
    const attrs = Object.fromEntries(Array.from({ length: 32_768 }, (_, index) => [`a${String(index)}`, '']))
    expect(codeOf({ tag: 'iq', attrs })).toBe('WATON_NODE_TOO_LARGE')
  })

  test('a stanza that contains itself', () => {
    const content: BinaryNode[] = []
    const loop: BinaryNode = { tag: 'iq', attrs: {}, content }
    content.push(loop)
    expect(codeOf(loop)).toBe('WATON_NODE_TOO_LARGE')
  })

  test('and the next stanza is as if nothing had happened', () => {
    expect(codeOf({ tag: 'iq', attrs: { id: 'abc', bad: 1 } })).toBe('WATON_NODE_INVALID')
    expect(toHex(encodeNode(node('iq')))).toBe('00f80119')
  })
})

describe('limits of the format', () => {
  test.each([0, 1, 255, 256])('content of %d bytes has the bytes that Baileys gives it', (length) => {
    const stanza = node('enc', {}, new Uint8Array(length).fill(7))
    expect(toHex(encodeNode(stanza))).toBe(toHex(encodeBinaryNode(stanza as never)))
  })

  test.each([
    [(1 << 20) - 1, '00f8021dfd0fffff07'],
    [1 << 20, '00f8021dfe0010000007'],
  ])('content of %d bytes takes the shortest length that holds it', async (length, head) => {
    const content = new Uint8Array(length).fill(7)
    const bytes = encodeNode(node('enc', {}, content))
    expect(toHex(bytes.subarray(0, head.length / 2))).toBe(head)
    expect(equalBytes(requireBytes(decodeNode(bytes)), content)).toBe(true)
    expect(equalBytes((await decodeBinaryNode(asBuffer(bytes))).content as Uint8Array, content)).toBe(true)
  })

  test.each([126, 127, 128, 129])('text of %d digits is packed as long as Baileys packs it', (length) => {
    for (const text of ['1'.repeat(length), 'A'.repeat(length)]) {
      const stanza = node('iq', { id: text })
      expect(toHex(encodeNode(stanza))).toBe(toHex(encodeBinaryNode(stanza as never)))
    }
  })

  test.each([255, 256, 65_535])('%d children read back, here and in Baileys', async (count) => {
    const stanza = node(
      'iq',
      {},
      Array.from({ length: count }, () => node('x')),
    )
    const bytes = encodeNode(stanza)
    expect(childrenOf(decodeNode(bytes), 'x')).toHaveLength(count)
    expect((await decodeBinaryNode(asBuffer(bytes))).content).toHaveLength(count)
  })
})

describe('text that Baileys would change', () => {
  test.each([
    'a:b@c',
    'name@',
    '@',
    'first_last@s.whatsapp.net',
    '1_1:2@s.whatsapp.net',
    '1:2@g.us',
    '1:@lid',
    '1:07@lid',
    '1:2:3@lid',
    '1:0x10@lid',
    'a@1:0@lid',
    'a@1:300@lid',
    '1:2@example.org',
    'constructor',
    'toString',
    '__proto__',
  ])('arrives as it was: %s', async (text) => {
    const stanza = node('iq', { to: text })
    const bytes = encodeNode(stanza)
    expect(decodeNode(bytes)).toEqual(stanza)
    if (text.length < 100) expect((await decodeBinaryNode(asBuffer(bytes))).attrs).toEqual({ to: text })
    expect(toHex(bytes)).not.toBe(toHex(encodeBinaryNode(stanza as never)))
  })

  test('arrives as it was, and without a deep stack, when it has thousands of @', () => {
    const stanza = node('iq', { to: '@'.repeat(50_000) })
    expect(decodeNode(encodeNode(stanza))).toEqual(stanza)
  })

  test.each([
    ['100001:300@msgr', '00f8031911f6ff03100001012ccc'],
    ['5-100001:300@interop', '00f8031911f5ff03100001012c00051c'],
  ])('and the JIDs of other networks keep their server: %s', async (text, hex) => {
    const bytes = encodeNode(node('iq', { to: text }))
    expect(toHex(bytes).slice(0, hex.length - 2)).toBe(hex.slice(0, -2))
    expect((await decodeBinaryNode(asBuffer(bytes))).attrs).toEqual({ to: text })
    expect(decodeNode(bytes).attrs).toEqual({ to: text })
  })
})

describe('attributes', () => {
  test('that are undefined or null are left out', () => {
    const stanza = { tag: 'iq', attrs: { id: undefined, to: null, type: 'get' } } as unknown as BinaryNode
    expect(decodeNode(encodeNode(stanza))).toEqual({ tag: 'iq', attrs: { type: 'get' } })
  })

  test('come only from the object itself', () => {
    const attrs = Object.create({ inherited: 'x' }) as Record<string, string>
    attrs['id'] = '1'
    expect(decodeNode(encodeNode({ tag: 'iq', attrs })).attrs).toEqual({ id: '1' })
  })
})

test('the result is a copy: the next stanza leaves it alone', () => {
  const first = encodeNode(node('iq', { id: '111111' }))
  const before = toHex(first)
  encodeNode(node('message', { id: '222222' }))
  expect(toHex(first)).toBe(before)
  expect(first.byteLength).toBe(first.buffer.byteLength)
})

test('a published frame is written and read', () => {
  // Source: Baileys pull request 2067, a frame of its test of the Rust codec.
  const frame = fromBase64('APgD/AR0ZXN0CPsQoUr6ScTZrtpp8Brd8iidcQ==')
  const stanza = node('test', { id: 'A14AFA49C4D9AEDA69F01ADDF2289D71' })
  expect(toHex(encodeNode(stanza))).toBe(toHex(frame))
  expect(decodeNode(frame)).toEqual(stanza)
})
