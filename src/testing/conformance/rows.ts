/** Conformance: what is written comes back, in the order that the contract names. */
import assert from 'node:assert/strict'
import {
  appendEvent,
  bytes,
  claimOf,
  event,
  hashOf,
  message,
  NOW_MS,
  outbox,
  plain,
  putMessage,
  putOutbox,
  putRecord,
  sameRows,
} from './context.ts'
import type { StoreTest } from './context.ts'

/** Defines the tests. */
export function rowTests(test: StoreTest): void {
  recordTests(test)
  messageTests(test)
  deletionTests(test)
  eventTests(test)
  outboxTests(test)
  recognitionTests(test)
}

function recordTests(test: StoreTest): void {
  test('a record that is put again replaces the first one', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [putRecord({ key: 'a', at: 1, value: bytes(1, 2, 3) })])
    await store.commit(claim, [putRecord({ key: 'a', at: 2, value: bytes(4) })])
    const rows = await store.listRecords('default', 'session', undefined, 10)
    sameRows(rows, [{ kind: 'session', key: 'a', at: 2, value: bytes(4) }])
  })

  test('lists records behind a key, up to the limit, one kind only', async (store) => {
    const claim = await claimOf(store)
    const keys = Array.from({ length: 600 }, (_, index) => `key ${String(index).padStart(4, '0')}`)
    const puts = keys.toReversed().map((key) => putRecord({ key }))
    await store.commit(claim, [
      ...puts,
      putRecord({ kind: 'sessions', key: 'key 0000' }),
      putRecord({ kind: 'a', key: 'z' }),
    ])
    const read = async (after: string | undefined, limit: number): Promise<string[]> =>
      (await store.listRecords('default', 'session', after, limit)).map((row) => row.key)
    assert.deepEqual(await read(undefined, 1000), keys)
    assert.deepEqual(await read(undefined, 2), keys.slice(0, 2))
    assert.deepEqual(await read('key 0010', 300), keys.slice(11, 311))
    assert.deepEqual(await read('key 0010x', 1), ['key 0011'])
    assert.deepEqual(await read('key 0599', 1), [])
    assert.deepEqual(await read(undefined, 0), [])
  })

  test('reads several records at once and leaves missing ones out', async (store) => {
    const claim = await claimOf(store)
    const keys = Array.from({ length: 300 }, (_, index) => `k${String(index)}`)
    await store.commit(
      claim,
      keys.map((key, index) => putRecord({ key, value: bytes(index % 256) })),
    )
    const found = await store.readRecords('default', 'session', ['none', ...keys.slice(0, 290), 'k0'])
    assert.equal(found.size, 290)
    assert.deepEqual(plain(found.get('k289')), bytes(33))
    assert.equal(found.get('none'), undefined)
    assert.equal((await store.readRecords('default', 'session', [])).size, 0)
  })

  test('deletes and expires records of one kind', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [
      putRecord({ key: 'old', at: 99 }),
      putRecord({ key: 'edge', at: 100 }),
      putRecord({ key: 'gone', at: 500 }),
      putRecord({ kind: 'other', key: 'old', at: 1 }),
      { op: 'delete-record', kind: 'session', key: 'gone' },
      { op: 'delete-record', kind: 'nothing', key: 'gone' },
      { op: 'expire-records', kind: 'session', before: 100 },
    ])
    const rows = await store.listRecords('default', 'session', undefined, 10)
    assert.deepEqual(
      rows.map((row) => row.key),
      ['edge'],
    )
    assert.notEqual(await store.readRecord('default', 'other', 'old'), undefined)
  })
}

function messageTests(test: StoreTest): void {
  test('tells messages apart by chat, sender and id together', async (store) => {
    const claim = await claimOf(store)
    const rows = [
      message({ chat: 'a', sender: 'b', id: 'c', value: bytes(1) }),
      message({ chat: 'ab', sender: '', id: 'c', value: bytes(2) }),
      message({ chat: 'a', sender: 'bc', id: '', value: bytes(3) }),
      message({ chat: 'a', sender: 'b', id: 'd', value: bytes(4) }),
    ]
    await store.commit(
      claim,
      rows.map((row) => ({ op: 'put-message', row })),
    )
    const read = await Promise.all(rows.map((row) => store.readMessage('default', row)))
    sameRows(read, rows)
    assert.equal(await store.readMessage('default', { chat: 'b', sender: 'b', id: 'c' }), undefined)
  })

  test('a message that is put again replaces the first one in all columns', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [putMessage({ id: 'a' })])
    const second = message({ id: 'a', at: 5, kind: 'image', state: 'read', value: bytes(9, 9) })
    await store.commit(claim, [{ op: 'put-message', row: second }])
    sameRows([await store.readMessage('default', second)], [second])
  })
}

function deletionTests(test: StoreTest): void {
  test('expires one record only while it is as old as it was when it was listed', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [
      putRecord({ key: 'old', at: 10 }),
      putRecord({ key: 'young', at: 20 }),
      putRecord({ key: 'old', kind: 'other', at: 10 }),
    ])
    await store.commit(claim, [
      { op: 'expire-record', kind: 'session', key: 'old', before: 20 },
      { op: 'expire-record', kind: 'session', key: 'young', before: 20 },
      { op: 'expire-record', kind: 'session', key: 'missing', before: 20 },
    ])
    const left = await store.listRecords('default', 'session', undefined, 9)
    assert.deepEqual(
      left.map(({ key }) => key),
      ['young'],
    )
    assert.notEqual(await store.readRecord('default', 'other', 'old'), undefined)
  })

  test('deletes one message by its whole key', async (store) => {
    const claim = await claimOf(store)
    const other = await claimOf(store, 'other')
    const gone = message({ id: 'a' })
    const kept = [message({ id: 'b' }), message({ id: 'a', chat: 'x' }), message({ id: 'a', sender: 'x' })]
    await store.commit(
      claim,
      [gone, ...kept].map((row) => ({ op: 'put-message', row })),
    )
    await store.commit(other, [{ op: 'put-message', row: gone }])
    await store.commit(claim, [
      { op: 'delete-message', key: gone },
      { op: 'delete-message', key: { chat: '', sender: '', id: 'missing' } },
    ])
    assert.equal(await store.readMessage('default', gone), undefined)
    sameRows(await Promise.all(kept.map((row) => store.readMessage('default', row))), kept)
    sameRows([await store.readMessage('other', gone)], [gone])
  })

  test('forgets the oldest hashes first, no more than it is told, and only of its account', async (store) => {
    const claim = await claimOf(store)
    const other = await claimOf(store, 'other')
    const recognised = [30, 10, 40, 20].map((at) => ({ op: 'recognise', hash: hashOf(at), at }) as const)
    await store.commit(claim, recognised)
    await store.commit(other, recognised)
    const left = async (account: string): Promise<readonly boolean[]> =>
      store.readRecognised(account, [10, 20, 30, 40].map(hashOf))
    await store.commit(claim, [{ op: 'expire-recognised', before: 40, limit: 2 }])
    assert.deepEqual(await left('default'), [false, false, true, true])
    await store.commit(claim, [{ op: 'expire-recognised', before: 40, limit: 2 }])
    assert.deepEqual(await left('default'), [false, false, false, true])
    assert.deepEqual(await left('other'), [true, true, true, true])
  })
}

function eventTests(test: StoreTest): void {
  test('reads a range of the log in order, behind a seq, up to the limit', async (store) => {
    const claim = await claimOf(store)
    assert.deepEqual(await store.eventBounds('default'), { first: 0, last: 0 })
    for (let seq = 1; seq <= 500; seq += 100) {
      const changes = Array.from({ length: 100 }, (_, index) => appendEvent({ seq: seq + index }))
      await store.commit(claim, changes)
    }
    const seqs = async (after: number, limit: number): Promise<number[]> =>
      (await store.readEvents('default', { after, limit })).map((row) => row.seq)
    assert.deepEqual(await seqs(0, 3), [1, 2, 3])
    assert.deepEqual(await seqs(9, 2), [10, 11])
    assert.deepEqual(
      await seqs(0, 1000),
      Array.from({ length: 500 }, (_, index) => index + 1),
    )
    assert.deepEqual(await seqs(500, 10), [])
    assert.deepEqual(await store.eventBounds('default'), { first: 1, last: 500 })
  })

  test('keeps the reference to a message, or its absence', async (store) => {
    const claim = await claimOf(store)
    const rows = [
      event({ seq: 1, message: { chat: 'a@g.us', sender: '1@lid', id: 'X' } }),
      event({ seq: 2, chat: '', type: 'call', version: 3, at: 0 }),
    ]
    await store.commit(
      claim,
      rows.map((row) => ({ op: 'append-event', row })),
    )
    const read = await store.readEvents('default', { after: 0, limit: 10 })
    sameRows(read, rows)
    assert.ok(!('message' in (read[1] ?? {})))
  })

  test('expires events up to a seq and keeps the order of the rest', async (store) => {
    const claim = await claimOf(store)
    await store.commit(
      claim,
      [1, 2, 3, 10, 11].map((seq) => appendEvent({ seq })),
    )
    await store.commit(claim, [{ op: 'expire-events', upTo: 3 }])
    assert.deepEqual(await store.eventBounds('default'), { first: 10, last: 11 })
    await store.commit(claim, [{ op: 'expire-events', upTo: 99 }])
    assert.deepEqual(await store.eventBounds('default'), { first: 0, last: 0 })
    assert.deepEqual(await store.readEvents('default', { after: 0, limit: 10 }), [])
  })
}

function outboxTests(test: StoreTest): void {
  test('lists the outbox in sending order, by state, behind a position', async (store) => {
    const claim = await claimOf(store)
    const states = ['queued', 'sent', 'failed']
    const rows = [5, 1, 4, 2, 3, 6].map((position) =>
      outbox({ id: `id ${String(9 - position)}`, position, state: states[position % 3] ?? '' }),
    )
    await store.commit(
      claim,
      rows.map((row) => ({ op: 'put-outbox', row })),
    )
    const list = async (query: { states: string[]; after?: number; limit: number }): Promise<number[]> =>
      (await store.listOutbox('default', query)).map((row) => row.position)
    assert.deepEqual(await list({ states, limit: 10 }), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(await list({ states: ['sent', 'failed'], limit: 10 }), [1, 2, 4, 5])
    assert.deepEqual(await list({ states: ['queued'], limit: 1 }), [3])
    assert.deepEqual(await list({ states, after: 4, limit: 10 }), [5, 6])
    assert.deepEqual(await list({ states: [], limit: 10 }), [])
    assert.deepEqual(await list({ states: ['other'], limit: 10 }), [])
    sameRows(
      [await store.readOutbox('default', 'id 8')],
      rows.filter((row) => row.id === 'id 8'),
    )
  })

  test('a row that changes its state is found under the new one only', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [putOutbox({ id: 'a', position: 1 }), putOutbox({ id: 'b', position: 2 })])
    const changed = outbox({ id: 'a', position: 1, state: 'sent', at: 7, chat: 'c', value: bytes(8) })
    await store.commit(claim, [
      { op: 'put-outbox', row: changed },
      { op: 'delete-outbox', id: 'b' },
    ])
    sameRows(await store.listOutbox('default', { states: ['sent'], limit: 9 }), [changed])
    assert.deepEqual(await store.listOutbox('default', { states: ['queued'], limit: 9 }), [])
    assert.equal(await store.readOutbox('default', 'b'), undefined)
  })

  test('lists an outbox of many rows whole', async (store) => {
    const claim = await claimOf(store)
    const rows = Array.from({ length: 700 }, (_, index) =>
      putOutbox({ id: `id ${String(index)}`, position: index + 1 }),
    )
    await store.commit(claim, rows)
    const listed = await store.listOutbox('default', { states: ['queued'], limit: 1000 })
    assert.deepEqual(
      listed.map((row) => row.position),
      rows.map((_, index) => index + 1),
    )
  })
}

function recognitionTests(test: StoreTest): void {
  test('answers for hashes in the order of the question', async (store) => {
    const claim = await claimOf(store)
    await store.commit(
      claim,
      [1, 3, 5].map((number) => ({ op: 'recognise', hash: hashOf(number), at: NOW_MS })),
    )
    const asked = [5, 4, 3, 2, 1, 3].map(hashOf)
    assert.deepEqual(await store.readRecognised('default', asked), [true, false, true, false, true, true])
    assert.deepEqual(await store.readRecognised('default', []), [])
    assert.deepEqual(await store.readRecognised('nobody', [hashOf(1)]), [false])
  })

  test('expires hashes by age; one recognised again is as old as its last time', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [
      { op: 'recognise', hash: hashOf(1), at: 10 },
      { op: 'recognise', hash: hashOf(2), at: 20 },
      { op: 'recognise', hash: hashOf(3), at: 10 },
      { op: 'recognise', hash: hashOf(3), at: 30 },
      { op: 'expire-recognised', before: 20 },
    ])
    assert.deepEqual(await store.readRecognised('default', [1, 2, 3].map(hashOf)), [false, true, true])
  })
}
