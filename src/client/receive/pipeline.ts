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
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex, utf8Bytes } from '../../base/bytes.ts'
import { StorageError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import type { Connection } from '../connection/connection.ts'
import { isAtFault } from '../state/account-state.ts'
import type { AccountState } from '../state/account-state.ts'
import { QUARANTINE } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Answer } from './answers.ts'
import type { ReceiveContext } from './context.ts'
import { HANDLERS, answerMalformed, answerUnknown } from './handlers.ts'

/** Stanzas waiting before the server is held back, and when it may go on. */
const HIGH_WATER = 2048
const LOW_WATER = 512

/** Stanzas remembered whose changes no store takes. */
const MAX_UNSTORABLE = 256

interface Arrival {
  readonly connection: Connection
  readonly stanza: BinaryNode
}

/** What the pipeline works with. */
export interface ReceivePipelineOptions {
  readonly state: AccountState
  readonly context: ReceiveContext
  readonly logger: Logger
}

/** See the file comment. */
export class ReceivePipeline {
  readonly #options: ReceivePipelineOptions
  #arrivals: Arrival[] = []
  #isRunning = false
  #paused: Connection | undefined
  #answers: Answer[] = []
  #answering: Connection | undefined
  /** Why, by stanza: each would cost the connection whenever it is delivered. */
  readonly #unstorable = new BoundedMap<string, StorageError>(MAX_UNSTORABLE)

  constructor(options: ReceivePipelineOptions) {
    this.#options = options
  }

  /** Takes a stanza. */
  accept(connection: Connection, stanza: BinaryNode): void {
    this.#arrivals.push({ connection, stanza })
    if (this.#arrivals.length >= HIGH_WATER && this.#paused === undefined) {
      this.#paused = connection
      connection.pause()
    }
    if (!this.#isRunning) void this.#run()
  }

  /** The connection is gone: what it delivered and was not processed comes again. */
  forget(connection: Connection): void {
    this.#arrivals = this.#arrivals.filter((arrival) => arrival.connection !== connection)
    if (this.#paused === connection) this.#paused = undefined
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let arrival = this.#next(); arrival !== undefined; arrival = this.#next()) {
      await this.#process(arrival)
    }
    this.#isRunning = false
  }

  #next(): Arrival | undefined {
    const arrival = this.#arrivals.shift()
    if (this.#paused !== undefined && this.#arrivals.length <= LOW_WATER) {
      this.#paused.resume()
      this.#paused = undefined
    }
    return arrival
  }

  async #process({ connection, stanza }: Arrival): Promise<void> {
    const { state, logger } = this.#options
    try {
      const staged = await state.transact(async (unit) => {
        // what came before it may be lost, and it comes again behind that
        if (!connection.isOpen) return
        const answers = this.#pull(stanza, await this.#take(unit, stanza))
        if (answers.length > 0)
          unit.onCommit(() => {
            this.#answerLater(connection, answers)
          })
      })
      staged.committed.catch((error: unknown) => {
        // the connection ends with the failed commit, and the server delivers the stanza again
        if (isAtFault(error)) this.#unstorable.set(nameOf(stanza), error)
      })
    } catch (error) {
      logger.error(
        { tag: stanza.tag, code: errorCode(error), reason: describeError(error) },
        'a stanza could not be processed',
      )
      // it was neither recorded nor answered: end the connection, so that it is delivered again
      connection.close(error)
    }
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
    connection?.answer(answers)
  }
}

/** What a stanza is known by when it is delivered again. */
function nameOf({ tag, attrs }: BinaryNode): string {
  const { id = '', from = '', participant = '' } = attrs
  return toHex(sha256(utf8Bytes([tag, id, from, participant].join('\u0000'))))
}
