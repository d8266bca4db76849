/**
 * The calling thread's side of the writer thread: starts it with the first store, matches answers to requests, and
 * ends it with the last store. While nothing is under way it does not keep the process alive.
 */
import { Worker } from 'node:worker_threads'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { StorageError } from '../../base/errors.ts'
import { failureFrom } from './failures.ts'
import { Gate } from './gate.ts'
import type { NumberedRequest, WriterAnswer, WriterRequest, WriterSetup, WriterValue } from './messages.ts'
import { threadArguments, threadUrl } from './threads.ts'

/** More requests than this at once mean that nobody waits for answers; memory would grow without an end. */
const PENDING_LIMIT = 4096

/** How long the end of the process waits for a commit under way. */
const EXIT_WAIT_MS = 5000

let current: Writer | undefined

/** The process's writer, started when there is none. Give it back with {@link Writer.release}. */
export function acquireWriter(): Writer {
  if (current === undefined || current.hasEnded) current = new Writer()
  current.retain()
  return current
}

/** See the file comment. */
export class Writer {
  readonly #worker: Worker
  readonly #pending = new Map<number, Deferred<WriterValue>>()
  #users = 0
  #lastId = 0
  #hasAnswered = false
  #end: { readonly cause: unknown } | undefined
  readonly #ended = deferred<undefined>()
  readonly #gate = new Gate()
  readonly #stopAtExit = (): void => {
    this.#gate.stop(EXIT_WAIT_MS)
  }

  constructor() {
    const workerData: WriterSetup = { gate: this.#gate.memory }
    const execArgv = threadArguments()
    this.#worker = new Worker(threadUrl('worker'), { name: 'waton-sqlite-writer', execArgv, workerData })
    this.#worker.unref()
    process.on('exit', this.#stopAtExit)
    this.#worker.on('message', (answer: WriterAnswer) => {
      this.#settle(answer)
    })
    this.#worker.on('error', (error) => {
      this.#fail(error)
    })
    this.#worker.on('exit', () => {
      this.#fail(undefined)
      process.off('exit', this.#stopAtExit)
      this.#ended.resolve(undefined)
    })
  }

  /** Whether the thread is gone: nothing can be asked of it any more. */
  get hasEnded(): boolean {
    return this.#end !== undefined
  }

  /** Counts one more store. */
  retain(): void {
    this.#users++
  }

  /** Counts one store less; ends the thread with the last one. */
  async release(): Promise<void> {
    this.#users--
    if (this.#users > 0) return
    if (current === this) current = undefined
    await this.end()
  }

  /**
   * Ends the thread behind everything asked of it so far, and resolves when it is gone. What is asked later is refused
   * with `WATON_STORE_INTERRUPTED`, as after a crash of the thread.
   */
  async end(): Promise<void> {
    if (this.#end === undefined) {
      this.#worker.ref()
      this.#worker.postMessage({ id: 0, request: { kind: 'end' } } satisfies NumberedRequest)
    }
    await this.#ended.promise
  }

  /**
   * Asks the writer and waits for its answer.
   *
   * @throws {StorageError} the writer's refusal; `WATON_STORE_INTERRUPTED` when the thread ended before it answered
   */
  request(request: WriterRequest, transfer: readonly ArrayBuffer[] = []): Promise<WriterValue> {
    if (this.#end !== undefined) return Promise.reject(interruptedFailure(this.#end.cause))
    if (this.#pending.size >= PENDING_LIMIT) return Promise.reject(busyFailure())
    const id = ++this.#lastId
    const answer = deferred<WriterValue>()
    if (this.#pending.size === 0) this.#worker.ref()
    this.#pending.set(id, answer)
    const message: NumberedRequest = { id, request }
    this.#worker.postMessage(message, transfer)
    return answer.promise
  }

  #settle(answer: WriterAnswer): void {
    this.#hasAnswered = true
    const waiting = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if ('failure' in answer) waiting?.reject(failureFrom(answer.failure))
    else waiting?.resolve(answer.value)
  }

  #fail(cause: unknown): void {
    this.#end ??= { cause }
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    const failure = this.#hasAnswered ? interruptedFailure(cause) : startFailure(cause)
    for (const one of waiting) one.reject(failure)
  }
}

function interruptedFailure(cause: unknown): StorageError {
  return new StorageError(
    'WATON_STORE_INTERRUPTED',
    'the writer thread ended before it answered, so a commit under way may or may not be written: open the store again and read',
    { action: 'reopen', ...(cause === undefined ? {} : { cause }) },
  )
}

function startFailure(cause: unknown): StorageError {
  return new StorageError(
    'WATON_STORE_WORKER',
    `the writer thread could not start from ${threadUrl('worker').href}: run \`npm run build\` in a checkout of waton, and keep waton/sqlite out of bundles`,
    { action: 'fix-call', ...(cause === undefined ? {} : { cause }) },
  )
}

function busyFailure(): StorageError {
  return new StorageError(
    'WATON_STORE_BUSY',
    `${String(PENDING_LIMIT)} requests wait for the writer already: wait for commits before making more`,
    { retryable: true },
  )
}
