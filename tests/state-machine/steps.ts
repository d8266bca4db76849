/**
 * What can happen in a run of the state machine, drawn from a seed. A run is nothing but its list of steps: a shorter list
 * is a run as well, which is how a failure is made small.
 */
import { randomInteger, seededRandom } from '../../src/base/random.ts'

/** One thing that happens. Where `peer` is, it says with whom: Bob has a phone only, Carol a phone and a client. */
export type Step =
  | { readonly do: 'send'; readonly peer: Peer; readonly count: number }
  | { readonly do: 'receive'; readonly peer: Peer; readonly count: number }
  /** A text each way, so that the ratchet turns. */
  | { readonly do: 'turn'; readonly peer: Peer }
  /** Cancels the message that was sent last. */
  | { readonly do: 'cancel' }
  | { readonly do: 'cut' }
  /** Time passes. */
  | { readonly do: 'pass'; readonly ms: number }
  /** The next commits fail; of one with `isApplied` the store has written it all the same. */
  | { readonly do: 'fail-commits'; readonly count: number; readonly isApplied: boolean }
  /** Commits wait until something else happens a few times, or the process dies. */
  | { readonly do: 'hold-commits' }
  /** The process dies; of the commits under way so many are on the disk. */
  | { readonly do: 'crash'; readonly unacknowledged: number }
  | { readonly do: 'lose-acks'; readonly count: number }
  | { readonly do: 'repeat-receipts'; readonly count: number }
  | { readonly do: 'reorder-receipts' }
  /** The phone of a peer, or the client itself, forgets its sessions with the other. */
  | { readonly do: 'peer-loses-sessions'; readonly peer: Peer }
  | { readonly do: 'client-loses-sessions' }
  /** The store of the client is copied. */
  | { readonly do: 'back-up' }
  /** The process dies, and starts again on the last copy, when there is one. */
  | { readonly do: 'restore'; readonly unacknowledged: number }

/** The others. */
export type Peer = 'bob' | 'carol'

/** Names of steps, as the environment gives them. */
export type StepName = Step['do']

/** How often each comes, relative to the others. */
const WEIGHTS: Readonly<Record<StepName, number>> = {
  send: 10,
  receive: 8,
  turn: 5,
  pass: 6,
  cancel: 3,
  cut: 3,
  'fail-commits': 3,
  'hold-commits': 2,
  crash: 3,
  'lose-acks': 2,
  'repeat-receipts': 1,
  'reorder-receipts': 1,
  'peer-loses-sessions': 1,
  'client-loses-sessions': 1,
  'back-up': 2,
  restore: 2,
}

/** Every name. */
export const ALL_STEPS: readonly StepName[] = Object.keys(WEIGHTS) as StepName[]

const LONGEST_MS = 40_000

/** Draws the steps of a run. The same seed and names give the same steps. */
export function drawSteps(
  seed: string | number,
  count: number,
  names: readonly StepName[] = ALL_STEPS,
): readonly Step[] {
  const random = seededRandom(`steps ${String(seed)}`)
  const upTo = (most: number): number => 1 + randomInteger(random, most)
  const urn = names.flatMap((name) => Array.from({ length: WEIGHTS[name] }, () => name))
  return Array.from({ length: count }, () => {
    const name = urn[randomInteger(random, urn.length)] ?? 'send'
    const peer = upTo(2) === 1 ? 'bob' : 'carol'
    return draw(name, peer, upTo)
  })
}

function draw(name: StepName, peer: Peer, upTo: (most: number) => number): Step {
  switch (name) {
    case 'send':
    case 'receive':
      return { do: name, peer, count: upTo(3) }
    case 'turn':
    case 'peer-loses-sessions':
      return { do: name, peer }
    case 'pass':
      return { do: name, ms: upTo(LONGEST_MS) }
    case 'fail-commits':
      return { do: name, count: upTo(3), isApplied: upTo(4) === 1 }
    case 'crash':
    case 'restore':
      return { do: name, unacknowledged: upTo(3) - 1 }
    case 'lose-acks':
    case 'repeat-receipts':
      return { do: name, count: upTo(2) }
    default:
      return { do: name }
  }
}

/** Steps in words: for the message of a failure. */
export function describeSteps(steps: readonly Step[]): string {
  return steps.map((step, index) => `${String(index + 1)}. ${JSON.stringify(step)}`).join('\n')
}

/**
 * Makes a failing list of steps smaller: leaves out halves, quarters, ... single steps, as long as the rest still fails.
 *
 * @param tries - runs at most
 */
export async function shrink(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
  tries: number,
): Promise<readonly Step[]> {
  let smallest = steps
  let left = tries
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < smallest.length && left > 0;) {
      const shorter = [...smallest.slice(0, start), ...smallest.slice(start + size)]
      left -= 1
      if (shorter.length < smallest.length && (await fails(shorter))) smallest = shorter
      else start += size
    }
  }
  return smallest
}
