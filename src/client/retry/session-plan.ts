/**
 * Which session a message goes out in once more. A session that works is kept: replacing it costs the other side a
 * one-time pre-key and, with some clients, the messages that are on their way.
 *
 * @source whatsapp-rust `src/retry.rs`: registration id, base key of the second retry, an hour between renewals; Baileys
 *   7.0.0-rc14 `Socket/messages-recv.js` sendMessagesAgain
 */
import { equalBytes } from '../../base/bytes.ts'
import { sessionInfo } from '../../protocol/signal/index.ts'
import type { SessionInfo, SessionRecord } from '../../protocol/signal/index.ts'
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
  const { order, record } = facts
  if (order.bundle !== undefined) return 'given'
  const session = record === undefined ? undefined : sessionInfo(record)
  if (session === undefined || isRegisteredAnew(session, order)) return 'fetch'
  if (order.reason === 'missed') return 'keep'
  return isInDoubt(session, facts) ? 'fetch' : 'keep'
}

/** Which request it is: by our own count where the device's is behind. */
export function requestNumber(order: ResendOrder, history: ResendHistory | undefined): number {
  return Math.max(order.count, history?.answers ?? 0)
}

/** Whether the session that is used now is the one to remember. */
export function isRemembered(order: ResendOrder, history: ResendHistory | undefined): boolean {
  return order.reason === 'asked' && requestNumber(order, history) === DOUBTFUL_FROM
}

function isRegisteredAnew({ remoteRegistrationId }: SessionInfo, { registrationId }: ResendOrder): boolean {
  return registrationId !== undefined && remoteRegistrationId !== 0 && registrationId !== remoteRegistrationId
}

function isInDoubt(session: SessionInfo, { order, history, renewedAtMs, nowMs }: PlanFacts): boolean {
  const number = requestNumber(order, history)
  if (number < DOUBTFUL_FROM) return false
  const before = history?.baseKey
  // it was answered in this very session before, and that did not help
  if (number > DOUBTFUL_FROM && before !== undefined && equalBytes(before, session.baseKey)) return true
  return renewedAtMs === undefined || Math.abs(nowMs - renewedAtMs) > RENEWAL_PAUSE_MS
}
