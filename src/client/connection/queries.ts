/**
 * Queries under way on one connection: each answer finds its question by id, each question has a deadline, and when
 * the connection ends every open question learns of it. No query ever resolves to nothing.
 */
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import { ClosedError, ProtocolError, QueryError, TimeoutError } from '../../base/errors.ts'
import { childOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { IqQuery } from '../../protocol/stanza/iq.ts'

/** Questions under way at most: a runaway loop fails instead of filling memory. */
const MAX_OPEN_QUERIES = 1024

interface OpenQuery {
  readonly name: string
  readonly settle: (answer: BinaryNode) => void
  readonly fail: (error: unknown) => void
}

/** What a {@link QueryTable} needs of its connection. */
export interface QueryTableOptions {
  readonly clock: Clock
  readonly send: (stanza: BinaryNode) => void
  /** A fresh stanza id. */
  readonly nextId: () => string
}

/** See the file comment. */
export class QueryTable {
  readonly #options: QueryTableOptions
  readonly #open = new Map<string, OpenQuery>()
  #ended: ClosedError | undefined

  constructor(options: QueryTableOptions) {
    this.#options = options
  }

  /** How many questions wait for an answer. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Asks, and resolves with the parsed answer.
   *
   * @throws {QueryError} `WATON_QUERY_REFUSED` with the server's code, text and back-off
   * @throws {TimeoutError} `WATON_QUERY_TIMEOUT`
   * @throws {ClosedError} `WATON_QUERY_DISCONNECTED` when the connection ended first
   */
  async ask<Input, Output>(query: IqQuery<Input, Output>, input: Input, timeoutMs: number): Promise<Output> {
    const answer = await this.exchange(query.name, query.build(input), timeoutMs)
    return query.parse(answer, input)
  }

  /** Sends a complete `<iq>` (its id is added) and resolves with the raw answer; errors as in {@link ask}. */
  async exchange(name: string, question: BinaryNode, timeoutMs: number): Promise<BinaryNode> {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#open.size >= MAX_OPEN_QUERIES) {
      throw new QueryError(
        'WATON_QUERY_OVERLOAD',
        'too many queries wait for an answer; slow down and try again',
        {
          details: { open: this.#open.size },
          retryable: true,
        },
      )
    }
    const id = question.attrs.id ?? this.#options.nextId()
    const waiting = deferred<BinaryNode>()
    // sending may end the connection, and so this question, and throw as well: then nobody awaits the promise
    waiting.promise.catch(ignore)
    const timer = this.#options.clock.schedule(timeoutMs, () => {
      waiting.reject(timedOut(name, timeoutMs))
    })
    this.#open.set(id, { name, settle: waiting.resolve, fail: waiting.reject })
    try {
      this.#options.send({ ...question, attrs: { id, ...question.attrs } })
      const answer = await waiting.promise
      if (answer.attrs.type === 'error') throw refused(name, answer)
      return answer
    } finally {
      timer.cancel()
      this.#open.delete(id)
    }
  }

  /** Hands in an `<iq>` of type result or error; false when nobody asked. */
  answer(stanza: BinaryNode): boolean {
    const id = stanza.attrs.id
    const query = id === undefined ? undefined : this.#open.get(id)
    query?.settle(stanza)
    return query !== undefined
  }

  /** The connection is over: every open question fails, and so does every later one. */
  end(cause?: unknown): void {
    this.#ended ??= new ClosedError(
      'WATON_QUERY_DISCONNECTED',
      'the connection ended before the server answered',
      {
        retryable: true,
        ...(cause === undefined ? {} : { cause }),
      },
    )
    for (const query of this.#open.values()) query.fail(this.#ended)
  }
}

function ignore(): void {
  // told to whoever awaits it
}

function timedOut(name: string, timeoutMs: number): TimeoutError {
  return new TimeoutError(
    'WATON_QUERY_TIMEOUT',
    `the server did not answer ${name} in time; the connection may be dying`,
    {
      details: { query: name, timeoutMs },
      retryable: true,
    },
  )
}

function refused(name: string, answer: BinaryNode): QueryError {
  const error = childOf(answer, 'error')
  const serverCode = Number(error?.attrs.code ?? 0)
  if (!Number.isInteger(serverCode)) {
    throw new ProtocolError(
      'WATON_STANZA_NUMBER',
      'the server refused a query with a code that is not a number',
      {
        details: { query: name },
      },
    )
  }
  const backoffSeconds = Number(error?.attrs.backoff)
  return new QueryError('WATON_QUERY_REFUSED', `the server refused ${name}`, {
    details: {
      query: name,
      serverCode,
      serverText: error?.attrs.text,
      ...(Number.isFinite(backoffSeconds) ? { backoffSeconds } : {}),
    },
    retryable: serverCode >= 500 || serverCode === 429,
  })
}
