import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../src/base/bytes.ts'
import { node } from '../../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../../src/protocol/binary/node.ts'
import { IdNames, canonical } from './canonical.ts'
import { nodeText } from './compare.ts'
import { readFields } from './protobuf-fields.ts'

const AT_MS = 1_700_000_000_000

const text = (stanza: BinaryNode, ids = new IdNames(new Set(['CHOSEN']))): string =>
  nodeText(canonical({ node: stanza, atMs: AT_MS }, ids))

describe('what is left as it is, so that it can differ', () => {
  test('bytes that are not random by nature', () => {
    expect(text(node('iq', {}, [node('identity', {}, Uint8Array.of(1, 0xff))]))).toContain('01ff')
  })

  test('a session id that is not the time of the server', () => {
    const bulletin = (id: number): BinaryNode => node('ib', {}, [node('unified_session', { id })])
    // Tuesday, 22:13:20, counted from Monday
    expect(text(bulletin(166_400_000))).toContain('milliseconds of the week')
    expect(text(bulletin(166_400_000 + 3_600_000))).toContain('170000000')
    expect(text(node('ib', {}, [node('unified_session', { id: 'now' })]))).toContain('now')
  })

  test('a list of keys with a gap, or with a key of another size', () => {
    const key = (id: number, size: number): BinaryNode =>
      node('key', {}, [node('id', {}, Uint8Array.of(0, 0, id)), node('value', {}, new Uint8Array(size))])
    const upload = (...keys: readonly BinaryNode[]): BinaryNode => node('iq', {}, [node('list', {}, keys)])
    expect(text(upload(key(1, 32), key(2, 32)))).toContain('keys 1 to 2, 32 random bytes each')
    expect(text(upload(key(1, 32), key(3, 32)))).toContain('<id>000003</id>')
    expect(text(upload(key(1, 31)))).toContain('<id>000001</id>')
  })

  test('a ciphertext that is none, and the fields of one that are not random', () => {
    const copy = (bytes: Uint8Array): BinaryNode =>
      node('message', {}, [node('participants', {}, [node('to', {}, [node('enc', { type: 'msg' }, bytes)])])])
    expect(text(copy(Uint8Array.of(0x33, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)))).toContain('no protobuf')
    const counted = fromHex('33' + '0801' + '1007' + '0000000000000000')
    expect(text(copy(counted))).toContain('version 33; 1=no key; 2=7; mac 8 random bytes')
  })
})

describe('ids', () => {
  test('are told apart by what they answer', () => {
    const ids = new IdNames(new Set())
    ids.learn(node('notification', { id: 'A', type: 'devices' }))
    ids.learn(node('notification', { id: 'B', type: 'devices' }))
    expect(text(node('ack', { id: 'B' }), ids)).toContain('the id of notification devices #2')
    expect(text(node('ack', { id: 'A' }), ids)).toContain('the id of notification devices #1')
    expect(text(node('ack', { id: 'C' }), ids)).toContain('a fresh id of 1 characters')
  })

  test('are kept when the scenario chose them', () => {
    expect(text(node('receipt', { id: 'CHOSEN' }))).toContain('id="CHOSEN"')
  })

  test('of questions are fresh once, and say how they are made', () => {
    const ids = new IdNames(new Set())
    expect(text(node('iq', { id: '1.2-3' }), ids)).toContain('a fresh id like 12345.12345-1')
    expect(text(node('iq', { id: '1.2-3' }), ids)).toContain('used again')
    expect(text(node('iq', { id: 'abc' }), ids)).toContain('a fresh id of 3 characters')
  })

  test('of messages stay the same in what refers to them', () => {
    const ids = new IdNames(new Set())
    const id = '3EB0' + 'A'.repeat(18)
    const name = 'id like 3EB0 and 18 hexadecimal digits #1'
    expect(text(node('message', { id }), ids)).toContain(name)
    expect(text(node('ack', { id }), ids)).toContain(name)
  })
})

test('fields of a protobuf come in the order of the bytes, and damage is not read over', () => {
  expect(readFields(fromHex('100108962a'))).toEqual([
    { number: 2, value: 1n },
    { number: 1, value: 5398n },
  ])
  expect(() => readFields(fromHex('0a05ff'))).toThrow('longer than its message')
  expect(() => readFields(fromHex('08ff'))).toThrow('does not end')
  expect(() => readFields(fromHex('0b'))).toThrow('wire type')
})
