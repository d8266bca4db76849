/**
 * What goes wrong with media on purpose: `simulator.faults.media`. Planned here, taken where it happens: by the media
 * server, by the query for its hosts, by the phone that is asked to upload again. Each that happens is a line in the
 * trace.
 */
import { checkArgument, checkOptions, oneOf, wholeNumber } from '../../base/check.ts'
import type { Expectation } from '../../base/check.ts'
import type { World } from '../world/world.ts'
import type { MediaHabits } from './media-habits.ts'
import type { MediaFault, MediaRetryFault } from './media-plans.ts'

const MAX_PLANNED = 10_000

const DIRECTION = oneOf('upload', 'download')
const UPLOAD_FAULT = oneOf('reset', 'stall', 'status')
const ANY_FAULT = oneOf('reset', 'stall', 'status', 'wrong-bytes', 'truncate')
const FAILURE_STATUS = wholeNumber(400, 599)

const FAULT: Readonly<Record<string, Expectation>> = {
  fault: ANY_FAULT,
  on: DIRECTION,
  afterBytes: wholeNumber(0),
  status: FAILURE_STATUS,
  retryAfterSeconds: wholeNumber(0),
  times: wholeNumber(1, MAX_PLANNED),
}

const HABITS: Readonly<Record<keyof MediaHabits, Expectation>> = {
  lifetimeSeconds: wholeNumber(0),
  goneStatus: { expected: '403, 404 or 410', accepts: (value) => [403, 404, 410].includes(Number(value)) },
  ttlSeconds: wholeNumber(0),
  authTtlSeconds: wholeNumber(0),
  maxBytes: wholeNumber(0),
  maxFileBytes: wholeNumber(0),
  deadHosts: { expected: 'a list of host names', accepts: (value) => Array.isArray(value) },
}

const RETRY = oneOf('silence', 'not-found', 'decryption-error', 'general-error')

/** See the file comment. */
export class MediaFaults {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /**
   * Plans what goes wrong with the next uploads or downloads over HTTPS; plans for one direction happen in their order.
   *
   * ```ts
   * simulator.faults.media.next({ on: 'download', fault: 'reset', times: 2 })
   * ```
   */
  next(fault: MediaFault): void {
    checkOptions('faults.media.next(fault)', fault, FAULT)
    const { fault: name, on } = fault
    checkArgument('fault in faults.media.next({ fault })', name, on === 'download' ? ANY_FAULT : UPLOAD_FAULT)
    checkArgument('on in faults.media.next({ on })', on, DIRECTION)
    if (name === 'status')
      checkArgument('status in faults.media.next({ status })', fault.status, FAILURE_STATUS)
    this.#world.mediaPlans.transfers.push({ ...fault, times: fault.times ?? 1 })
  }

  /** Gives the media servers other habits; what is left out stays as it was. */
  habits(habits: Partial<MediaHabits>): void {
    checkOptions('faults.media.habits(habits)', habits, HABITS)
    const { media } = this.#world
    media.habits = { ...media.habits, ...habits }
  }

  /**
   * Ends the path of every file that is there, as time does.
   *
   * @param goneStatus - what downloads of them get from now on. @default as it was, 410 to begin with
   * @returns how many there were
   */
  expire(goneStatus?: MediaHabits['goneStatus']): number {
    if (goneStatus !== undefined) this.habits({ goneStatus })
    const count = this.#world.media.expire()
    this.#world.trace.note('fault', `${String(count)} media files have expired`)
    return count
  }

  /** Ends every token to upload with: what comes with them gets 403, until a client asks for another. @returns how many */
  revokeAuth(): number {
    const count = this.#world.media.revokeAuth()
    this.#world.trace.note('fault', `${String(count)} tokens for uploads are ended`)
    return count
  }

  /** Refuses the next questions for the media servers. @param code - of the error. @default 503 @param times - @default 1 */
  refuseConnections(code: number = 503, times: number = 1): void {
    checkArgument('the code in faults.media.refuseConnections(code)', code, wholeNumber(400, 599))
    checkArgument(
      'times in faults.media.refuseConnections(code, times)',
      times,
      FAULT.times ?? wholeNumber(1),
    )
    this.#world.mediaPlans.connections = { code, times }
  }

  /**
   * Spoils the answers of phones that are next asked to upload something again.
   *
   * @param options - `times`: requests it happens to, 1 by default; `isSealed`: whether the phone says so inside the
   *   encryption instead of beside it
   */
  spoilRetries(
    as: MediaRetryFault,
    options: { readonly times?: number; readonly isSealed?: boolean } = {},
  ): void {
    const { times = 1, isSealed = false } = options
    checkArgument('the fault in faults.media.spoilRetries(as)', as, RETRY)
    this.#world.mediaPlans.retries = { as, isSealed, times }
  }
}
