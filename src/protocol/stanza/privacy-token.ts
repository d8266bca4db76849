/**
 * Privacy tokens on what we send: a `<tctoken>` that the other side has handed out, or a `<cstoken>` that follows from a
 * salt of the account, shows the server that somebody may be written to. How long a token holds is counted in buckets of
 * a week. Which tokens are kept, and when one is handed out, is the client's business.
 *
 * @source Baileys 7.0.0-rc14 `Utils/tc-token-utils.js`; whatsapp-rust `wacore/src/iq/tctoken.rs`
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { node, type BinaryNode } from '../binary/node.ts'
import { hmacSha256 } from '../crypto/index.ts'

/** One bucket, in seconds: a token is handed out once in each. */
export const TOKEN_BUCKET_SECONDS = 604_800

/** Buckets that a token holds, the present one included: three to four weeks. */
export const TOKEN_BUCKETS = 4

/** Whether the server still takes a token that was handed out then. */
export function isTokenUsable(atSeconds: number | undefined, nowSeconds: number): boolean {
  return atSeconds !== undefined && bucketOf(atSeconds) > bucketOf(nowSeconds) - TOKEN_BUCKETS
}

/** Whether it is time to hand out another one. */
export function isTokenDue(issuedAtSeconds: number | undefined, nowSeconds: number): boolean {
  return issuedAtSeconds === undefined || bucketOf(nowSeconds) > bucketOf(issuedAtSeconds)
}

/**
 * The token of an account that has a salt for everybody who has not handed out one of their own.
 *
 * @param lid - the other person's LID without device, e.g. `100000000002@lid`
 * @returns 32 bytes: HMAC-SHA256 under the salt
 * @source whatsapp-rust `wacore/src/iq/tctoken.rs` compute_cs_token
 */
export function csToken(salt: Uint8Array, lid: string): Uint8Array {
  return hmacSha256(salt, utf8Bytes(lid))
}

/**
 * ```xml
 * <tctoken>...</tctoken>                    in a message
 * <tctoken t="1700000000">...</tctoken>     when a presence or picture is asked for
 * ```
 */
export function buildTcToken(token: Uint8Array, atSeconds?: number): BinaryNode {
  return node('tctoken', { t: atSeconds }, token)
}

/** `<cstoken>32 bytes</cstoken>` */
export function buildCsToken(token: Uint8Array): BinaryNode {
  return node('cstoken', {}, token)
}

function bucketOf(seconds: number): number {
  return Math.floor(seconds / TOKEN_BUCKET_SECONDS)
}
