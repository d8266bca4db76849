/** This device as the rest of the client sees it: its addresses and its keys, once it is linked. */
import { UsageError } from '../../base/errors.ts'
import { formatJid, isLid, parseJid } from '../../protocol/jid.ts'
import type { LocalIdentity } from '../../protocol/signal/index.ts'
import type { Me } from '../events.ts'
import type { Credentials, LinkedAccount } from '../state/records.ts'

/** See the file comment. It follows the credentials as pairing and login complete them. */
export class Self {
  #credentials: Credentials

  constructor(credentials: Credentials) {
    this.#credentials = credentials
  }

  get credentials(): Credentials {
    return this.#credentials
  }

  /** Takes over credentials that have become durable. */
  update(credentials: Credentials): void {
    this.#credentials = credentials
  }

  /** Whether there is an account to log in with; the server may not know this device yet, see {@link isUnconfirmed}. */
  get isLinked(): boolean {
    return this.#credentials.linked !== undefined
  }

  /** The phone has approved this device, and no login has shown yet that the server has our answer. */
  get isUnconfirmed(): boolean {
    return this.#credentials.linked?.isUnconfirmed === true
  }

  /** The link broke off before the server said that it has our answer, and nothing was done about it yet. */
  get isInDoubt(): boolean {
    return this.isUnconfirmed && this.#credentials.linked?.isDue !== true
  }

  /** A link that broke off is put aside: codes are shown, and whoever finds this device on the phone uses none. */
  get hasDoubtfulLink(): boolean {
    return this.#credentials.doubtful !== undefined
  }

  /** The public view of the account, or `undefined` before pairing is complete. */
  get me(): Me | undefined {
    const { linked } = this.#credentials
    if (linked === undefined || this.isUnconfirmed) return undefined
    const { pn, lid, name, deviceId } = linked
    return { pn, deviceId, ...(lid === undefined ? {} : { lid }), ...(name === undefined ? {} : { name }) }
  }

  /** For what must not begin before pairing is complete. @throws {UsageError} `WATON_NOT_LINKED` */
  requireLinked(): void {
    if (this.me === undefined) throw notLinked()
  }

  /** Phone-number JID of the account, without device. @throws {UsageError} `WATON_NOT_LINKED` */
  get pn(): string {
    return this.#linked.pn
  }

  /** Phone-number JID of this device. */
  get devicePn(): string {
    return formatJid({ ...parseJid(this.#linked.pn), device: this.#linked.deviceId })
  }

  /** What Signal needs to know of this device. */
  get local(): LocalIdentity {
    const { registrationId, identityKey } = this.#credentials
    return { registrationId, identityKey }
  }

  /** Goes along with every pre-key message, so that the other side can verify that the phone has linked us. */
  get deviceIdentity(): Uint8Array {
    return this.#linked.deviceIdentity
  }

  /** The account's address in the form that `jid` uses. */
  userLike(jid: string): string {
    const { pn, lid } = this.#linked
    return isLid(jid) && lid !== undefined ? lid : pn
  }

  /** This device's address in the form that `jid` uses. */
  deviceLike(jid: string): string {
    return formatJid({ ...parseJid(this.userLike(jid)), device: this.#linked.deviceId })
  }

  /** Whether the address is one of this account's, on any device. */
  isOwn(jid: string): boolean {
    const { linked } = this.#credentials
    if (linked === undefined) return false
    const { user, server } = parseJid(jid)
    return [linked.pn, linked.lid].some((own) => {
      if (own === undefined) return false
      const parsed = parseJid(own)
      return parsed.user === user && parsed.server === server
    })
  }

  get #linked(): LinkedAccount {
    const { linked } = this.#credentials
    if (linked === undefined) throw notLinked()
    return linked
  }
}

function notLinked(): UsageError {
  return new UsageError(
    'WATON_NOT_LINKED',
    'this account is not linked to a phone yet: connect and scan the QR code first',
    { action: 'link' },
  )
}
