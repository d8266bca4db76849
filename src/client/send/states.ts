/**
 * The states of a message on its way out, and which follow which. They go forward:
 *
 * ```
 * queued -> encrypted -> acknowledged -> delivered -> read
 *    \         | \  \-> failed
 *     \        |  \-> cancelled, while its ciphertext is known not to have left
 *      \       \-> queued, when the server refused it and it can be repaired
 *       \-> failed, cancelled
 * ```
 *
 * Users see `sent` as well, which is not stored: `docs/reference/outbox.md` says what each means to them.
 */

/** How far a message of the outbox got. */
export type OutboxState =
  'queued' | 'encrypted' | 'acknowledged' | 'delivered' | 'read' | 'failed' | 'cancelled'

/**
 * How far a message of this account got; `docs/reference/outbox.md` has the transitions. `sent` is `encrypted` whose
 * ciphertext was written to a connection, or may have been by an earlier run.
 */
export type SendState = OutboxState | 'sent'

/** What is stored of a message that users see in a state. */
export const STORED_AS: Readonly<Record<SendState, OutboxState>> = {
  queued: 'queued',
  encrypted: 'encrypted',
  sent: 'encrypted',
  acknowledged: 'acknowledged',
  delivered: 'delivered',
  read: 'read',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** All states that users see. */
export const SEND_STATES: readonly SendState[] = Object.keys(STORED_AS) as SendState[]

/** The states that still need the network. */
export const UNFINISHED_STATES: readonly OutboxState[] = ['queued', 'encrypted']

/** The states that nothing more is done about. */
export const FINISHED_STATES: readonly OutboxState[] = [
  'acknowledged',
  'delivered',
  'read',
  'failed',
  'cancelled',
]

const RANK: Readonly<Record<OutboxState, number>> = {
  queued: 0,
  encrypted: 1,
  acknowledged: 2,
  delivered: 3,
  read: 4,
  failed: 5,
  cancelled: 5,
}

/** Whether a text of the store is one of them. */
export function isOutboxState(state: string): state is OutboxState {
  return Object.hasOwn(RANK, state)
}

/** Whether a message in state `from` can move on to `to`. */
export function advances(from: OutboxState, to: OutboxState): boolean {
  return RANK[to] > RANK[from]
}

/** Whether a message in this state still needs the network. */
export function isUnfinished(state: OutboxState): boolean {
  return RANK[state] < RANK.acknowledged
}
