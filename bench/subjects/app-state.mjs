// App state as a phone writes it: verified and decrypted from bytes to changes, with every check switched on in both.
import { sized, timed } from '../harness.mjs'
import { COLLECTION, appStateOf, valueMacs } from '../parties/phone-app-state.mjs'

const VALUES = sized(5000, 60)
const PATCHES = sized(100, 3)
const MACS = sized(1000, 20)
const HASH = `hash of a collection, ${MACS} values`
const SNAPSHOT = `snapshot of ${VALUES} values`
const CHANGES = `${PATCHES} patches of 10 on top of it`

export const title = 'App state'
export const about =
  'Every MAC of every value, patch and state is verified by both, which Baileys does only when it is told to.'
export const rows = {
  [HASH]: { unit: 'µs CPU' },
  [SNAPSHOT]: { unit: 'µs CPU' },
  [CHANGES]: { unit: 'µs CPU' },
}

/** @param party - `hash`, `open` for a snapshot, and `apply` for patches on top of what that gave */
function prepare({ hash, open, apply }) {
  const state = appStateOf(VALUES, PATCHES)
  const macs = valueMacs(MACS)
  const [removed, added] = [macs.slice(0, MACS / 2), macs.slice(MACS / 2)]
  const base = new Uint8Array(128).fill(3)
  const whole = async (lap) => {
    let opened
    await lap(1, async () => void (opened = await open(state)))
    if (opened.count !== VALUES) throw new Error('values are missing')
    return opened
  }
  return {
    cases: {
      [HASH]: timed(HASH, (lap) => lap(1, () => void hash(base, removed, added))),
      [SNAPSHOT]: timed(SNAPSHOT, whole),
      [CHANGES]: timed(CHANGES, async (lap) => {
        const opened = await open(state)
        let end
        await lap(1, async () => void (end = await apply(state, opened)))
        if (end.version !== state.finalVersion || state.finalHash.compare(end.hash) !== 0)
          throw new Error('the state differs')
      }),
    },
  }
}

export const contestants = {
  async waton() {
    const { appState } = await import('waton/protocol')
    const { createWatonAppState } = await import('../parties/waton-app-state.mjs')
    const party = createWatonAppState(COLLECTION)
    return prepare({
      hash: (base, removed, added) => appState.addToLtHash(appState.subtractFromLtHash(base, removed), added),
      open: ({ key, snapshot }) => party.open(key.data, snapshot),
      apply: ({ patches }, opened) => party.apply(opened, patches),
    })
  },
  async Baileys() {
    const { LT_HASH_ANTI_TAMPERING, decodePatches, decodeSyncdSnapshot, proto } =
      await import('@whiskeysockets/baileys')
    const silent = { trace() {}, debug() {}, info() {}, error() {}, warn: () => fail(), child: () => silent }
    const keyOf =
      ({ data }) =>
      () =>
        Promise.resolve({ keyData: data })
    return prepare({
      hash: (base, removed, added) => LT_HASH_ANTI_TAMPERING.subtractThenAdd(base, removed, added),
      async open({ key, snapshot }) {
        const decoded = proto.SyncdSnapshot.decode(snapshot)
        const opened = await decodeSyncdSnapshot(COLLECTION, decoded, keyOf(key), undefined, true, silent)
        return { count: Object.keys(opened.mutationMap).length, state: opened.state }
      },
      async apply({ key, patches }, { state }) {
        const decoded = patches.map((bytes) => proto.SyncdPatch.decode(bytes))
        const end = await decodePatches(COLLECTION, decoded, state, keyOf(key), {}, undefined, silent, true)
        return end.state
      },
    })
  },
}

function fail() {
  throw new Error('Baileys could not verify it')
}
