/**
 * What the end of a connection means, as data: whether to come back, how soon, and what to tell the user. The server's
 * own words (failure reasons, stream errors) are translated here and nowhere else.
 */
import { CryptoError, StorageError, errorCode } from '../../base/errors.ts'
import type { ErrorAction } from '../../base/errors.ts'
import type { StreamFailure } from '../../protocol/stanza/stream.ts'
import type { CloseReason } from '../events.ts'

/** How a client goes on after a connection. */
export interface Ending extends CloseReason {
  /** Whether the next attempt waits its turn in the back-off. */
  readonly immediate: boolean
}

/** Why a client waits whose store cannot be written or read for the moment. */
export const STORE_FAILED = 'store-failed'

/** Server codes that end an account's session for good. @source reference-others 1.1: connect failures and stream errors */
const FINAL: Readonly<Record<number, string>> = {
  401: 'logged-out',
  402: 'temporarily-banned',
  403: 'account-locked',
  405: 'version-outdated',
  406: 'banned',
  409: 'bad-user-agent',
  411: 'multi-device-mismatch',
  440: 'replaced',
  516: 'logged-out',
}

/** A refused login: the device is not on the account. */
const LOGGED_OUT = 401

/** The server asks a freshly linked device to come back at once. */
const RESTART_REQUIRED = 515

/** Coming back would only repeat these. */
const FATAL_ERRORS: ReadonlySet<string> = new Set([
  'WATON_STORE_OWNERSHIP_LOST',
  'WATON_STORE_FENCED',
  'WATON_STORE_CLOSED',
  'WATON_STATE_CLOSED',
])

/** What a user can do where making a new client would not help. */
const ACTIONS: Readonly<Record<string, ErrorAction>> = {
  'logged-out': 'link',
  'multi-device-mismatch': 'link',
  'version-outdated': 'upgrade',
  'bad-user-agent': 'upgrade',
  'temporarily-banned': 'check-account',
  'account-locked': 'check-account',
  banned: 'check-account',
  replaced: 'check-account',
  'ownership-lost': 'check-store',
  'store-unreadable': 'check-store',
  'server-not-trusted': 'check-network',
}

/** What to do after a client has stopped for good. */
export function actionAfter({ reason }: CloseReason): ErrorAction {
  return ACTIONS[reason] ?? 'reopen'
}

/** Nobody but the user can mend these: a restored backup, a newer waton. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'WATON_STORE_CORRUPT',
  'WATON_STORE_RECORD',
  'WATON_STORE_RECORD_NEWER',
])

/** What a failure that the server spelled out means. */
export function endingOfFailure(failure: StreamFailure): Ending {
  const { serverCode } = failure
  if (serverCode === RESTART_REQUIRED)
    return { reason: 'restart-required', serverCode, retrying: true, immediate: true }
  const reason = FINAL[serverCode]
  if (reason !== undefined) return { reason, serverCode, retrying: false, immediate: false }
  return { reason: failure.reason, serverCode, retrying: true, immediate: false }
}

/** What the refusal of a first login means: the server never got our answer to pair-success, so that we pair again. */
export function endingOfIncompleteLink({ serverCode }: StreamFailure): Ending {
  return { reason: 'link-incomplete', serverCode, retrying: true, immediate: true }
}

/** Whether the server does not know the device that logs in. */
export function isUnknownDevice({ source, serverCode }: StreamFailure): boolean {
  return source === 'failure' && serverCode === LOGGED_OUT
}

/** What an error, or none, at the end of a connection means. */
export function endingOfError(error: unknown): Ending {
  const code = errorCode(error)
  if (code !== undefined && FATAL_ERRORS.has(code))
    return { reason: 'ownership-lost', retrying: false, immediate: false }
  if (code !== undefined && UNREADABLE.has(code))
    return { reason: 'store-unreadable', retrying: false, immediate: false }
  if (error instanceof StorageError) return { reason: STORE_FAILED, retrying: true, immediate: false }
  // the one check that our own clock may get wrong: a clock that is set right later must find a client that comes back
  if (code === 'WATON_NOISE_CERTIFICATE_VALIDITY')
    return { reason: 'clock-or-certificate', retrying: true, immediate: false }
  if (error instanceof CryptoError && code?.startsWith('WATON_NOISE_CERTIFICATE') === true) {
    return { reason: 'server-not-trusted', retrying: false, immediate: false }
  }
  return { reason: 'connection-lost', retrying: true, immediate: false }
}
