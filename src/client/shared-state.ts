/**
 * What the other devices of the account share with this one, apart from messages: the past (`history/`) and how chats,
 * contacts and settings stand (`app-state/`). Both are taken in behind the receive stage and outlive connections.
 */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { RandomSource } from '../base/random.ts'
import type { TypedEmitter } from '../base/typed-emitter.ts'
import { AppStateSync } from './app-state/app-state-sync.ts'
import type { Connection } from './connection/connection.ts'
import type { ClientEvents } from './events.ts'
import { History } from './history/history.ts'
import type { Self } from './identity/self.ts'
import type { Downloads } from './media/download.ts'
import type { Drops } from './receive/drops.ts'
import type { AccountState } from './state/account-state.ts'
import type { Unknowns } from './unknowns.ts'

/** What {@link SharedState} works with. */
export interface SharedStateOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly emitter: TypedEmitter<ClientEvents>
  readonly unknowns: Unknowns
  readonly drops: Drops
  readonly downloads: Downloads
}

/** See the file comment. */
export class SharedState {
  readonly history: History
  readonly appState: AppStateSync
  #connection: Connection | undefined

  constructor(options: SharedStateOptions) {
    const { state, self, clock, random, logger, emitter, unknowns, drops, downloads } = options
    const basics = { state, self, clock, random, logger }
    this.history = new History({
      ...{ ...basics, unknowns, drops, downloads },
      onProgress: (progress) => {
        emitter.emit('sync.history', progress)
      },
    })
    this.appState = new AppStateSync({
      ...{ ...basics, emitter },
      actions: {
        ...{ self, logger, unknowns },
        send: (stanza) => {
          if (this.#connection?.isOpen === true) this.#connection.send(stanza)
        },
      },
      fetchFile: (file, signal) => downloads.file(file, signal),
    })
  }

  /** The connection is ready. */
  resume(connection: Connection): void {
    this.#connection = connection
    this.history.resume(connection)
    this.appState.resume(connection)
  }

  /** The connection is gone. */
  suspend(): void {
    this.#connection = undefined
    this.history.suspend()
    this.appState.suspend()
  }

  /** There may be something to take in, or the store can be written again. */
  wake(): void {
    this.history.wake()
    this.appState.wake()
  }
}
