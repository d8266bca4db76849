/**
 * Asking for a message again that could not be read. The count is durable, so that a restart does not begin anew; from
 * the second request on, and when there is no session at all, it carries fresh keys, so that the sender can start one without
 * asking the server.
 */
import { uint32Bytes } from '../../base/bytes.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { signalAddress } from '../../protocol/jid.ts'
import { generatePreKeys, hasOpenSession } from '../../protocol/signal/index.ts'
import type { PublicPreKey } from '../../protocol/stanza/iq/pre-keys.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import { buildRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import type { RetryKeys } from '../../protocol/stanza/retry-receipt.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { followingPreKeyId } from '../keys/pre-key-stock.ts'
import { PRE_KEY, PRE_KEY_STATE, RETRY_COUNT, SELF, SESSION, SIGNED_PRE_KEY } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext } from './context.ts'

/** Requests for one message at most. @source reference-others 1.4: 4 receipts */
const MAX_REQUESTS = 4

/** From this request on fresh keys are sent along. */
const KEYS_FROM_REQUEST = 2

/** The protocol's numbers for why; what is not listed is 0, "unknown". @source reference-others 1.4, RetryReason */
const REASONS: Readonly<Record<string, number>> = {
  WATON_SIGNAL_NO_SESSION: 1,
  WATON_SIGNAL_INVALID_KEY: 2,
  WATON_SIGNAL_UNKNOWN_PRE_KEY: 3,
  WATON_SIGNAL_MALFORMED: 4,
  WATON_SIGNAL_TOO_FAR: 6,
  WATON_SIGNAL_BAD_MAC: 7,
  WATON_SIGNAL_OLD_COUNTER: 9,
}

/**
 * What is done about a message that could not be read: the request that goes out after the commit; nothing more, because
 * enough requests were made; or nothing now, because too many of this device's messages cannot be read: the server is not
 * answered, and delivers it again.
 */
export type Asked = BinaryNode | 'enough' | 'later'

/** Makes the next request for a message. */
export async function askAgain(
  unit: Unit,
  { stanza, message, code }: { stanza: BinaryNode; message: ParsedMessage; code: string },
  context: ReceiveContext,
): Promise<Asked> {
  const key = `${message.chat}\u0000${message.author}\u0000${message.id}`
  const before = (await unit.read(RETRY_COUNT, key))?.count ?? 0
  // the sender knows how often it has sent: a lost count of ours must not make it start over
  const sentBefore = Math.max(0, ...message.encrypted.map((part) => part.retryCount ?? 0))
  const count = Math.max(before, sentBefore) + 1
  if (count > MAX_REQUESTS) return 'enough'
  const author = await canonicalJid(unit, message.author)
  if (!context.asking.take([author], unit.nowMs)) {
    context.logger.warn(
      { id: message.id, author },
      'a device sends more that cannot be read than is asked for',
    )
    return 'later'
  }
  unit.put(RETRY_COUNT, key, { count })
  // without a session there is nothing that the sender could go on with
  const needsKeys = count >= KEYS_FROM_REQUEST || !(await hasSession(unit, author))
  const keys = needsKeys ? await freshKeys(unit, context) : undefined
  return buildRetryReceipt({
    message: stanza,
    count,
    errorCode: REASONS[code] ?? 0,
    registrationId: uint32Bytes(context.self.credentials.registrationId),
    ...(keys === undefined ? {} : { keys }),
  })
}

async function hasSession(unit: Unit, author: string): Promise<boolean> {
  const record = await unit.read(SESSION, signalAddress(author))
  return record !== undefined && hasOpenSession(record)
}

async function freshKeys(unit: Unit, { self, random }: ReceiveContext): Promise<RetryKeys | undefined> {
  const { identityKey, signedPreKeyId } = self.credentials
  const signed = await unit.read(SIGNED_PRE_KEY, String(signedPreKeyId))
  if (signed === undefined) return undefined
  const preKey = await freshPreKey(unit, random)
  return {
    identityKey: identityKey.publicKey,
    signedPreKey: { id: signed.id, publicKey: signed.keyPair.publicKey, signature: signed.signature },
    ...(preKey === undefined ? {} : { preKey }),
    deviceIdentity: self.deviceIdentity,
  }
}

/**
 * A one-time pre-key that nobody else is given. While an upload is unfinished there is none, because every id below the
 * watermark may become public: a session can be begun without.
 */
async function freshPreKey(unit: Unit, random: RandomSource): Promise<PublicPreKey | undefined> {
  const watermarks = await unit.read(PRE_KEY_STATE, SELF)
  if (watermarks === undefined || watermarks.nextId !== watermarks.firstUnuploadedId) return undefined
  const [fresh] = generatePreKeys(watermarks.nextId, 1, random)
  if (fresh === undefined) return undefined
  const nextId = followingPreKeyId(fresh.id)
  unit.put(PRE_KEY, String(fresh.id), { publicKey: fresh.publicKey, privateKey: fresh.privateKey })
  unit.put(PRE_KEY_STATE, SELF, { ...watermarks, nextId, firstUnuploadedId: nextId })
  return { id: fresh.id, publicKey: fresh.publicKey }
}
