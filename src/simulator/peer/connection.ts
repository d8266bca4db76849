/**
 * The phone's connection: one in-memory link, questions with their answers, messages with their acks, and everything
 * else in the order it came. It comes back by itself when the server drops it and repeats what was not answered
 * unchanged, as a phone does. What stanzas mean is decided elsewhere.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import {
  ClosedError,
  ProtocolError,
  QueryError,
  TimeoutError,
  describeError,
  errorCode,
} from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { childrenOf, node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { DeviceLink, PrimaryServices } from '../link.ts'
import { readIqError } from './answers.ts'

/** Something that the server should not have sent or done; tests read these. */
export interface PhoneProblem {
  readonly code: string
  readonly message: string
  /** Tag of the stanza. */
  readonly tag: string
  /** Its `id`, when it had one. */
  readonly id?: string
}

/** What a {@link Connection} is built from. */
export interface ConnectionOptions {
  readonly services: PrimaryServices
  readonly clock: Clock
  readonly logger: Logger
  /** Starts the ids of questions; must differ between connections that share a log. */
  readonly idPrefix: string
  /** Wait for one answer or ack. @default 20,000 */
  readonly answerTimeoutMs: number
  /** Gets every stanza that is not an answer, one at a time, in order. */
  readonly onNode: (stanza: BinaryNode) => void
  /** Called after each successful attach but the first. */
  readonly onReattached: () => void
}

interface Waiting {
  readonly result: Deferred<BinaryNode>
  readonly timer: Timer
  readonly stanza: BinaryNode
}

/** Answers waited for at once; a phone asks a handful. */
const MAX_WAITING = 1_000
const MAX_PROBLEMS = 200
const MAX_INBOUND = 50_000
const REATTACH_DELAYS_MS: readonly number[] = [100, 500, 1_000, 2_000, 4_000]

/** See the file comment. */
export class Connection {
  readonly problems: PhoneProblem[] = []
  readonly #options: ConnectionOptions
  readonly #questions = new Map<string, Waiting>()
  readonly #unacked = new Map<string, Waiting>()
  readonly #inbound: BinaryNode[] = []
  #link: DeviceLink | undefined
  #generation = 0
  #draining = false
  #closed = false
  #offline = false
  #nextQuestion = 1
  #reattachTimer: Timer | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Whether stanzas can be sent now. */
  get isOnline(): boolean {
    return this.#link !== undefined
  }

  /** Opens the link for the first time and returns the device JID that the server gave it. */
  open(): string {
    return this.#attach().jid
  }

  /** Sends without waiting. Without a link it is dropped: what it answers will be delivered again. */
  send(stanza: BinaryNode): void {
    this.#link?.send(stanza)
  }

  /** Asks a question. @throws {QueryError} `WATON_PHONE_QUERY_REFUSED` @throws {TimeoutError} `WATON_PHONE_NO_ANSWER` */
  async request(question: BinaryNode): Promise<BinaryNode> {
    const id = `${this.#options.idPrefix}-${String(this.#nextQuestion++)}`
    const stanza = { ...question, attrs: { ...question.attrs, id } }
    const answer = await this.#await(this.#questions, id, stanza)
    if (answer.attrs['type'] === 'result') return answer
    const { code, text } = readIqError(answer)
    throw new QueryError(
      'WATON_PHONE_QUERY_REFUSED',
      `the server refused a query of the phone with ${String(code)} ${text}`,
      {
        details: { code, text, xmlns: question.attrs['xmlns'] },
      },
    )
  }

  /** Sends a message and waits for the server's ack. @throws {QueryError} `WATON_PHONE_SEND_REFUSED` with the code */
  async sendMessage(stanza: BinaryNode): Promise<void> {
    const id = stanza.attrs['id'] ?? ''
    const ack = await this.#await(this.#unacked, id, stanza)
    const error = ack.attrs['error']
    if (error === undefined) return
    throw new QueryError('WATON_PHONE_SEND_REFUSED', `the server refused message ${id} with error ${error}`, {
      details: { id, error },
    })
  }

  /** Drops the link and stays away until {@link goOnline}. */
  goOffline(): void {
    this.#offline = true
    this.#drop()
  }

  /** Comes back after {@link goOffline}. */
  goOnline(): void {
    if (this.#closed || this.#link !== undefined) return
    this.#offline = false
    this.#reattach(0)
  }

  /** Ends everything; waiting calls fail with `WATON_PHONE_CLOSED`. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#drop()
    this.#fail(this.#questions)
    this.#fail(this.#unacked)
  }

  /** Remembers something that should not have happened. */
  report(error: unknown, stanza: BinaryNode): void {
    const id = stanza.attrs['id']
    const problem = {
      code: errorCode(error) ?? 'WATON_PHONE_BUG',
      message: describeError(error),
      tag: stanza.tag,
    }
    this.problems.push(id === undefined ? problem : { ...problem, id })
    if (this.problems.length > MAX_PROBLEMS) this.problems.shift()
    this.#options.logger.warn({ code: problem.code, tag: stanza.tag, id }, 'phone could not use a stanza')
  }

  #attach(): DeviceLink {
    const generation = ++this.#generation
    const link = this.#options.services.attach({
      onNode: (stanza) => {
        if (generation === this.#generation) this.#receive(stanza)
      },
      onClose: () => {
        if (generation === this.#generation) this.#lost()
      },
    })
    this.#link = link
    return link
  }

  #drop(): void {
    this.#reattachTimer?.cancel()
    this.#generation += 1
    const link = this.#link
    this.#link = undefined
    link?.close()
  }

  #lost(): void {
    this.#link = undefined
    if (!this.#closed && !this.#offline) this.#scheduleReattach(0)
  }

  #scheduleReattach(attempt: number): void {
    const delayMs = REATTACH_DELAYS_MS[attempt]
    if (delayMs === undefined) {
      this.#options.logger.warn({}, 'phone gave up coming back; goOnline() tries again')
      return
    }
    this.#reattachTimer = this.#options.clock.schedule(delayMs, () => {
      this.#reattach(attempt + 1)
    })
  }

  #reattach(attempt: number): void {
    if (this.#closed || this.#offline) return
    try {
      this.#attach()
    } catch (error) {
      this.#options.logger.debug({ code: errorCode(error) }, 'phone could not come back yet')
      this.#scheduleReattach(attempt)
      return
    }
    this.#options.onReattached()
    for (const { stanza } of [...this.#questions.values(), ...this.#unacked.values()]) this.send(stanza)
  }

  #await(waiting: Map<string, Waiting>, id: string, stanza: BinaryNode): Promise<BinaryNode> {
    if (this.#closed || waiting.size >= MAX_WAITING || waiting.has(id)) {
      const why = this.#closed
        ? 'it is closed'
        : waiting.has(id)
          ? 'this id waits already'
          : 'too many calls wait already'
      return Promise.reject(new ClosedError('WATON_PHONE_CLOSED', `the simulated phone cannot send: ${why}`))
    }
    const result = deferred<BinaryNode>()
    const timer = this.#options.clock.schedule(this.#options.answerTimeoutMs, () => {
      waiting.delete(id)
      const code = 'WATON_PHONE_NO_ANSWER'
      const text = `the server did not answer <${stanza.tag}> ${id} of the phone within ${String(this.#options.answerTimeoutMs)} ms`
      result.reject(new TimeoutError(code, text, { details: { id, tag: stanza.tag }, retryable: true }))
    })
    // Registered before sending: an in-memory server may answer inside send(). Without a link it waits for the next.
    waiting.set(id, { result, timer, stanza })
    try {
      this.send(stanza)
    } catch (error) {
      timer.cancel()
      waiting.delete(id)
      result.reject(error)
    }
    return result.promise
  }

  #fail(waiting: Map<string, Waiting>): void {
    for (const { result, timer } of waiting.values()) {
      timer.cancel()
      result.reject(
        new ClosedError(
          'WATON_PHONE_CLOSED',
          'the connection of the simulated phone ended before the answer came',
        ),
      )
    }
    waiting.clear()
  }

  #receive(stanza: BinaryNode): void {
    if (this.#inbound.length >= MAX_INBOUND) {
      this.report(
        new ClosedError('WATON_PHONE_OVERRUN', 'the phone was sent more stanzas at once than it can hold'),
        stanza,
      )
      return
    }
    this.#inbound.push(stanza)
    if (this.#draining) return
    this.#draining = true
    try {
      for (let next = this.#inbound.shift(); next !== undefined; next = this.#inbound.shift())
        this.#handle(next)
    } finally {
      this.#draining = false
    }
  }

  #handle(stanza: BinaryNode): void {
    const { id, type, xmlns } = stanza.attrs
    try {
      if (stanza.tag === 'iq' && (type === 'result' || type === 'error'))
        this.#settle(this.#questions, id, stanza)
      else if (stanza.tag === 'ack' && stanza.attrs['class'] === 'message')
        this.#settle(this.#unacked, id, stanza)
      else if (stanza.tag === 'iq' && xmlns === 'urn:xmpp:ping') {
        this.send(node('iq', { id, to: stanza.attrs['from'], type: 'result' }))
      } else if (stanza.tag === 'stream:error') this.#streamError(stanza)
      else this.#options.onNode(stanza)
    } catch (error) {
      this.report(error, stanza)
    }
  }

  #streamError(stanza: BinaryNode): void {
    const [reason] = childrenOf(stanza)
    const text = `the server ended the phone's connection: ${reason?.tag ?? stanza.attrs['code'] ?? 'no reason given'}`
    this.report(new ProtocolError('WATON_PHONE_STREAM_ERROR', text), stanza)
    // Another connection of this phone took over: coming back would take over from it again, for ever.
    if (reason?.tag === 'conflict') this.#offline = true
  }

  #settle(waiting: Map<string, Waiting>, id: string | undefined, stanza: BinaryNode): void {
    const found = id === undefined ? undefined : waiting.get(id)
    if (found === undefined || id === undefined) return
    waiting.delete(id)
    found.timer.cancel()
    found.result.resolve(stanza)
  }
}
