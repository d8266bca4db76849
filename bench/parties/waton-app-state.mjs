// waton's app state for benchmarks: `waton/protocol` over a Map of value MACs, as the client has them in its store.
import { setImmediate } from 'node:timers/promises'
import { appState } from 'waton/protocol'

const textOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice()

/** As the client does: others run after every few milliseconds. */
const SLICE_MS = 4

async function finish(steps) {
  let end = performance.now() + SLICE_MS
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() < end) continue
    await setImmediate()
    end = performance.now() + SLICE_MS
  }
}

export function createWatonAppState(collection) {
  return {
    /** Verifies a snapshot. */
    async open(keyData, bytes) {
      const keys = appState.expandAppStateKeys(keyData)
      const keyOf = () => keys
      const snapshot = appState.readSnapshot(bytes)
      const { to, mutations } = await finish(appState.verifySnapshot({ collection, snapshot, keyOf }))
      const known = new Map(mutations.map(({ indexMac, valueMac }) => [textOf(indexMac), valueMac]))
      return { count: mutations.length, to, known, keyOf }
    },
    /** Verifies patches one after the other, and leaves what it was given as it is. */
    async apply(opened, patches) {
      const changed = new Map()
      const previousValueMac = (indexMac) => {
        const index = textOf(indexMac)
        return changed.has(index) ? changed.get(index) : opened.known.get(index)
      }
      let from = opened.to
      for (const bytes of patches) {
        const patch = appState.readPatch(bytes)
        const { keyOf } = opened
        const verified = await finish(
          appState.verifyPatch({ collection, from, patch, keyOf, previousValueMac }),
        )
        for (const { operation, indexMac, valueMac } of verified.mutations)
          changed.set(textOf(indexMac), operation === 'set' ? valueMac : undefined)
        from = verified.to
      }
      return { version: from.version, hash: from.ltHash }
    },
  }
}
