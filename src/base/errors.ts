/**
 * The error family. Everything that waton throws is a `WatonError` with a stable `code`, so that callers branch on
 * codes and never on message texts. Each says what to do about it (`action`). This file knows nothing of
 * WhatsApp: each layer throws with its own codes, which `npm run generate` collects in `generated/error-codes.ts`.
 */
import type { ErrorCode } from './generated/error-codes.ts'

export type { ErrorCode } from './generated/error-codes.ts'

/** Extra facts about a failure: ids, lengths and offsets, never keys or message text. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * What to do about an error: a program branches on the name, a person reads the sentence. `error.action` is one of them.
 *
 * `retryable` says the same in one bit: it is true for `retry` and `wait`, and false for all others.
 */
export const ERROR_ACTIONS = {
  retry: 'Make the same call again after a pause; nothing has to change.',
  wait: 'Something else has to happen first, as the message says: the client comes back, or a lease ends. Then the same call works.',
  'fix-call': 'Change the call or the program: it cannot work like this.',
  reopen: 'What was called is finished. Make a new one (client, store, connection) and use that.',
  link: 'Link the account to a phone, for the first time or again.',
  upgrade: 'Use a newer waton, or the newer Node that the message names.',
  'check-store': 'Somebody has to look at the store: its file, disk, rights, owner or backup.',
  'check-network':
    'Somebody has to look at what lies between here and the server: address, proxy, clock, certificate.',
  'check-account':
    'Somebody has to look at the account on the phone: the server has restricted or replaced it.',
  discard: 'Drop what the error is about. Nothing else is damaged, and asking again would not help.',
  report: 'Neither the caller nor the machine is at fault. Please report the code and the details.',
} as const

/** The names of {@link ERROR_ACTIONS}. */
export type ErrorAction = keyof typeof ERROR_ACTIONS

/** What every waton error can carry besides its code and message. */
export interface ErrorOptions {
  /** Ids, lengths, offsets; never secrets. */
  readonly details?: ErrorDetails
  /** The failure underneath, when there is one. */
  readonly cause?: unknown
  /** Whether the same call may succeed later without a change by the caller. @default what follows from `action` */
  readonly retryable?: boolean
  /** What to do about it. @default what follows from the class and `retryable` */
  readonly action?: ErrorAction
}

/** What the errors of one class ask for where a throw does not say: when they are final, and when they are retryable. */
export interface ActionDefaults {
  /** For errors that are not said to be retryable. */
  readonly final: ErrorAction
  /** For errors that are. */
  readonly retryable: ErrorAction
}

/** One error of a chain, as it may be written to a log: only a foreign error's name and system code are kept. */
export interface LoggedCause {
  /** The class, e.g. `StorageError`. */
  readonly name: string
  /** The code of a waton error, or the system code of a foreign one, e.g. `ECONNREFUSED`. */
  readonly code?: string
}

/** An error as it may be written to a log. */
export interface LoggedError {
  /** The class, e.g. `StorageError`. */
  readonly name: string
  /** The stable code. */
  readonly code: ErrorCode
  /** What happened, why, and what to do. */
  readonly message: string
  /** What to do, by name. */
  readonly action: ErrorAction
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Ids, lengths and offsets. */
  readonly details: ErrorDetails
  /** The failures underneath, outermost first. */
  readonly causes: readonly LoggedCause[]
}

/** Marks the errors of every copy of this package in a process. */
const BRAND = Symbol.for('waton.error')

/** Causes of causes that are followed. */
const MAX_CAUSES = 8

/** What a system code looks like, e.g. `ECONNREFUSED` or `ERR_SQLITE_ERROR`: nothing else of a foreign error is logged. */
const SYSTEM_CODE = /^[A-Z][A-Z0-9_]{1,63}$/

/**
 * Base of every error that waton throws.
 *
 * `code` is stable across versions (`WATON_...`); the message says what happened, why, and what to do.
 *
 * @example
 * ```ts
 * import { Client, isWatonError, MemoryStore } from 'waton'
 *
 * const client = new Client({ store: new MemoryStore() })
 * try {
 *   await client.send('15550000002@s.whatsapp.net', { text: 'hello' })
 * } catch (error) {
 *   if (!isWatonError(error)) throw error
 *   if (error.code === 'WATON_NOT_LINKED') console.log('scan the QR code first')
 *   else console.error(error.toJSON())
 * }
 * ```
 */
export class WatonError extends Error {
  /** What a throw of this class asks for by default. */
  static readonly actions: ActionDefaults = { final: 'report', retryable: 'retry' }
  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
  }
  /** The class, e.g. `StorageError`. */
  override readonly name: string = 'WatonError'
  /** Stable across versions: branch on this. `docs/reference/errors.md` lists them all. */
  readonly code: ErrorCode
  /** Ids, lengths and offsets; never keys or message text. */
  readonly details: ErrorDetails
  /** What to do about it; {@link ERROR_ACTIONS} says it in a sentence. */
  readonly action: ErrorAction
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean

  /** @param code - one of {@link ErrorCode}; a store or back end of yours may have codes of its own */
  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code as ErrorCode
    this.details = options.details ?? {}
    this.action = actionOf(options, new.target.actions)
    this.retryable = isRepeatable(this.action)
  }

  /** The error as it may be written to a log: no stack, no foreign texts, no values but `details`. */
  toJSON(): LoggedError {
    const { name, code, message, action, retryable, details } = this
    return { name, code, message, action, retryable, details, causes: causesOf(this) }
  }
}

function isRepeatable(action: ErrorAction): boolean {
  return action === 'retry' || action === 'wait'
}

function actionOf({ action, retryable }: ErrorOptions, defaults: ActionDefaults): ErrorAction {
  if (action !== undefined) return action
  return retryable === true ? defaults.retryable : defaults.final
}

function causesOf(error: Error): readonly LoggedCause[] {
  const causes: LoggedCause[] = []
  let { cause } = error
  // a cause may lead back to itself
  while (cause instanceof Error && causes.length < MAX_CAUSES) {
    const { code } = cause as { readonly code?: unknown }
    const isCode = typeof code === 'string' && SYSTEM_CODE.test(code)
    causes.push({ name: cause.name, ...(isCode ? { code } : {}) })
    ;({ cause } = cause)
  }
  return causes
}

/** The caller used the library in a way that cannot work; the message says what to do instead. */
export class UsageError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'fix-call', retryable: 'wait' }
  override readonly name: string = 'UsageError'
}

/** The other side sent something that the protocol does not allow. Every parser throws this and nothing else. */
export class ProtocolError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'report', retryable: 'retry' }
  override readonly name: string = 'ProtocolError'
}

/** An authentication check failed. It deliberately says nothing about which byte was wrong. */
export class CryptoError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'discard', retryable: 'retry' }
  override readonly name: string = 'CryptoError'
}

/** The server refused a query: `details` carry its code, text and back-off. */
export class QueryError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'fix-call', retryable: 'retry' }
  override readonly name: string = 'QueryError'
}

/** A deadline passed. */
export class TimeoutError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'retry', retryable: 'retry' }
  override readonly name: string = 'TimeoutError'
}

/** The object was closed, or the connection went away, before the work was done. */
export class ClosedError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'reopen', retryable: 'wait' }
  override readonly name: string = 'ClosedError'
}

/** The network failed below the protocol. */
export class TransportError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'check-network', retryable: 'retry' }
  override readonly name: string = 'TransportError'
}

/** The store failed or refused: nothing of the commit was written. */
export class StorageError extends WatonError {
  static override readonly actions: ActionDefaults = { final: 'check-store', retryable: 'retry' }
  override readonly name: string = 'StorageError'
}

/**
 * Whether a thrown value is an error of waton, also one of another copy of the package, for which `instanceof` is false.
 */
export function isWatonError(error: unknown): error is WatonError {
  return typeof error === 'object' && error !== null && Reflect.get(error, BRAND) === true
}

/**
 * Whether a thrown value is the waton error with this code, or with one of these.
 *
 * ```ts
 * if (hasCode(error, 'WATON_STORE_OWNED')) await stopTheOther(error.details.owner)
 * ```
 */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly [Code, ...(readonly Code[])]
): error is WatonError & { readonly code: Code } {
  return isWatonError(error) && (codes as readonly ErrorCode[]).includes(error.code)
}

/** The text of any thrown value, for logs and messages. Never throws. */
export function describeError(error: unknown): string {
  if (isWatonError(error)) return `${error.code}: ${error.message}`
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'a value without a text was thrown'
  }
}

/** The stable code of a thrown value, or `undefined` for foreign errors. */
export function errorCode(error: unknown): ErrorCode | undefined {
  return isWatonError(error) ? error.code : undefined
}

/** The thrown value as an `Error`, for places that need one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new WatonError('WATON_UNKNOWN', describeError(thrown), { cause: thrown })
}
