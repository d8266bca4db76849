/** Conformance: all or nothing, in order, and nobody else's rows. */
import assert from 'node:assert/strict'
import type { Change } from '../../persistence/contract/index.ts'
import {
  appendEvent,
  bytes,
  claimOf,
  hashOf,
  message,
  NOW_MS,
  plain,
  putMessage,
  putOutbox,
  putRecord,
  refused,
} from './context.ts'
import type { StoreTest } from './context.ts'

/** Defines the tests. */
export function commitTests(test: StoreTest): void {
  atomicityTests(test)
  refusalTests(test)
  orderTests(test)
  isolationTests(test)
  accountTests(test)
  closeTests(test)
}

function atomicityTests(test: StoreTest): void {
  test('a commit that fails in the middle leaves nothing behind', async (store) => {
    const claim = await claimOf(store)
    const before = [
      putRecord({ key: 'kept', value: bytes(1) }),
      appendEvent({ seq: 1 }),
      putOutbox({ id: 'o', position: 1 }),
    ]
    await store.commit(claim, [
      ...before,
      { op: 'recognise', hash: hashOf(1), at: NOW_MS },
      putMessage({ id: 'm' }),
    ])
    const failing: Change[] = [
      putRecord({ key: 'kept', value: bytes(9) }),
      putRecord({ key: 'new' }),
      { op: 'delete-record', kind: 'session', key: 'kept' },
      { op: 'expire-records', kind: 'session', before: NOW_MS + 1 },
      { op: 'expire-record', kind: 'session', key: 'new', before: NOW_MS + 1 },
      putMessage({ id: 'm', state: 'changed' }),
      { op: 'delete-message', key: message({ id: 'm' }) },
      appendEvent({ seq: 2 }),
      { op: 'delete-outbox', id: 'o' },
      { op: 'recognise', hash: hashOf(2), at: NOW_MS },
      { op: 'expire-recognised', before: NOW_MS + 1, limit: 1 },
      { op: 'expire-recognised', before: NOW_MS + 1 },
      appendEvent({ seq: 1 }),
      putRecord({ key: 'after' }),
    ]
    await refused(store.commit(claim, failing), 'WATON_STORE_CONFLICT')
    const left = await store.listRecords('default', 'session', undefined, 10)
    assert.deepEqual(
      left.map((row) => [row.key, row.value[0]]),
      [['kept', 1]],
    )
    assert.deepEqual(await store.eventBounds('default'), { first: 1, last: 1 })
    assert.equal((await store.readMessage('default', message({ id: 'm' })))?.state, 'received')
    assert.equal((await store.readOutbox('default', 'o'))?.state, 'queued')
    assert.deepEqual(await store.readRecognised('default', [hashOf(1), hashOf(2)]), [true, false])
  })
}

function refusalTests(test: StoreTest): void {
  test('refuses an event whose seq exists, and the next commit works', async (store) => {
    const claim = await claimOf(store)
    await store.commit(claim, [appendEvent({ seq: 7, value: bytes(1) })])
    const refusal = await refused(
      store.commit(claim, [appendEvent({ seq: 7, value: bytes(2) })]),
      'WATON_STORE_CONFLICT',
    )
    assert.equal(refusal.details['seq'], 7)
    assert.equal(refusal.retryable, false)
    await store.commit(claim, [appendEvent({ seq: 8 })])
    const rows = await store.readEvents('default', { after: 0, limit: 10 })
    assert.deepEqual(
      rows.map((row) => [row.seq, row.value[0]]),
      [
        [7, 1],
        [8, 3],
      ],
    )
  })

  test('refuses texts that it could not give back', async (store) => {
    const claim = await claimOf(store)
    await refused(
      store.commit(claim, [putRecord({ key: 'a' }), putRecord({ key: 'half \ud83d' })]),
      'WATON_STORE_TEXT',
    )
    assert.equal(await store.readRecord('default', 'session', 'a'), undefined)
  })
}

function orderTests(test: StoreTest): void {
  test('applies the changes of a commit in order', async (store) => {
    const claim = await claimOf(store)
    const result = await store.commit(claim, [
      putRecord({ key: 'a', value: bytes(1) }),
      putRecord({ key: 'a', value: bytes(2) }),
      putRecord({ key: 'b' }),
      { op: 'delete-record', kind: 'session', key: 'b' },
      { op: 'delete-record', kind: 'session', key: 'c' },
      putRecord({ key: 'c', value: bytes(3) }),
    ])
    assert.deepEqual(result, { changes: 6 })
    const rows = await store.listRecords('default', 'session', undefined, 10)
    assert.deepEqual(
      rows.map((row) => [row.key, row.value[0]]),
      [
        ['a', 2],
        ['c', 3],
      ],
    )
  })

  test('applies commits in call order without waiting for each', async (store) => {
    const claim = await claimOf(store)
    const commits = Array.from({ length: 50 }, (_, index) =>
      store.commit(claim, [putRecord({ key: 'a', value: bytes(index) }), appendEvent({ seq: index + 1 })]),
    )
    await Promise.all(commits)
    assert.deepEqual(plain(await store.readRecord('default', 'session', 'a')), bytes(49))
    assert.deepEqual(await store.eventBounds('default'), { first: 1, last: 50 })
  })

  test('a commit that fails does not take the ones beside it along', async (store) => {
    const claim = await claimOf(store)
    const results = await Promise.allSettled([
      store.commit(claim, [appendEvent({ seq: 1 })]),
      store.commit(claim, [putRecord({ key: 'lost' }), appendEvent({ seq: 1 })]),
      store.commit(claim, [appendEvent({ seq: 2 })]),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(await store.readRecord('default', 'session', 'lost'), undefined)
    assert.deepEqual(await store.eventBounds('default'), { first: 1, last: 2 })
  })

  test('a read sees every commit that has resolved', async (store) => {
    const claim = await claimOf(store)
    for (let number = 1; number <= 100; number++) {
      await store.commit(claim, [putRecord({ key: 'a', value: bytes(number) })])
      assert.deepEqual(plain(await store.readRecord('default', 'session', 'a')), bytes(number))
    }
  })

  test('accepts a commit without changes', async (store) => {
    assert.deepEqual(await store.commit(await claimOf(store), []), { changes: 0 })
  })
}

function isolationTests(test: StoreTest): void {
  test('keeps accounts apart', async (store) => {
    const one = await claimOf(store, 'one')
    const two = await claimOf(store, 'two')
    const rows = [putRecord({ key: 'a', value: bytes(1) }), appendEvent({ seq: 1 }), putMessage({ id: 'm' })]
    await store.commit(one, [
      ...rows,
      putOutbox({ id: 'o', position: 1 }),
      { op: 'recognise', hash: hashOf(1), at: 1 },
    ])
    await store.commit(two, [putRecord({ key: 'a', value: bytes(2) }), appendEvent({ seq: 1 })])
    assert.deepEqual(plain(await store.readRecord('one', 'session', 'a')), bytes(1))
    await store.commit(two, [
      { op: 'expire-records', kind: 'session', before: NOW_MS + 1 },
      { op: 'expire-events', upTo: 9 },
      { op: 'expire-recognised', before: NOW_MS },
      { op: 'delete-outbox', id: 'o' },
    ])
    assert.deepEqual(plain(await store.readRecord('one', 'session', 'a')), bytes(1))
    assert.equal(await store.readRecord('two', 'session', 'a'), undefined)
    assert.equal(await store.readMessage('two', message({ id: 'm' })), undefined)
    assert.deepEqual(await store.readRecognised('two', [hashOf(1)]), [false])
    assert.deepEqual(await store.readRecognised('one', [hashOf(1)]), [true])
    assert.deepEqual(await store.eventBounds('one'), { first: 1, last: 1 })
    assert.equal((await store.readOutbox('one', 'o'))?.position, 1)
  })
}

function accountTests(test: StoreTest): void {
  test('accounts commit at the same time', async (store) => {
    const names = Array.from({ length: 20 }, (_, index) => `account ${String(index)}`)
    const work = names.map(async (name, index) => {
      const claim = await claimOf(store, name)
      for (let seq = 1; seq <= 10; seq++) {
        await store.commit(claim, [
          appendEvent({ seq, value: bytes(index) }),
          putRecord({ key: String(seq) }),
        ])
      }
    })
    await Promise.all(work)
    for (const [index, name] of names.entries()) {
      const rows = await store.readEvents(name, { after: 0, limit: 99 })
      assert.deepEqual(
        rows.map((row) => row.seq),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
      assert.ok(rows.every((row) => row.value[0] === index))
    }
  })

  test('lists the accounts that have rows, in order', async (store) => {
    assert.deepEqual(await store.listAccounts(), [])
    const changes: readonly (readonly [string, Change])[] = [
      ['b', putMessage({ id: 'm' })],
      ['a', putRecord({ key: 'r' })],
      ['e', { op: 'recognise', hash: hashOf(1), at: 1 }],
      ['c', appendEvent({ seq: 1 })],
      ['d', putOutbox({ id: 'o', position: 1 })],
      ['f:1', putRecord({ key: 'r' })],
    ]
    for (const [account, change] of changes) await store.commit(await claimOf(store, account), [change])
    assert.deepEqual(await store.listAccounts(), ['a', 'b', 'c', 'd', 'e', 'f:1'])
  })
}

function closeTests(test: StoreTest): void {
  test('waits for commits under way when it is closed, and refuses everything afterwards', async (store) => {
    const claim = await claimOf(store)
    const commits = [1, 2, 3].map((seq) => store.commit(claim, [appendEvent({ seq })]))
    await Promise.all([store.close(), ...commits])
    await store.close()
    const calls: readonly (() => Promise<unknown>)[] = [
      () => claimOf(store),
      () => store.commit(claim, []),
      () => claim.renew(NOW_MS),
      () => store.readRecord('default', 'session', 'a'),
      () => store.readRecords('default', 'session', ['a']),
      () => store.listRecords('default', 'session', undefined, 1),
      () => store.readMessage('default', message({ id: 'm' })),
      () => store.readRecognised('default', [hashOf(1)]),
      () => store.readEvents('default', { after: 0, limit: 1 }),
      () => store.eventBounds('default'),
      () => store.readOutbox('default', 'o'),
      () => store.listOutbox('default', { states: ['queued'], limit: 1 }),
      () => store.listAccounts(),
    ]
    for (const call of calls) await refused(call(), 'WATON_STORE_CLOSED')
    await claim.release()
  })
}
