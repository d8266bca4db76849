/**
 * What verified mutations mean for the entries that are known: which records change, and what there is to tell. A whole
 * collection is told as its difference to what is known, so that it may be fetched as often as it takes.
 */
import { equalBytes, fromHex, toHex } from '../../base/bytes.ts'
import type { AppStateMutation } from '../../protocol/app-state/index.ts'
import type { AppStateEntry } from '../state/records.ts'
import { mutationOf } from './entry.ts'
import type { Entries } from './entry.ts'

/** One entry that changes. */
export interface EntryChange {
  readonly mutation: AppStateMutation
  /** What was known of the same index, also when it stood under another key. */
  readonly previous: AppStateEntry | undefined
  /** Whether it says anything that was not known. */
  readonly isNews: boolean
}

/**
 * The changes that mutations make, at most one for each index MAC. When a collection goes over to a new key, the entry under
 * the old one is removed and set under the new one: that is one change, and no removal.
 */
export function changesOf(mutations: readonly AppStateMutation[], known: Entries): readonly EntryChange[] {
  const removed = new Map<string, AppStateEntry>()
  for (const mutation of mutations) {
    const entry = mutation.operation === 'remove' ? known.get(toHex(mutation.indexMac)) : undefined
    if (entry !== undefined) removed.set(indexName(mutation), entry)
  }
  // most often nothing is, and then no index needs to be looked at
  const nameOf = (mutation: AppStateMutation): string => (removed.size === 0 ? '' : indexName(mutation))
  const set = new Set(mutations.filter(({ operation }) => operation === 'set').map(nameOf))
  return mutations.map((mutation) => {
    const own = known.get(toHex(mutation.indexMac))
    if (mutation.operation === 'remove')
      return { mutation, previous: own, isNews: own !== undefined && !set.has(nameOf(mutation)) }
    const previous = own ?? removed.get(nameOf(mutation))
    return { mutation, previous, isNews: previous === undefined || !equalBytes(previous.data, mutation.data) }
  })
}

/** The mutations that lead from what is known to a whole collection. */
export function differenceTo(
  whole: ReadonlyMap<string, AppStateMutation>,
  known: Entries,
): readonly AppStateMutation[] {
  const mutations: AppStateMutation[] = []
  for (const [name, mutation] of whole) {
    const entry = known.get(name)
    if (entry === undefined || !equalBytes(entry.valueMac, mutation.valueMac)) mutations.push(mutation)
  }
  for (const [name, entry] of known)
    if (!whole.has(name)) mutations.push({ ...mutationOf(entry, fromHex(name)), operation: 'remove' })
  return mutations
}

/** What a mutation is about: the same for every key. One that cannot be read is about nothing but itself. */
function indexName({ index, indexMac, isReadable }: AppStateMutation): string {
  return isReadable ? JSON.stringify(index) : toHex(indexMac)
}
