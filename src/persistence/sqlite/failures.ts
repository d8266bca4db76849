/** What SQLite reports, as the `StorageError` that callers can act on. The numbers are SQLite's primary result codes. */
import { StorageError, WatonError } from '../../base/errors.ts'
import type { ErrorAction, ErrorDetails } from '../../base/errors.ts'

/** SQLite's primary result codes. @source https://www.sqlite.org/rescode.html */
export const RESULT = {
  busy: 5,
  readOnly: 8,
  corrupt: 11,
  tooBig: 18,
  constraint: 19,
  notADatabase: 26,
} as const

/** The primary result code of a driver's error, or `undefined` when it did not come from SQLite. */
export function resultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

/** The file is not a waton store. It was not changed. */
export function foreignFailure(path: string, what: string): StorageError {
  return new StorageError(
    'WATON_STORE_FOREIGN',
    `${path} ${what}; it was left as it is: give the store a path of its own`,
    {
      details: { path },
    },
  )
}

/** The file was a waton store and cannot be read any more. It was not changed. */
export function corruptFailure(path: string, cause: unknown): StorageError {
  return new StorageError(
    'WATON_STORE_CORRUPT',
    `${path} is damaged and was left as it is: move it away and put a backup in its place, or try ` +
      '`sqlite3 FILE .recover` on a copy; a new file means pairing again',
    { details: { path }, cause },
  )
}

/** The file was written by a newer waton. It was not changed. */
export function newerFailure(path: string, found: number, known: number): StorageError {
  return new StorageError(
    'WATON_STORE_NEWER',
    `${path} has schema version ${String(found)} and this waton knows ${String(known)}; it was left as it is: ` +
      'upgrade waton, or open a backup from before the upgrade',
    { details: { path, found, known }, action: 'upgrade' },
  )
}

/** The file could not be opened or created. */
export function openFailure(path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause
  const code = resultCode(cause)
  if (code === RESULT.corrupt || code === RESULT.notADatabase) return corruptFailure(path, cause)
  return new StorageError(
    'WATON_STORE_OPEN',
    `${path} could not be opened: check that its folder exists and that this user may read and write there`,
    { details: { path, ...sqliteDetails(cause) }, cause, retryable: code === RESULT.busy },
  )
}

/** A commit, claim or renewal failed below the contract: nothing was written. */
export function writeFailure(path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause
  const code = resultCode(cause)
  if (code === RESULT.corrupt || code === RESULT.notADatabase) return corruptFailure(path, cause)
  const details = { path, ...sqliteDetails(cause) }
  if (isBadRow(cause, code)) {
    const message = 'a change of the commit is not a row of the contract: nothing was written'
    return new StorageError('WATON_STORE_ROW', message, { details, cause, action: 'fix-call' })
  }
  return new StorageError(
    'WATON_STORE_WRITE',
    `${path} could not be written, so nothing of the commit was: check disk space and permissions, then try again`,
    { details, cause, retryable: code !== RESULT.tooBig },
  )
}

/** A column that is not what the contract says: `NULL` for a number that is none, or a value that cannot be bound. */
function isBadRow(cause: unknown, code: number | undefined): boolean {
  return code === RESULT.constraint || cause instanceof TypeError
}

/** The file system cannot hold a write-ahead log. */
export function noSharedMemoryFailure(path: string): StorageError {
  return new StorageError(
    'WATON_STORE_OPEN',
    `${path} is on a file system without shared memory (a network drive?), which a write-ahead log needs: move it to a local disk`,
    { details: { path } },
  )
}

/** A read failed. */
export function readFailure(path: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause
  const code = resultCode(cause)
  if (code === RESULT.corrupt || code === RESULT.notADatabase) return corruptFailure(path, cause)
  return new StorageError('WATON_STORE_READ', `${path} could not be read: try again`, {
    details: { path, ...sqliteDetails(cause) },
    cause,
    retryable: true,
  })
}

/** A copy could not be made. Nothing of it was left, and the store goes on. */
export function copyFailure(path: string, cause: unknown): StorageError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return new StorageError(
    'WATON_BACKUP_FAILED',
    `no copy was made at ${path}, and the store goes on: check that its folder exists, may be written and has room`,
    {
      details: { path, errno: typeof code === 'string' ? code : undefined, ...sqliteDetails(cause) },
      cause,
      retryable: true,
    },
  )
}

function sqliteDetails(cause: unknown): ErrorDetails {
  const code = typeof cause === 'object' && cause !== null && 'errcode' in cause ? cause.errcode : undefined
  return { sqlite: typeof code === 'number' ? code : undefined }
}

/** A failure that can cross to another thread. */
export interface PlainFailure {
  readonly code: string
  readonly message: string
  readonly details: ErrorDetails
  readonly action: ErrorAction
  /** The text of the cause: causes are often not cloneable. */
  readonly cause: string | undefined
}

/** The parts of a failure that survive the way to another thread. */
export function plainFailure(error: StorageError): PlainFailure {
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return {
    code: error.code,
    message: error.message,
    details: error.details,
    action: error.action,
    cause,
  }
}

/** The `StorageError` that {@link plainFailure} described. */
export function failureFrom(plain: PlainFailure): StorageError {
  return new StorageError(plain.code, plain.message, {
    details: plain.details,
    action: plain.action,
    ...(plain.cause === undefined ? {} : { cause: new WatonError(plain.code, plain.cause) }),
  })
}
