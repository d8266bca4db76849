/**
 * The one-time pre-keys of this device as changes of a unit of work: which are uploaded next, what an upload that was
 * answered means, and which are old enough to forget. When to upload is `key-upkeep.ts`.
 *
 * Ids have 24 bits and wrap; 0 is never used. An id is given to one key only: the watermark moves in the commit that
 * makes the key, before the key leaves.
 */
import { randomInteger } from '../../base/random.ts'
import type { RandomSource } from '../../base/random.ts'
import { MAX_PRE_KEY_ID, generatePreKeys } from '../../protocol/signal/index.ts'
import type { PreKeyPair } from '../../protocol/signal/index.ts'
import { PRE_KEY, PRE_KEY_STATE, SELF, SPENT_PRE_KEY } from '../state/records.ts'
import type { PreKeyState } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** Ids behind the newest whose keys are kept, used or not: twenty first uploads. Who uses an older one is asked again. */
const KEPT_IDS = 16_384

/** Ids behind the newest whose tombstones are kept. */
const KEPT_TOMBSTONES = 65_536

/**
 * Ids that a restored copy passes over: at least as many, for the original's uploads since (ten refills), and up to so many
 * more, by chance, because the same copy may be opened twice. All of it is little of {@link KEPT_IDS}: the keys that
 * the server still offers stay.
 */
const LEFT_TO_ORIGINAL = 512
const LEFT_BY_CHANCE = 1_536

/** Records that one commit forgets at most. */
const FORGOTTEN_AT_ONCE = 2_000

/** A device that has made no key yet. */
export const NO_PRE_KEYS: PreKeyState = { nextId: 1, firstUnuploadedId: 1, uploaded: false }

/** The id after this one. */
export function followingPreKeyId(id: number): number {
  return id >= MAX_PRE_KEY_ID ? 1 : id + 1
}

/** How many steps lead from one id to another. */
function distance(from: number, to: number): number {
  return (to - from + MAX_PRE_KEY_ID) % MAX_PRE_KEY_ID
}

/**
 * The keys to upload. Those that an unanswered upload left behind are among them, as they were: uploading a key twice
 * is harmless, and one that was used meanwhile is left out.
 */
export async function stageUpload(
  unit: Unit,
  count: number,
  random: RandomSource,
): Promise<readonly PreKeyPair[]> {
  const before = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
  const left: PreKeyPair[] = []
  for (let id = before.firstUnuploadedId; id !== before.nextId; id = followingPreKeyId(id)) {
    const pair = await unit.read(PRE_KEY, String(id))
    if (pair !== undefined) left.push({ id, ...pair })
  }
  const made = generatePreKeys(before.nextId, Math.max(0, count - left.length), random)
  for (const { id, publicKey, privateKey } of made) unit.put(PRE_KEY, String(id), { publicKey, privateKey })
  const last = made.at(-1)
  if (last === undefined) return left
  unit.put(PRE_KEY_STATE, SELF, forgetOld(unit, { ...before, nextId: followingPreKeyId(last.id) }))
  return [...left, ...made]
}

/** The server has taken everything up to this id. */
export async function markUploaded(unit: Unit, lastId: number): Promise<void> {
  const state = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
  unit.put(PRE_KEY_STATE, SELF, { ...state, firstUnuploadedId: followingPreKeyId(lastId), uploaded: true })
}

/**
 * The server refused everything up to this id for good: the next upload has other keys. These are kept, because an
 * earlier attempt, whose answer was lost, may have been accepted.
 */
export async function abandonUpload(unit: Unit, lastId: number): Promise<void> {
  const state = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
  unit.put(PRE_KEY_STATE, SELF, { ...state, firstUnuploadedId: followingPreKeyId(lastId) })
}

/**
 * Passes over ids that the server has of us and we have not: a store that was restored from a backup must not give them
 * to other keys. An upload that was not answered is not repeated after that.
 */
export async function skipForeignIds(unit: Unit, ids: readonly number[]): Promise<void> {
  const state = (await unit.read(PRE_KEY_STATE, SELF)) ?? NO_PRE_KEYS
  const ahead = ids.filter((id) => distance(state.nextId, id) < MAX_PRE_KEY_ID / 2)
  if (ahead.length === 0) return
  const farthest = Math.max(...ahead.map((id) => distance(state.nextId, id)))
  const nextId = ((state.nextId + farthest) % MAX_PRE_KEY_ID) + 1
  unit.put(PRE_KEY_STATE, SELF, { ...state, nextId, firstUnuploadedId: nextId })
}

/**
 * In a restored copy: leaves the next ids to the original, which may have given them to keys that the server has handed out
 * already and lists no more. An upload that was not answered is not repeated after that.
 */
export async function leaveIdsToOriginal(unit: Unit, random: RandomSource): Promise<void> {
  const state = await unit.read(PRE_KEY_STATE, SELF)
  if (state === undefined) return
  const steps = LEFT_TO_ORIGINAL + randomInteger(random, LEFT_BY_CHANCE)
  const nextId = ((state.nextId + steps - 1) % MAX_PRE_KEY_ID) + 1
  unit.put(PRE_KEY_STATE, SELF, { ...state, nextId, firstUnuploadedId: nextId })
}

function forgetOld(unit: Unit, state: PreKeyState): PreKeyState {
  const { nextId } = state
  const oldestId = forget(state.oldestId ?? 1, nextId, KEPT_IDS, (id) => {
    unit.delete(PRE_KEY, id)
  })
  const oldestSpentId = forget(state.oldestSpentId ?? 1, nextId, KEPT_TOMBSTONES, (id) => {
    unit.delete(SPENT_PRE_KEY, id)
  })
  return { ...state, oldestId, oldestSpentId }
}

function forget(oldest: number, next: number, kept: number, remove: (id: string) => void): number {
  let id = oldest
  for (let count = 0; distance(id, next) > kept && count < FORGOTTEN_AT_ONCE; count += 1) {
    remove(String(id))
    id = followingPreKeyId(id)
  }
  return id
}
