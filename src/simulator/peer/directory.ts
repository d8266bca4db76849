/**
 * Asking the server who has which devices and fetching the keys of those without a session. A refused device is left
 * out, as on a real phone: the message reaches the others.
 */
import { parseJid, userJid } from '../../protocol/jid.ts'
import type { PhoneAccount } from './account.ts'
import { isOwn } from './account.ts'
import type { AddressBook } from './address-book.ts'
import { checkDeviceIdentity } from './adv.ts'
import { readBundles, readDevices } from './answers.ts'
import type { FetchedBundle } from './answers.ts'
import type { Connection } from './connection.ts'
import type { DeviceKeys } from './device-keys.ts'
import type { Sessions } from './sessions.ts'
import { buildDeviceQuery, buildKeyFetch } from './stanzas.ts'

/** What a {@link Directory} is built from. */
export interface DirectoryOptions {
  readonly account: PhoneAccount
  readonly keys: DeviceKeys
  readonly addresses: AddressBook
  readonly sessions: Sessions
  readonly connection: Connection
}

/** See the file comment. */
export class Directory {
  readonly #options: DirectoryOptions
  #nextQuery = 1

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  /**
   * The devices of the users, this phone left out, in the order of the answer.
   *
   * @throws {QueryError} `WATON_PHONE_QUERY_REFUSED` @throws {TimeoutError} `WATON_PHONE_NO_ANSWER`
   */
  async devicesOf(userJids: readonly string[]): Promise<readonly string[]> {
    const { account, addresses, connection } = this.#options
    const answer = await connection.request(buildDeviceQuery(userJids, `phone-${String(this.#nextQuery++)}`))
    const users = readDevices(answer)
    for (const user of users) addresses.learn(user.jid, user.lid)
    return users
      .flatMap((user) => user.devices)
      .filter((jid) => !isOwn(account, jid) || parseJid(jid).device !== 0)
  }

  /** Fetches keys and starts sessions with those devices that have none. */
  async ensureSessions(deviceJids: readonly string[]): Promise<void> {
    const { sessions } = this.#options
    const missing = deviceJids.filter((jid) => !sessions.has(jid))
    if (missing.length > 0) await this.#fetch(missing)
  }

  /** Fetches keys and starts a new session even if there is one: the other side lost theirs. */
  async renewSession(deviceJid: string): Promise<void> {
    await this.#fetch([deviceJid], 'identity')
  }

  async #fetch(deviceJids: readonly string[], reason?: 'identity'): Promise<void> {
    const { addresses, connection } = this.#options
    const wanted = deviceJids.map((jid) => addresses.sessionJid(jid))
    for (const fetched of readBundles(await connection.request(buildKeyFetch(wanted, reason))))
      this.#start(fetched)
  }

  #start({ jid, bundle, deviceIdentity }: FetchedBundle): void {
    const { account, sessions } = this.#options
    try {
      if (deviceIdentity !== undefined) {
        checkDeviceIdentity(deviceIdentity, {
          companionKey: bundle.identityKey,
          accountKey: this.accountKeyOf(jid),
        })
      }
      sessions.start(jid, bundle)
    } catch (error) {
      account.logger.warn({ error, jid }, 'phone refused the published keys of a device')
    }
  }

  /** The identity key of the account that a companion belongs to, when it is known. */
  accountKeyOf(deviceJid: string): Uint8Array | undefined {
    const { account, keys, sessions } = this.#options
    return isOwn(account, deviceJid) ? keys.identity.publicKey : sessions.identityOf(userJid(deviceJid))
  }
}
