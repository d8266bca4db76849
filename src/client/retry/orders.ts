/**
 * From a receipt that asks for a message again to a durable order, without the network: who may ask, for what, how often,
 * and whether the keys that came along are good. An order waits for its turn (`waiting-orders.ts`); a request for what
 * waits already joins it. What is not taken is counted and dropped; nobody is told, and the device may ask again.
 */
import { describeError } from '../../base/errors.ts'
import type { LogFields, Logger } from '../../base/logger.ts'
import { equalBytes, utf8Bytes } from '../../base/bytes.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { parseJid, signalAddress, userJid } from '../../protocol/jid.ts'
import { sessionInfo, verifyBundle } from '../../protocol/signal/index.ts'
import type { PreKeyBundle } from '../../protocol/signal/index.ts'
import { parseRetryKeys, parseRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import type { ParsedRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import { markStale, noteIdentityChange } from '../identity/device-list.ts'
import type { Self } from '../identity/self.ts'
import { requireVouching } from '../identity/vouching.ts'
import { isFirst } from '../receive/once.ts'
import { DEVICE_LIST, SESSION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { RESEND_HISTORY, RESEND_ORDER, orderName } from './records.ts'
import type { ResendHistory, ResendOrder } from './records.ts'
import type { ResendDrop, ResendDrops } from './drops.ts'
import { sentMessage } from './sent-message.ts'
import type { TokenBuckets } from './token-buckets.ts'
import type { WaitingOrder, WaitingOrders } from './waiting-orders.ts'

/** Answers to one device for one message. Its own count is its own affair. @source whatsapp-rust `MAX_RETRY_COUNT` */
const MAX_ANSWERS = 5

/** Messages that one receipt may ask for. It is one, nearly always. */
const MAX_IDS = 32

/** What taking orders works with. */
export interface OrderContext {
  readonly self: Self
  readonly logger: Logger
  readonly waiting: WaitingOrders
  /** How often signatures of a device are verified: what comes faster counts as come without keys. */
  readonly verifying: TokenBuckets
  readonly drops: ResendDrops
}

/** What a device asks for, with what is known of it. */
interface Request extends ParsedRetryReceipt {
  /** The device that asks, as it is addressed. */
  readonly device: string
  /** Its canonical address. */
  readonly canonical: string
}

/**
 * Records what a retry receipt asks for.
 *
 * @returns the new orders, which are in line
 * @throws {ProtocolError} when it is no such receipt
 */
export async function orderResends(
  unit: Unit,
  stanza: BinaryNode,
  context: OrderContext,
): Promise<readonly WaitingOrder[]> {
  const parsed = parseRetryReceipt(stanza)
  const device = parsed.participant ?? parsed.from
  const request = { ...parsed, device, canonical: await canonicalJid(unit, device) }
  // delivered twice, because the server has not seen our ack
  if (!(await isFirst(unit, stanza))) return []
  const taken = new Map<string, Grant>()
  for (const id of request.ids.slice(0, MAX_IDS)) {
    const grant = await grantFor(unit, { id, request, others: taken.size }, context)
    if (grant !== undefined) taken.set(id, grant)
  }
  if (taken.size === 0) return []
  // signatures last: they cost the most, and a storm must not
  const bundle = await givenKeys(unit, request, context)
  if (bundle === undefined && !(await isKnown(unit, request.canonical, context)))
    return refuseUnknown(unit, request, context)
  const orders: WaitingOrder[] = []
  // a one-time pre-key begins one session
  let keys = bundle
  for (const grant of taken.values()) {
    orders.push(take(unit, { grant, request, bundle: keys }, context))
    keys = undefined
  }
  return orders
}

/** The next question to the server brings the list up to date; the device asks again, then with its keys. */
async function refuseUnknown(
  unit: Unit,
  { device, canonical, count }: Request,
  { drops }: OrderContext,
): Promise<readonly WaitingOrder[]> {
  await markStale(unit, userJid(canonical))
  drops.drop('unknown-device', { device, count })
  return []
}

/** What a request may have, with what is known of it. */
interface Grant {
  readonly id: string
  /** Canonical. */
  readonly chat: string
  readonly name: string
  readonly history: ResendHistory | undefined
  readonly open: ResendOrder | undefined
}

async function grantFor(
  unit: Unit,
  { id, request, others }: { id: string; request: Request; others: number },
  { self, waiting, drops }: OrderContext,
): Promise<Grant | undefined> {
  const { device, canonical, count } = request
  const fields = { id, device, count }
  const sent = await sentMessage(unit, id, self)
  if (sent === undefined) return refused(drops, 'not-found', fields)
  const chat = await canonicalJid(unit, userJid(sent.chat))
  // whoever was not written to is not given it, whatever they know of it
  if (!self.isOwn(device) && userJid(canonical) !== chat) return refused(drops, 'not-theirs', fields)
  if (canonical === (await canonicalJid(unit, self.devicePn))) return refused(drops, 'not-theirs', fields)
  const name = orderName(id, canonical)
  const open = await unit.read(RESEND_ORDER, name)
  const history = await unit.read(RESEND_HISTORY, name)
  if (isInLine(open)) {
    // the same request once more: its answer is on its way
    return count > open.count ? { id, chat, name, history, open } : undefined
  }
  if ((history?.answers ?? 0) >= MAX_ANSWERS) return refused(drops, 'too-often', fields)
  if (!waiting.hasRoom(canonical, others)) return refused(drops, 'too-many', fields)
  return { id, chat, name, history, open }
}

function refused(drops: ResendDrops, reason: ResendDrop, fields: LogFields): Grant | undefined {
  drops.drop(reason, fields)
  return undefined
}

/** Whether somebody has asked for it, and it was not encrypted yet. */
function isInLine(order: ResendOrder | undefined): order is ResendOrder {
  return order?.reason === 'asked' && order.stanza === undefined
}

function take(
  unit: Unit,
  { grant, request, bundle }: { grant: Grant; request: Request; bundle: PreKeyBundle | undefined },
  { waiting }: OrderContext,
): WaitingOrder {
  const { id, chat, name, history, open } = grant
  const { device, count, registrationId } = request
  // keys of an order that was not carried out yet are as good as new ones
  const keys = bundle ?? (open?.stanza === undefined ? open?.bundle : undefined)
  const orderedAtMs = isInLine(open) ? open.orderedAtMs : waiting.nextPlace(unit.nowMs)
  if (!isInLine(open)) unit.put(RESEND_HISTORY, name, { ...history, answers: (history?.answers ?? 0) + 1 })
  unit.put(RESEND_ORDER, name, {
    ...{ id, device, count, reason: 'asked', orderedAtMs, chat },
    ...(registrationId === undefined ? {} : { registrationId }),
    ...(keys === undefined ? {} : { bundle: keys }),
  })
  const order = { name, chat, orderedAtMs }
  waiting.add(order)
  return order
}

/** The phone always is; a companion when it is listed, or when we have written with it. */
async function isKnown(unit: Unit, canonical: string, { waiting }: OrderContext): Promise<boolean> {
  const { device } = parseJid(canonical)
  // what waits was granted with keys that were good, or to a device that is listed
  if (device === 0 || waiting.hasOrdersOf(canonical)) return true
  const list = await unit.read(DEVICE_LIST, userJid(canonical))
  if (list?.devices.some(({ id }) => id === device) === true) return true
  return (await unit.read(SESSION, signalAddress(canonical))) !== undefined
}

/** The keys of the receipt, when they are whole, signed, and the account vouches for them. */
async function givenKeys(
  unit: Unit,
  request: Request,
  context: OrderContext,
): Promise<PreKeyBundle | undefined> {
  const { self, logger, drops, verifying } = context
  try {
    const keys = parseRetryKeys(request)
    if (keys === undefined || !verifying.take([request.canonical], unit.nowMs)) return undefined
    const { bundle, deviceIdentity } = keys
    verifyBundle(bundle)
    const { identityKey } = bundle
    await requireVouching(unit, self, { device: request.canonical, identityKey, deviceIdentity })
    await noteIdentity(unit, { request, bundle, self, logger })
    return bundle
  } catch (error) {
    drops.drop('bad-keys', { device: request.device, reason: describeError(error) })
    return undefined
  }
}

/** A phone with another identity has registered anew: its companions are gone, and everybody may want to know. */
async function noteIdentity(
  unit: Unit,
  { request, bundle, self, logger }: { request: Request; bundle: PreKeyBundle; self: Self; logger: Logger },
): Promise<void> {
  const { device, canonical } = request
  const record = await unit.read(SESSION, signalAddress(canonical))
  const session = record === undefined ? undefined : sessionInfo(record)
  if (session === undefined || equalBytes(session.remoteIdentityKey, bundle.identityKey)) return
  logger.warn({ device }, 'a device asks with another identity than it had')
  if (parseJid(device).device !== 0 || self.isOwn(device)) return
  // each of its requests says so until the first was answered
  const told = sha256(utf8Bytes(`identity ${canonical} `), bundle.identityKey)
  if (await unit.isRecognised(told)) return
  unit.recognise(told)
  const atMs = unit.nowMs
  await noteIdentityChange(unit, canonical, atMs)
  await markStale(unit, canonical)
  unit.event('identity.changed', { contact: await personOf(unit, device), atMs }, canonical)
}
