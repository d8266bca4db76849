/** Runs the scenario once with one of the clients and returns what the simulator saw of it. */
import { startSimulator } from 'waton/simulator'
import type { Simulator } from 'waton/simulator'
import { childrenOf } from '../../../src/protocol/binary/node.ts'
import type { PhoneMessage } from '../../../src/simulator/peer/mailbox.ts'
import type { TracedStanza } from '../../../src/simulator/trace.ts'
import { VirtualClock } from 'waton/testing'
import { until } from '../../helpers/until.ts'
import { BaileysParty } from './baileys-party.ts'
import { IdNames, canonical, nameOf } from './canonical.ts'
import type { CanonicalNode } from './canonical.ts'
import { Bystanders } from './bystanders.ts'
import type { PartyName } from './party.ts'
import { CHOSEN_IDS } from './scenario.ts'
import type { Scene, Step } from './scenario.ts'
import { UnhurriedStore, WatonParty, makeCredentials } from './waton-party.ts'

/** What one run left behind. */
export interface Recording {
  readonly qr: string
  /** Serialised `ClientPayload`s in order: registration, then logins. */
  readonly payloads: readonly Uint8Array[]
  /** The client's stanzas by step. */
  readonly steps: ReadonlyMap<string, readonly CanonicalNode[]>
  /** What the people saw of the messages that the client sent. */
  readonly seen: readonly PhoneMessage[]
  /** What the strict server objected to. */
  readonly objections: readonly string[]
}

const SEED = 'wire equality'
/** Begins the ids of the questions that mark the end of a step. */
const MARK = 'equality-mark-'
/** How long the stanzas of a step may take; what is missing then is a difference. */
const SETTLE_MS = 5_000

/** See the file comment. */
export async function record(name: PartyName, steps: readonly Step[]): Promise<Recording> {
  const clock = new VirtualClock()
  const simulator = await startSimulator({ seed: SEED, clock })
  const { store, credentials } = await makeCredentials(clock, SEED)
  const bystanders = new Bystanders(simulator, clock)
  const { endpoint } = simulator
  const party =
    name === 'baileys'
      ? await BaileysParty.start(simulator, credentials)
      : new WatonParty({ store: new UnhurriedStore(store), endpoint, clock, seed: SEED })
  try {
    const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const dave = await simulator.addPhone({ phoneNumber: '15550000004', name: 'Dave' })
    const device = '15550000001:1@s.whatsapp.net'
    const scene = { simulator, clock, party, bystanders, alice, bob, dave, device }
    const cuts = await runSteps(scene, steps)
    return {
      qr: party.qrs[0] ?? '',
      payloads: payloads(simulator, device),
      steps: canonicalSteps(simulator, device, cuts),
      seen: [alice, bob, dave].flatMap((phone) => phone.messages),
      objections: objections(simulator, device),
    }
  } finally {
    await party.quit()
    await bystanders.close()
    await simulator.close()
  }
}

function objections(simulator: Simulator, device: string): string[] {
  return simulator.trace.notes
    .filter(({ kind, device: who }) => kind === 'violation' || (who === device && kind === 'refusal'))
    .map(({ text }) => text)
}

interface Cut {
  readonly step: Step
  /** The step's stanzas have indexes above this one, */
  readonly after: number
  /** up to this one. */
  readonly upTo: number
}

async function runSteps(scene: Scene, steps: readonly Step[]): Promise<readonly Cut[]> {
  const { simulator, device, party } = scene
  const { trace } = simulator
  const cuts: Cut[] = []
  for (const [number, step] of steps.entries()) {
    // both connections of the first login begin inside of the pairing
    const after = number < 2 ? -1 : trace.nextIndex - 1
    const missing = (names: readonly string[]): readonly string[] =>
      namesMissing(names, clientStanzas(simulator, device, { step, after, upTo: Infinity }))
    await step.run(scene, async (names) => {
      await until(names.join(', '), () => missing(names).length === 0)
    })
    const ends = [...step.ends.both, ...step.ends[party.name]]
    const isSettled = (): boolean =>
      missing(ends).length === 0 && (!isAskable(step) || simulator.unanswered(device).length === 0)
    // what is missing after that is a difference
    await until('the end of the step', isSettled, SETTLE_MS).catch(() => undefined)
    if (isAskable(step)) await party.mark(`${MARK}${String(number)}`)
    cuts.push({ step, after, upTo: trace.nextIndex - 1 })
  }
  return cuts
}

/** Whether the client still answers at the end of the step: while it pairs it restarts, and after a logout it is gone. */
function isAskable({ connection, endsConnection }: Step): boolean {
  return connection !== 'pairing' && endsConnection !== true
}

/** The names that are not among the stanzas, as often as they are wanted. */
function namesMissing(wanted: readonly string[], stanzas: readonly TracedStanza[]): readonly string[] {
  const left = [...wanted]
  for (const { node } of stanzas) {
    // a receipt for several messages stands for several receipts
    const items = childrenOf(node, 'list').flatMap((list) => childrenOf(list, 'item'))
    for (let count = node.tag === 'receipt' ? items.length + 1 : 1; count > 0; count -= 1) {
      const found = left.indexOf(nameOf(node))
      if (found >= 0) left.splice(found, 1)
    }
  }
  return left
}

function clientStanzas(
  simulator: Simulator,
  device: string,
  { step, after, upTo }: Cut,
): readonly TracedStanza[] {
  const all = simulator.trace.stanzas({ after })
  const wanted = step.connection ?? 'device'
  const first = all.find((entry) => entry.device === undefined)?.connectionId
  return all.filter(
    ({ index, direction, device: who, connectionId, node }) =>
      index <= upTo &&
      direction === 'client-to-server' &&
      (wanted === 'pairing' ? who === undefined && connectionId === first : who === device) &&
      node.attrs.id?.startsWith(MARK) !== true,
  )
}

function canonicalSteps(
  simulator: Simulator,
  device: string,
  cuts: readonly Cut[],
): ReadonlyMap<string, readonly CanonicalNode[]> {
  const ids = new IdNames(CHOSEN_IDS)
  const forms = new Map<TracedStanza, CanonicalNode>()
  for (const entry of simulator.trace.stanzas()) {
    if (entry.device !== undefined && entry.device !== device) continue
    if (entry.direction === 'server-to-client') ids.learn(entry.node)
    else forms.set(entry, canonical(entry, ids))
  }
  return new Map(
    cuts.map((cut) => [
      cut.step.name,
      onceOnly(
        cut.step.timed,
        clientStanzas(simulator, device, cut).flatMap((entry) => forms.get(entry) ?? []),
      ),
    ]),
  )
}

function onceOnly(timed: string | undefined, stanzas: readonly CanonicalNode[]): readonly CanonicalNode[] {
  const first = stanzas.findIndex((stanza) => nameOf(stanza) === timed)
  return stanzas.filter((stanza, index) => index === first || nameOf(stanza) !== timed)
}

/** The payloads of the client under test: of its registration, which is the first of all, and of its logins. */
function payloads({ trace }: Simulator, device: string): readonly Uint8Array[] {
  const [registration] = trace.payloads().filter((entry) => entry.device === undefined)
  const own = [...(registration === undefined ? [] : [registration]), ...trace.payloads({ device })]
  return own.sort((a, b) => a.index - b.index).map(({ payload }) => payload)
}
