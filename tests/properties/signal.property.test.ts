/**
 * Seeded random schedules of a conversation: messages are lost, delayed, reordered and delivered twice, and either side
 * opens new sessions at any moment. Whatever arrives for the first time must be read, whatever arrives again must be
 * refused, and a refusal must leave the record as it was (the waton party checks that). Failures print seed and step.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { utf8Bytes, utf8Text } from '../../src/base/bytes.ts'
import { errorCode } from '../../src/base/errors.ts'
import { randomInteger, seededRandom, type RandomSource } from '../../src/base/random.ts'
import { decodeSessionRecord, encodeSessionRecord } from '../../src/protocol/signal/index.ts'
import {
  LibsignalParty,
  RustParty,
  WatonParty,
  type Ciphertext,
  type SignalParty,
} from '../vectors/signal/parties.ts'

/** A message on its way to one side. */
interface Letter {
  readonly text: string
  readonly ciphertext: Ciphertext
  /** How many turns its sender had taken: an upper bound of the chain it is in. */
  readonly turn: number
}

interface Side {
  readonly party: SignalParty
  readonly inbox: Letter[]
  readonly read: Letter[]
  readCount: number
  turn: number
  /** Whether something was read since the last message was written: the next message starts a turn. */
  hasRead: boolean
  /** The newest turn of the other side that was read. */
  newestTurn: number
}

interface Plan {
  readonly steps: number
  /** New sessions per 100 steps. */
  readonly restarts: number
  /**
   * Whether new sessions are opened at any moment, or only when nothing is under way. Both foreign libraries lose a
   * session when they read a message in another one (interop.test.ts shows it), so with them it is the latter.
   */
  readonly crossing: boolean
}

/** A chain is certain to be kept for this many turns after it was left. */
const KEPT_TURNS = 4
/** Duplicates are offered of the last so many messages only, so that their chains are still there. */
const REPEATABLE = 6

class Conversation {
  readonly #random: RandomSource
  readonly #sides: readonly [Side, Side]
  readonly #label: string
  #sent = 0

  constructor(first: SignalParty, second: SignalParty, label: string) {
    this.#random = seededRandom(label)
    this.#sides = [createSide(first), createSide(second)]
    this.#label = label
  }

  async run(plan: Plan): Promise<number> {
    const [first, second] = this.#sides
    await first.party.start(second.party.bundle())
    await this.#write(first, second)
    await this.#deliver(second)
    for (let step = 0; step < plan.steps; step++) {
      const at = randomInteger(this.#random, 2)
      const [side, other] = at === 0 ? [first, second] : [second, first]
      await this.#step(side, other, plan)
    }
    await this.#settle()
    return first.readCount + second.readCount
  }

  async #step(side: Side, other: Side, plan: Plan): Promise<void> {
    const dice = randomInteger(this.#random, 100)
    if (dice < plan.restarts) await this.#restart(side, other, plan)
    else if (dice < 45) await this.#write(side, other)
    else if (dice < 82) await this.#deliver(side)
    else if (dice < 90) side.inbox.splice(randomInteger(this.#random, side.inbox.length + 1), 1)
    else if (dice < 97) await this.#repeat(side)
    else this.#restartProcess(side)
  }

  async #restart(side: Side, other: Side, plan: Plan): Promise<void> {
    if (!plan.crossing) await this.#settle()
    await side.party.start(other.party.bundle(randomInteger(this.#random, 2) === 0))
    if (plan.crossing) return
    await this.#write(side, other)
    await this.#settle()
  }

  /** Delivers everything, and forgets it, so that no duplicate of an older session is offered later. */
  async #settle(): Promise<void> {
    for (const side of this.#sides) {
      while (side.inbox.length > 0) await this.#deliver(side)
      side.readCount += side.read.length
      side.read.length = 0
    }
  }

  async #write(side: Side, other: Side): Promise<void> {
    const text = `message ${String(this.#sent++)}`
    if (side.hasRead) side.turn++
    side.hasRead = false
    other.inbox.push({ text, ciphertext: await side.party.encrypt(utf8Bytes(text)), turn: side.turn })
  }

  async #deliver(side: Side): Promise<void> {
    const [letter] = side.inbox.splice(randomInteger(this.#random, side.inbox.length), 1)
    if (letter === undefined || letter.turn < side.newestTurn - KEPT_TURNS) return
    const plaintext = await side.party.decrypt(letter.ciphertext).catch((error: unknown) => {
      throw new TypeError(`${this.#label}: ${side.party.name} could not read ${letter.text}`, {
        cause: error,
      })
    })
    expect(utf8Text(plaintext), this.#label).toBe(letter.text)
    side.read.push(letter)
    side.hasRead = true
    side.newestTurn = Math.max(side.newestTurn, letter.turn)
  }

  async #repeat(side: Side): Promise<void> {
    const letter = side.read.at(-1 - randomInteger(this.#random, REPEATABLE))
    if (letter === undefined || letter.turn < side.newestTurn - KEPT_TURNS) return
    const failure: unknown = await side.party.decrypt(letter.ciphertext).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure, `${this.#label}: ${letter.text} was read twice`).toBeDefined()
    if (side.party instanceof WatonParty) {
      expect(errorCode(failure), `${this.#label}: ${letter.text}`).toBe('WATON_SIGNAL_OLD_COUNTER')
    }
  }

  /** The process ends and starts again: what is in memory comes from bytes. */
  #restartProcess(side: Side): void {
    const { party } = side
    if (!(party instanceof WatonParty) || party.record === undefined) return
    party.record = decodeSessionRecord(encodeSessionRecord(party.record))
  }
}

function createSide(party: SignalParty): Side {
  return { party, inbox: [], read: [], readCount: 0, turn: 0, hasRead: false, newestTurn: 0 }
}

// libsignal prints sessions, keys included, to the console whenever it closes one or fails.
beforeEach(() => {
  for (const method of ['error', 'warn', 'info', 'log'] as const) {
    vi.spyOn(console, method).mockImplementation(() => undefined)
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

const SEEDS = Array.from({ length: 12 }, (_, index) => index)

describe('random schedules', () => {
  it.each(SEEDS)('between waton and libsignal, seed %i', async (seed) => {
    const label = `libsignal ${String(seed)}`
    const [ours, theirs] = [new WatonParty(`waton ${label}`), new LibsignalParty(`peer ${label}`)]
    const order: [SignalParty, SignalParty] = seed % 2 === 0 ? [ours, theirs] : [theirs, ours]
    expect(
      await new Conversation(...order, label).run({ steps: 300, restarts: 4, crossing: false }),
    ).toBeGreaterThan(50)
  })

  it.each(SEEDS)('between waton and the Rust library, seed %i', async (seed) => {
    const label = `rust ${String(seed)}`
    const [ours, theirs] = [new WatonParty(`waton ${label}`), new RustParty(`peer ${label}`)]
    const order: [SignalParty, SignalParty] = seed % 2 === 0 ? [ours, theirs] : [theirs, ours]
    expect(
      await new Conversation(...order, label).run({ steps: 300, restarts: 4, crossing: false }),
    ).toBeGreaterThan(50)
  })

  // The one place with waton on both sides: the two tests above prove the protocol, this one the records under stress.
  it.each(SEEDS)('between two of waton, with many new sessions, seed %i', async (seed) => {
    const label = `waton ${String(seed)}`
    const conversation = new Conversation(new WatonParty(`a ${label}`), new WatonParty(`b ${label}`), label)
    expect(await conversation.run({ steps: 600, restarts: 8, crossing: true })).toBeGreaterThan(100)
  })
})
