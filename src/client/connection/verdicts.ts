/**
 * Decides what the end of a connection means where that depends on more than its own words: a logout is confirmed by one
 * more login, a ban is kept until it is over, a refused version is looked up once. It outlives connections; what must
 * outlive the process is in the `standing` record. What is fixed per reason is in `ending.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { StreamFailure } from '../../protocol/stanza/stream.ts'
import { WEB_VERSION } from '../../protocol/version.ts'
import type { WebVersion } from '../../protocol/version.ts'
import { formatVersion, isNewerVersion } from '../../protocol/web-version.ts'
import type { Self } from '../identity/self.ts'
import { dropUnconfirmedLink } from '../identity/unconfirmed-link.ts'
import type { Endpoint, Timing } from '../options.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONNECTION_HINTS, SELF, STANDING } from '../state/records.ts'
import {
  banCause,
  banOf,
  endingFor,
  endingOfError,
  endingOfFailure,
  endingOfIncompleteLink,
  factsOf,
  isUnknownDevice,
} from './ending.ts'
import type { Ending, EndingFacts } from './ending.ts'
import { LinkDoubt } from './link-doubt.ts'
import { fetchCurrentVersion } from './web-version.ts'

/** What verdicts are made with. */
export interface VerdictOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly timing: Timing
  readonly endpoint: Endpoint
}

/** The connection that a failure ended. */
export interface FailedRun {
  /** The server had let us in. */
  readonly isAccepted: boolean
  /** We have sent our answer to pair-success on it. */
  readonly hasAnswered: boolean
  readonly signal: AbortSignal
}

/** How often in a row the server must say that the device was removed before it is believed. */
const LOGOUT_CLAIMS = 2

/** Attempts to look up the current version before a refused one is final. */
const MAX_LOOKUPS = 3

/** A ban that ends within this time is waited for; a longer one is for a human to look at. */
const MAX_BAN_WAIT_MS = 48 * 60 * 60 * 1000

/** A clock is set back by this much without anything being wrong with it. */
const MAX_CLOCK_CORRECTION_MS = 60 * 60 * 1000

/** See the file comment. */
export class Verdicts {
  /** Links that broke off. */
  readonly doubt: LinkDoubt
  readonly #options: VerdictOptions
  #logoutClaims = 0
  #failedLookups = 0
  #hasNewVersion = false
  #isLeaving = false
  #hasLeft = false

  constructor(options: VerdictOptions) {
    this.#options = options
    this.doubt = new LinkDoubt(options)
  }

  /** Why there is no point in opening a connection now, or `undefined`. */
  async standing(): Promise<Ending | undefined> {
    const { state, clock } = this.#options
    const { quarantine, ban } = (await state.read(STANDING, SELF)) ?? {}
    if (quarantine !== undefined) {
      const { serverCode, atMs } = quarantine
      return endingFor('logged-out', {
        quarantinedAtMs: atMs,
        ...(serverCode === undefined ? {} : { serverCode }),
      })
    }
    const nowMs = clock.nowMs()
    if (ban === undefined || ban.expiresAtMs <= nowMs) return undefined
    // a clock that was far ahead then says nothing about how much of the ban is left
    if (ban.atMs - nowMs > MAX_CLOCK_CORRECTION_MS) return undefined
    const { code, expiresAtMs } = ban
    return this.#bannedUntil(expiresAtMs, {
      ban: { cause: banCause(code), expiresAtMs, ...(code === undefined ? {} : { code }) },
    })
  }

  /** The version to announce: the one that was looked up, as long as it is newer than the built-in one. */
  async webVersion(): Promise<WebVersion> {
    const { webVersion } = (await this.#options.state.read(CONNECTION_HINTS, SELF)) ?? {}
    return webVersion !== undefined && isNewerVersion(webVersion, WEB_VERSION) ? webVersion : WEB_VERSION
  }

  /** The server talks to us: the version is good, and the device, if there is one, is on the account. */
  accepted(): void {
    this.#logoutClaims = 0
    this.#failedLookups = 0
    this.#hasNewVersion = false
  }

  /** We are about to remove this device ourselves. */
  leave(): void {
    this.#isLeaving = true
    this.#hasLeft = false
  }

  /** That is over. @returns whether the server said that the device is gone */
  stay(): boolean {
    this.#isLeaving = false
    return this.#hasLeft
  }

  /** What a failure means for this account. Never rejects. */
  async judge(failure: StreamFailure, run: FailedRun): Promise<Ending> {
    try {
      return await this.#judge(failure, run)
    } catch (error) {
      return endingOfError(error)
    }
  }

  async #judge(failure: StreamFailure, run: FailedRun): Promise<Ending> {
    const { reason } = failure
    if (reason === 'restart-required' && run.hasAnswered) await this.doubt.answerTaken()
    if (reason === 'logged-out') return this.#removed(failure, run)
    if (reason === 'temporarily-banned') return this.#banned(failure)
    if (reason === 'version-outdated') return this.#outdated(failure, run.signal)
    return endingOfFailure(failure)
  }

  async #removed(failure: StreamFailure, { isAccepted }: FailedRun): Promise<Ending> {
    const { state, self, clock, logger } = this.#options
    const facts = factsOf(failure)
    if (this.#isLeaving) {
      this.#hasLeft = true
      return endingFor('unlinked', facts)
    }
    // a server that gives no codes to a device that it knows says so by a login that succeeds
    if (!self.isLinked)
      return this.doubt.giveUpCodes({ ...facts, pace: 'in turn' }) ?? endingFor('link-refused', facts)
    this.#logoutClaims += 1
    if (this.#logoutClaims < LOGOUT_CLAIMS) return endingFor('logout-unconfirmed', facts)
    this.#logoutClaims = 0
    if (!isAccepted && self.isUnconfirmed && isUnknownDevice(failure)) {
      logger.warn({}, 'linking had not been completed: the server does not know this device; pairing again')
      await dropUnconfirmedLink(this.#options)
      return endingOfIncompleteLink(failure)
    }
    const quarantine = { reason: 'logged-out', serverCode: failure.serverCode, atMs: clock.nowMs() }
    await state.commit(async (unit) => {
      unit.put(STANDING, SELF, { ...(await unit.read(STANDING, SELF)), quarantine })
    })
    logger.error(quarantine, 'the device was removed from the account; its credentials are put aside')
    return endingFor('logged-out', { ...facts, quarantinedAtMs: quarantine.atMs })
  }

  async #banned(failure: StreamFailure): Promise<Ending> {
    const { state, clock } = this.#options
    const atMs = clock.nowMs()
    const ban = banOf(failure, atMs)
    const { code, expiresAtMs } = ban
    const facts = { ...factsOf(failure), ban }
    if (expiresAtMs === undefined) return endingFor('temporarily-banned', facts)
    await state.commit(async (unit) => {
      const standing = (await unit.read(STANDING, SELF)) ?? {}
      const kept = { atMs, expiresAtMs, ...(code === undefined ? {} : { code }) }
      unit.put(STANDING, SELF, { ...standing, ban: kept })
    })
    return this.#bannedUntil(expiresAtMs, facts)
  }

  /** A program that ended here would be started again by whatever looks after it, and would try too early. */
  #bannedUntil(expiresAtMs: number, facts: EndingFacts): Ending {
    const isNear = expiresAtMs - this.#options.clock.nowMs() <= MAX_BAN_WAIT_MS
    return endingFor('temporarily-banned', {
      ...facts,
      ...(isNear ? { pace: 'in turn' as const, notBeforeMs: expiresAtMs } : {}),
    })
  }

  async #outdated(failure: StreamFailure, signal: AbortSignal): Promise<Ending> {
    const { state, endpoint, clock, timing, logger } = this.#options
    const facts = factsOf(failure)
    const announced = await this.webVersion()
    const final = (): Ending => {
      this.#hasNewVersion = false
      this.#failedLookups = 0
      return endingFor('version-outdated', facts)
    }
    if (this.#hasNewVersion) return final()
    try {
      const timeoutMs = timing.connectTimeoutMs
      const current = await fetchCurrentVersion({ endpoint, clock, timeoutMs, signal })
      if (current === undefined || !isNewerVersion(current, announced)) return final()
      const webVersion = { ...current, fetchedAtMs: clock.nowMs() }
      await state.commit(async (unit) => {
        unit.put(CONNECTION_HINTS, SELF, { ...(await unit.read(CONNECTION_HINTS, SELF)), webVersion })
      })
      logger.warn(
        { version: formatVersion(current) },
        'the server wants a newer version, which was looked up',
      )
    } catch (error) {
      logger.warn({ reason: describeError(error) }, 'the current version could not be looked up')
      this.#failedLookups += 1
      return this.#failedLookups >= MAX_LOOKUPS
        ? final()
        : endingFor('version-outdated', { ...facts, pace: 'slowly', advice: LOOKUP_FAILED })
    }
    this.#hasNewVersion = true
    return endingFor('version-outdated', { ...facts, pace: 'at once', advice: LOOKED_UP })
  }
}

const LOOKED_UP =
  'The server wants a newer version of WhatsApp Web, which was looked up and is announced now.'
const LOOKUP_FAILED =
  'The server wants a newer version of WhatsApp Web, which could not be looked up; it is tried again.'
