/**
 * From a receipt that asks for a message again to a durable order, without the network: who may ask, for what, how often,
 * and whether the keys that came along are good. What is not taken is counted and dropped; nobody is told, and the device
 * may ask again.
 */
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { parseJid, signalAddress, userJid } from '../../protocol/jid.ts'
import { accountKeyOf, verifyDeviceIdentity } from '../../protocol/pairing/index.ts'
import { sessionInfo, verifyBundle } from '../../protocol/signal/index.ts'
import type { PreKeyBundle } from '../../protocol/signal/index.ts'
import { parseRetryKeys, parseRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import type { ParsedRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { isFirst } from '../receive/once.ts'
import { DEVICE_LIST, IDENTITY_CHANGE, SESSION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { RESEND_HISTORY, RESEND_ORDER, orderName } from './records.ts'
import type { ResendDrops } from './drops.ts'
import { sentMessage } from './sent-message.ts'
import type { TokenBuckets } from './token-buckets.ts'

/** Answers to one device for one message. Its own count is its own affair. @source whatsapp-rust `MAX_RETRY_COUNT` */
const MAX_ANSWERS = 5

/** Messages that one receipt may ask for. It is one, nearly always. */
const MAX_IDS = 32

/** What taking orders works with. */
export interface OrderContext {
  readonly self: Self
  readonly logger: Logger
  readonly buckets: TokenBuckets
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
 * @returns the names of the new orders
 * @throws {ProtocolError} when it is no such receipt
 */
export async function orderResends(
  unit: Unit,
  stanza: BinaryNode,
  context: OrderContext,
): Promise<readonly string[]> {
  const parsed = parseRetryReceipt(stanza)
  const device = parsed.participant ?? parsed.from
  const request = { ...parsed, device, canonical: await canonicalJid(unit, device) }
  // delivered twice, because the server has not seen our ack
  if (!(await isFirst(unit, stanza))) return []
  let bundle = await givenKeys(unit, request, context)
  const names: string[] = []
  for (const id of request.ids.slice(0, MAX_IDS)) {
    if (!(await isTaken(unit, { id, request, hasKeys: bundle !== undefined }, context))) continue
    names.push(await take(unit, { id, request, bundle }))
    // a one-time pre-key begins one session
    bundle = undefined
  }
  return names
}

async function isTaken(
  unit: Unit,
  { id, request, hasKeys }: { id: string; request: Request; hasKeys: boolean },
  { self, buckets, drops }: OrderContext,
): Promise<boolean> {
  const { device, canonical, count } = request
  const fields = { id, device, count }
  const sent = await sentMessage(unit, id, self)
  if (sent === undefined) return drops.drop('not-found', fields)
  const chat = await canonicalJid(unit, userJid(sent.chat))
  const isOwn = self.isOwn(device)
  // whoever was not written to is not given it, whatever they know of it
  if (!isOwn && userJid(canonical) !== chat) return drops.drop('not-theirs', fields)
  if (canonical === (await canonicalJid(unit, self.devicePn))) return drops.drop('not-theirs', fields)
  if (!hasKeys && !(await isKnown(unit, canonical))) {
    // the next question to the server brings the list up to date; the device asks again, then with its keys
    unit.delete(DEVICE_LIST, userJid(canonical))
    return drops.drop('unknown-device', fields)
  }
  const history = await unit.read(RESEND_HISTORY, orderName(id, canonical))
  if ((history?.answers ?? 0) >= MAX_ANSWERS) return drops.drop('too-often', fields)
  if (!buckets.take([`chat ${chat}`, `device ${canonical}`], unit.nowMs))
    return drops.drop('too-many', fields)
  return true
}

async function take(
  unit: Unit,
  { id, request, bundle }: { id: string; request: Request; bundle: PreKeyBundle | undefined },
): Promise<string> {
  const { device, canonical, count, registrationId } = request
  const name = orderName(id, canonical)
  const history = await unit.read(RESEND_HISTORY, name)
  const open = await unit.read(RESEND_ORDER, name)
  // keys of an order that was not carried out yet are as good as new ones
  const keys = bundle ?? (open?.stanza === undefined ? open?.bundle : undefined)
  unit.put(RESEND_HISTORY, name, { ...history, answers: (history?.answers ?? 0) + 1 })
  unit.put(RESEND_ORDER, name, {
    ...{ id, device, count, reason: 'asked', orderedAtMs: unit.nowMs },
    ...(registrationId === undefined ? {} : { registrationId }),
    ...(keys === undefined ? {} : { bundle: keys }),
  })
  return name
}

/** The phone always is; a companion when it is listed, or when we have written with it. */
async function isKnown(unit: Unit, canonical: string): Promise<boolean> {
  const { device } = parseJid(canonical)
  if (device === 0) return true
  const list = await unit.read(DEVICE_LIST, userJid(canonical))
  if (list?.deviceIds.includes(device) === true) return true
  return (await unit.read(SESSION, signalAddress(canonical))) !== undefined
}

/** The keys of the receipt, when they are whole, signed, and the account vouches for them. */
async function givenKeys(
  unit: Unit,
  request: Request,
  { self, logger, drops }: OrderContext,
): Promise<PreKeyBundle | undefined> {
  try {
    const keys = parseRetryKeys(request)
    if (keys === undefined) return undefined
    const { bundle, deviceIdentity } = keys
    verifyBundle(bundle)
    const accountKey = await accountKeyFor(unit, request, self)
    const isCompanion = parseJid(request.device).device !== 0
    if (isCompanion && deviceIdentity !== undefined)
      verifyDeviceIdentity({ deviceIdentity, identityKey: bundle.identityKey, accountKey })
    await noteIdentity(unit, { request, bundle, self, logger })
    return bundle
  } catch (error) {
    drops.drop('bad-keys', { device: request.device, reason: describeError(error) })
    return undefined
  }
}

/** The key of the phone that the device belongs to, as far as it is known. */
async function accountKeyFor(
  unit: Unit,
  { device, canonical }: Request,
  self: Self,
): Promise<Uint8Array | undefined> {
  if (self.isOwn(device)) return accountKeyOf(self.deviceIdentity)
  const record = await unit.read(SESSION, signalAddress(userJid(canonical)))
  return record === undefined ? undefined : sessionInfo(record)?.remoteIdentityKey
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
  const atMs = unit.nowMs
  unit.put(IDENTITY_CHANGE, canonical, { atMs })
  unit.delete(DEVICE_LIST, canonical)
  unit.event('identity.changed', { contact: await personOf(unit, device), atMs }, canonical)
}
