/**
 * Makes a verified step of a collection durable: its entries, what follows from them, its version and the mark that it has
 * news, in one unit of work. A step of very many entries takes several, so that what is received meanwhile does not wait for
 * all of it; until the last of them the collection counts as one that has to be fetched as a whole, and what is told already
 * is not told again then, because it is known.
 */
import { equalBytes } from '../../base/bytes.ts'
import { letOthersRun } from '../../base/turn.ts'
import { EMPTY_APP_STATE } from '../../protocol/app-state/index.ts'
import type { AppStateVersion } from '../../protocol/app-state/index.ts'
import type { AccountState } from '../state/account-state.ts'
import { APP_STATE_COLLECTION, APP_STATE_ENTRY, DIRTY_COLLECTION, entryKey } from '../state/records.ts'
import type { AppStateCollection } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ActionContext } from './actions/action.ts'
import { applyMutation } from './actions/registry.ts'
import type { EntryChange } from './changes.ts'
import type { CollectionName } from './collections.ts'

/** Entries that change in one unit at most: their events are checked and written without a break, a few milliseconds' work. */
const MAX_PER_UNIT = 64

/** Entries after which others may run. */
const CHANGES_PER_TURN = 16

/** A step that was verified. */
export interface VerifiedStep {
  readonly name: CollectionName
  /** The collection that the step was verified against; `undefined` when it was never fetched. */
  readonly from: AppStateCollection | undefined
  readonly to: AppStateVersion
  readonly changes: readonly EntryChange[]
}

/** What committing works with. */
export interface CommitContext {
  readonly state: AccountState
  readonly actions: ActionContext
  /** Whether the connection that the step came over is still the one: otherwise the account may be another. */
  readonly isCurrent: () => boolean
}

/**
 * Commits a step.
 *
 * @returns the collection as it is now; `undefined` when it is not what the step was verified against any more, and nothing
 *   of the step was kept
 * @throws {StorageError} when the store cannot be written
 */
export async function commitStep(
  { state, actions, isCurrent }: CommitContext,
  { name, from, to, changes }: VerifiedStep,
): Promise<AppStateCollection | undefined> {
  // what the account had when it was linked is one thing, what was done since is another
  const isFirst = from === undefined || (from.needsSnapshot === true && from.version === 0)
  const origin = isFirst ? 'history' : 'live'
  const done: AppStateCollection = { version: to.version, ltHash: to.ltHash }
  const { version, ltHash } = from ?? EMPTY_APP_STATE
  const underWay: AppStateCollection = { version, ltHash, needsSnapshot: true }
  for (let first = 0; first === 0 || first < changes.length; first += MAX_PER_UNIT) {
    const isLast = first + MAX_PER_UNIT >= changes.length
    const isKept = await state.commit(async (unit) => {
      if (!isCurrent() || !isSame(await unit.read(APP_STATE_COLLECTION, name), from)) return false
      for (const [index, change] of changes.slice(first, first + MAX_PER_UNIT).entries()) {
        if (index % CHANGES_PER_TURN === CHANGES_PER_TURN - 1) await letOthersRun()
        await stageChange(unit, { name, change, origin }, actions)
      }
      unit.put(APP_STATE_COLLECTION, name, isLast ? done : underWay)
      if (isLast) await forgetNews(unit, name, to.version)
      return true
    })
    if (!isKept) return undefined
  }
  return done
}

/** Whether a collection is still where a step began: the same version, of the same entries. */
export function isSame(now: AppStateCollection | undefined, before: AppStateCollection | undefined): boolean {
  const one = now ?? EMPTY_APP_STATE
  const other = before ?? EMPTY_APP_STATE
  return one.version === other.version && equalBytes(one.ltHash, other.ltHash)
}

/** The mark that a collection has news goes when it is as new as the server has said. */
async function forgetNews(unit: Unit, name: CollectionName, version: number): Promise<void> {
  const dirty = await unit.read(DIRTY_COLLECTION, name)
  if (dirty?.version !== undefined && dirty.version <= version) unit.delete(DIRTY_COLLECTION, name)
}

async function stageChange(
  unit: Unit,
  { name, change, origin }: { name: CollectionName; change: EntryChange; origin: 'history' | 'live' },
  actions: ActionContext,
): Promise<void> {
  const { mutation, previous, isNews } = change
  const { operation, indexMac, valueMac, data } = mutation
  const key = entryKey(name, indexMac)
  if (operation === 'set') unit.put(APP_STATE_ENTRY, key, { valueMac, data })
  else unit.delete(APP_STATE_ENTRY, key)
  if (!isNews || !mutation.isReadable) return
  await applyMutation(unit, { collection: name, mutation, previous: previous?.data, origin }, actions)
}
