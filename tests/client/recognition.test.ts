/**
 * Recognition by ciphertext: across restarts, under another address of the same person, and when the same message comes
 * again with a new ciphertext (promise G1: once per chat, sender and message id).
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import { silentLogger } from '../../src/base/logger.ts'
import { systemClock } from '../../src/base/clock.ts'
import { learnMapping } from '../../src/client/identity/addresses.ts'
import { wasRecorded } from '../../src/client/identity/former-address.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { SESSION } from '../../src/client/state/records.ts'
import { StoreWrapper } from 'waton/testing'
import type { MessageKey, MessageRow } from 'waton/persistence'

const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '222@lid'
const GROUP = '123@g.us'

class ReadCounter extends StoreWrapper {
  reads = 0

  override readMessage(account: string, key: MessageKey): Promise<MessageRow | undefined> {
    this.reads += 1
    return super.readMessage(account, key)
  }
}

async function open() {
  const store = new ReadCounter(new MemoryStore())
  const claim = await store.claim('default', { owner: 'test', nowMs: 0, leaseMs: 1000 })
  const handlers = { onEvents: () => undefined, onFailure: () => undefined }
  const state = await AccountState.open({
    store,
    claim,
    clock: systemClock,
    logger: silentLogger,
    ...handlers,
  })
  return { store, state }
}

async function record(state: AccountState, key: MessageKey): Promise<void> {
  await state.commit((unit) => {
    unit.putMessage({ ...key, at: unit.nowMs, kind: 'text', state: 'received', value: Uint8Array.of(1) })
    return Promise.resolve()
  })
}

/** A session as bytes would be: only that there is one counts here. */
async function startSession(state: AccountState, address: string): Promise<void> {
  await state.commit((unit) => {
    unit.changes.push({
      op: 'put-record',
      row: { kind: SESSION.kind, key: address, at: unit.nowMs, value: Uint8Array.of(9) },
    })
    return Promise.resolve()
  })
}

const ask = (state: AccountState, key: MessageKey): Promise<boolean> =>
  state.commit((unit) => wasRecorded(unit, key))

describe('a message that was recorded under a phone number', () => {
  test.each([
    ['a chat', { chat: BOB, sender: BOB, id: 'M1' }, { chat: BOB_LID, sender: BOB_LID, id: 'M1' }],
    ['a group', { chat: GROUP, sender: BOB, id: 'M1' }, { chat: GROUP, sender: BOB_LID, id: 'M1' }],
    [
      'a chat, of ours',
      { chat: BOB, sender: '1@lid', id: 'M1' },
      { chat: BOB_LID, sender: '1@lid', id: 'M1' },
    ],
  ])('in %s is known under the LID that was learned since', async (_what, before, after) => {
    const { state } = await open()
    await startSession(state, '15550000002.0')
    await record(state, before)
    await state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    expect(await ask(state, after)).toBe(true)
    expect(await ask(state, { ...after, id: 'M2' })).toBe(false)
  })

  test('costs nothing for people whose LID was known from the beginning', async () => {
    const { store, state } = await open()
    await state.commit((unit) => learnMapping(unit, BOB, BOB_LID))
    store.reads = 0
    expect(await ask(state, { chat: BOB_LID, sender: BOB_LID, id: 'M1' })).toBe(false)
    expect(store.reads).toBe(1)
  })
})
