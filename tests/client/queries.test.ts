/** Questions under way on one connection: none stays without an answer, a refusal, or the news that none will come. */
import { describe, expect, test } from 'vitest'
import { VirtualClock } from 'waton/testing'
import { ClosedError } from '../../src/base/errors.ts'
import { QueryTable } from '../../src/client/connection/queries.ts'
import { node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { ping } from '../../src/protocol/stanza/iq/ping.ts'
import { countPreKeys } from '../../src/protocol/stanza/iq/pre-keys.ts'
import { settle, uncaught } from './support.ts'

const QUESTION = node('iq', { type: 'get', xmlns: 'w:p' })

function setUp(send: (stanza: BinaryNode) => void = () => undefined): {
  clock: VirtualClock
  sent: BinaryNode[]
  table: QueryTable
} {
  const clock = new VirtualClock()
  const sent: BinaryNode[] = []
  let id = 0
  const table = new QueryTable({
    clock,
    send: (stanza) => {
      sent.push(stanza)
      send(stanza)
    },
    nextId: () => `q${String((id += 1))}`,
  })
  return { clock, sent, table }
}

describe('a question', () => {
  test.each([
    [{ code: '404', text: 'item-not-found' }, { serverCode: 404, serverText: 'item-not-found' }, false],
    [{ code: '429', text: 'rate-overlimit', backoff: '30' }, { serverCode: 429, backoffSeconds: 30 }, true],
    [{ code: '503' }, { serverCode: 503, serverText: undefined }, true],
    [{}, { serverCode: 0 }, false],
  ])('that is refused with %j says why', async (error, details, retryable) => {
    const { table } = setUp()
    const asked = table.exchange('thing', QUESTION, 1000)
    table.answer(node('iq', { type: 'error', id: 'q1' }, [node('error', error)]))
    await expect(asked).rejects.toMatchObject({ code: 'WATON_QUERY_REFUSED', details, retryable })
  })

  test('that is refused with a code that is no number is a protocol error', async () => {
    const { table } = setUp()
    const asked = table.exchange('thing', QUESTION, 1000)
    table.answer(node('iq', { type: 'error', id: 'q1' }, [node('error', { code: 'many' })]))
    await expect(asked).rejects.toMatchObject({ code: 'WATON_STANZA_NUMBER' })
  })

  test('that nobody answers fails at its deadline and not before, and is forgotten', async () => {
    const { clock, table } = setUp()
    let failure: unknown
    const asked = table.exchange('thing', QUESTION, 1000).catch((error: unknown) => {
      failure = error
    })
    await clock.advanceAndSettle(999)
    expect(failure).toBeUndefined()
    await clock.advanceAndSettle(1)
    await asked
    expect(failure).toMatchObject({
      code: 'WATON_QUERY_TIMEOUT',
      details: { query: 'thing' },
      retryable: true,
    })
    expect(table.size).toBe(0)
    expect(table.answer(node('iq', { type: 'result', id: 'q1' }))).toBe(false)
  })

  test('whose answer breaks the rules rejects with what the parser says', async () => {
    const { table } = setUp()
    const asked = table.ask(countPreKeys, undefined, 1000)
    table.answer(node('iq', { type: 'result', id: 'q1' }))
    await expect(asked).rejects.toMatchObject({ name: 'ProtocolError' })
  })

  test('that cannot be sent fails at once and leaves nothing behind', async () => {
    const errors = uncaught()
    const { clock, table } = setUp(() => {
      // as a socket does that learns of its end while it writes
      table.end(new Error('broken'))
      throw new ClosedError('WATON_TRANSPORT_CLOSED', 'closed')
    })
    await expect(table.exchange('thing', QUESTION, 1000)).rejects.toMatchObject({
      code: 'WATON_TRANSPORT_CLOSED',
    })
    await settle()
    expect(errors).toEqual([])
    expect(clock.pending).toBe(0)
    expect(table.size).toBe(0)
  })

  test('beyond a thousand open ones is refused instead of kept', async () => {
    const { table } = setUp()
    const open = Array.from({ length: 1024 }, () => table.exchange('thing', QUESTION, 1000))
    await expect(table.exchange('thing', QUESTION, 1000)).rejects.toMatchObject({
      code: 'WATON_QUERY_OVERLOAD',
      retryable: true,
    })
    table.end()
    expect((await Promise.allSettled(open)).every(({ status }) => status === 'rejected')).toBe(true)
  })

  test('finds its answer by id, in whatever order answers come, and its timer ends', async () => {
    const { clock, sent, table } = setUp()
    const first = table.ask(ping, undefined, 1000)
    const second = table.exchange('thing', QUESTION, 1000)
    expect(sent.map(({ attrs }) => attrs.id)).toEqual(['q1', 'q2'])
    expect(table.answer(node('iq', { type: 'result', id: 'q2' }, [node('late')]))).toBe(true)
    expect(table.answer(node('iq', { type: 'result', id: 'q1' }))).toBe(true)
    await expect(second).resolves.toMatchObject({ content: [{ tag: 'late' }] })
    await expect(first).resolves.toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  test('keeps an id that it came with', async () => {
    const { sent, table } = setUp()
    const asked = table.exchange('thing', node('iq', { id: 'mine' }), 1000)
    table.answer(node('iq', { type: 'result', id: 'mine' }))
    await asked
    expect(sent[0]?.attrs.id).toBe('mine')
  })
})

describe('the end of a connection', () => {
  test('fails every open question and every later one, with the cause', async () => {
    const { clock, table } = setUp()
    const cause = new Error('cable cut')
    const open = [table.exchange('one', QUESTION, 1000), table.exchange('two', QUESTION, 1000)]
    table.end(cause)
    for (const asked of [...open, table.exchange('three', QUESTION, 1000)]) {
      await expect(asked).rejects.toMatchObject({ code: 'WATON_QUERY_DISCONNECTED', cause, retryable: true })
    }
    expect(clock.pending).toBe(0)
    expect(table.size).toBe(0)
  })
})
