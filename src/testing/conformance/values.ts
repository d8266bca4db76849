/** Conformance: odd texts and bytes come back as they were, and nobody can change the bytes of somebody else. */
import assert from 'node:assert/strict'
import {
  appendEvent,
  bytes,
  claimOf,
  event,
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

/** Texts that back ends have got wrong: empty, separators, quotes, NUL, escapes, long, and beyond the first plane. */
const ODD_TEXTS: readonly string[] = [
  '',
  '\0',
  '\0a',
  '\u0001',
  '\u0001\u0002',
  '\u0001\u0003',
  ' ',
  '%',
  "'; DROP TABLE x; --",
  '15550000001:12@s.whatsapp.net',
  '?1',
  'a',
  'a\0',
  'a\0b',
  'a\0c',
  'a\u0001',
  'a:b',
  'b'.repeat(1000),
  'e\u0301',
  '\u00e9',
  '\ufffd',
  '\uffff',
  '\u{10000}',
  '\u{1f642}',
]

/** Defines the tests. */
export function valueTests(test: StoreTest): void {
  textTests(test)
  byteTests(test)
}

function textTests(test: StoreTest): void {
  test('keeps odd texts apart and lists them by code point', async (store) => {
    const claim = await claimOf(store)
    await store.commit(
      claim,
      ODD_TEXTS.map((key, index) => putRecord({ key, value: bytes(index) })),
    )
    for (const [index, key] of ODD_TEXTS.entries()) {
      assert.deepEqual(
        plain(await store.readRecord('default', 'session', key)),
        bytes(index),
        JSON.stringify(key),
      )
    }
    const rows = await store.listRecords('default', 'session', undefined, 100)
    const byCodePoint = [...ODD_TEXTS].sort((a, b) => compareCodePoints(codePoints(a), codePoints(b)))
    assert.deepEqual(
      rows.map((row) => row.key),
      byCodePoint,
    )
    for (const [index, key] of byCodePoint.entries()) {
      const next = await store.listRecords('default', 'session', key, 1)
      assert.deepEqual(
        next.map((row) => row.key),
        byCodePoint.slice(index + 1, index + 2),
      )
    }
  })

  test('gives odd texts back in every column', async (store) => {
    for (const [index, text] of ODD_TEXTS.entries()) {
      const claim = await claimOf(store, text, text)
      const key = { chat: text, sender: `${text}s`, id: `${text}i` }
      const written = message({ ...key, kind: text, state: text })
      const logged = event({ seq: index + 1, chat: text, type: text, message: key })
      const queued = outbox({ id: text, chat: text, state: text, position: 1 })
      await store.commit(claim, [
        { op: 'put-message', row: written },
        { op: 'append-event', row: logged },
        { op: 'put-outbox', row: queued },
        putRecord({ kind: text, key: text }),
      ])
      sameRows([await store.readMessage(text, key)], [written])
      sameRows(await store.readEvents(text, { after: 0, limit: 2 }), [logged])
      sameRows(await store.listOutbox(text, { states: [text], limit: 2 }), [queued])
      sameRows([await store.readOutbox(text, text)], [queued])
      assert.equal((await store.listRecords(text, text, undefined, 2)).length, 1)
    }
    assert.equal((await store.listAccounts()).length, ODD_TEXTS.length)
  })
}

function byteTests(test: StoreTest): void {
  test('gives values back byte for byte: empty, every byte, 1 MiB, views of larger buffers', async (store) => {
    const claim = await claimOf(store)
    const large = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 7 + (index >>> 8)) & 0xff)
    const values: Readonly<Record<string, Uint8Array>> = {
      empty: new Uint8Array(0),
      all: Uint8Array.from({ length: 256 }, (_, index) => index),
      large,
      view: large.subarray(100, 200),
      emptyView: large.subarray(5, 5),
    }
    await store.commit(
      claim,
      Object.entries(values).map(([key, value]) => putRecord({ key, value })),
    )
    for (const [key, value] of Object.entries(values)) {
      assert.deepEqual(plain(await store.readRecord('default', 'session', key)), plain(value), key)
    }
    const found = await store.readRecords('default', 'session', Object.keys(values))
    assert.equal(found.get('empty')?.length, 0)
    await store.commit(claim, [
      putMessage({ id: 'e', value: new Uint8Array(0) }),
      appendEvent({ seq: 1, value: large }),
    ])
    assert.equal((await store.readMessage('default', message({ id: 'e' })))?.value.length, 0)
    sameRows(await store.readEvents('default', { after: 0, limit: 1 }), [event({ seq: 1, value: large })])
  })

  test('takes empty bytes as the only ones of a commit, and tells them from no row', async (store) => {
    const claim = await claimOf(store)
    const value = new Uint8Array(0)
    const hash = new Uint8Array(new ArrayBuffer(0))
    assert.deepEqual(await store.readRecognised('default', [hash]), [false])
    for (const change of [
      putRecord({ key: 'e', value }),
      putMessage({ id: 'e', value }),
      appendEvent({ seq: 1, value }),
      putOutbox({ id: 'e', position: 1, value }),
      { op: 'recognise', hash, at: NOW_MS } as const,
    ]) {
      await store.commit(claim, [change])
    }
    assert.equal((await store.readRecord('default', 'session', 'e'))?.length, 0)
    assert.equal((await store.readMessage('default', message({ id: 'e' })))?.value.length, 0)
    assert.equal((await store.readEvents('default', { after: 0, limit: 1 }))[0]?.value.length, 0)
    assert.equal((await store.readOutbox('default', 'e'))?.value.length, 0)
    // Without memory behind it and with some: the same hash.
    assert.deepEqual(await store.readRecognised('default', [hash, bytes(1).subarray(1)]), [true, true])
  })

  test('neither side can change the bytes of the other', async (store) => {
    const claim = await claimOf(store)
    const value = bytes(1, 2, 3)
    const commit = store.commit(claim, [putRecord({ key: 'a', value })])
    value[0] = 99
    await commit
    const read = await store.readRecord('default', 'session', 'a')
    assert.deepEqual(plain(read), bytes(1, 2, 3))
    if (read !== undefined) read[1] = 99
    assert.deepEqual(plain(await store.readRecord('default', 'session', 'a')), bytes(1, 2, 3))
  })
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

function compareCodePoints(a: readonly number[], b: readonly number[]): number {
  for (const [index, point] of a.entries()) {
    const other = b[index]
    if (other === undefined) return 1
    if (point !== other) return point - other
  }
  return a.length - b.length
}
