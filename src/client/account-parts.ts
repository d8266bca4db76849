/**
 * What a claimed account is made of before anything runs: its state, who it is, what it knows of people, and its outbox,
 * loaded from the store. `runtime.ts` sets it going.
 */
import type { StorageError } from '../base/errors.ts'
import type { TypedEmitter } from '../base/typed-emitter.ts'
import type { Claim } from '../persistence/contract/index.ts'
import { EventHub } from './consume/event-hub.ts'
import type { ClientEvents } from './events.ts'
import { loadSelf } from './identity/credentials.ts'
import type { Self } from './identity/self.ts'
import type { RuntimeOptions } from './options.ts'
import { makePeople } from './people.ts'
import type { People } from './people.ts'
import { Outbox } from './send/outbox.ts'
import { AccountState } from './state/account-state.ts'
import { beginIncarnation } from './state/incarnation.ts'
import { CONNECTION_HINTS, SELF } from './state/records.ts'

/** See the file comment. */
export interface AccountParts {
  readonly claim: Claim
  readonly hub: EventHub
  readonly state: AccountState
  readonly self: Self
  readonly people: People
  readonly outbox: Outbox
  /** How far the server's clock was ahead of this machine's at the last login, in milliseconds. */
  readonly clockSkewMs: number
}

/** Who hears of the state; it may be there later than the state. */
export interface StateWatcher {
  /** Events were appended. */
  appended(): void
  /** The store failed to write. */
  failed(error: StorageError): void
}

/** Loads what is durable of an account. */
export async function loadAccount(
  claim: Claim,
  options: RuntimeOptions,
  emitter: TypedEmitter<ClientEvents>,
  watcher: () => StateWatcher | undefined,
): Promise<AccountParts> {
  const { store, clock, random, logger, history } = options
  const hub = new EventHub(emitter)
  const state = await AccountState.open({
    store,
    claim,
    clock,
    logger,
    onEvents: (events) => {
      hub.publish(events)
      watcher()?.appended()
    },
    onFailure: (error) => {
      watcher()?.failed(error)
    },
    onQuarantined: (event) => {
      emitter.emit('store.quarantined', event)
    },
  })
  await beginIncarnation(state, { random, logger })
  const self = await loadSelf(state, random, history)
  const people = makePeople({ state, self, clock, random, logger })
  const outbox = await Outbox.open({ ...options, state, self, ...people })
  const { clockSkewMs = 0 } = (await state.read(CONNECTION_HINTS, SELF)) ?? {}
  return { claim, hub, state, self, people, outbox, clockSkewMs }
}
