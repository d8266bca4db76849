/**
 * The writer thread: the one place of a process that writes to SQLite files. It takes requests in order, lets commits
 * of one file that wait at the same moment share a transaction, and never dies of a request that fails.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { StorageError } from '../../base/errors.ts'
import { closedFailure } from '../contract/failures.ts'
import { loadDriver } from './driver.ts'
import type { SqlDriver } from './driver.ts'
import { openFailure, plainFailure, writeFailure } from './failures.ts'
import { Gate } from './gate.ts'
import type { NumberedRequest, WriterAnswer, WriterRequest, WriterSetup, WriterValue } from './messages.ts'
import { fileIdentity, realPath, WriterFile } from './writer-file.ts'
import type { PendingCommit } from './writer-file.ts'

/** Commits that may share a transaction: enough to hide the cost of one flush, few enough to keep it short. */
const GROUP_LIMIT = 64

type CommitRequest = Extract<WriterRequest, { readonly kind: 'commit' }>

class Writer {
  readonly #driver: SqlDriver
  readonly #port: MessagePort
  readonly #gate: Gate
  /** Open files by the number that each store got for it. */
  readonly #handles = new Map<number, WriterFile>()
  readonly #files = new Map<string, WriterFile>()
  readonly #waiting = new Map<WriterFile, (PendingCommit & { readonly id: number })[]>()
  #lastHandle = 0

  constructor(driver: SqlDriver, port: MessagePort, gate: Gate) {
    this.#driver = driver
    this.#port = port
    this.#gate = gate
  }

  /** Handles one request and all others that have arrived meanwhile. */
  receive(first: NumberedRequest): void {
    if (!this.#gate.enter()) return
    try {
      let next: NumberedRequest | undefined = first
      while (next !== undefined && !this.#gate.isStopped) {
        this.#accept(next)
        next = receiveMessageOnPort(this.#port)?.message as NumberedRequest | undefined
      }
      this.#commitWaiting()
    } finally {
      this.#gate.leave()
    }
  }

  #accept({ id, request }: NumberedRequest): void {
    if (request.kind === 'commit') {
      this.#queue(id, request)
      return
    }
    this.#commitWaiting()
    if (request.kind === 'end') {
      // Without an open port the thread has nothing to wait for and ends; what arrives later is never read.
      this.#port.close()
      return
    }
    try {
      this.#answer({ id, value: this.#perform(request) })
    } catch (error) {
      this.#refuse(id, error)
    }
  }

  #queue(id: number, { file, account, epoch, changes }: CommitRequest): void {
    const target = this.#handles.get(file)
    if (target === undefined) {
      this.#refuse(id, closedFailure())
      return
    }
    const group = this.#waiting.get(target) ?? []
    this.#waiting.set(target, group)
    group.push({ id, account, epoch, changes })
    if (group.length >= GROUP_LIMIT) this.#commitGroup(target)
  }

  #commitWaiting(): void {
    for (const file of [...this.#waiting.keys()]) this.#commitGroup(file)
  }

  #commitGroup(file: WriterFile): void {
    const group = this.#waiting.get(file) ?? []
    this.#waiting.delete(file)
    const outcomes = file.commit(group)
    group.forEach(({ id }, index) => {
      const failure = outcomes[index]
      if (failure === undefined) this.#answer({ id, value: undefined })
      else this.#refuse(id, failure)
    })
  }

  #perform(request: Exclude<WriterRequest, { readonly kind: 'commit' | 'end' }>): WriterValue {
    if (request.kind === 'open') return this.#open(request)
    const file = this.#handles.get(request.file)
    if (file === undefined) throw closedFailure()
    switch (request.kind) {
      case 'claim':
        return file.claim({ ...request, holder: request.file })
      case 'renew':
        file.renew(request.account, request.epoch, request.expiresAtMs)
        return undefined
      case 'release':
        file.release(request.account, request.epoch)
        return undefined
      case 'facts':
        return file.facts()
      case 'close':
        this.#close(request.file, file)
        return undefined
    }
  }

  #open({ path: named, options }: Extract<WriterRequest, { readonly kind: 'open' }>): number {
    const path = realPath(named)
    const known = fileIdentity(path)
    let file = known === undefined ? undefined : this.#files.get(known)
    if (file === undefined) {
      file = new WriterFile(this.#driver, path, options)
      this.#files.set(file.identity, file)
    }
    file.attach(options.durability)
    this.#handles.set(++this.#lastHandle, file)
    return this.#lastHandle
  }

  #close(handle: number, file: WriterFile): void {
    this.#handles.delete(handle)
    try {
      file.detach(handle)
    } finally {
      if (file.isClosed) this.#files.delete(file.identity)
    }
  }

  #answer(answer: WriterAnswer): void {
    this.#port.postMessage(answer)
  }

  #refuse(id: number, error: unknown): void {
    const failure = error instanceof StorageError ? error : writeFailure('the store', error)
    this.#answer({ id, failure: plainFailure(failure) })
  }
}

async function main(port: MessagePort, gate: Gate): Promise<void> {
  // Requests that arrive before the driver is loaded wait in the port.
  if (!gate.enter()) return
  try {
    const writer = new Writer(await loadDriver(), port, gate)
    port.on('message', (request: NumberedRequest) => {
      writer.receive(request)
    })
  } catch (error) {
    const failure = plainFailure(openFailure('the store', error))
    port.on('message', ({ id, request }: NumberedRequest) => {
      if (request.kind === 'end') port.close()
      else port.postMessage({ id, failure } satisfies WriterAnswer)
    })
  } finally {
    gate.leave()
  }
}

if (parentPort !== null) void main(parentPort, new Gate((workerData as WriterSetup).gate))
