import { describe, expect, test } from 'vitest'
import type { BinaryNode } from './node.ts'
import { node } from './node.ts'
import { printNode } from './print.ts'

describe('a view of something that is no stanza', () => {
  const content: BinaryNode[] = []
  const loop = { tag: 'loop', attrs: {}, content }
  content.push(loop)
  const odd: readonly unknown[] = [
    undefined,
    null,
    5,
    'iq',
    {},
    { tag: Symbol('x'), attrs: { a: 1n, b: { toString: 5 } }, content: { then: 1 } },
    { tag: 'iq', attrs: null, content: [null, 'x', Object.create(null)] },
    loop,
  ]

  test.each(odd.map((value, index) => [index, value]))(
    'number %i does not throw and is bounded',
    (_, value) => {
      const text = printNode(value as BinaryNode)
      expect(text.length).toBeGreaterThan(0)
      expect(text.split('\n').length).toBeLessThan(200)
    },
  )
})

describe('the view of a stanza', () => {
  test('cannot be left by what an attribute or a text contains', () => {
    const text = printNode(node('iq', { id: '"/><iq\n\u2028\u0007' }, '</iq>&'))
    expect(text).toBe('<iq id="&quot;/&gt;&lt;iq&#xa;&#x2028;&#x7;">&lt;/iq&gt;&amp;</iq>')
  })

  test('shows the length of bytes and only their beginning', () => {
    const secret = new Uint8Array(1000).fill(0xab)
    expect(printNode(node('enc', {}, secret))).toBe(`<enc>[1000 bytes ${'ab '.repeat(15)}ab ...]</enc>`)
    expect(printNode(node('enc', {}, secret), { maxBytes: 0 })).toBe('<enc>[1000 bytes]</enc>')
    expect(printNode(node('enc', {}, secret), { maxBytes: -5 })).toBe('<enc>[1000 bytes]</enc>')
    expect(printNode(node('enc', {}, Uint8Array.of(1)))).toBe('<enc>[1 byte 01]</enc>')
    expect(printNode(node('enc', {}, new Uint8Array(0)))).toBe('<enc>[0 bytes]</enc>')
  })

  test('is indented, in the order of the stanza', () => {
    const stanza = node('message', { to: '1@lid', id: 'A1' }, [
      node('participants', {}, [node('to', { jid: '2:3@lid' }, Uint8Array.of(1, 2))]),
      node('meta'),
      node('list', {}, []),
    ])
    expect(printNode(stanza)).toBe(
      [
        '<message to="1@lid" id="A1">',
        '  <participants>',
        '    <to jid="2:3@lid">[2 bytes 01 02]</to>',
        '  </participants>',
        '  <meta/>',
        '  <list/>',
        '</message>',
      ].join('\n'),
    )
  })
})
