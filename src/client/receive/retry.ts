/**
 * Asking for a message again that could not be read. The count is durable, so that a restart does not begin anew; from
 * the second request on it carries fresh keys, so that the sender can start a session without asking the server.
 */
import { uint32Bytes } from '../../base/bytes.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { generatePreKeys } from '../../protocol/signal/index.ts'
import { buildPreKey, buildSignedPreKey } from '../../protocol/stanza/iq/pre-keys.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import { buildRetryReceipt } from '../../protocol/stanza/retry-receipt.ts'
import { followingPreKeyId } from '../keys/pre-key-stock.ts'
import { PRE_KEY, PRE_KEY_STATE, RETRY_COUNT, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext } from './context.ts'

/** Requests for one message at most. @source reference-others 1.4: 4 receipts */
const MAX_REQUESTS = 4

/** From this request on fresh keys are sent along. */
const KEYS_FROM_REQUEST = 2

/** The protocol's numbers for why. @source reference-others 1.4, RetryReason */
const REASONS: Readonly<Record<string, number>> = {
  WATON_SIGNAL_NO_SESSION: 1,
  WATON_SIGNAL_INVALID_KEY: 2,
  WATON_SIGNAL_UNKNOWN_PRE_KEY: 3,
  WATON_SIGNAL_MALFORMED: 4,
  WATON_SIGNAL_TOO_FAR: 6,
  WATON_SIGNAL_BAD_MAC: 7,
}

/** A request that goes out after the commit. */
export interface RetryRequest {
  /** Which request for this message it is, from 1. */
  readonly count: number
  readonly stanza: BinaryNode
}

/** Makes the next request, or `undefined` when enough were made. */
export async function askAgain(
  unit: Unit,
  { stanza, message, code }: { stanza: BinaryNode; message: ParsedMessage; code: string },
  context: ReceiveContext,
): Promise<RetryRequest | undefined> {
  const key = `${message.chat}\u0000${message.author}\u0000${message.id}`
  const before = (await unit.read(RETRY_COUNT, key))?.count ?? 0
  // the sender knows how often it has sent: a lost count of ours must not make it start over
  const sentBefore = Math.max(0, ...message.encrypted.map((part) => part.retryCount ?? 0))
  const count = Math.max(before, sentBefore) + 1
  if (count > MAX_REQUESTS) return undefined
  unit.put(RETRY_COUNT, key, { count })
  const keys = count >= KEYS_FROM_REQUEST ? await freshKeys(unit, context) : undefined
  const { self } = context
  const receipt = buildRetryReceipt({
    message: stanza,
    count,
    errorCode: REASONS[code] ?? 0,
    registrationId: uint32Bytes(self.credentials.registrationId),
    ...(keys === undefined ? {} : { keys }),
  })
  return { count, stanza: receipt }
}

async function freshKeys(unit: Unit, { self, random }: ReceiveContext): Promise<BinaryNode | undefined> {
  const { identityKey, signedPreKeyId } = self.credentials
  const signed = await unit.read(SIGNED_PRE_KEY, String(signedPreKeyId))
  const watermarks = await unit.read(PRE_KEY_STATE, SELF)
  // while an upload is unfinished every id below the watermark may become public: none of them may be promised twice
  if (signed === undefined || watermarks === undefined || watermarks.nextId !== watermarks.firstUnuploadedId)
    return undefined
  const [fresh] = generatePreKeys(watermarks.nextId, 1, random)
  if (fresh === undefined) return undefined
  const nextId = followingPreKeyId(fresh.id)
  unit.put(PRE_KEY, String(fresh.id), { publicKey: fresh.publicKey, privateKey: fresh.privateKey })
  unit.put(PRE_KEY_STATE, SELF, { ...watermarks, nextId, firstUnuploadedId: nextId })
  return node('keys', {}, [
    node('type', {}, Uint8Array.of(5)),
    node('identity', {}, identityKey.publicKey),
    buildPreKey({ id: fresh.id, publicKey: fresh.publicKey }),
    buildSignedPreKey({ id: signed.id, publicKey: signed.keyPair.publicKey, signature: signed.signature }),
    node('device-identity', {}, self.deviceIdentity),
  ])
}
