import { describe, expect, test } from 'vitest'
import { utf8Bytes } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import * as nodes from './node.ts'

function codeOf(call: () => unknown): string | undefined {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    return (error as ProtocolError).code
  }
  return undefined
}

const stanza = nodes.node('iq', { id: '7', t: '12x', e: '', count: '31' }, [
  nodes.node('a', { n: 1 }),
  nodes.node('b', {}, Uint8Array.of(0x61, 0x62)),
  nodes.node('a', { n: 2 }, 'ab'),
])

describe('an accessor refuses', () => {
  test('a child, an attribute or content that is not there', () => {
    expect(codeOf(() => nodes.requireChild(stanza, 'c'))).toBe('WATON_STANZA_CHILD')
    expect(codeOf(() => nodes.requireAttribute(stanza, 'to'))).toBe('WATON_STANZA_ATTRIBUTE')
    expect(codeOf(() => nodes.requireBytes(stanza))).toBe('WATON_STANZA_CONTENT')
  })

  test('bytes of another length', () => {
    expect(codeOf(() => nodes.requireBytes(nodes.requireChild(stanza, 'b'), 3))).toBe('WATON_STANZA_CONTENT')
  })

  test.each(['t', 'e'])('a number that is none: attribute %s', (name) => {
    expect(codeOf(() => nodes.numberAttribute(stanza, name))).toBe('WATON_STANZA_NUMBER')
  })
})

describe('an accessor finds', () => {
  test('children by tag, the first of them, and none in other content', () => {
    expect(nodes.childrenOf(stanza)).toHaveLength(3)
    expect(nodes.childrenOf(stanza, 'a').map((child) => child.attrs['n'])).toEqual(['1', '2'])
    expect(nodes.childOf(stanza, 'a')?.attrs['n']).toBe('1')
    expect(nodes.childrenOf(nodes.requireChild(stanza, 'b'))).toEqual([])
  })

  test('content as bytes or as text, whichever it was', () => {
    const [first, bytes, text] = nodes.childrenOf(stanza)
    expect(first && nodes.contentBytes(first)).toBeUndefined()
    expect(first && nodes.contentText(first)).toBeUndefined()
    expect(bytes && nodes.contentText(bytes)).toBe('ab')
    expect(bytes && nodes.requireBytes(bytes, 2)).toEqual(utf8Bytes('ab'))
    expect(text && nodes.contentText(text)).toBe('ab')
    expect(text && nodes.contentBytes(text)).toEqual(utf8Bytes('ab'))
  })

  test('numbers, and nothing where there is no attribute', () => {
    expect(nodes.numberAttribute(stanza, 'count')).toBe(31)
    expect(nodes.numberAttribute(stanza, 'none')).toBeUndefined()
  })
})

test('a stanza is built without attributes that are undefined, and with numbers as text', () => {
  expect(nodes.node('iq', { id: 5, to: undefined })).toEqual({ tag: 'iq', attrs: { id: '5' } })
  expect('content' in nodes.node('iq')).toBe(false)
})
