/**
 * Breaks in long work, so that sockets, timers and other accounts are not held up. Who works off a long list lets
 * others run after so many pieces; a count, unlike a clock, gives the same run again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Resolves when everything that was ready meanwhile has had its turn. */
export async function letOthersRun(): Promise<void> {
  await nextTurn()
}
