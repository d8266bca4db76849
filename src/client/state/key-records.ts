/** What is kept of the keys that this device publishes: see `records.ts` for all kinds. */
import { concatBytes } from '../../base/bytes.ts'
import { keyPairFromPrivate } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { MAX_PRE_KEY_ID } from '../../protocol/signal/index.ts'
import { bytes, integer, keyPair, list, optional } from './record-fields.ts'
import { jsonRecord, recordBody, textRecord, unreadableRecord, withVersion } from './record-kind.ts'
import type { KeyLister, RecordKind } from './record-kind.ts'

/** How far pre-keys were made and uploaded. Ids are 24 bits and wrap. */
export interface PreKeyState {
  /** The id that the next new key gets. */
  readonly nextId: number
  /** Keys from here to `nextId` were made and may not be on the server. */
  readonly firstUnuploadedId: number
  /** Whether the server has ever confirmed an upload. */
  readonly uploaded: boolean
  /** No one-time pre-key below it is kept; 1 when absent. */
  readonly oldestId?: number
  /** No tombstone below it is kept; 1 when absent. */
  readonly oldestSpentId?: number
  /** When the server's directory was last found to be not ours and filled again. */
  readonly repairedAtMs?: number
}

/** A signed pre-key that is no longer published. Messages made with it still arrive. */
export interface RetiredSignedPreKey {
  readonly id: number
  readonly retiredAtMs: number
}

/** Where the rotation of the signed pre-key stands; which key is current is said by `Credentials`. */
export interface SignedPreKeyState {
  /** Made, durable, and perhaps with the server; it becomes the current one when the server says so. */
  readonly candidateId?: number
  /** A refused rotation is not tried again before. */
  readonly notBeforeMs?: number
  /** Oldest first. */
  readonly retired: readonly RetiredSignedPreKey[]
}

/** A signed pre-key with its private half. */
export interface StoredSignedPreKey {
  readonly id: number
  readonly keyPair: KeyPair
  readonly signature: Uint8Array
  readonly createdAtMs: number
}

async function watermarksAbove(keys: KeyLister): Promise<PreKeyState> {
  const made = [...(await keys.listKeys('pre-key', '')), ...(await keys.listKeys('spent-pre-key', ''))]
  const highest = made.reduce((most, id) => Math.max(most, Number(id)), 0)
  const nextId = highest >= MAX_PRE_KEY_ID ? 1 : highest + 1
  return { nextId, firstUnuploadedId: nextId, uploaded: highest > 0 }
}

function retiredKey(value: unknown): RetiredSignedPreKey {
  const { id, retiredAtMs } = value as Record<string, unknown>
  return { id: integer(id), retiredAtMs: integer(retiredAtMs) }
}

/**
 * Pre-key watermarks, under `SELF`. Damaged ones follow from the keys themselves: an id above all that were ever
 * made is safe, while beginning anew would replace keys that are on the server.
 */
export const PRE_KEY_STATE: RecordKind<PreKeyState> = jsonRecord(
  'pre-key-state',
  1,
  (parsed) => ({
    nextId: integer(parsed.nextId),
    firstUnuploadedId: integer(parsed.firstUnuploadedId),
    uploaded: parsed.uploaded === true,
    ...optional('oldestId', parsed.oldestId, integer),
    ...optional('oldestSpentId', parsed.oldestSpentId, integer),
    ...optional('repairedAtMs', parsed.repairedAtMs, integer),
  }),
  { rebuild: watermarksAbove },
)

/** Where rotation stands, under `SELF`; absent until the first. */
export const SIGNED_PRE_KEY_STATE: RecordKind<SignedPreKeyState> = jsonRecord(
  'signed-pre-key-state',
  1,
  (parsed): SignedPreKeyState => ({
    ...optional('candidateId', parsed.candidateId, integer),
    ...optional('notBeforeMs', parsed.notBeforeMs, integer),
    retired: list(parsed.retired, retiredKey),
  }),
)

/** Signed pre-keys by id. */
export const SIGNED_PRE_KEY: RecordKind<StoredSignedPreKey> = jsonRecord('signed-pre-key', 1, (parsed) => ({
  id: integer(parsed.id),
  keyPair: keyPair(parsed.keyPair),
  signature: bytes(parsed.signature, 64),
  createdAtMs: integer(parsed.createdAtMs),
}))

/** The signed pre-key of today as part of the credentials: a damaged one is a reason not to start. */
export const CURRENT_SIGNED_PRE_KEY: RecordKind<StoredSignedPreKey> = {
  ...SIGNED_PRE_KEY,
  onUnreadable: 'refuse',
}

/**
 * One-time pre-keys by id: the private key, and since version 2 the public one behind it, because a login that checks
 * 800 of them would otherwise compute 800 of them.
 */
export const PRE_KEY: RecordKind<KeyPair> = {
  kind: 'pre-key',
  isRarelyRead: true,
  encode: (pair) => withVersion(2, concatBytes(pair.privateKey, pair.publicKey)),
  decode(stored) {
    const body = recordBody('pre-key', 2, stored)
    if (stored[0] === 1 && body.length === 32) return keyPairFromPrivate(body)
    if (stored[0] !== 2 || body.length !== 64) throw unreadableRecord('pre-key')
    return { privateKey: body.subarray(0, 32), publicKey: body.subarray(32) }
  },
}

/** Tombstones of one-time pre-keys that were used, by id: told apart from ids that never existed. */
export const SPENT_PRE_KEY: RecordKind<string> = textRecord('spent-pre-key')
