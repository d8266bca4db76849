/**
 * Who may write to whom: tokens of trust that people hand out, and accounts that may write to nobody new. One object for
 * all accounts; tests change its habits through `simulator.faults.strangers`.
 *
 * The server knows every token that it has made. A token holds for four buckets of a week, the present one included.
 *
 * @source Baileys 7.0.0-rc14 `Utils/tc-token-utils.js`, `Socket/messages-recv.js` (463, reachout timelock); whatsapp-rust
 *   end-to-end tests `privacy_tokens`; `wacore/src/iq/tctoken.rs` compute_cs_token (tokens from a salt)
 */
import { equalBytes, utf8Bytes } from '../../base/bytes.ts'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { RandomSource } from '../../base/random.ts'
import { hmacSha256 } from '../../protocol/crypto/index.ts'
import type { Account } from './account.ts'

/** How the server treats those who write to people they do not know. */
export interface StrangerHabits {
  /** Whether they need a token of the other side. @default false */
  readonly needToken: boolean
  /** Phone numbers of accounts that may write to nobody new, whatever they carry. @default none */
  readonly locked: readonly string[]
  /**
   * The salts of accounts by phone number, as their phones tell them (`phone.shareSalt`): a token that follows from one is
   * taken like one of the other side. @default none
   */
  readonly salts?: Readonly<Record<string, Uint8Array>>
}

/** A token as the server made it. */
export interface TrustToken {
  readonly token: Uint8Array
  readonly atSeconds: number
}

const BUCKET_SECONDS = 7 * 24 * 60 * 60
const BUCKETS = 4
const TOKEN_BYTES = 16
const MAX_PAIRS = 100_000

/** See the file comment. */
export class Strangers {
  habits: StrangerHabits = { needToken: false, locked: [] }
  readonly #random: RandomSource
  readonly #tokens = new BoundedMap<string, TrustToken>(MAX_PAIRS)
  readonly #written = new BoundedMap<string, true>(MAX_PAIRS)

  constructor(random: RandomSource) {
    this.#random = random
  }

  /** `from` hands out a token to `to`; it replaces the one before. */
  issue(from: Account, to: Account, atSeconds: number): TrustToken {
    const made = { token: this.#random.bytes(TOKEN_BYTES), atSeconds }
    this.#tokens.set(pair(from, to), made)
    return made
  }

  /** What `from` has handed out to `to`. */
  tokenOf(from: Account, to: Account): TrustToken | undefined {
    return this.#tokens.get(pair(from, to))
  }

  /** Whether the account may write to nobody new. */
  isLocked(account: Account): boolean {
    return this.habits.locked.includes(account.facts.phoneNumber)
  }

  /** Why a message is refused, or `undefined`. */
  objection(from: Account, to: Account, facts: Carried): string | undefined {
    if (from === to || this.#written.has(pair(to, from))) return undefined
    if (this.isLocked(from)) return 'the account may write to nobody new'
    if (!this.habits.needToken || this.#isValid(from, to, facts)) return undefined
    if (facts.token !== undefined) return 'its token is not, or no longer, one of the other side'
    if (facts.saltToken === undefined) return 'it carries no token'
    return this.#followsFromSalt(from, to, facts.saltToken)
      ? undefined
      : 'its token does not follow from the salt of its sender'
  }

  /** A message was let through. */
  wrote(from: Account, to: Account): void {
    this.#written.set(pair(from, to), true)
  }

  /** HMAC-SHA256 of the other side's LID without device, as text, under the salt. */
  #followsFromSalt(from: Account, to: Account, token: Uint8Array): boolean {
    const salt = this.habits.salts?.[from.facts.phoneNumber]
    return salt !== undefined && equalBytes(hmacSha256(salt, utf8Bytes(to.jid('lid'))), token)
  }

  #isValid(from: Account, to: Account, { token, nowSeconds }: Carried): boolean {
    const known = this.tokenOf(to, from)
    if (known === undefined || token === undefined || !equalBytes(known.token, token)) return false
    return bucket(known.atSeconds) > bucket(nowSeconds) - BUCKETS
  }
}

/** What a message carries, and when. */
interface Carried {
  readonly token: Uint8Array | undefined
  readonly saltToken: Uint8Array | undefined
  readonly nowSeconds: number
}

function pair(from: Account, to: Account): string {
  return `${from.facts.phoneNumber} ${to.facts.phoneNumber}`
}

function bucket(seconds: number): number {
  return Math.floor(seconds / BUCKET_SECONDS)
}
