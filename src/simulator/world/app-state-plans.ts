/** What is planned to go wrong with app state (`app-state-faults.ts` is how it gets here), and has not happened yet. */

/**
 * What is spoilt in an answer. `patch-mac`, `value`, `value-mac`, `index`: one bit of the first patch; `record`, `snapshot-mac`:
 * one bit of a value, or of the MAC, of the snapshot; `missing-record`: the snapshot lacks one; `gap`: the first of several
 * patches is left out.
 */
export type AppStateSpoil =
  'patch-mac' | 'value' | 'value-mac' | 'index' | 'record' | 'snapshot-mac' | 'missing-record' | 'gap'

/** What is done with a question instead of answering it, or with a notification. */
export type AppStateRefusal = 'error' | 'conflict' | 'silence'

/** How the server answers about app state. */
export interface AppStateHabits {
  /** Patches in one answer; what is left is asked for again. @default 50 */
  readonly patchesPerAnswer: number
  /** Mutations from which on those of a patch are in a file. @default 20 */
  readonly externalFrom: number
  /** Patches that a snapshot lacks, which come beside it. @default 0 */
  readonly patchesBehindSnapshot: number
}

/** How a server should answer. */
const GOOD_APP_STATE_HABITS: AppStateHabits = {
  patchesPerAnswer: 50,
  externalFrom: 20,
  patchesBehindSnapshot: 0,
}

/** A fault that is to happen. */
export interface PlannedAppStateFault {
  /** Phone-number JID, with device. */
  readonly device: string
  readonly collection: string
  readonly as: AppStateSpoil | AppStateRefusal
  /** Of an error. */
  readonly code: number
  readonly times: number
}

const MAX_PLANNED = 1_000

/** See the file comment. */
export class AppStatePlans {
  habits: AppStateHabits = GOOD_APP_STATE_HABITS
  readonly #planned: PlannedAppStateFault[] = []

  /** Plans something; beyond the limit the oldest plan is forgotten. */
  add(planned: PlannedAppStateFault): void {
    this.#planned.push(planned)
    if (this.#planned.length > MAX_PLANNED) this.#planned.shift()
  }

  /** The code of a planned fault, used up by asking; `undefined` when none is planned. */
  take(device: string, collection: string, as: AppStateSpoil | AppStateRefusal): number | undefined {
    const index = this.#planned.findIndex(
      (planned) => planned.device === device && planned.collection === collection && planned.as === as,
    )
    const planned = this.#planned[index]
    if (planned === undefined) return undefined
    if (planned.times > 1) this.#planned[index] = { ...planned, times: planned.times - 1 }
    else this.#planned.splice(index, 1)
    return planned.code
  }
}
