/** How a call ends, whatever it does: returns, throws, resolves, rejects, or takes too long. */

/** The end of a call. */
export type Settled =
  | { readonly status: 'done'; readonly value: unknown }
  | { readonly status: 'failed'; readonly error: unknown }

/**
 * Runs a call to its end.
 *
 * @param deadlineMs - a call that takes longer has failed
 */
export async function settle(call: () => unknown, deadlineMs: number): Promise<Settled> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`it did not end within ${String(deadlineMs)} ms`))
    }, deadlineMs)
  })
  try {
    const value = await Promise.race([Promise.resolve().then(call), deadline])
    return { status: 'done', value }
  } catch (error) {
    return { status: 'failed', error }
  } finally {
    clearTimeout(timer)
  }
}
