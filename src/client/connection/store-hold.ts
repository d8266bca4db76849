/**
 * A connection whose store has failed waits for it: nothing is taken, answered or sent, while the keepalive goes on and
 * what arrives is kept up to a bound. Once the store writes again, everything that was lost is done again on the same
 * connection; when that takes too long the connection ends, and the supervisor waits on.
 */
import type { Clock } from '../../base/clock.ts'
import type { StorageError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { ReceivePipeline } from '../receive/pipeline.ts'
import type { Outbox } from '../send/outbox.ts'
import { StoreRecovery } from '../state/recovery.ts'
import type { Connection } from './connection.ts'
import { endingOfError } from './ending.ts'

/** What is held. */
export interface StoreHoldOptions {
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly pipeline: () => ReceivePipeline
  readonly outbox: Outbox
  /** The connection of the moment, and whether it is open for messages. */
  readonly connection: () => Connection | undefined
  readonly isOpen: () => boolean
  /** Writes something; rejects while the store cannot be written. */
  readonly probe: () => Promise<void>
  /** What is not a stanza or a send may be among what was lost, too. */
  readonly onHealed: () => void
}

/** See the file comment. */
export class StoreHold {
  readonly #options: StoreHoldOptions
  readonly #recovery: StoreRecovery

  constructor(options: StoreHoldOptions) {
    this.#options = options
    const { clock, random, logger, probe, connection } = options
    this.#recovery = new StoreRecovery({
      clock,
      random,
      logger,
      probe,
      onHealed: () => {
        this.#goOn()
      },
      onHopeless: (error) => {
        connection()?.close(error)
      },
    })
  }

  /**
   * Before the connection is open there is nothing to hold on to, and from some failures no store comes back.
   *
   * @param isLost - whether all that was staged was dropped
   */
  failed(error: StorageError, isLost: boolean): void {
    const connection = this.#options.connection()
    if (connection?.isOpen !== true) return
    if (!this.#options.isOpen() || !endingOfError(error).retrying) {
      connection.close(error)
      return
    }
    this.#options.pipeline().hold(isLost)
    this.#options.outbox.suspend()
    this.#recovery.failed(error)
  }

  /** Something that was taken again is durable. */
  progressed(): void {
    this.#recovery.succeeded()
  }

  /** The connection has ended: nobody waits. */
  stop(): void {
    this.#recovery.stop()
    this.#options.pipeline().release()
  }

  #goOn(): void {
    const connection = this.#options.connection()
    if (connection?.isOpen !== true) return
    this.#options.outbox.resume(connection)
    this.#options.pipeline().release()
    this.#options.onHealed()
  }
}
