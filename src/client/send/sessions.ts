/**
 * Makes sure that there is a Signal session with each device before a message is encrypted for it. Only missing
 * sessions are fetched: a healthy one is never replaced. Questions about the same device are asked once.
 */
import type { Logger } from '../../base/logger.ts'
import { describeError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { letOthersRun } from '../../base/turn.ts'
import { signalAddress } from '../../protocol/jid.ts'
import { hasOpenSession, startSession } from '../../protocol/signal/index.ts'
import type { LocalIdentity } from '../../protocol/signal/index.ts'
import { fetchPreKeys } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { AccountState } from '../state/account-state.ts'
import { SESSION } from '../state/records.ts'

/** Devices asked about in one query. */
const FETCH_BATCH = 100

/** Sessions looked up without a break: about 1 ms when they are read from a disk. */
const LOOKUPS_PER_TURN = 64

/** Sessions begun without a break: a bundle takes about 0.5 ms, its signature and four agreements. */
const BUNDLES_PER_TURN = 8

/** See the file comment. */
export class SessionDirectory {
  readonly #state: AccountState
  readonly #local: () => LocalIdentity
  readonly #random: RandomSource
  readonly #logger: Logger
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(options: {
    state: AccountState
    local: () => LocalIdentity
    random: RandomSource
    logger: Logger
  }) {
    this.#state = options.state
    this.#local = options.local
    this.#random = options.random
    this.#logger = options.logger
  }

  /** Fetches bundles for the devices that have no session. A device whose bundle cannot be had stays without one. */
  async ensure(connection: Connection, devices: readonly string[]): Promise<void> {
    const missing: string[] = []
    const waits: Promise<void>[] = []
    for (const [index, device] of devices.entries()) {
      if (index % LOOKUPS_PER_TURN === LOOKUPS_PER_TURN - 1) await letOthersRun()
      const canonical = await canonicalJid(this.#state, device)
      const pending = this.#underWay.get(canonical)
      if (pending !== undefined) waits.push(pending)
      else if (!(await this.#hasSession(canonical))) missing.push(canonical)
    }
    for (let start = 0; start < missing.length; start += FETCH_BATCH) {
      waits.push(this.#fetch(connection, missing.slice(start, start + FETCH_BATCH)))
    }
    await Promise.all(waits)
  }

  async #hasSession(canonical: string): Promise<boolean> {
    const record = await this.#state.read(SESSION, signalAddress(canonical))
    return record !== undefined && hasOpenSession(record)
  }

  #fetch(connection: Connection, devices: readonly string[]): Promise<void> {
    const fetch = this.#fetchAndStart(connection, devices).finally(() => {
      for (const device of devices) this.#underWay.delete(device)
    })
    for (const device of devices) this.#underWay.set(device, fetch)
    return fetch
  }

  async #fetchAndStart(connection: Connection, devices: readonly string[]): Promise<void> {
    const bundles = await connection.query(fetchPreKeys, { devices })
    await this.#state.commit(async (unit) => {
      for (const [index, answer] of bundles.entries()) {
        if (index % BUNDLES_PER_TURN === BUNDLES_PER_TURN - 1) await letOthersRun()
        if ('errorCode' in answer) {
          this.#logger.warn({ device: answer.jid, serverCode: answer.errorCode }, 'no keys for a device')
          continue
        }
        const address = signalAddress(await canonicalJid(unit, answer.jid))
        const record = await unit.read(SESSION, address)
        // a pre-key message may have brought a session while the bundle was on its way: keep it
        if (record !== undefined && hasOpenSession(record)) continue
        try {
          const started = startSession({
            ...(record === undefined ? {} : { record }),
            bundle: answer.bundle,
            local: this.#local(),
            random: this.#random,
            nowMs: unit.nowMs,
          })
          unit.put(SESSION, address, started)
        } catch (error) {
          this.#logger.warn({ device: answer.jid, reason: describeError(error) }, 'a key bundle was refused')
        }
      }
    })
  }
}
