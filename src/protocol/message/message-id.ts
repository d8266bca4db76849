/**
 * Message ids as WhatsApp Web's companions make them: `3EB0` and 18 hexadecimal digits of a hash over time, account and
 * randomness.
 *
 * @source Baileys 7.0.0-rc14 `Utils/generics.js` generateMessageIDV2; whatsmeow `send.go` GenerateMessageID
 */
import { concatBytes, toHex, uint32Bytes, utf8Bytes } from '../../base/bytes.ts'
import type { RandomSource } from '../../base/random.ts'
import { sha256 } from '../crypto/index.ts'
import { parseJid } from '../jid.ts'

/** What every id of this kind begins with. */
export const MESSAGE_ID_PREFIX = '3EB0'
const HASH_DIGITS = 18
const RANDOM_BYTES = 16
/** Room for the account's address in what is hashed. */
const ACCOUNT_BYTES = 20

/** What an id is made of. */
export interface MessageIdInput {
  /** Of the part that nobody can guess. */
  readonly random: RandomSource
  /** The time, which goes into it, in milliseconds since the epoch. */
  readonly nowMs: number
  /** The account's phone-number JID. */
  readonly self: string
}

/** A fresh message id: 22 characters, unique by its randomness. */
export function createMessageId({ random, nowMs, self }: MessageIdInput): string {
  const seconds = Math.floor(nowMs / 1000)
  const time = concatBytes(uint32Bytes(Math.floor(seconds / 2 ** 32)), uint32Bytes(seconds % 2 ** 32))
  const account = new Uint8Array(ACCOUNT_BYTES)
  account.set(utf8Bytes(`${parseJid(self).user}@c.us`).subarray(0, ACCOUNT_BYTES))
  const hash = sha256(time, account, random.bytes(RANDOM_BYTES))
  return MESSAGE_ID_PREFIX + toHex(hash).toUpperCase().slice(0, HASH_DIGITS)
}
