/**
 * The signed pre-key and its rotation as changes of a unit of work. A new key is a candidate, durable before it is sent;
 * it becomes the current one when the server has it. A key that was current stays readable for {@link RETENTION_MS}:
 * whoever fetched it may have a message under way. When to rotate is `key-upkeep.ts`.
 */
import { StorageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { MAX_PRE_KEY_ID, generateSignedPreKey } from '../../protocol/signal/index.ts'
import type { PublicSignedPreKey } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Self } from '../identity/self.ts'
import { CREDENTIALS, SELF, SIGNED_PRE_KEY, SIGNED_PRE_KEY_STATE } from '../state/records.ts'
import type { RetiredSignedPreKey, SignedPreKeyState, StoredSignedPreKey } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

const DAY_MS = 86_400_000

/**
 * The age at which a signed pre-key is replaced. The key protects the first messages of sessions that got no one-time
 * key, so its age bounds what a stolen one opens; a shorter period only keeps more old keys readable at a time.
 *
 * @source whatsapp-rust 0.7 rotates every 27 days; Baileys only when it is told to, whatsmeow never
 */
export const ROTATION_MS: number = 27 * DAY_MS

/** How long a replaced key still decrypts: the 30 days that the server keeps undelivered messages, twice. */
export const RETENTION_MS: number = 60 * DAY_MS

/** The pause after a refusal. @source whatsapp-rust 0.7: a failed rotation is tried again after 24 hours */
export const REFUSED_PAUSE_MS: number = DAY_MS

/** Replaced keys at most. When all are young, rotation waits: none is forgotten early. */
const MAX_RETIRED = 8

const NOTHING_RETIRED: SignedPreKeyState = { retired: [] }

/** What is published of a signed pre-key. */
export function publicHalf({ id, keyPair, signature }: StoredSignedPreKey): PublicSignedPreKey {
  return { id, publicKey: keyPair.publicKey, signature }
}

/** The key that the server hands out, or is to hand out. @throws {StorageError} `WATON_STORE_RECORD` when it is missing */
export async function currentSignedPreKey(unit: Unit, self: Self): Promise<StoredSignedPreKey> {
  const current = await unit.read(SIGNED_PRE_KEY, String(self.credentials.signedPreKeyId))
  if (current !== undefined) return current
  throw new StorageError(
    'WATON_STORE_RECORD',
    'the signed pre-key of this device is missing from the store; restore it from a backup',
  )
}

/**
 * Puts another key in the place of a current one that is gone from the store, e.g. because its row was damaged: what was
 * encrypted for it cannot be read any more, and whoever wrote it is told the new one when they are asked to send it again. The
 * server has another key then, which the check of its directory puts right.
 */
export async function replaceLost(unit: Unit, self: Self, random: RandomSource): Promise<boolean> {
  const credentials = (await unit.read(CREDENTIALS, SELF)) ?? self.credentials
  if ((await unit.read(SIGNED_PRE_KEY, String(credentials.signedPreKeyId))) !== undefined) return false
  const fresh = await stageFresh(unit, credentials, random)
  const replaced = { ...credentials, signedPreKeyId: fresh.id }
  unit.put(CREDENTIALS, SELF, replaced)
  unit.onCommit(() => {
    self.update(replaced)
  })
  return true
}

/** The key whose rotation is under way, also one that a crash or a lost answer left behind. */
export async function candidateSignedPreKey(unit: Unit): Promise<StoredSignedPreKey | undefined> {
  const { candidateId } = (await unit.read(SIGNED_PRE_KEY_STATE, SELF)) ?? NOTHING_RETIRED
  return candidateId === undefined ? undefined : unit.read(SIGNED_PRE_KEY, String(candidateId))
}

/** The key to send to the server now: a candidate from before, a new one when it is time, or none. */
export async function stageRotation(
  unit: Unit,
  self: Self,
  random: RandomSource,
): Promise<StoredSignedPreKey | undefined> {
  const state = await withoutExpired(unit)
  if ((state.notBeforeMs ?? 0) > unit.nowMs) return undefined
  const left = await candidateSignedPreKey(unit)
  if (left !== undefined) return left
  const current = await currentSignedPreKey(unit, self)
  if (unit.nowMs - current.createdAtMs < ROTATION_MS || state.retired.length >= MAX_RETIRED) return undefined
  const candidate = await stageFresh(unit, self.credentials, random)
  unit.put(SIGNED_PRE_KEY_STATE, SELF, { ...state, candidateId: candidate.id })
  return candidate
}

async function stageFresh(
  unit: Unit,
  { identityKey, signedPreKeyId }: Self['credentials'],
  random: RandomSource,
): Promise<StoredSignedPreKey> {
  const id = await freeId(unit, signedPreKeyId)
  const { publicKey, privateKey, signature } = generateSignedPreKey(identityKey, id, random)
  const fresh = { id, keyPair: { publicKey, privateKey }, signature, createdAtMs: unit.nowMs }
  unit.put(SIGNED_PRE_KEY, String(id), fresh)
  return fresh
}

/** The server has the candidate: it is the current key from now on. */
export async function completeRotation(unit: Unit, self: Self): Promise<void> {
  const { candidateId, retired } = (await unit.read(SIGNED_PRE_KEY_STATE, SELF)) ?? NOTHING_RETIRED
  if (candidateId === undefined) return
  const credentials = (await unit.read(CREDENTIALS, SELF)) ?? self.credentials
  const completed = { ...credentials, signedPreKeyId: candidateId }
  const replaced = { id: credentials.signedPreKeyId, retiredAtMs: unit.nowMs }
  unit.put(CREDENTIALS, SELF, completed)
  unit.put(SIGNED_PRE_KEY_STATE, SELF, { retired: [...retired, replaced] })
  unit.onCommit(() => {
    self.update(completed)
  })
}

/**
 * The server refused the candidate.
 *
 * @param isFinal - the key itself was refused: the next attempt has another. This one is kept as if it had been current,
 *   because an earlier attempt, whose answer was lost, may have been accepted
 */
export async function postponeRotation(unit: Unit, isFinal: boolean): Promise<void> {
  const state = (await unit.read(SIGNED_PRE_KEY_STATE, SELF)) ?? NOTHING_RETIRED
  const { candidateId, retired } = state
  const notBeforeMs = unit.nowMs + REFUSED_PAUSE_MS
  if (!isFinal || candidateId === undefined) {
    unit.put(SIGNED_PRE_KEY_STATE, SELF, { ...state, notBeforeMs })
    return
  }
  const refused = { id: candidateId, retiredAtMs: unit.nowMs }
  unit.put(SIGNED_PRE_KEY_STATE, SELF, { notBeforeMs, retired: [...retired, refused] })
}

/** Forgets the keys that were replaced long ago. */
async function withoutExpired(unit: Unit): Promise<SignedPreKeyState> {
  const state = (await unit.read(SIGNED_PRE_KEY_STATE, SELF)) ?? NOTHING_RETIRED
  const isOld = ({ retiredAtMs }: RetiredSignedPreKey): boolean => unit.nowMs - retiredAtMs > RETENTION_MS
  const old = state.retired.filter(isOld)
  if (old.length === 0) return state
  for (const { id } of old) unit.delete(SIGNED_PRE_KEY, String(id))
  const pruned = { ...state, retired: state.retired.filter((key) => !isOld(key)) }
  unit.put(SIGNED_PRE_KEY_STATE, SELF, pruned)
  return pruned
}

/** The next id that names no key which is still readable. */
async function freeId(unit: Unit, currentId: number): Promise<number> {
  let id = currentId
  do id = id >= MAX_PRE_KEY_ID ? 1 : id + 1
  while ((await unit.read(SIGNED_PRE_KEY, String(id))) !== undefined)
  return id
}
