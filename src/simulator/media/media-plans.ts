/** What is planned to go wrong with media (`media-faults.ts` is how it gets here), and has not happened yet. */
/** Where a fault happens. */
export type MediaDirection = 'upload' | 'download'

/** What goes wrong with a transfer. `times`: transfers that it happens to, one after the other. @default 1 */
export type MediaFault =
  | {
      /** `reset`: the connection breaks; `stall`: nothing moves any more. */
      readonly fault: 'reset' | 'stall'
      readonly on: MediaDirection
      /** Of the body that go through before. @default half of it */
      readonly afterBytes?: number
      readonly times?: number
    }
  | {
      /** The server answers with a status, e.g. 500, 503, 401, 403, 429. */
      readonly fault: 'status'
      readonly on: MediaDirection
      readonly status: number
      /** The `Retry-After` of the answer. @default none */
      readonly retryAfterSeconds?: number
      readonly times?: number
    }
  | {
      /** `wrong-bytes`: one byte in the middle is another; `truncate`: the file ends early, and the answer says that it is whole. */
      readonly fault: 'wrong-bytes' | 'truncate'
      readonly on: 'download'
      readonly times?: number
    }

/**
 * What a phone does that is asked to upload again: nothing, or it says that it does not have the file, that it could not
 * read the request, or that something went wrong.
 */
export type MediaRetryFault = 'silence' | 'not-found' | 'decryption-error' | 'general-error'

/** A planned answer of a phone. */
export interface PlannedRetry {
  /** What it does. */
  readonly as: MediaRetryFault
  /** Whether the phone says so inside the encryption. */
  readonly isSealed: boolean
}

/** A fault that was planned, with how often it is left. */
type Counted<Fault> = Fault & { readonly times: number }

/** What is planned and has not happened yet. */
export class MediaPlans {
  readonly transfers: Counted<MediaFault>[] = []
  connections: { readonly code: number; readonly times: number } | undefined
  retries: Counted<PlannedRetry> | undefined

  /** What goes wrong with this transfer, used up by asking. */
  takeTransfer(on: MediaDirection): MediaFault | undefined {
    const index = this.transfers.findIndex((fault) => fault.on === on)
    const fault = this.transfers[index]
    if (fault === undefined) return undefined
    if (fault.times > 1) this.transfers[index] = { ...fault, times: fault.times - 1 }
    else this.transfers.splice(index, 1)
    return fault
  }

  /** The code that this question for the media servers is refused with, used up by asking. */
  takeConnection(): number | undefined {
    const planned = this.connections
    if (planned === undefined) return undefined
    this.connections = planned.times > 1 ? { ...planned, times: planned.times - 1 } : undefined
    return planned.code
  }

  /** What a phone does with this request, used up by asking. */
  takeRetry(): PlannedRetry | undefined {
    const planned = this.retries
    if (planned === undefined) return undefined
    this.retries = planned.times > 1 ? { ...planned, times: planned.times - 1 } : undefined
    return planned
  }
}
