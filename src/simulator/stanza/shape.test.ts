import { describe, expect, it } from 'vitest'
import { node } from '../../protocol/binary/node.ts'
import { findViolation } from './shape.ts'
import type { Shape } from './shape.ts'

const SHAPE: Shape = {
  required: ['id'],
  optional: ['type'],
  content: {
    children: {
      item: { min: 1, max: 2, required: ['jid'] },
      blob: { content: 'bytes' },
      rest: { content: 'anything' },
    },
  },
}
const item = node('item', { jid: 'x' })

describe('shape', () => {
  it.each([
    [node('a', {}, [item]), '<a> lacks the attribute "id"'],
    [node('a', { id: '' }, [item]), '<a> lacks the attribute "id"'],
    [node('a', { id: '1', colour: 'red' }, [item]), '<a> has the unknown attribute "colour"'],
    [node('a', { id: '1' }), '<a> lacks its child <item>'],
    [node('a', { id: '1' }, [item, item, item]), '<a> has more than 2 <item>'],
    [node('a', { id: '1' }, [item, node('toString')]), '<a> has the unknown child <toString>'],
    [node('a', { id: '1' }, [node('item', { jid: 'x' }, [item])]), '<a > item> has the unknown child <item>'],
    [node('a', { id: '1' }, [item, node('blob')]), '<a > blob> lacks its bytes'],
    [node('a', { id: '1' }, Uint8Array.of(1)), '<a> has bytes where only children are allowed'],
  ])('names what is wrong (%#)', (stanza, violation) => {
    expect(findViolation(stanza, SHAPE)).toBe(violation)
  })

  it('accepts what fits', () => {
    const blob = node('blob', {}, Uint8Array.of(1))
    const rest = node('rest', {}, [node('child')])
    expect(findViolation(node('a', { id: '1', type: 't' }, [item, item, blob]), SHAPE)).toBeUndefined()
    expect(findViolation(node('a', { id: '1' }, [item, rest]), SHAPE)).toBeUndefined()
  })
})
