/**
 * Makes sure that there is a Signal session with each device before a message is encrypted for it. Only what is missing is
 * fetched, and what belongs to somebody who registered anew: a healthy session is never replaced. Questions about the same
 * device are asked once; a device without usable keys spoils nobody else's and is left alone for a while.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { letOthersRun } from '../../base/turn.ts'
import { parseJid, signalAddress } from '../../protocol/jid.ts'
import { verifyDeviceIdentity } from '../../protocol/pairing/vouched-device.ts'
import { hasOpenSession, sessionInfo, startSession } from '../../protocol/signal/index.ts'
import type { SessionRecord } from '../../protocol/signal/index.ts'
import { fetchPreKeys } from '../../protocol/stanza/iq/pre-keys.ts'
import type { FetchedBundle, PreKeyAnswer } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, personJid } from '../identity/addresses.ts'
import { accountKeyOf, markStale, noteIdentityChange } from '../identity/device-list.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { IDENTITY_CHANGE, SESSION } from '../state/records.ts'
import type { IdentityChange } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { Unknowns } from '../unknowns.ts'
import { BatchedQuestions } from './batched.ts'

/** Devices asked about in one query. */
const FETCH_BATCH = 100

/** Queries under way at a time. */
const MAX_QUERIES = 4

/** Sessions looked up without a break: about 1 ms when they are read from a disk. */
const LOOKUPS_PER_TURN = 64

/** Sessions begun without a break: a bundle takes about 0.5 ms, its signature and four agreements. */
const BUNDLES_PER_TURN = 8

/** How long a linked device without usable keys is left alone. Its phone is asked about for every message. */
const REFUSAL_MS = 5 * 60 * 1000

const MAX_REMEMBERED = 4096

/** The server knows no such device, or it has no keys: whoever listed it is wrong. */
const GONE: ReadonlySet<number> = new Set([404, 406])

/** What a {@link SessionDirectory} works with. */
export interface SessionDirectoryOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly unknowns: Unknowns
}

/** See the file comment. */
export class SessionDirectory {
  readonly #options: SessionDirectoryOptions
  readonly #missing: BatchedQuestions
  readonly #renewed: BatchedQuestions
  /** Linked devices without usable keys, and until when they are left alone. */
  readonly #refusals = new BoundedMap<string, number>(MAX_REMEMBERED)

  constructor(options: SessionDirectoryOptions) {
    this.#options = options
    const questions = (identityChanged: boolean): BatchedQuestions =>
      new BatchedQuestions({
        batch: FETCH_BATCH,
        concurrency: MAX_QUERIES,
        ask: (connection, devices) => this.#fetch(connection, devices, identityChanged),
      })
    this.#missing = questions(false)
    this.#renewed = questions(true)
  }

  /**
   * Fetches keys for the devices that have no session, and anew for those of people who registered anew. A device whose
   * keys cannot be had stays without a session.
   */
  async ensure(connection: Connection, devices: readonly string[]): Promise<void> {
    const missing: string[] = []
    const renewed: string[] = []
    for (const [index, device] of devices.entries()) {
      if (index % LOOKUPS_PER_TURN === LOOKUPS_PER_TURN - 1) await letOthersRun()
      const canonical = await canonicalJid(this.#options.state, device)
      const need = await this.#need(canonical)
      if (need === 'session' && !this.#isLeftAlone(canonical)) missing.push(canonical)
      if (need === 'renewal') renewed.push(canonical)
    }
    await Promise.all([
      this.#missing.ask(connection, missing),
      renewed.length === 0 ? undefined : this.#renewed.ask(connection, renewed),
    ])
  }

  async #need(canonical: string): Promise<'nothing' | 'session' | 'renewal'> {
    const { state } = this.#options
    const record = await state.read(SESSION, signalAddress(canonical))
    if (record === undefined || !hasOpenSession(record)) return 'session'
    const change = await state.read(IDENTITY_CHANGE, personJid(canonical))
    if (change === undefined) return 'nothing'
    if (!isOfPhone(canonical) || !isRenewed(record, change)) return 'renewal'
    // their phone has written since: its session is of the new key, and the devices of the former registration are gone
    await state.commit((unit) => {
      unit.delete(IDENTITY_CHANGE, personJid(canonical))
      return Promise.resolve()
    })
    return 'nothing'
  }

  #isLeftAlone(canonical: string): boolean {
    const until = this.#refusals.get(canonical)
    return until !== undefined && this.#options.clock.nowMs() < until
  }

  async #fetch(connection: Connection, devices: readonly string[], identityChanged: boolean): Promise<void> {
    const answers = await connection.query(fetchPreKeys, { devices, identityChanged })
    // a phone comes before the linked devices for which it vouches
    const inOrder = [...answers].sort((a, b) => Number(isOfPhone(b.jid)) - Number(isOfPhone(a.jid)))
    await this.#options.state.commit(async (unit) => {
      // by what they are called now: a LID may have been learned since they were asked for
      const open = new Set<string>()
      for (const device of devices) open.add(await canonicalJid(unit, device))
      for (const [index, answer] of inOrder.entries()) {
        if (index % BUNDLES_PER_TURN === BUNDLES_PER_TURN - 1) await letOthersRun()
        const canonical = await canonicalJid(unit, answer.jid)
        // only what was asked for, and once: nobody else's session changes by this answer
        if (open.delete(canonical)) await this.#take(unit, { ...answer, canonical }, identityChanged)
        else this.#options.unknowns.count('answer', 'pre-keys/keys of a device that was not asked for')
      }
      for (const canonical of open) this.#leaveOut(canonical)
    })
  }

  /** The answer does not speak of a device. */
  #leaveOut(canonical: string): void {
    this.#options.logger.warn({ device: canonical }, 'the server said nothing of the keys of a device')
    this.#leaveAlone(canonical)
  }

  async #take(
    unit: Unit,
    answer: PreKeyAnswer & { readonly canonical: string },
    isRenewal: boolean,
  ): Promise<void> {
    const { logger } = this.#options
    const { canonical } = answer
    if ('errorCode' in answer) {
      logger.warn({ device: answer.jid, serverCode: answer.errorCode }, 'no keys for a device')
      this.#leaveAlone(canonical)
      if (GONE.has(answer.errorCode)) await markStale(unit, canonical)
      return
    }
    try {
      await this.#begin(unit, { ...answer, isRenewal })
      if (isOfPhone(canonical)) unit.delete(IDENTITY_CHANGE, personJid(canonical))
    } catch (error) {
      logger.warn({ device: answer.jid, reason: describeError(error) }, 'a key bundle was refused')
      this.#leaveAlone(canonical)
      // perhaps it is the account's key that is another one by now: the phone is asked before the next message
      if (errorCode(error) === 'WATON_DEVICE_IDENTITY')
        await noteIdentityChange(unit, personJid(canonical), unit.nowMs)
    }
  }

  async #begin(
    unit: Unit,
    answer: {
      readonly canonical: string
      readonly bundle: FetchedBundle
      readonly deviceIdentity?: Uint8Array
      readonly isRenewal: boolean
    },
  ): Promise<void> {
    const { canonical, bundle, deviceIdentity, isRenewal } = answer
    const { self, random } = this.#options
    const address = signalAddress(canonical)
    const record = await unit.read(SESSION, address)
    if (record !== undefined && hasOpenSession(record)) {
      // a pre-key message may have brought a session while the bundle was on its way: keep it
      if (!isRenewal) return
      // nothing has changed for this device: its session is as good as before
      if (hasKey(record, bundle.identityKey)) return
    }
    if (deviceIdentity !== undefined && !isOfPhone(canonical)) {
      const accountKey = await accountKeyOf(unit, self, personJid(canonical))
      verifyDeviceIdentity(deviceIdentity, { identityKey: bundle.identityKey, accountKey })
    }
    const nowMs = unit.nowMs
    const former = record === undefined ? {} : { record }
    unit.put(SESSION, address, startSession({ ...former, bundle, local: self.local, random, nowMs }))
  }

  #leaveAlone(canonical: string): void {
    if (isOfPhone(canonical)) return
    this.#refusals.set(canonical, this.#options.clock.nowMs() + REFUSAL_MS)
  }
}

function isOfPhone(device: string): boolean {
  return parseJid(device).device === 0
}

function hasKey(record: SessionRecord, key: Uint8Array): boolean {
  const info = sessionInfo(record)
  return info !== undefined && equalBytes(info.remoteIdentityKey, key)
}

function isRenewed(record: SessionRecord, { formerKey }: IdentityChange): boolean {
  return formerKey !== undefined && !hasKey(record, formerKey)
}
