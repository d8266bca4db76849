/**
 * An event log with consumers on it and nothing else: a real account state and outbox of a linked account without a network,
 * for tests that count what is written and kill what writes.
 */
import { onTestFinished } from 'vitest'
import { MemoryStore } from 'waton'
import type { ConsumeOptions, DeadLetter, DurableEvent, EphemeralEvents, EventHandler } from 'waton'
import type { Claim, OutboxRow, Store } from 'waton/persistence'
import { VirtualClock, seededRandom } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import { TypedEmitter } from '../../src/base/typed-emitter.ts'
import { Consumers } from '../../src/client/consume/consumers.ts'
import { EventHub } from '../../src/client/consume/event-hub.ts'
import type { ClientEvents } from '../../src/client/events.ts'
import { loadSelf } from '../../src/client/identity/credentials.ts'
import { makePeople } from '../../src/client/people.ts'
import { Outbox } from '../../src/client/send/outbox.ts'
import type { OutboxOptions } from '../../src/client/send/outbox.ts'
import { AccountState } from '../../src/client/state/account-state.ts'

/** The account of the log. */
export const OWN = '15550000001@s.whatsapp.net'

/** How a consumer of the log is started: as by anybody, and with a bound that a test can reach. */
export type TestConsumeOptions = ConsumeOptions & { readonly maxAhead?: number }

/** See the file comment. */
export interface EventLog {
  readonly clock: VirtualClock
  readonly state: AccountState
  readonly claim: Claim
  readonly outbox: Outbox
  readonly consumers: Consumers
  /** What `consumer.dead` told. */
  readonly dead: EphemeralEvents['consumer.dead'][]
  /** Adds events in one commit. An id is `chat` and a number: `a1` is the first event of chat `a`. */
  readonly append: (...ids: readonly string[]) => Promise<void>
  /** Starts the consumer `test`; `stop` resolves when it has ended. */
  readonly consume: (
    handler: EventHandler,
    options?: TestConsumeOptions,
  ) => { stop: () => Promise<void>; ended: Promise<void> }
}

/** Opens the log of a store. */
export async function openLog(
  store: Store = new MemoryStore(),
  clock: VirtualClock = new VirtualClock(),
  options: Partial<Pick<OutboxOptions, 'previewLink' | 'timing' | 'logger'>> = {},
): Promise<EventLog> {
  const hub = new EventHub(new TypedEmitter<ClientEvents>(() => undefined))
  const random = seededRandom('event log')
  const claim = await store.claim('default', { owner: 'test', nowMs: clock.nowMs(), leaseMs: 1e12 })
  const logger = silentLogger
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger,
    onEvents: (events) => {
      hub.publish(events)
    },
    onFailure: () => undefined,
  })
  const self = await loadSelf(state, random, 'none')
  self.update({
    ...self.credentials,
    linked: { pn: OWN, deviceId: 1, deviceIdentity: new Uint8Array(1), isUnconfirmed: false },
  })
  const people = makePeople({ state, self, clock, random, logger })
  const outbox = await Outbox.open({ state, self, clock, random, logger, ...people, ...options })
  const dead: EphemeralEvents['consumer.dead'][] = []
  const consumers = new Consumers({
    state,
    hub,
    outbox,
    clock,
    logger,
    account: () => self.pn,
    onDead: (event) => dead.push(event),
  })
  onTestFinished(() => {
    consumers.stop()
  })
  return {
    clock,
    state,
    claim,
    outbox,
    consumers,
    dead,
    append: (...ids) => append(state, ids),
    consume: (handler, options = {}) => {
      const stop = new AbortController()
      const ended = consumers.run('test', handler, { signal: stop.signal, ...options })
      ended.catch(() => undefined)
      return {
        ended,
        stop: async () => {
          stop.abort()
          await ended
        },
      }
    },
  }
}

async function append(state: AccountState, ids: readonly string[]): Promise<void> {
  await state.commit((unit) => {
    for (const id of ids) {
      const chat = `${id.slice(0, 1)}@lid`
      unit.event('send.failed', { id, chat, code: 'X', action: 'report', advice: 'Y' }, chat)
    }
    return Promise.resolve()
  })
}

/** The id that an event was appended with. */
export function idOf(event: DurableEvent): string {
  return 'id' in event.payload ? event.payload.id : ''
}

/** All dead letters of the log. */
export async function deadLetters({ consumers }: EventLog, consumer?: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  const query = consumer === undefined ? {} : { consumer }
  for await (const letter of consumers.deadLetters(query)) letters.push(letter)
  return letters
}

/** Everything that was ever sent, in sending order. */
export function outboxRows(store: Store): Promise<readonly OutboxRow[]> {
  const states = ['queued', 'encrypted', 'acknowledged', 'delivered', 'read', 'failed']
  return store.listOutbox('default', { states, after: -1, limit: 10_000 })
}
