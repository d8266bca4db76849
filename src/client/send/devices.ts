/**
 * Which devices a message goes to. Lists come from USync, are persisted, and are dropped when the server says that they
 * changed; questions about the same people at the same time are asked once.
 */
import { formatJid, parseJid, userJid } from '../../protocol/jid.ts'
import { usyncDevices } from '../../protocol/stanza/iq/usync.ts'
import { canonicalJid, learnMapping } from '../identity/addresses.ts'
import type { Connection } from '../connection/connection.ts'
import type { AccountState } from '../state/account-state.ts'
import { DEVICE_LIST } from '../state/records.ts'
import type { Clock } from '../../base/clock.ts'
import { QueryError } from '../../base/errors.ts'

/** How long a list is believed without having been asked for again. Changes are announced; this bounds a missed one. */
const LIST_MAX_AGE_MS = 24 * 60 * 60 * 1000

const NOBODY: ReadonlySet<string> = new Set()

/** See the file comment. */
export class DeviceDirectory {
  readonly #state: AccountState
  readonly #clock: Clock
  readonly #underWay = new Map<string, Promise<ReadonlySet<string>>>()

  constructor(state: AccountState, clock: Clock) {
    this.#state = state
    this.#clock = clock
  }

  /**
   * The device JIDs of some users, in the form of address (phone number or LID) they were asked for.
   *
   * @throws {QueryError} `WATON_SEND_NO_DEVICES` when the server knows no device of a user
   */
  async devicesOf(
    connection: Connection,
    users: readonly string[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const known = new Map<string, readonly string[]>()
    const missing: string[] = []
    for (const user of users) {
      const ids = await this.#stored(user)
      if (ids === undefined) missing.push(user)
      else known.set(user, deviceJids(user, ids))
    }
    const refused = missing.length > 0 ? await this.#fetchOnce(connection, missing) : NOBODY
    for (const user of missing) {
      const ids = await this.#stored(user)
      if (ids === undefined) throw refused.has(user) ? notTold(user) : noDevices(user)
      known.set(user, deviceJids(user, ids))
    }
    return known
  }

  async #stored(user: string): Promise<readonly number[] | undefined> {
    const list = await this.#state.read(DEVICE_LIST, await canonicalJid(this.#state, user))
    if (list === undefined || this.#clock.nowMs() - list.fetchedAtMs > LIST_MAX_AGE_MS) return undefined
    return list.deviceIds
  }

  async #fetchOnce(connection: Connection, users: readonly string[]): Promise<ReadonlySet<string>> {
    const key = [...users].sort().join(' ')
    let fetch = this.#underWay.get(key)
    if (fetch === undefined) {
      fetch = this.#fetch(connection, users).finally(() => this.#underWay.delete(key))
      this.#underWay.set(key, fetch)
    }
    return fetch
  }

  /** Asks, keeps the lists, and returns the users about whom the server gave an error instead of an answer. */
  async #fetch(connection: Connection, users: readonly string[]): Promise<ReadonlySet<string>> {
    const listed = await connection.query(usyncDevices, {
      users: users.map(userJid),
      sid: connection.nextId(),
    })
    await this.#state.commit(async (unit) => {
      for (const user of listed) {
        if (user.lid !== undefined) await learnMapping(unit, user.jid, user.lid)
        if (user.deviceIds === undefined || user.deviceIds.length === 0) continue
        unit.put(DEVICE_LIST, await canonicalJid(unit, user.jid), {
          deviceIds: user.deviceIds,
          fetchedAtMs: unit.nowMs,
        })
      }
    })
    return new Set(listed.filter(({ errors }) => errors !== undefined).map(({ jid }) => jid))
  }
}

function deviceJids(user: string, ids: readonly number[]): readonly string[] {
  const parsed = parseJid(user)
  return ids.map((device) => formatJid({ ...parsed, device }))
}

function notTold(user: string): QueryError {
  return new QueryError(
    'WATON_SEND_DEVICES_UNKNOWN',
    'the server did not tell the devices of this user; the message waits and is tried again',
    { details: { user }, action: 'wait' },
  )
}

function noDevices(user: string): QueryError {
  return new QueryError(
    'WATON_SEND_NO_DEVICES',
    'the server knows no device of this user: is the number on WhatsApp?',
    {
      details: { user },
    },
  )
}
