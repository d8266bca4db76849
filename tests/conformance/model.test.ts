/** Seeded random commits to both stores: whatever one of them refuses or holds, the other one does too. */
import { describe, expect, test } from 'vitest'
import { errorCode } from '../../src/base/errors.ts'
import { randomInteger } from '../../src/base/random.ts'
import type { RandomSource } from '../../src/base/random.ts'
import { MemoryStore } from '../../src/persistence/index.ts'
import type { Change, Claim, Store } from '../../src/persistence/index.ts'
import { openSqlite } from '../../src/persistence/sqlite/index.ts'
import {
  appendEvent,
  claimOf,
  hashOf,
  message,
  plain,
  putMessage,
  putOutbox,
  putRecord,
} from '../../src/testing/conformance/context.ts'
import { forSeeds, pick } from '../../src/testing/index.ts'
import { temporaryPaths } from './support.ts'

const newPath = temporaryPaths()
const ACCOUNTS = ['a', 'a:1', '']
const KINDS = ['session', 'session2']
const STATES = ['queued', 'sent']
const RANGE = 12

/** One change over so few keys that most of them meet a row, and many an event has a seq that exists. */
function randomChange(random: RandomSource): Change {
  const number = randomInteger(random, RANGE)
  const at = randomInteger(random, 100)
  const value = random.bytes(randomInteger(random, 40))
  const kind = pick(random, KINDS)
  const key = String.fromCodePoint(pick(random, [0, 1, 2, 97, 0xe000, 0x1f642])) + String(number)
  const changes: readonly (() => Change)[] = [
    () => putRecord({ kind, key, at, value }),
    () => putRecord({ kind, key, at, value }),
    () => ({ op: 'delete-record', kind, key }),
    () => ({ op: 'expire-records', kind, before: randomInteger(random, 50) }),
    () => ({ op: 'expire-record', kind, key, before: randomInteger(random, 100) }),
    () => putMessage({ id: key, at, value, state: pick(random, STATES) }),
    () => ({ op: 'delete-message', key: message({ id: key }) }),
    () => appendEvent({ seq: number, at, value, chat: key }),
    () => ({ op: 'expire-events', upTo: randomInteger(random, RANGE) }),
    () => putOutbox({ id: key, position: number, state: pick(random, STATES), value }),
    () => ({ op: 'delete-outbox', id: key }),
    () => ({ op: 'recognise', hash: hashOf(number), at }),
    () => ({ op: 'expire-recognised', before: randomInteger(random, 50) }),
    () => ({ op: 'expire-recognised', before: randomInteger(random, 100), limit: randomInteger(random, 4) }),
  ]
  return pick(random, changes)()
}

/** Everything that can be read of an account. */
async function dump(store: Store, account: string): Promise<unknown> {
  const records = await Promise.all(KINDS.map((kind) => store.listRecords(account, kind, undefined, 1000)))
  const events = await store.readEvents(account, { after: -1, limit: 1000 })
  const outbox = await store.listOutbox(account, { states: STATES, limit: 1000 })
  const hashes = Array.from({ length: RANGE }, (_, number) => hashOf(number))
  const ids = events.map((row) => row.chat)
  const messages = await Promise.all(ids.map((id) => store.readMessage(account, message({ id }))))
  return {
    rows: [...records.flat(), ...events, ...outbox, ...messages].map(plain),
    recognised: await store.readRecognised(account, hashes),
    bounds: await store.eventBounds(account),
    accounts: await store.listAccounts(),
  }
}

async function outcomeOf(store: Store, claim: Claim, changes: readonly Change[]): Promise<unknown> {
  return store.commit(claim, changes).catch(errorCode)
}

describe('both stores', () => {
  test('hold and refuse the same after any commits', async () => {
    const refusals = new Set<unknown>()
    await forSeeds([1, 2, 3, 4, 5, 6, 7, 8], async (random) => {
      const stores: readonly Store[] = [
        new MemoryStore(),
        await openSqlite(newPath(), { durability: 'process' }),
      ]
      const claims = await Promise.all(
        stores.map((store) => Promise.all(ACCOUNTS.map((account) => claimOf(store, account)))),
      )
      for (let round = 0; round < 60; round++) {
        const account = randomInteger(random, ACCOUNTS.length)
        const changes = Array.from({ length: randomInteger(random, 8) }, () => randomChange(random))
        const [inMemory, inFile] = await Promise.all(
          stores.map((store, index) => outcomeOf(store, claims[index]?.[account] as Claim, changes)),
        )
        expect(inFile).toEqual(inMemory)
        if (typeof inFile === 'string') refusals.add(inFile)
      }
      for (const account of ACCOUNTS) {
        const [inMemory, inFile] = await Promise.all(stores.map((store) => dump(store, account)))
        expect(inFile).toEqual(inMemory)
      }
      await Promise.all(stores.map((store) => store.close()))
    })
    expect([...refusals]).toEqual(['WATON_STORE_CONFLICT'])
  })
})
