/**
 * Privacy tokens of this account: those of others go along with what is written to them, and others get ours. Without one
 * the server refuses what is written to a stranger (463).
 *
 * A token of theirs is attached while the server takes it. Ours is handed out after a message, once in a week and again
 * when somebody registers anew. Both are kept under the person's canonical address; what was kept under the phone number
 * before their LID was known counts as well.
 */
import type { Clock } from '../../base/clock.ts'
import { equalBytes } from '../../base/bytes.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { childOf, contentBytes } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isLid, isPn, parseJid, userJid } from '../../protocol/jid.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import { issuePrivacyTokens } from '../../protocol/stanza/iq/privacy-tokens.ts'
import { fetchReachoutTimelock } from '../../protocol/stanza/iq/reachout-timelock.ts'
import type { PrivacyToken } from '../../protocol/stanza/notifications/privacy-token.ts'
import {
  buildCsToken,
  buildTcToken,
  csToken,
  isTokenDue,
  isTokenUsable,
} from '../../protocol/stanza/privacy-token.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, phoneJid } from '../identity/addresses.ts'
import type { MappingReader } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { NackRepair } from '../send/nack.ts'
import { outboxItem } from '../send/outbox-item.ts'
import type { AccountState } from '../state/account-state.ts'
import {
  CONNECTION_HINTS,
  NCT_SALT,
  PRIVACY_TOKEN,
  SELF,
  TOKEN_ISSUED,
  newerToken,
} from '../state/records.ts'
import type { StoredPrivacyToken } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** What the tokens work with. */
export interface PrivacyTokensOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly logger: Logger
}

/** A message on its way out, as far as tokens care. */
export interface TokenBearer {
  /** The chat as the wire addresses it. */
  readonly to: string
  /** The serialised `Message`. */
  readonly message: Uint8Array
}

/** Tokens that are handed out at the same time, at most; who is passed over gets theirs after the next message. */
const MAX_UNDER_WAY = 64

const TRUSTED = 'trusted_contact'
const NOTHING = new Uint8Array(0)

/** Businesses of WhatsApp and announcements, who need no token. @source Baileys `Utils/tc-token-utils.js` isRegularUser */
const NOBODY = /^(?:0|1313555\d{4}|131655500\d{2})$/

/** See the file comment. */
export class PrivacyTokens {
  readonly #options: PrivacyTokensOptions
  readonly #underWay = new Set<string>()
  #connection: Connection | undefined

  constructor(options: PrivacyTokensOptions) {
    this.#options = options
  }

  /** The connection is ready. */
  resume(connection: Connection): void {
    this.#connection = connection
  }

  /** The connection is gone. */
  suspend(): void {
    this.#connection = undefined
  }

  /**
   * What a message to somebody carries; it becomes part of the stanza that is kept. When the unit is durable, the other
   * side is given a token of ours, if one is due.
   */
  async attach(unit: Unit, { to, message }: TokenBearer): Promise<readonly BinaryNode[]> {
    if (!this.#isPerson(to)) return []
    unit.onCommit(() => {
      this.#issueIfDue(to, message)
    })
    const switches = (await unit.read(CONNECTION_HINTS, SELF))?.tokens
    const known = switches?.isWanted === false ? undefined : await usableToken(unit, to, unit.nowMs)
    if (known !== undefined) return [buildTcToken(known.token)]
    // a switch of its own, and off until the server says otherwise
    if (switches?.isSaltUsed !== true) return []
    const salt = await unit.read(NCT_SALT, SELF)
    const lid = await canonicalJid(unit, userJid(to))
    return salt === undefined || !isLid(lid) ? [] : [buildCsToken(csToken(salt, lid))]
  }

  /** The token that goes along with a question about somebody, if there is one. */
  async forQuestion(to: string): Promise<BinaryNode | undefined> {
    const { state, clock } = this.#options
    if (!this.#isPerson(to)) return undefined
    const known = await usableToken(state, to, clock.nowMs())
    return known === undefined ? undefined : buildTcToken(known.token, known.atSeconds)
  }

  /** Somebody has registered anew: the token that they had from us is gone with their old device. */
  identityChanged(jid: string): void {
    const connection = this.#connection
    if (connection === undefined || !this.#isPerson(jid)) return
    this.#inBackground(jid, async () => {
      const issuedAt = await lastIssue(this.#options.state, jid)
      if (isTokenUsable(issuedAt, this.#nowSeconds)) await this.#issue(connection, jid)
    })
  }

  /**
   * What is done when the server refuses a message because a token is missing, or the account may write to nobody new:
   * one code for both. A restricted account only has to wait. Otherwise the other side gets a token of ours, and the
   * message goes out again if the server has given one of theirs in return.
   */
  readonly repair: NackRepair = async ({ id, to }, connection) => {
    const { logger } = this.#options
    const lock = await connection.query(fetchReachoutTimelock, undefined).catch((error: unknown) => {
      logger.warn(
        { reason: describeError(error) },
        'the server does not say whether the account is restricted',
      )
    })
    if (lock?.isActive === true) return 'restricted'
    // one may have come since the message was encrypted, e.g. in return for the one that was handed out then
    if (await this.#hasAnotherFor(id, to)) return 'encrypt'
    await this.#issue(connection, to)
    return (await this.#hasAnotherFor(id, to)) ? 'encrypt' : 'impossible'
  }

  /** Whether there is a token for the message that its refused stanza does not carry. */
  #hasAnotherFor(id: string, to: string): Promise<boolean> {
    return this.#options.state.commit(async (unit) => {
      const known = await usableToken(unit, to, unit.nowMs)
      if (known === undefined) return false
      const row = await unit.readOutbox(id)
      const stanza = row === undefined ? undefined : outboxItem(row).body.stanza
      const carried = stanza === undefined ? undefined : childOf(decodeNode(stanza), 'tctoken')
      return carried === undefined || !equalBytes(contentBytes(carried) ?? NOTHING, known.token)
    })
  }

  /** Somebody else, who is a person. */
  #isPerson(jid: string): boolean {
    return (isPn(jid) || isLid(jid)) && !this.#options.self.isOwn(jid) && !NOBODY.test(parseJid(jid).user)
  }

  get #nowSeconds(): number {
    return Math.floor(this.#options.clock.nowMs() / 1000)
  }

  #issueIfDue(to: string, message: Uint8Array): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#inBackground(to, async () => {
      const issuedAt = await lastIssue(this.#options.state, to)
      if (!isTokenDue(issuedAt, this.#nowSeconds) || isAboutMessages(message)) return
      await this.#issue(connection, to)
    })
  }

  /** One at a time for each person; what fails is tried again after the next message. */
  #inBackground(jid: string, work: () => Promise<void>): void {
    const user = userJid(jid)
    if (this.#underWay.has(user) || this.#underWay.size >= MAX_UNDER_WAY) return
    this.#underWay.add(user)
    work()
      .catch((error: unknown) => {
        this.#options.logger.debug({ reason: describeError(error) }, 'a privacy token was not handed out')
      })
      .finally(() => this.#underWay.delete(user))
  }

  async #issue(connection: Connection, jid: string): Promise<void> {
    const { state } = this.#options
    const atSeconds = this.#nowSeconds
    const switches = (await state.read(CONNECTION_HINTS, SELF))?.tokens
    const user = userJid(jid)
    const isToLid = switches?.isIssuedToLid === true
    const address = isToLid ? await canonicalJid(state, user) : ((await phoneJid(state, user)) ?? user)
    const given = await connection.query(issuePrivacyTokens, { jids: [address], atSeconds })
    await state.commit(async (unit) => {
      const key = await canonicalJid(unit, user)
      unit.put(TOKEN_ISSUED, key, { atSeconds })
      for (const token of given) await keepToken(unit, key, token)
    })
  }
}

/** What the phone tells of the tokens between this account and somebody, with the history. */
export interface ToldTokens {
  /** Theirs. */
  readonly token?: { readonly token: Uint8Array; readonly atSeconds: number }
  /** When they were given one of ours. */
  readonly issuedAtSeconds?: number
}

/** Keeps what the phone tells of somebody, by their canonical address, where nothing newer is known. */
export async function keepToldTokens(
  unit: Unit,
  key: string,
  { token, issuedAtSeconds }: ToldTokens,
): Promise<void> {
  if (token !== undefined) await keepToken(unit, key, { type: TRUSTED, ...token })
  if (issuedAtSeconds === undefined) return
  const known = await unit.read(TOKEN_ISSUED, key)
  if ((known?.atSeconds ?? 0) < issuedAtSeconds) unit.put(TOKEN_ISSUED, key, { atSeconds: issuedAtSeconds })
}

/** Keeps a token of somebody, unless a newer one is here. */
async function keepToken(unit: Unit, key: string, { type, token, atSeconds }: PrivacyToken): Promise<void> {
  if (type !== TRUSTED || atSeconds === undefined) return
  const known = await unit.read(PRIVACY_TOKEN, key)
  if ((known?.atSeconds ?? 0) <= atSeconds) unit.put(PRIVACY_TOKEN, key, { token, atSeconds })
}

/** The newest token of somebody, whichever of their addresses it came for, if the server still takes it. */
async function usableToken(
  reader: MappingReader,
  jid: string,
  nowMs: number,
): Promise<StoredPrivacyToken | undefined> {
  let newest: StoredPrivacyToken | undefined
  for (const key of await keysOf(reader, jid)) {
    const known = await reader.read(PRIVACY_TOKEN, key)
    if (known !== undefined) newest = newest === undefined ? known : newerToken(newest, known)
  }
  return isTokenUsable(newest?.atSeconds, Math.floor(nowMs / 1000)) ? newest : undefined
}

async function lastIssue(reader: MappingReader, jid: string): Promise<number | undefined> {
  let last: number | undefined
  for (const key of await keysOf(reader, jid)) {
    const { atSeconds } = (await reader.read(TOKEN_ISSUED, key)) ?? {}
    if (atSeconds !== undefined) last = Math.max(last ?? 0, atSeconds)
  }
  return last
}

/** Where something of a person may be kept, the better place first. */
async function keysOf(reader: MappingReader, jid: string): Promise<readonly string[]> {
  const canonical = await canonicalJid(reader, userJid(jid))
  const phone = await phoneJid(reader, canonical)
  return phone === undefined || phone === canonical ? [canonical] : [canonical, phone]
}

/** Edits, deletions and settings are no reason to hand out a token. @source Baileys `Socket/messages-send.js` isProtocolMsg */
function isAboutMessages(message: Uint8Array): boolean {
  const { protocolMessage } = decodeMessage(message)
  return protocolMessage !== undefined && protocolMessage !== null
}
