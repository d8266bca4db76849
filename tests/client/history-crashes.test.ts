/**
 * History that is interrupted: at every commit, before and after it is on the disk, by a store that fails or by the end of
 * the process. Whatever happens, every part is in the log once, in order, and nothing is missing.
 */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { HistoryProgress } from 'waton'
import type { Change, Claim, CommitResult, MessageKey, Store } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { systemClock } from '../../src/base/clock.ts'
import { StorageError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { encodeProto } from '../../src/protocol/proto/codec.ts'
import { Message } from '../../src/protocol/proto/message.ts'
import type { Connection } from '../../src/client/connection/connection.ts'
import { readLog } from '../../src/client/consume/event-hub.ts'
import { History } from '../../src/client/history/history.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { messagePayload, messageRow, storedMessage } from '../../src/client/message-record.ts'
import { Drops } from '../../src/client/receive/drops.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import { Pruner } from '../../src/client/state/pruner.ts'
import { CREDENTIALS, SELF } from '../../src/client/state/records.ts'
import { Unknowns } from '../../src/client/unknowns.ts'
import { until } from '../helpers/until.ts'
import { announcing, chat, content, text, texts } from './history-support.ts'
import { ALICE } from './support.ts'

const PERSON = '15550000077@s.whatsapp.net'
const LID = '700000000000077@lid'

/** Two pieces: what is in the first is in the second, too. */
function pieces(): readonly [string, Uint8Array][] {
  const own = texts(130, 'A').map((message) => ({ ...message, key: { ...message.key, remoteJid: PERSON } }))
  const first = [chat(PERSON, own, { name: 'Person' })]
  const mappings = [{ pnJid: PERSON, lidJid: LID }]
  const second = [
    chat('15550000002@s.whatsapp.net', texts(220, 'B')),
    ...first,
    chat('120363000000000001@g.us', [text('G', 'to all', { participant: PERSON })]),
  ]
  return [
    ['P1', content({ conversations: first, phoneNumberToLidMappings: mappings })],
    ['P2', content({ conversations: second, pushnames: [{ id: PERSON, pushname: 'Per' }] })],
  ]
}

/** Fails the commit with this number, before or after it is written. */
class FailingStore extends StoreWrapper {
  commits = 0
  failed = 0
  readonly #at: number
  readonly #isWritten: boolean

  constructor(store: Store, at: number, isWritten: boolean) {
    super(store)
    this.#at = at
    this.#isWritten = isWritten
  }

  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    this.commits += 1
    if (this.commits !== this.#at) return super.commit(claim, changes)
    this.failed += 1
    if (this.#isWritten) await super.commit(claim, changes)
    throw new StorageError('WATON_STORE_WRITE', 'the disk is full', { retryable: true })
  }
}

interface Running {
  readonly state: AccountState
  readonly history: History
  readonly receipts: string[]
  readonly progress: HistoryProgress[]
  readonly close: () => Promise<void>
}

async function open(store: Store, claimOn: Store = store): Promise<Running> {
  const claim = await claimOn.claim('default', { owner: 'test', nowMs: 0, leaseMs: 1000 })
  const failures: StorageError[] = []
  const state = await AccountState.open({
    store,
    claim,
    clock: systemClock,
    logger: silentLogger,
    onEvents: () => undefined,
    onFailure: (error) => failures.push(error),
  })
  const random = seededRandom('history')
  const self = await loadSelf(state, random, 'recent')
  if (!self.isLinked) {
    const credentials = {
      ...self.credentials,
      linked: { pn: ALICE, deviceId: 1, deviceIdentity: Uint8Array.of(1), isUnconfirmed: false },
    }
    await state.commit((unit) => {
      unit.put(CREDENTIALS, SELF, credentials)
      return Promise.resolve()
    })
    self.update(credentials)
  }
  const receipts: string[] = []
  const progress: HistoryProgress[] = []
  const history = new History({
    ...{ state, self, clock: systemClock, random, logger: silentLogger },
    unknowns: new Unknowns(),
    drops: new Drops(silentLogger),
    downloads: { file: () => Promise.reject(new TypeError('there is no network')) },
    onProgress: (event) => progress.push(event),
  })
  const connection = {
    answer: (answers: readonly { readonly stanza: BinaryNode }[]) => {
      for (const { stanza } of answers) receipts.push(stanza.attrs.id ?? '')
    },
  }
  history.resume(connection as unknown as Connection)
  const close = async (): Promise<void> => {
    await history.close()
    await state.close()
    await claim.release()
  }
  return { state, history, receipts, progress, close }
}

async function announce({ state, history }: Running): Promise<void> {
  for (const [id, payload] of pieces()) {
    const { protocolMessage } = announcing(payload, { chunkOrder: Number(id.slice(1)) })
    const notification = protocolMessage?.historySyncNotification ?? {}
    const raw = encodeProto(Message.HistorySyncNotification, notification, 'HistorySyncNotification')
    await state.commit((unit) => history.keep(unit, { id, to: ALICE, raw }))
  }
}

/** What the log tells: the parts of each piece, with the ids of their messages. */
async function told({ state }: Running): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const { type, payload } of readLog(state)) {
    if (type === 'lid.mapping') found.push(payload.contacts)
    if (type !== 'history.chunk') continue
    const { piece, part, isLastPart, chats, contacts, messages } = payload
    found.push({ piece, part, isLastPart, chats, contacts, ids: messages.map(({ id }) => id) })
  }
  return found
}

async function idsOf(running: Running): Promise<string[]> {
  const ids: string[] = []
  for await (const event of readLog(running.state, { types: ['history.chunk'] }))
    ids.push(...event.payload.messages.map(({ id }) => id))
  return ids
}

/** The message that the history told first comes by itself now. @returns its id */
async function comesByItself(running: Running): Promise<string> {
  const [id] = await idsOf(running)
  const key = KEYS.find((one) => one.id === id)
  if (key === undefined) throw new Error('the history tells nothing')
  await running.state.commit(async (unit) => {
    const row = await unit.readMessage(key)
    if (row === undefined) throw new Error('the history has no such row')
    const { envelope, message } = storedMessage(row)
    const { sender, fromMe, sentAtMs } = envelope
    const live = messageRow(
      { sender, fromMe, sentAtMs, origin: 'live', id: key.id, chat: key.chat, kind: row.kind, message },
      unit.nowMs,
    )
    unit.putMessage(live)
    unit.event('message', messagePayload(live), key.chat, { message: key })
  })
  return key.id
}

const ALL = [...texts(130, 'A'), ...texts(220, 'B'), text('G', '')].map(({ key }) => key?.id ?? '')

const GROUP = '120363000000000001@g.us'
const BOB = '15550000002@s.whatsapp.net'

const KEYS: readonly MessageKey[] = ALL.map((id) => {
  const chat = id.startsWith('A') ? LID : id.startsWith('B') ? BOB : GROUP
  return { id, chat, sender: chat === GROUP ? LID : chat }
})

/** The disk as it is when both pieces are announced and nothing of them was taken in. */
async function announced(): Promise<MemoryStore> {
  const disk = new MemoryStore()
  const running = await open(disk)
  await running.history.close()
  await announce(running)
  await running.close()
  return disk
}

async function uninterrupted(): Promise<{ readonly told: unknown[]; readonly commits: number }> {
  const store = new FailingStore(await announced(), Infinity, false)
  const running = await open(store)
  await until('both receipts', () => running.receipts.length === 2)
  const all = await told(running)
  await running.close()
  return { told: all, commits: store.commits }
}

const whole = await uninterrupted()
const EVERY = Array.from({ length: whole.commits }, (_, index) => index + 1)

describe('history that nothing interrupts', () => {
  test('is told once, in the order of the phone', async () => {
    const running = await open(await announced())
    await until('both receipts', () => running.receipts.length === 2)
    expect(await idsOf(running)).toEqual(ALL)
    expect(running.receipts).toEqual(['P1', 'P2'])
    await running.close()
  })
})

describe.each([
  ['before it is written', false],
  ['after it is written', true],
] as const)('a commit that fails %s', (_when, isWritten) => {
  test.each(EVERY)('number %i, and the process ends: the next one goes on', async (at) => {
    const disk = await announced()
    const store = new FailingStore(disk, at, isWritten)
    const first = await open(store)
    await until('the failure', () => store.failed > 0)
    await first.close()
    const second = await open(disk)
    await until('both receipts', () => second.receipts.includes('P1') && second.receipts.includes('P2'))
    expect(await told(second)).toEqual(whole.told)
    await second.close()
  })

  test.each(EVERY)('number %i, and the store is well again: it goes on', async (at) => {
    const store = new FailingStore(await announced(), at, isWritten)
    const running = await open(store)
    await until('the failure', () => store.failed > 0)
    running.history.wake()
    await until('both receipts', () => new Set(running.receipts).size === 2)
    expect(await told(running)).toEqual(whole.told)
    await running.close()
  })
})

describe('history that is forgotten', () => {
  test('takes its messages along, and leaves those of what is kept', async () => {
    const disk = await announced()
    const running = await open(disk)
    await until('both receipts', () => running.receipts.length === 2)
    // the first of them comes by itself: its event is the newest, and what the history told goes without it
    const first = await comesByItself(running)
    const pruner = new Pruner({
      ...{ state: running.state, clock: systemClock, logger: silentLogger, self: {} },
      retention: { days: 30, bytes: 100_000 },
      hub: { tellLost: () => undefined },
    })
    await pruner.run()
    await pruner.stop()
    const kept = new Set([...(await idsOf(running)), first])
    expect(kept.size).toBeGreaterThan(0)
    expect(kept.size).toBeLessThan(ALL.length)
    const rows = await Promise.all(
      KEYS.map(async (key) => [key.id, (await disk.readMessage('default', key)) !== undefined] as const),
    )
    expect(rows.filter(([, isThere]) => isThere).map(([id]) => id)).toEqual(ALL.filter((id) => kept.has(id)))
    const messages: unknown[] = []
    for await (const { payload } of readLog(running.state, { types: ['message'] })) messages.push(payload)
    expect(messages).toMatchObject([{ id: first, origin: 'live' }])
    await running.close()
  })
})

describe('a receipt that nobody has acknowledged', () => {
  test('goes out again with the next connection, and not after its ack', async () => {
    const disk = await announced()
    const first = await open(disk)
    await until('both receipts', () => first.receipts.length === 2)
    await first.state.commit((unit) => first.history.applyAck(unit, { id: 'P1', class: 'receipt' }))
    await first.close()
    const second = await open(disk)
    await until('the receipt', () => second.receipts.length > 0)
    expect(second.receipts).toEqual(['P2'])
    await second.close()
  })
})
