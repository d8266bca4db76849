/**
 * Decides how a link goes on that broke off after our answer to pair-success, when nothing says whether the server has it.
 * A login would be refused if it has not, so that the human is asked first: codes are shown again, and whoever finds this
 * device on the phone uses none of them. It outlives connections; the steps themselves are in `identity/unconfirmed-link.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { noteAnswerTaken, putLinkAside, takeLinkUp } from '../identity/unconfirmed-link.ts'
import type { LinkOwner } from '../identity/unconfirmed-link.ts'
import { endingFor, endingOfError } from './ending.ts'
import type { Ending, EndingFacts } from './ending.ts'

/** What doubts are settled with. */
export interface LinkDoubtOptions extends LinkOwner {
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * How long codes are shown before a login tells: as long as the first QR code lives, which a human with the phone in hand,
 * who has just been told that linking failed, needs at most. A code to type has its own time on top.
 */
const CODES_FIRST_MS = 60_000

/** Connections in a row that end before a code could be shown: then there is nobody to ask. */
const MAX_FRUITLESS = 3

/** Ends after which the connection may have been cut between our answer and the server's word about it. */
const BREAKS: ReadonlySet<Ending['reason']> = new Set(['connection-lost', 'stream-end'])

/** See the file comment. */
export class LinkDoubt {
  readonly #options: LinkDoubtOptions
  /** The server has taken the answer; that may not be durable yet. */
  #isAnswerTaken = false
  #loginDueAtMs: number | undefined
  #fruitless = 0
  #isOver = false

  constructor(options: LinkDoubtOptions) {
    this.#options = options
  }

  /** The server says that it has our answer. Rejects when that cannot be written; within this process it counts all the same. */
  async answerTaken(): Promise<void> {
    this.#isAnswerTaken = true
    await noteAnswerTaken(this.#options)
  }

  /** Before each connection: who it is for. Rejects when that cannot be written. */
  async prepare(): Promise<void> {
    const { self, clock } = this.#options
    if (self.isInDoubt) {
      if (this.#isAnswerTaken) await noteAnswerTaken(this.#options)
      else await this.#begin()
    }
    this.#isAnswerTaken = false
    if (!self.hasDoubtfulLink) return
    const isOver = this.#isOver || this.#fruitless >= MAX_FRUITLESS
    const isDue = this.#loginDueAtMs !== undefined && clock.nowMs() >= this.#loginDueAtMs
    if (!isOver && !isDue) return
    this.#options.logger.info({}, 'a login tells whether the link that broke off stands')
    await takeLinkUp(this.#options)
  }

  /** A connection shows codes. @returns for how long it may before a login is due; `undefined` when nothing is in doubt */
  codesShown(): number | undefined {
    const { self, clock } = this.#options
    if (!self.hasDoubtfulLink) return undefined
    this.#fruitless = 0
    this.#loginDueAtMs ??= clock.nowMs() + CODES_FIRST_MS
    return Math.max(0, this.#loginDueAtMs - clock.nowMs())
  }

  /** Nobody uses a code, or none can be had. @returns how the connection ends, or `undefined` when nothing is in doubt */
  giveUpCodes(facts: EndingFacts = {}): Ending | undefined {
    if (!this.#options.self.hasDoubtfulLink) return undefined
    this.#isOver = true
    return endingFor('link-unconfirmed', { advice: LOGIN_TELLS, ...facts })
  }

  /** What the end of a connection means when it leaves a link in doubt, or one was before. Never rejects. */
  async ended(ending: Ending): Promise<Ending> {
    const { self } = this.#options
    if (!ending.retrying) return ending
    if (self.hasDoubtfulLink && BREAKS.has(ending.reason) && this.#loginDueAtMs === undefined)
      this.#fruitless += 1
    if (!self.isInDoubt || this.#isAnswerTaken) return ending
    try {
      await this.#begin()
    } catch (error) {
      return endingOfError(error)
    }
    return BREAKS.has(ending.reason) ? endingFor('link-unconfirmed') : ending
  }

  async #begin(): Promise<void> {
    this.#isOver = false
    this.#fruitless = 0
    this.#loginDueAtMs = undefined
    await putLinkAside(this.#options)
    this.#options.logger.warn({}, 'linking broke off: the phone knows whether this device is linked')
  }
}

const LOGIN_TELLS = 'Nobody used another code; a login tells now whether the link that broke off stands.'
