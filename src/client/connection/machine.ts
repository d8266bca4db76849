/**
 * The states of a client and the moves between them, as data. Everything else asks this table; a move that is not in it
 * is a bug and is refused loudly.
 */
import { WatonError } from '../../base/errors.ts'
import type { ClientState } from '../events.ts'

/** For each state, the states that may follow it. */
export const TRANSITIONS: Readonly<Record<ClientState, readonly ClientState[]>> = {
  /** Nothing was started yet. */
  idle: ['connecting', 'closing'],
  /** A socket is being opened. */
  connecting: ['handshaking', 'waiting', 'closing'],
  /** Keys are being agreed and the server's certificate checked. */
  handshaking: ['pairing', 'authenticating', 'waiting', 'closing'],
  /** Not linked: QR codes are shown until the phone scans one. The server then asks for a restart. */
  pairing: ['waiting', 'closing'],
  /** Linked: waiting for the server to accept the device. */
  authenticating: ['preparing', 'waiting', 'closing'],
  /** Accepted: the duties that come before the first message. */
  preparing: ['open', 'waiting', 'closing'],
  /** Logged in, and the server has answered at least one query. */
  open: ['waiting', 'closing'],
  /** Between two connections. */
  waiting: ['connecting', 'closing'],
  /** The user asked to stop, or coming back is pointless. */
  closing: ['closed'],
  /** Stopped. `connect()` starts again, after a pause when it was refused again and again. */
  closed: ['connecting', 'waiting', 'closing'],
}

/** See the file comment. */
export class StateMachine {
  #state: ClientState = 'idle'
  readonly #onChange: (state: ClientState, previous: ClientState) => void

  constructor(onChange: (state: ClientState, previous: ClientState) => void) {
    this.#onChange = onChange
  }

  get state(): ClientState {
    return this.#state
  }

  /** Moves to `next`. @throws {WatonError} `WATON_CLIENT_TRANSITION` when the table has no such move */
  move(next: ClientState): void {
    const previous = this.#state
    if (!TRANSITIONS[previous].includes(next)) {
      throw new WatonError(
        'WATON_CLIENT_TRANSITION',
        `the client cannot go from ${previous} to ${next}; please report this`,
        {
          details: { from: previous, to: next },
        },
      )
    }
    this.#state = next
    this.#onChange(next, previous)
  }

  /** Whether `next` may follow now. */
  allows(next: ClientState): boolean {
    return TRANSITIONS[this.#state].includes(next)
  }
}
