/**
 * The error family. Everything that waton throws is a `WatonError` with a stable `code`, so that callers branch on
 * codes and never on message texts. This file knows nothing of WhatsApp: each layer throws with its own codes.
 */

/** Extra facts about a failure: ids, lengths and offsets, never keys or message text. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/** What every waton error can carry besides its code and message. */
export interface ErrorOptions {
  /** Ids, lengths, offsets; never secrets. */
  readonly details?: ErrorDetails
  /** The failure underneath, when there is one. */
  readonly cause?: unknown
  /** Whether the same call may succeed later without a change by the caller. @default false */
  readonly retryable?: boolean
}

/**
 * Base of every error that waton throws.
 *
 * `code` is stable across versions (`WATON_...`); the message says what happened, why, and what to do.
 */
export class WatonError extends Error {
  override readonly name: string = 'WatonError'
  readonly code: string
  readonly details: ErrorDetails
  readonly retryable: boolean

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.retryable = options.retryable ?? false
  }
}

/** The caller used the library in a way that cannot work; the message says what to do instead. */
export class UsageError extends WatonError {
  override readonly name: string = 'UsageError'
}

/** The other side sent something that the protocol does not allow. Every parser throws this and nothing else. */
export class ProtocolError extends WatonError {
  override readonly name: string = 'ProtocolError'
}

/** An authentication check failed. It deliberately says nothing about which byte was wrong. */
export class CryptoError extends WatonError {
  override readonly name: string = 'CryptoError'
}

/** The server refused a query: `details` carry its code, text and back-off. */
export class QueryError extends WatonError {
  override readonly name: string = 'QueryError'
}

/** A deadline passed. */
export class TimeoutError extends WatonError {
  override readonly name: string = 'TimeoutError'
}

/** The object was closed, or the connection went away, before the work was done. */
export class ClosedError extends WatonError {
  override readonly name: string = 'ClosedError'
}

/** The network failed below the protocol. */
export class TransportError extends WatonError {
  override readonly name: string = 'TransportError'
}

/** The store failed or refused: nothing of the commit was written. */
export class StorageError extends WatonError {
  override readonly name: string = 'StorageError'
}

/** The text of any thrown value, for logs and messages. */
export function describeError(error: unknown): string {
  if (error instanceof WatonError) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

/** The stable code of a thrown value, or `undefined` for foreign errors. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof WatonError ? error.code : undefined
}

/** The thrown value as an `Error`, for places that need one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new WatonError('WATON_UNKNOWN', String(thrown), { cause: thrown })
}
