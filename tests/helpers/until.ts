/** Waiting in tests: for a condition or an event, with a deadline, never for a fixed time. */

const DEADLINE_MS = 20_000
const LOOK_AGAIN_MS = 5

/** Resolves with what `look` returns as soon as that is neither `undefined` nor `false`. */
export async function until<Value>(
  what: string,
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  deadlineMs: number = DEADLINE_MS,
): Promise<Value> {
  const end = Date.now() + deadlineMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    if (Date.now() > end) throw new Error(`waited ${String(deadlineMs)} ms in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
