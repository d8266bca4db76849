/** The collections that app state is divided into, in the order in which they are fetched. */
import { DIRTY_COLLECTION } from '../state/records.ts'
import type { DirtyCollection } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** The name of a collection. */
export type CollectionName =
  'critical_block' | 'critical_unblock_low' | 'regular_high' | 'regular_low' | 'regular'

/** What a client needs before it shows anything: the account's own name, and its contacts. */
export const CRITICAL: readonly CollectionName[] = ['critical_block', 'critical_unblock_low']

/**
 * All of them.
 *
 * @source Baileys 7.0.0-rc14 `Types/Chat.js` ALL_WA_PATCH_NAMES; whatsmeow `appstate/keys.go` AllPatchNames
 */
export const COLLECTIONS: readonly CollectionName[] = [...CRITICAL, 'regular_high', 'regular_low', 'regular']

const NAMES: ReadonlySet<string> = new Set(COLLECTIONS)

/** Whether there is such a collection: names from outside must not fill the store. */
export function isCollection(name: string): name is CollectionName {
  return NAMES.has(name)
}

/** Remembers that a collection has news, until they are fetched. @param version - the newest, when the server said */
export async function markDirty(
  unit: Unit,
  name: CollectionName,
  { atMs, version = 0 }: DirtyCollection,
): Promise<void> {
  const known = await unit.read(DIRTY_COLLECTION, name)
  const newest = Math.max(version, known?.version ?? 0)
  unit.put(DIRTY_COLLECTION, name, { atMs, ...(newest === 0 ? {} : { version: newest }) })
}
