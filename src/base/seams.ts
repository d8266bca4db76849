/**
 * The places between two steps of the receive pipeline, and of the way out, at which a process may die: the whole list, by name. A test hangs
 * itself on the hook and kills the process there; without a test a seam costs one comparison. Nothing else may use it.
 */

/** Every seam, in the order in which a message passes them. `tests/kill` dies at each. */
export const SEAMS = [
  /** A stanza has its turn; nothing was done with it. */
  'receive:taken',
  /** The ciphertext is known to be new. */
  'receive:recognised',
  /** The ratchet has moved on in memory, and the plaintext is there. */
  'receive:decrypted',
  /** Message and event are in the unit of work. */
  'receive:decoded',
  /** The unit is staged: the next stanza sees it. */
  'state:staged',
  /** A batch is about to be written. */
  'state:committing',
  /** It is durable; nobody has been told. */
  'state:committed',
  /** Answers are about to be written to the socket. */
  'receive:answering',
  /** They are on the wire. */
  'receive:answered',
  /** Events are about to be handed out. */
  'events:dispatching',
  /** Listeners have had them, and consumers are awake. */
  'events:dispatched',
  /** A consumer's handler is about to run. */
  'consumer:handling',
  /** It has succeeded. */
  'consumer:handled',
  /** The consumer's progress is staged. */
  'consumer:progressing',
  /** The progress is durable. */
  'consumer:progressed',
] as const

/** The seams of the way out, in the order in which a message passes them. `tests/kill` dies at each. */
export const SEND_SEAMS = [
  /** The message is in the unit of work; the promise of `send` has not resolved. */
  'send:staged',
  /** The devices are known, and every one of them has a session. */
  'send:prepared',
  /** The ratchets have moved on in memory, and the ciphertext is in the unit of work. */
  'send:encrypted',
  /** What an earlier connection did not get acknowledged has its turn again. */
  'send:repeating',
  /** Chains and ciphertext are durable; nothing has left. */
  'send:writing',
  /** It is on the wire. */
  'send:written',
  /** The server has answered; nothing is recorded. */
  'send:answered',
] as const

/** One of {@link SEAMS} or {@link SEND_SEAMS}. */
export type Seam = (typeof SEAMS)[number] | (typeof SEND_SEAMS)[number]

let hook: ((name: Seam) => void) | undefined

/** Calls `listener` at every seam from now on, for the whole process; `undefined` ends it. For tests of crashes. @public */
export function onSeam(listener: ((name: Seam) => void) | undefined): void {
  hook = listener
}

/** Passes a seam. */
export function seam(name: Seam): void {
  hook?.(name)
}
