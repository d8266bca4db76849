/**
 * What the offer of a call has said, for as long as the call lasts: the steps after it name only the call. A memory and no
 * more: after a restart the steps of a call that is under way say less.
 */
import { BoundedMap } from '../../base/bounded-map.ts'

/** Calls remembered at most. */
const MAX_CALLS = 256

/** What an offer says. */
export interface CallOffer {
  readonly isVideo: boolean
  readonly isGroup: boolean
  readonly group?: string
}

/** See the file comment. */
export class CallBook {
  readonly #offers = new BoundedMap<string, CallOffer>(MAX_CALLS)

  offered(callId: string, offer: CallOffer): void {
    this.#offers.set(callId, offer)
  }

  /** What the offer of this call said, or `undefined`. */
  offerOf(callId: string): CallOffer | undefined {
    return this.#offers.get(callId)
  }

  /** The call is over. */
  ended(callId: string): void {
    this.#offers.delete(callId)
  }
}
