/** What is recorded and what is read when an event is not what it should be, or not all of the log is wanted. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { DurableEvent, DurableType, ReadOptions } from 'waton'
import { systemClock } from '../../src/base/clock.ts'
import { readPage } from '../../src/client/consume/event-hub.ts'
import { AccountState } from '../../src/client/state/account-state.ts'
import type { LoggedEvent, Unit } from '../../src/client/state/unit.ts'
import type { QuarantinedEvent } from '../../src/client/events.ts'
import type { Store } from '../../src/persistence/contract/index.ts'
import { until } from '../helpers/until.ts'
import { CHAT, EXAMPLES } from './examples.ts'

const ACCOUNT = 'default'
const GROUP = '120363000000000001@g.us'

interface Recorded {
  readonly state: AccountState
  readonly published: LoggedEvent[]
  readonly reported: QuarantinedEvent[]
  readonly errors: object[]
  /** Gives the account up, for a client. */
  readonly leave: () => Promise<void>
}

async function openState(store: Store): Promise<Recorded> {
  const claim = await store.claim(ACCOUNT, { owner: 'test', nowMs: systemClock.nowMs(), leaseMs: 60_000 })
  const published: LoggedEvent[] = []
  const reported: QuarantinedEvent[] = []
  const errors: object[] = []
  const ignore = (): void => undefined
  const logger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object) => {
      errors.push(fields)
    },
    child: () => logger,
  }
  const state = await AccountState.open({
    store,
    claim,
    clock: systemClock,
    logger,
    onEvents: (events) => published.push(...events),
    onFailure: ignore,
    onQuarantined: (event) => reported.push(event),
  })
  const leave = async (): Promise<void> => {
    await state.close()
    await claim.release()
  }
  return { state, published, reported, errors, leave }
}

/** Stages a payload that the compiler would not let through. */
function stageAnything(unit: Unit, type: DurableType, payload: unknown): void {
  unit.event(type, payload as never, CHAT)
}

function record(state: AccountState, type: DurableType, payload: unknown): Promise<void> {
  return state.commit((unit) => {
    stageAnything(unit, type, payload)
    return Promise.resolve()
  })
}

describe('an event that broke its contract', () => {
  test('is recorded, given to nobody, and reported, and the rest of its unit is committed', async () => {
    const store = new MemoryStore()
    const { state, published, reported, errors } = await openState(store)
    await state.commit((unit) => {
      unit.event('send.failed', EXAMPLES['send.failed'], CHAT)
      stageAnything(unit, 'message.receipt', { chat: CHAT, status: 'eaten' })
      stageAnything(unit, 'message.receipt', { ids: [1n], chat: CHAT })
      unit.recognise(Uint8Array.of(1))
      return Promise.resolve()
    })
    expect(published.filter(({ isSound }) => isSound).map(({ row }) => row.seq)).toEqual([1])
    expect(reported).toEqual([
      { kind: 'event', id: '2', code: 'WATON_EVENT_INVALID' },
      { kind: 'event', id: '3', code: 'WATON_EVENT_INVALID' },
    ])
    expect(errors).toContainEqual(
      expect.objectContaining({ code: 'WATON_EVENT_INVALID', type: 'message.receipt' }),
    )
    expect(await store.readRecognised(ACCOUNT, [Uint8Array.of(1)])).toEqual([true])
    const page = await readPage(state, 0)
    expect(page.events.map(({ seq }) => seq)).toEqual([1])
    expect(page.refused).toMatchObject([
      { seq: 2, code: 'WATON_STORE_RECORD' },
      { seq: 3, code: 'WATON_STORE_RECORD' },
    ])
    const rows = await store.readEvents(ACCOUNT, { after: 1, limit: 1 })
    expect(new TextDecoder().decode(rows[0]?.value)).toContain('eaten')
  })

  test('in an optional member is told and recorded without it', async () => {
    const { state, published, reported, errors } = await openState(new MemoryStore())
    await record(state, 'send.failed', { ...EXAMPLES['send.failed'], serverCode: 'many' })
    const { id, chat, code } = EXAMPLES['send.failed']
    const rest = { id, chat, code }
    expect(published).toMatchObject([{ isSound: true, payload: rest }])
    expect((await readPage(state, 0)).events).toMatchObject([{ payload: rest }])
    expect(errors).toContainEqual(expect.objectContaining({ faults: ['serverCode: invalid_type'] }))
    expect(reported).toEqual([])
  })

  test('becomes a dead letter of a consumer, which goes on', async () => {
    const store = new MemoryStore()
    const { state, leave } = await openState(store)
    await record(state, 'message.receipt', {})
    await record(state, 'send.failed', EXAMPLES['send.failed'])
    await leave()
    const client = new Client({ store })
    onTestFinished(() => client.close())
    const seen: number[] = []
    void client.consume(
      'all',
      ({ seq }) => {
        seen.push(seq)
      },
      { from: 'start' },
    )
    await until('the second event', () => seen.length > 0)
    const letters = []
    for await (const letter of client.events.dead.list()) letters.push(letter)
    expect(seen).toEqual([2])
    expect(letters).toMatchObject([
      { consumer: 'all', seq: 1, event: undefined, reason: 'WATON_STORE_RECORD' },
    ])
  })
})

describe('an event of a newer waton', () => {
  test('stays in the log and becomes a dead letter; the version that knows it gives it another round', async () => {
    const store = new MemoryStore()
    const { state, leave } = await openState(store)
    await record(state, 'send.failed', EXAMPLES['send.failed'])
    await leave()
    // the store as the newer version has left it
    const [row] = await store.readEvents(ACCOUNT, { after: 0, limit: 1 })
    if (row === undefined) throw new Error('nothing was recorded')
    const newer = new Proxy(store, {
      get(target, name) {
        if (name === 'readEvents')
          return () => Promise.resolve(isUpgraded ? [row] : [{ ...row, version: 99 }])
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
    let isUpgraded = false
    const client = new Client({ store: newer })
    onTestFinished(() => client.close())
    const reported: QuarantinedEvent[] = []
    client.on('store.quarantined', (event) => {
      reported.push(event)
    })
    const seen: DurableEvent[] = []
    void client.consume(
      'all',
      (event) => {
        seen.push(event)
      },
      { from: 'start' },
    )
    const letter = await until('the dead letter', async () => {
      for await (const one of client.events.dead.list()) return one
      return undefined
    })
    expect(letter).toMatchObject({ seq: 1, reason: 'WATON_STORE_RECORD_NEWER' })
    expect(reported).toEqual([{ kind: 'event', id: '1', code: 'WATON_STORE_RECORD_NEWER' }])
    isUpgraded = true
    await client.events.dead.retry('all', 1)
    await until('the event', () => seen.length === 1)
    expect(seen[0]).toMatchObject({ seq: 1, payload: EXAMPLES['send.failed'] })
  })
})

describe('the log', () => {
  test.each<[string, ReadOptions, readonly number[]]>([
    ['of no type that it holds', { types: ['message.undecryptable'] }, []],
    ['after its end', { after: 6 }, []],
    ['up to nothing', { until: 0 }, []],
    ['as a whole', {}, [1, 2, 3, 4, 5, 6]],
    ['between two positions', { after: 1, until: 4 }, [2, 3, 4]],
    ['of one type', { types: ['send.failed'] }, [2, 4, 6]],
    ['of two types', { types: ['send.failed', 'message.receipt'], after: 3 }, [4, 5, 6]],
    ['of a chat', { chat: GROUP }, [3, 4]],
    ['of a chat and a type', { chat: CHAT, types: ['send.failed'] }, [2, 6]],
    ['of a chat that it has nothing of', { chat: '15550000009@s.whatsapp.net' }, []],
  ])('is read %s', async (_name, options, expected) => {
    const store = new MemoryStore()
    const { state, leave } = await openState(store)
    for (const chat of [CHAT, GROUP, CHAT]) {
      await state.commit((unit) => {
        unit.event('message.receipt', { ...EXAMPLES['message.receipt'], chat }, chat)
        unit.event('send.failed', { ...EXAMPLES['send.failed'], chat }, chat)
        return Promise.resolve()
      })
    }
    await leave()
    const client = new Client({ store })
    onTestFinished(() => client.close())
    const seqs: number[] = []
    for await (const { seq } of client.events.read(options)) seqs.push(seq)
    expect(seqs).toEqual(expected)
  })
})
