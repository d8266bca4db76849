/**
 * The calling thread's side of a backup: looks whether the copy may have the name that it shall get, and has a thread
 * make it (`copy.ts`).
 */
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { toHex } from '../../base/bytes.ts'
import { deferred } from '../../base/deferred.ts'
import { UsageError } from '../../base/errors.ts'
import { systemRandom } from '../../base/random.ts'
import type { BackupRequest } from '../contract/store.ts'
import type { CopyOutcome } from './copy-worker.ts'
import type { CopyRequest } from './copy.ts'
import { copyFailure, failureFrom } from './failures.ts'
import { textToColumn } from './text-column.ts'
import { threadArguments, threadUrl } from './threads.ts'
import { fileIdentity, realPath } from './writer-file.ts'

/** The store that is copied. */
export interface BackupSource {
  readonly path: string
  readonly busyTimeoutMs: number
}

/**
 * Makes the copy; see `Store.backup`.
 *
 * @throws {UsageError} `WATON_BACKUP_PATH`, `WATON_BACKUP_EXISTS`
 * @throws {StorageError} `WATON_BACKUP_FAILED`
 */
export async function backUp(source: BackupSource, path: string, request: BackupRequest): Promise<void> {
  const target = freeTarget(source.path, path, request.overwrite === true)
  const { kind, key, at, value } = request.stamp
  const copy: CopyRequest = {
    source: source.path,
    target,
    draft: join(dirname(target), `.${basename(target)}.${toHex(systemRandom.bytes(6))}.partial`),
    overwrite: request.overwrite === true,
    busyTimeoutMs: source.busyTimeoutMs,
    stamp: { kind: textToColumn(kind), key: textToColumn(key), at, value },
  }
  await runThread(copy)
}

function freeTarget(source: string, path: string, overwrite: boolean): string {
  if (path.trim() === '' || path === ':memory:' || path.includes('\0')) {
    throw new UsageError(
      'WATON_BACKUP_PATH',
      `${JSON.stringify(path)} is not the path of a file: say where the copy shall be, e.g. 'copy.db'`,
    )
  }
  const target = realPath(resolve(path))
  const isSource = target === realPath(source) || fileIdentity(target) === fileIdentity(source)
  if (isSource) {
    throw new UsageError(
      'WATON_BACKUP_PATH',
      `${target} is the store itself: give the copy a path of its own`,
      {
        details: { path: target },
      },
    )
  }
  // the log of a store would be taken for the log of the copy
  if (existsSync(`${target}-wal`) || existsSync(`${target}-shm`)) throw inUse(target)
  if (!overwrite && existsSync(target)) throw existing(target)
  return target
}

/** One copy, one thread: copies are rare. It keeps the process alive until the copy is whole. */
async function runThread(copy: CopyRequest): Promise<void> {
  const ended = deferred<CopyOutcome | undefined>()
  const worker = new Worker(threadUrl('copy-worker'), {
    name: 'waton-sqlite-copy',
    execArgv: threadArguments(),
    workerData: copy,
  })
  worker.on('message', (outcome: CopyOutcome) => {
    ended.resolve(outcome)
  })
  worker.on('error', (error) => {
    ended.reject(copyFailure(copy.target, error))
  })
  worker.on('exit', () => {
    ended.resolve(undefined)
  })
  const outcome = await ended.promise
  if (outcome === undefined) throw copyFailure(copy.target, undefined)
  if (outcome.failure === undefined) return
  const failure = failureFrom(outcome.failure)
  // somebody made a file of that name while the copy was made
  throw failure.details.errno === 'EEXIST' ? existing(copy.target) : failure
}

function existing(path: string): UsageError {
  return new UsageError(
    'WATON_BACKUP_EXISTS',
    `${path} exists and was left as it is: choose another name, or pass { overwrite: true } to replace it`,
    { details: { path } },
  )
}

function inUse(path: string): UsageError {
  return new UsageError(
    'WATON_BACKUP_EXISTS',
    `there is a store at ${path} that is open or was not closed (its -wal or -shm file is there): choose another name`,
    { details: { path } },
  )
}
