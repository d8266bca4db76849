/**
 * One connection to the server after the handshake: stanzas out, stanzas in, queries answered, the keepalive kept, and
 * exactly one end. What stanzas mean is decided above; why it ended is said in {@link ConnectionEnd}.
 */
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Logger } from '../../base/logger.ts'
import { uintFromBytes } from '../../base/bytes.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { printNode } from '../../protocol/binary/print.ts'
import type { IqQuery } from '../../protocol/stanza/iq.ts'
import type { Timing } from '../options.ts'
import { combineAnswers } from '../receive/answers.ts'
import type { Answer } from '../receive/answers.ts'
import { KeepAlive } from './keep-alive.ts'
import type { NodeStream } from './node-stream.ts'
import { QueryTable } from './queries.ts'

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly stream: NodeStream
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly timing: Timing
}

/** Why a connection ended. */
export interface ConnectionEnd {
  /** What broke it; absent when it was closed in good order. */
  readonly error?: unknown
}

/** See the file comment. */
export class Connection {
  readonly #stream: NodeStream
  readonly #options: ConnectionOptions
  readonly #queries: QueryTable
  readonly #keepAlive: KeepAlive
  readonly #ended = deferred<ConnectionEnd>()
  readonly #idPrefix: string
  #nextId = 0
  #isOpen = true

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#stream = options.stream
    const prefix = options.random.bytes(4)
    this.#idPrefix = `${String(uintFromBytes(prefix.subarray(0, 2)))}.${String(uintFromBytes(prefix.subarray(2)))}-`
    this.#queries = new QueryTable({
      clock: options.clock,
      send: (stanza) => {
        this.send(stanza)
      },
      nextId: () => this.nextId(),
    })
    this.#keepAlive = new KeepAlive({
      clock: options.clock,
      random: options.random,
      timing: options.timing,
      ping: (query, timeoutMs) => this.query(query, undefined, timeoutMs),
      onDead: (error) => {
        this.close(error)
      },
    })
  }

  /** Begins to take stanzas. Answers to queries are handled here; everything else goes to `onStanza` in arrival order. */
  start(onStanza: (stanza: BinaryNode) => void): void {
    this.#stream.onEnd = (error) => {
      this.#end(error)
    }
    // before the stanzas: one of those that wait may end the connection, and the keepalive with it
    this.#keepAlive.start()
    this.#stream.onBytes = () => {
      this.#keepAlive.heard()
    }
    this.#stream.onNode = (stanza) => {
      this.#traceStanza('in', stanza)
      const { type } = stanza.attrs
      if (stanza.tag === 'iq' && (type === 'result' || type === 'error') && this.#queries.answer(stanza))
        return
      // what declines a call is answered with an ack of its id
      if (stanza.tag === 'ack' && stanza.attrs.class === 'call' && this.#queries.answer(stanza)) return
      onStanza(stanza)
    }
  }

  /** Resolves once, when the connection is over. */
  get ended(): Promise<ConnectionEnd> {
    return this.#ended.promise
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A stanza id that this connection has not used. */
  nextId(): string {
    this.#nextId += 1
    return `${this.#idPrefix}${String(this.#nextId)}`
  }

  /** Sends stanzas with one write. @throws {ClosedError} `WATON_TRANSPORT_CLOSED` */
  send(...stanzas: readonly BinaryNode[]): void {
    for (const stanza of stanzas) this.#traceStanza('out', stanza)
    this.#stream.send(...stanzas)
    for (const stanza of stanzas) this.#keepAlive.sent(stanza)
  }

  /** Sends answers, aggregated. An answer to a stanza of a connection that is gone is dropped: the server asks again. */
  answer(answers: readonly Answer[]): void {
    if (!this.#isOpen || answers.length === 0) return
    try {
      this.send(...combineAnswers(answers))
    } catch (error) {
      // the socket is closing already, or cannot take this: what was not answered is delivered again
      this.close(error)
    }
  }

  /** Asks a typed question; see `QueryTable.ask` for the errors. */
  query<Input, Output>(query: IqQuery<Input, Output>, input: Input, timeoutMs?: number): Promise<Output> {
    return this.#queries.ask(query, input, timeoutMs ?? this.#options.timing.queryTimeoutMs)
  }

  /** Asks with a raw `<iq>`, or something else that is answered by its id, and resolves with the raw answer. */
  exchange(question: BinaryNode): Promise<BinaryNode> {
    return this.#queries.exchange(
      question.attrs.xmlns ?? question.tag,
      question,
      this.#options.timing.queryTimeoutMs,
    )
  }

  /** Says goodbye and closes. Idempotent. */
  closeInOrder(): void {
    if (!this.#isOpen) return
    this.#stream.close()
  }

  /** Ends the connection because of an error. Idempotent. */
  close(error?: unknown): void {
    this.#stream.close(error)
  }

  /** Holds the server back until {@link resume}: the receive stage is full. */
  pause(): void {
    this.#keepAlive.hold()
    this.#stream.pause()
  }

  resume(): void {
    this.#keepAlive.release()
    this.#stream.resume()
  }

  /** The shape of a stanza without its bytes; made only for somebody who reads it. */
  #traceStanza(direction: 'in' | 'out', stanza: BinaryNode): void {
    const { logger } = this.#options
    if (logger.isLevelEnabled?.('trace') === false) return
    logger.trace({ direction, stanza: printNode(stanza, { maxBytes: 0 }) }, 'stanza')
  }

  #end(error: unknown): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#keepAlive.stop()
    this.#queries.end(error)
    this.#ended.resolve(error === undefined ? {} : { error })
  }
}
