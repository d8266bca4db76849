/**
 * Which session a message goes out in once more. A session that works is kept: replacing it costs the other side a
 * one-time pre-key and, with some clients, the messages that are on their way.
 *
 * @source whatsapp-rust `src/retry.rs`: registration id, base key of the second retry, an hour between renewals; Baileys
 *   7.0.0-rc14 `Socket/messages-recv.js` sendMessagesAgain
 */
import { equalBytes } from '../../base/bytes.ts'
import { sessionInfo } from '../../protocol/signal/index.ts'
import type { PreKeyBundle, SessionInfo, SessionRecord } from '../../protocol/signal/index.ts'
import type { ResendHistory, ResendOrder } from './records.ts'

/** Between two renewals of one session that nothing but a failed retry asks for. */
const RENEWAL_PAUSE_MS = 60 * 60 * 1000

/** From this request on the session is in doubt. */
const DOUBTFUL_FROM = 2

/** `keep` what there is, begin one with the keys that were `given`, or `fetch` keys for one. */
export type SessionPlan = 'keep' | 'given' | 'fetch'

/** What the plan follows from. */
export interface PlanFacts {
  readonly order: ResendOrder
  readonly record: SessionRecord | undefined
  readonly history: ResendHistory | undefined
  readonly renewedAtMs: number | undefined
  readonly nowMs: number
}

/** See the file comment. */
export function sessionPlan(facts: PlanFacts): SessionPlan {
  const { order, record, history } = facts
  const session = record === undefined ? undefined : sessionInfo(record)
  if (order.bundle !== undefined) return isLater(session, order.bundle, history) ? 'keep' : 'given'
  if (session === undefined || isRegisteredAnew(session, order)) return 'fetch'
  if (order.reason === 'missed') return 'keep'
  return isInDoubt(session, facts) ? 'fetch' : 'keep'
}

/** Which request it is: by our own count where the device's is behind. */
function requestNumber(order: ResendOrder, history: ResendHistory | undefined): number {
  return Math.max(order.count, history?.answers ?? 0)
}

/**
 * Whether the device could not read its copy in another session than this one, which somebody has begun since. It is as
 * new as one that these keys would begin, and each session more is one that messages on their way do not know.
 */
function isLater(
  session: SessionInfo | undefined,
  { identityKey, registrationId }: PreKeyBundle,
  history: ResendHistory | undefined,
): boolean {
  if (session === undefined || !isAnother(session, history)) return false
  return equalBytes(session.remoteIdentityKey, identityKey) && session.remoteRegistrationId === registrationId
}

/** Whether the last answer is known to have been encrypted in another session. */
function isAnother({ baseKey }: SessionInfo, history: ResendHistory | undefined): boolean {
  return history?.baseKey !== undefined && !equalBytes(history.baseKey, baseKey)
}

function isRegisteredAnew({ remoteRegistrationId }: SessionInfo, { registrationId }: ResendOrder): boolean {
  return registrationId !== undefined && remoteRegistrationId !== 0 && registrationId !== remoteRegistrationId
}

function isInDoubt(session: SessionInfo, { order, history, renewedAtMs, nowMs }: PlanFacts): boolean {
  const number = requestNumber(order, history)
  if (number < DOUBTFUL_FROM || isAnother(session, history)) return false
  // it was answered in this very session before, and that did not help
  if (number > DOUBTFUL_FROM && history?.baseKey !== undefined) return true
  return renewedAtMs === undefined || Math.abs(nowMs - renewedAtMs) > RENEWAL_PAUSE_MS
}
