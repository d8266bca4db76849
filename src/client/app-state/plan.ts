/** Which collections are to be fetched now, what they wait for otherwise, and which are as new as anybody has said. */
import type { AccountState } from '../state/account-state.ts'
import { APP_STATE_COLLECTION, APP_STATE_KEY, DIRTY_COLLECTION } from '../state/records.ts'
import type { AppStateCollection, DirtyCollection } from '../state/records.ts'
import { COLLECTIONS } from './collections.ts'
import type { CollectionName } from './collections.ts'
import { isUsableKey } from './keyring.ts'
import type { Pauses } from './pauses.ts'

/** A collection that is to be fetched. */
export interface DueCollection {
  readonly name: CollectionName
  readonly known: AppStateCollection | undefined
  readonly news: DirtyCollection | undefined
}

/** See the file comment. */
export interface Plan {
  /** What to fetch with the next question: the critical ones before all others. */
  readonly due: readonly DueCollection[]
  /** When something else is due, in milliseconds since the epoch. */
  readonly nextAtMs: number
  /** Keys that are waited for, by their ids in hexadecimal. */
  readonly missingKeys: readonly string[]
  /** Collections that are here, with nothing in their way. */
  readonly settled: readonly CollectionName[]
}

/** What a plan follows from besides the store. */
export interface PlanInput {
  readonly nowMs: number
  readonly pauses: Pauses
  /** Collections are fetched for the first time once there is a key, or from then on without. */
  readonly beginAtMs: number
}

/** See the file comment. */
export async function makePlan(
  state: Pick<AccountState, 'read' | 'listKeys'>,
  { nowMs, pauses, beginAtMs }: PlanInput,
): Promise<Plan> {
  const due: DueCollection[] = []
  const missingKeys = new Set<string>()
  const settled: CollectionName[] = []
  let nextAtMs = Infinity
  for (const name of COLLECTIONS) {
    const known = await state.read(APP_STATE_COLLECTION, name)
    const news = await state.read(DIRTY_COLLECTION, name)
    if (known !== undefined && isSettled(known)) settled.push(name)
    if (!isWanted(known, news)) continue
    const absent = await absentKeys(state, known)
    for (const id of absent) missingKeys.add(id)
    if (absent.length > 0) continue
    const atMs = Math.max(pauses.untilMs(name), await dueAtMs(state, known, beginAtMs))
    if (atMs <= nowMs) due.push({ name, known, news })
    else nextAtMs = Math.min(nextAtMs, atMs)
  }
  return { due, nextAtMs, missingKeys: [...missingKeys], settled }
}

function isSettled({ needsSnapshot, missingKeys, fault }: AppStateCollection): boolean {
  return needsSnapshot !== true && missingKeys === undefined && fault === undefined
}

function isWanted(known: AppStateCollection | undefined, news: DirtyCollection | undefined): boolean {
  return known === undefined || news !== undefined || !isSettled(known)
}

/** Not before its last failure has cooled down, and for the first time not before there is a key. */
async function dueAtMs(
  state: Pick<AccountState, 'listKeys'>,
  known: AppStateCollection | undefined,
  beginAtMs: number,
): Promise<number> {
  if (known !== undefined) return known.fault?.retryAtMs ?? 0
  return (await state.listKeys(APP_STATE_KEY, '')).length > 0 ? 0 : beginAtMs
}

/** The keys that a collection waits for and that have not come. */
async function absentKeys(
  state: Pick<AccountState, 'read'>,
  known: AppStateCollection | undefined,
): Promise<readonly string[]> {
  const absent: string[] = []
  for (const id of known?.missingKeys ?? [])
    if (!isUsableKey(await state.read(APP_STATE_KEY, id))) absent.push(id)
  return absent
}
