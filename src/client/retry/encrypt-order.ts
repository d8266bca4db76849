/**
 * Carries out one order within a unit of work: the session that the plan asks for, the message encrypted once more, and
 * the finished stanza, durable together before anything reaches the wire (promise G3).
 */
import { describeError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import { signalAddress } from '../../protocol/jid.ts'
import { wrapDeviceSent } from '../../protocol/message/device-sent.ts'
import { padMessage } from '../../protocol/message/padding.ts'
import { hasOpenSession, sessionInfo, startSession } from '../../protocol/signal/index.ts'
import type { PreKeyBundle, SessionRecord } from '../../protocol/signal/index.ts'
import { stanzaParts } from '../../protocol/stanza/message.ts'
import { PEER_PARTS } from '../../protocol/stanza/peer-message.ts'
import { buildResentMessage } from '../../protocol/stanza/resent-message.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { MappingReader } from '../identity/addresses.ts'
import { encryptOrBroken, setSessionAside } from '../identity/broken-session.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { SESSION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ResendDrops } from './drops.ts'
import { RESEND_HISTORY, RESEND_ORDER, SESSION_RENEWAL } from './records.ts'
import type { ResendOrder } from './records.ts'
import { sentMessage } from './sent-message.ts'
import type { SentMessageRecord } from './sent-message.ts'
import { isRemembered, sessionPlan } from './session-plan.ts'
import type { PlanFacts } from './session-plan.ts'

/** What carrying out an order works with. */
export interface EncryptContext {
  readonly state: Pick<AccountState, 'reportUnreadable'>
  readonly self: Self
  readonly random: RandomSource
  readonly drops: ResendDrops
}

/** What the server said when it was asked for the keys of a device. */
export interface Fetched {
  /** Absent when there are none, or none that are good. */
  readonly bundle?: PreKeyBundle
  /** It may have them later: what needs them waits. */
  readonly isRefusedForNow?: boolean
}

/** What the plan follows from, and the address of the session. */
type OrderFacts = PlanFacts & { readonly address: string }

/** What the plan for an order follows from, in the store of the moment. */
export async function planFacts(
  reader: MappingReader,
  name: string,
  order: ResendOrder,
  nowMs: number,
): Promise<OrderFacts> {
  const address = signalAddress(await canonicalJid(reader, order.device))
  return {
    address,
    order,
    record: await reader.read(SESSION, address),
    history: await reader.read(RESEND_HISTORY, name),
    renewedAtMs: (await reader.read(SESSION_RENEWAL, address))?.atMs,
    nowMs,
  }
}

/**
 * Encrypts what an order asks for, or forgets the order when that cannot be.
 *
 * @param fetched - keys of the device that the server gave a moment ago; `undefined` when it was not asked
 * @returns the encoded stanza, also when it was encrypted before; `undefined` when there is nothing to send; `ask` when it
 *   cannot be without keys, for which the server was not asked: the session was there a moment ago, or it is broken
 */
export async function encryptOrder(
  unit: Unit,
  { name, fetched }: { name: string; fetched: Fetched | undefined },
  context: EncryptContext,
): Promise<Uint8Array | 'ask' | undefined> {
  const order = await unit.read(RESEND_ORDER, name)
  if (order?.stanza !== undefined) return order.stanza
  const sent = order === undefined ? undefined : await sentMessage(unit, order.id, context.self)
  if (order === undefined || sent === undefined) {
    unit.delete(RESEND_ORDER, name)
    return undefined
  }
  const facts = await planFacts(unit, name, order, unit.nowMs)
  const record = usableSession(unit, { facts, fetched: fetched?.bundle }, context)
  if (record === undefined && fetched === undefined && sessionPlan(facts) === 'fetch') return 'ask'
  if (record === undefined) {
    unit.delete(RESEND_ORDER, name)
    context.drops.drop('no-keys', { id: order.id, device: order.device })
    return undefined
  }
  return sealOrder(unit, { name, facts, sent, record }, context)
}

function sealOrder(
  unit: Unit,
  {
    name,
    facts,
    sent,
    record,
  }: { name: string; facts: OrderFacts; sent: SentMessageRecord; record: SessionRecord },
  { state, self, random }: EncryptContext,
): Uint8Array | 'ask' {
  const { order, history } = facts
  const { to, message, stanzaType, extras } = sent.body
  const isCopy = isCopyOf(sent, order, self)
  const sealed = encryptOrBroken(facts.address, {
    record,
    plaintext: padMessage(isCopy ? wrapDeviceSent(to, message) : message, random),
    local: self.local,
    random,
    nowMs: unit.nowMs,
  })
  if ('error' in sealed) {
    setSessionAside(unit, sealed, state)
    return 'ask'
  }
  const stanza = encodeNode(
    buildResentMessage({
      id: order.id,
      type: stanzaType,
      ...(sent.isPeer ? PEER_PARTS : stanzaParts(extras)),
      copy: { jid: order.device, type: sealed.type, ciphertext: sealed.body },
      ...(order.reason === 'asked' ? { count: order.count } : {}),
      ...(isCopy ? { recipient: to } : {}),
      deviceIdentity: self.deviceIdentity,
    }),
  )
  const { id, device, reason, count, orderedAtMs, refusals } = order
  unit.put(SESSION, facts.address, sealed.record)
  // the keys that came along are spent with it
  const kept = refusals === undefined ? {} : { refusals }
  unit.put(RESEND_ORDER, name, { id, device, reason, count, orderedAtMs, ...kept, stanza })
  const baseKey = sessionInfo(sealed.record)?.baseKey
  if (isRemembered(order, history) && baseKey !== undefined)
    unit.put(RESEND_HISTORY, name, { answers: history?.answers ?? 1, baseKey })
  return stanza
}

/** What no human sees goes out as it is; of what they see, other own devices are told the chat. */
function isCopyOf({ isPeer }: SentMessageRecord, { device }: ResendOrder, self: Self): boolean {
  return self.isOwn(device) && !isPeer
}

/** The session to encrypt in, begun anew where the plan says so and keys are at hand. */
function usableSession(
  unit: Unit,
  { facts, fetched }: { facts: OrderFacts; fetched: PreKeyBundle | undefined },
  { self, random, drops }: EncryptContext,
): SessionRecord | undefined {
  const { order, record, nowMs, address } = facts
  const plan = sessionPlan(facts)
  const bundle = plan === 'given' ? order.bundle : plan === 'fetch' ? fetched : undefined
  const open = record !== undefined && hasOpenSession(record) ? record : undefined
  if (bundle === undefined) return open
  try {
    const started = startSession({ record, bundle, local: self.local, random, nowMs })
    if (plan === 'fetch' && open !== undefined) unit.put(SESSION_RENEWAL, address, { atMs: nowMs })
    return started
  } catch (error) {
    drops.drop('bad-keys', { device: order.device, reason: describeError(error) })
    return open
  }
}
