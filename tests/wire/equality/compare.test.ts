import { describe, expect, test } from 'vitest'
import type { CanonicalNode } from './canonical.ts'
import { compareStep, describeDifference } from './compare.ts'
import { allowing } from './deliberate-differences.ts'

const make = (
  tag: string,
  attrs: Record<string, string> = {},
  content?: CanonicalNode['content'],
): CanonicalNode => (content === undefined ? { tag, attrs } : { tag, attrs, content })

const query = (xmlns: string, child: string): CanonicalNode =>
  make('iq', { id: 'a fresh id', type: 'get', xmlns }, [make(child)])
const count = query('encrypt', 'count')
const digest = query('encrypt', 'digest')
const receipt = (id: string, attrs: Record<string, string> = {}): CanonicalNode =>
  make('receipt', { id, to: 'bob', type: 'inactive', ...attrs })

const found = (baileys: readonly CanonicalNode[], waton: readonly CanonicalNode[]): readonly string[] =>
  compareStep('step', baileys, waton).map((difference) => describeDifference(difference).replace(/\s+/g, ' '))

describe('the comparison finds', () => {
  test.each([
    ['an attribute that differs', receipt('1'), receipt('1', { to: 'eve' }), '@to baileys: bob waton: eve'],
    ['an attribute that is missing', receipt('1', { t: '5' }), receipt('1'), '@t baileys: 5 waton: absent'],
    ['an attribute that is too many', receipt('1'), receipt('1', { t: '5' }), '@t baileys: absent waton: 5'],
    ['an id of something else', receipt('1'), receipt('2'), '@id baileys: 1 waton: 2'],
  ])('%s', (_, theirs, ours, difference) => {
    expect(found([theirs], [ours])).toEqual([`step: <receipt inactive> ${difference}`])
  })

  test('content that differs, and content where there is none', () => {
    const ib = (content?: string): CanonicalNode => make('ib', {}, [make('offline_batch', {}, content)])
    expect(found([ib('ff')], [ib('00')])).toEqual([
      'step: <ib offline_batch> offline_batch>content baileys: ff waton: 00',
    ])
    expect(found([ib()], [ib('00')])).toEqual([
      'step: <ib offline_batch> offline_batch>content baileys: absent waton: 00',
    ])
  })

  test('children in another order, and people in another order', () => {
    const message = (...children: readonly CanonicalNode[]): CanonicalNode =>
      make('message', { type: 'text' }, [make('participants', {}, children)])
    const [alice, bob] = [make('to', { jid: 'alice' }), make('to', { jid: 'bob' })]
    expect(found([message(alice, bob)], [message(bob, alice)])).toHaveLength(2)
    expect(found([message(make('a'), make('b'))], [message(make('b'), make('a'))])).toHaveLength(2)
  })

  test('a stanza that only one side writes', () => {
    expect(found([count, digest], [count])).toEqual(['step: <iq get encrypt digest> only-baileys'])
    expect(found([count], [count, count])).toEqual(['step: <iq get encrypt count> only-waton'])
  })

  test('a stanza in another place, and what differs in it', () => {
    const other = make('iq', { ...count.attrs, id: 'another id' }, count.content)
    expect(found([count, digest], [digest, other])).toEqual([
      'step: <iq get encrypt count> order',
      'step: <iq get encrypt count> @id baileys: a fresh id waton: another id',
    ])
  })

  test('a receipt for several messages, and which message it leaves out', () => {
    const list = make('list', {}, [make('item', { id: '2' })])
    const together = make('receipt', { id: '1', to: 'bob', type: 'inactive' }, [list])
    expect(found([receipt('1'), receipt('2')], [together])).toEqual(['step: <receipt inactive> aggregation'])
    expect(found([receipt('1'), receipt('2'), receipt('3')], [together])).toEqual([
      'step: <receipt inactive> aggregation',
      'step: <receipt inactive> only-baileys',
    ])
  })
})

test('none of that is covered by the list of deliberate differences', () => {
  const differences = compareStep('step', [receipt('1'), count, digest], [receipt('2'), digest, count])
  expect(differences).not.toEqual([])
  expect(differences.map(allowing).filter((entry) => entry !== undefined)).toEqual([])
})

describe('the comparison finds nothing', () => {
  test('between equal stanzas, whatever the order of their attributes', () => {
    expect(
      found([receipt('1'), count], [make('receipt', { type: 'inactive', to: 'bob', id: '1' }), count]),
    ).toEqual([])
  })

  test('in how answers to the server interleave with what a client writes of its own accord', () => {
    expect(found([count, receipt('1'), digest], [count, digest, receipt('1')])).toEqual([])
  })
})
