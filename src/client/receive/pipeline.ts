/**
 * The receive pipeline. Stanzas of an account are taken in arrival order, one at a time, without waiting for the
 * network:
 *
 * ```
 * recognise -> decrypt -> decode -> normalise -> unit of work -> (group commit) -> answer -> dispatch
 * ```
 *
 * A handler (`handlers.ts` lists them by tag) turns one stanza into changes of a unit and the answer that the server is
 * owed; the answer leaves after the commit, on the connection that delivered the stanza. Handlers never send.
 *
 * A stanza is kept as it came until its commit is done. When a commit fails, the pipeline is told to hold, and everything
 * that was lost is taken again from the stanzas, in order, once the store is well.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex, utf8Bytes } from '../../base/bytes.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { StorageError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { seam } from '../../base/seams.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { Connection } from '../connection/connection.ts'
import { isAtFault } from '../state/account-state.ts'
import type { AccountState } from '../state/account-state.ts'
import { QUARANTINE } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Answer } from './answers.ts'
import { Arrivals } from './arrivals.ts'
import type { Arrival } from './arrivals.ts'
import type { ReceiveContext } from './context.ts'
import { HANDLERS, answerMalformed, answerUnknown } from './handlers.ts'

/** Stanzas remembered whose changes no store takes. */
const MAX_UNSTORABLE = 256

/** What the pipeline works with. */
export interface ReceivePipelineOptions {
  readonly state: AccountState
  readonly context: ReceiveContext
  readonly logger: Logger
  /** The store could not be read for a stanza. Who waits for the store calls `hold`; otherwise the connection ends. */
  readonly onReadFailure: (error: StorageError) => void
  /** The first stanza since {@link ReceivePipeline.hold} is durable. */
  readonly onProgress: () => void
}

/** See the file comment. */
export class ReceivePipeline {
  readonly #options: ReceivePipelineOptions
  readonly #arrivals = new Arrivals()
  #isRunning = false
  /** Resolved when stanzas may be taken again. */
  #held: Deferred<void> | undefined
  /** Counts how often everything was taken again: what was begun before has changed nothing. */
  #round = 0
  #hasProgressed = true
  #answers: Answer[] = []
  #answering: Connection | undefined
  /** Why, by stanza: each would fail whenever it is taken. */
  readonly #unstorable = new BoundedMap<string, StorageError>(MAX_UNSTORABLE)

  constructor(options: ReceivePipelineOptions) {
    this.#options = options
  }

  /** Takes a stanza. */
  accept(connection: Connection, stanza: BinaryNode): void {
    if (!this.#arrivals.add(connection, stanza)) {
      // not kept and not answered: it is delivered again
      connection.close(behind())
      return
    }
    if (!this.#isRunning) void this.#run()
  }

  /**
   * Takes nothing more until {@link release}.
   *
   * @param isLost - whether everything staged was dropped, so that it must be taken again
   */
  hold(isLost: boolean): void {
    this.#held ??= deferred()
    this.#hasProgressed = false
    if (!isLost) return
    this.#round += 1
    this.#arrivals.restart()
  }

  /** The store is well: what is kept is taken, oldest first. */
  release(): void {
    this.#held?.resolve()
    this.#held = undefined
    if (!this.#isRunning) void this.#run()
  }

  /** The connection is gone: what it delivered and was not processed comes again. */
  forget(connection: Connection): void {
    this.#arrivals.forget(connection)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      if (this.#held !== undefined) await this.#held.promise
      const arrival = this.#arrivals.take()
      if (arrival === undefined) break
      await this.#process(arrival)
    }
    this.#isRunning = false
  }

  async #process(arrival: Arrival): Promise<void> {
    const { connection, stanza } = arrival
    const round = this.#round
    try {
      const staged = await this.#options.state.transact(async (unit) => {
        // what came before it is lost and taken again first, by whoever restarted
        if (round !== this.#round) return
        // what came before it may be lost, and it comes again behind that
        if (connection.isOpen) seam('receive:taken')
        const answers = connection.isOpen ? await this.#take(unit, stanza) : []
        unit.onCommit(() => {
          this.#settled(arrival, answers)
        })
      })
      staged.committed.catch((error: unknown) => {
        if (isAtFault(error)) this.#unstorable.set(nameOf(stanza), error)
        // nobody takes it again: the connection ends
        if (round === this.#round) this.#arrivals.settle(arrival)
      })
    } catch (error) {
      if (round === this.#round) this.#failed(arrival, error)
    }
  }

  /** All that the stanza has changed is durable. */
  #settled(arrival: Arrival, answers: readonly Answer[]): void {
    const { connection, stanza } = arrival
    this.#arrivals.settle(arrival)
    if (!this.#hasProgressed) {
      this.#hasProgressed = true
      this.#options.onProgress()
    }
    if (!connection.isOpen) return
    const owed = this.#pull(stanza, answers)
    if (owed.length > 0) this.#answerLater(connection, owed)
  }

  /** It was neither recorded nor answered. */
  #failed(arrival: Arrival, error: unknown): void {
    const { tag } = arrival.stanza
    const cause = { tag, code: errorCode(error), reason: describeError(error) }
    if (error instanceof StorageError) {
      this.#options.logger.warn(cause, 'a stanza waits for the store')
      this.#arrivals.putBack(arrival)
      this.#options.onReadFailure(error)
      if (this.#held === undefined) this.#giveUp(arrival.connection, error)
      return
    }
    this.#options.logger.error(cause, 'a stanza could not be processed')
    this.#arrivals.settle(arrival)
    arrival.connection.close(error)
  }

  /** Nobody waits for the store: taken again at once, the stanza would only fail again, and so on without a pause. */
  #giveUp(connection: Connection, error: StorageError): void {
    connection.close(error)
    // also when it had ended before: its end did not find the stanza that was being taken
    this.#arrivals.forget(connection)
  }

  /** A stanza that no commit takes is kept as it came, reported, and refused: otherwise it would come for ever. */
  #take(unit: Unit, stanza: BinaryNode): Promise<readonly Answer[]> {
    const error = this.#unstorable.get(nameOf(stanza))
    if (error === undefined) return this.#handle(unit, stanza)
    const bytes = encodeNode(stanza)
    const id = toHex(sha256(bytes))
    unit.put(QUARANTINE, `stanza/${id}`, bytes)
    unit.onCommit(() => {
      this.#options.state.reportUnreadable('stanza', id, error)
    })
    return Promise.resolve(answerMalformed(stanza))
  }

  /** A stanza that breaks the rules is refused by itself; a failing store is nobody's stanza's fault. */
  async #handle(unit: Unit, stanza: BinaryNode): Promise<readonly Answer[]> {
    const handler = HANDLERS.get(stanza.tag)
    try {
      return handler === undefined
        ? answerUnknown(stanza, this.#options.context)
        : await handler(unit, stanza, this.#options.context)
    } catch (error) {
      if (error instanceof StorageError) throw error
      this.#options.logger.warn(
        { tag: stanza.tag, code: errorCode(error), reason: describeError(error) },
        'a stanza was refused',
      )
      unit.discard()
      return answerMalformed(stanza)
    }
  }

  /** A stanza of the offline queue may be the one after which more of it is asked for. */
  #pull({ attrs }: BinaryNode, answers: readonly Answer[]): readonly Answer[] {
    const more = attrs.offline === undefined ? undefined : this.#options.context.offline.took()
    return more === undefined ? answers : [...answers, { kind: 'stanza', stanza: more }]
  }

  /** Answers of one commit go out with one write: commits run their actions in one go, so a microtask comes after all. */
  #answerLater(connection: Connection, answers: readonly Answer[]): void {
    if (this.#answering !== connection) this.#flush()
    this.#answers.push(...answers)
    if (this.#answering !== undefined) return
    this.#answering = connection
    queueMicrotask(() => {
      this.#flush()
    })
  }

  #flush(): void {
    const connection = this.#answering
    const answers = this.#answers
    this.#answering = undefined
    this.#answers = []
    seam('receive:answering')
    connection?.answer(answers)
    seam('receive:answered')
  }
}

/** More has arrived than is kept, although the server was told to wait. */
function behind(): StorageError {
  return new StorageError(
    'WATON_STORE_BEHIND',
    'the store takes in less than the server sends: nothing was lost, and what was not recorded is delivered again',
    { retryable: true },
  )
}

/** What a stanza is known by when it is delivered again. */
function nameOf({ tag, attrs }: BinaryNode): string {
  const { id = '', from = '', participant = '' } = attrs
  return toHex(sha256(utf8Bytes([tag, id, from, participant].join('\u0000'))))
}
