/** Runs what verifies in steps, with breaks, so that no slice of it is long. */
import { letOthersRun } from '../../base/turn.ts'
import type { AppStateSteps, VerifiedAppState } from '../../protocol/app-state/index.ts'

/** A step takes some half a millisecond. */
const STEPS_PER_TURN = 4

/** See the file comment. Rejects with what the steps throw. */
export async function runSteps(steps: AppStateSteps): Promise<VerifiedAppState> {
  for (let count = 1; ; count += 1) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (count % STEPS_PER_TURN === 0) await letOthersRun()
  }
}
