/**
 * The refusals that every back end words alike: callers branch on the code, people read the sentence. A back end adds
 * its own codes for what only it can say (a foreign file, a full disk).
 */
import { StorageError } from '../../base/errors.ts'

/**
 * Somebody else holds the account.
 *
 * @param leaseEndsAtMs - given when only the lease speaks for the owner: its host may be gone, and then the account is
 *   free at this instant. Such a refusal is retryable and has `details.leaseEndsAtMs`.
 */
export function ownedFailure(account: string, owner: string, leaseEndsAtMs?: number): StorageError {
  if (leaseEndsAtMs !== undefined) {
    return new StorageError(
      'WATON_STORE_OWNED',
      `the account "${account}" was taken by ${owner} on another machine, whose lease has not ended: stop that one, or try again when it has`,
      { details: { account, owner, leaseEndsAtMs }, action: 'wait' },
    )
  }
  return new StorageError(
    'WATON_STORE_OWNED',
    `the account "${account}" is held by ${owner}: stop that one first, or use another account name`,
    { details: { account, owner } },
  )
}

/** The claim that signs a commit is no longer the owner's. Nothing was written. */
export function fencedFailure(account: string, epoch: number): StorageError {
  return new StorageError(
    'WATON_STORE_FENCED',
    `the claim of the account "${account}" with epoch ${String(epoch)} was released or taken over: nothing was written; claim the account again`,
    { details: { account, epoch }, action: 'reopen' },
  )
}

/** The lease cannot be renewed, because the claim was released or taken over. */
export function ownershipLostFailure(account: string, epoch: number): StorageError {
  return new StorageError(
    'WATON_STORE_OWNERSHIP_LOST',
    `the account "${account}" was released or taken over after epoch ${String(epoch)}: close the connection and claim the account again`,
    { details: { account, epoch }, action: 'reopen' },
  )
}

/** An event with this seq exists already. Nothing of the commit was written. */
export function conflictFailure(account: string, seq: number): StorageError {
  return new StorageError(
    'WATON_STORE_CONFLICT',
    `the account "${account}" has an event with seq ${String(seq)} already: nothing was written; read eventBounds and continue behind it`,
    { details: { account, seq }, action: 'fix-call' },
  )
}

/** The store was closed before the call. */
export function closedFailure(): StorageError {
  return new StorageError('WATON_STORE_CLOSED', 'the store is closed: open it again before using it', {
    action: 'reopen',
  })
}

/** A text that no back end could give back as it was. */
export function textFailure(): StorageError {
  return new StorageError(
    'WATON_STORE_TEXT',
    'a key or column holds half of a surrogate pair, which UTF-8 cannot store: pass well-formed text',
    { action: 'fix-call' },
  )
}
