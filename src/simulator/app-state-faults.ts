/**
 * What goes wrong with app state on purpose: `simulator.faults.appState`. Planned here, taken where a device asks for app
 * state or would hear of it. Each that happens is a line in the trace.
 */
import { checkArgument, checkOptions, NAME, oneOf, wholeNumber } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { COLLECTION_NAMES } from './world/app-state-log.ts'
import type { AppStateHabits, AppStateSpoil, PlannedAppStateFault } from './world/app-state-plans.ts'
import type { World } from './world/world.ts'

const MAX_PLANNED = 10_000
const TIMES = wholeNumber(1, MAX_PLANNED)
const COLLECTION = oneOf(...COLLECTION_NAMES)
const SPOIL = oneOf(
  ...['patch-mac', 'value', 'value-mac', 'index', 'record', 'snapshot-mac', 'missing-record', 'gap'],
)

const HABITS: Readonly<Record<keyof AppStateHabits, Expectation>> = {
  patchesPerAnswer: wholeNumber(1),
  externalFrom: wholeNumber(1),
  patchesBehindSnapshot: wholeNumber(0),
}

/**
 * See the file comment. Devices are named by JID, e.g. `15550000001:1@s.whatsapp.net`; each plan is for one device and one
 * collection, e.g. `regular_low`. `times`: how often it happens. @default 1
 */
export class AppStateFaults {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Gives the server other habits; what is left out stays as it was. */
  habits(habits: Partial<AppStateHabits>): void {
    checkOptions('faults.appState.habits(habits)', habits, HABITS)
    const { appStatePlans: plans } = this.#world
    plans.habits = { ...plans.habits, ...habits }
  }

  /**
   * Spoils the next answer to a device in which there is something of the kind.
   *
   * @param as - `patch-mac`, `value`, `value-mac`, `index`: a bit of the first patch is another; `gap`: the first of several
   *   patches is missing; `record`, `snapshot-mac`: a bit of the snapshot; `missing-record`: it lacks one
   */
  spoil(jid: string, collection: string, as: AppStateSpoil, times: number = 1): void {
    checkArgument('the fault in faults.appState.spoil(jid, collection, as)', as, SPOIL)
    this.#plan({ device: jid, collection, as, code: 0, times })
  }

  /** Answers the next questions of a device about a collection with an error. @param code - e.g. 400, 404, 503 */
  refuse(jid: string, collection: string, code: number, times: number = 1): void {
    const called = 'the code in faults.appState.refuse(jid, collection, code)'
    checkArgument(called, code, wholeNumber(400, 599))
    this.#plan({ device: jid, collection, as: 'error', code, times })
  }

  /** Answers the next patches of a device with a conflict, whatever their version is. */
  conflict(jid: string, collection: string, times: number = 1): void {
    this.#plan({ device: jid, collection, as: 'conflict', code: 0, times })
  }

  /** Does not tell a device the next times that a collection has changed. */
  silence(jid: string, collection: string, times: number = 1): void {
    this.#plan({ device: jid, collection, as: 'silence', code: 0, times })
  }

  #plan({ device: jid, ...plan }: PlannedAppStateFault): void {
    checkArgument('the jid of a fault of app state', jid, NAME)
    checkArgument('the collection of a fault of app state', plan.collection, COLLECTION)
    checkArgument('times of a fault of app state', plan.times, TIMES)
    const found = this.#world.resolve(jid)
    const device = found === undefined ? jid : found.account.jid('pn', found.deviceId)
    this.#world.appStatePlans.add({ device, ...plan })
  }
}
