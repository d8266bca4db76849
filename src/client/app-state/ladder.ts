/**
 * What is done about a collection that the server has wrong, or that was changed on its way: first the whole of it is
 * fetched; if that is wrong, too, once more later; then it is said, and it is tried again now and then. Nothing that was found
 * wrong is ever applied. A pure function.
 *
 * @source whatsmeow issue 858 (full fetch, then recovery by the phone), whatsapp-rust `src/appstate` (rounds with back-off)
 */
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import { EMPTY_APP_STATE } from '../../protocol/app-state/index.ts'
import type { AppStateCollection } from '../state/records.ts'

/** Failures after which it is said, and nothing quick helps. */
const HOPELESS_ATTEMPTS = 3

const ONCE_MORE_MS = 30_000
const HOUR_MS = 60 * 60 * 1000
const LONGEST_MS = 24 * HOUR_MS

/** What went wrong. */
export interface Failure {
  readonly code: string
  /** Whether the whole collection had been asked for. */
  readonly wasWhole: boolean
  readonly nowMs: number
}

/** The collection after a failure. */
export function afterFailure(
  before: AppStateCollection | undefined,
  { code, wasWhole, nowMs }: Failure,
  random: RandomSource,
): AppStateCollection {
  const { version, ltHash } = before ?? EMPTY_APP_STATE
  const counted = (before?.fault?.attempts ?? 0) + 1
  const attempts = wasWhole ? Math.max(2, counted) : 1
  const fault = { code, attempts, retryAtMs: nowMs + pauseMs(attempts, random) }
  return { version, ltHash, needsSnapshot: true, fault }
}

/** Whether the failure is to be told. */
export function isHopeless({ fault }: AppStateCollection): boolean {
  return fault !== undefined && fault.attempts >= HOPELESS_ATTEMPTS
}

function pauseMs(attempts: number, random: RandomSource): number {
  if (attempts < 2) return 0
  const wanted =
    attempts < HOPELESS_ATTEMPTS
      ? ONCE_MORE_MS
      : Math.min(HOUR_MS * 2 ** (attempts - HOPELESS_ATTEMPTS), LONGEST_MS)
  return spread(wanted, random)
}

/** Give or take a quarter: not every device of an account, and not every account, at one moment. */
export function spread(pauseInMs: number, random: RandomSource): number {
  return Math.floor(pauseInMs * 0.75) + randomInteger(random, Math.ceil(pauseInMs / 2))
}
