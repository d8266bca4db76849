/**
 * The salt of tokens that the phone tells with the history: one field of a `HistorySync`, read by hand, because its schema
 * class would bring the whole of `Message` along and because nothing else of it is read here. Importing history is another
 * matter.
 *
 * @source schema `HistorySync` (19: nctSalt); Baileys 7.0.0-rc14 `Utils/history.js` for the compression
 */
import { inflateSync } from 'node:zlib'
import type { Reader } from 'protobufjs/minimal.js'
import { ProtocolError } from '../../base/errors.ts'
import { decodeProto } from '../proto/codec.ts'

/** What a payload may expand to: what comes inside of a message is a first screen of chats, some hundred kilobytes. */
export const MAX_HISTORY_BYTES: number = 16 * 1024 * 1024

/** How much more that may be than what came. Chats compress about tenfold; what is hostile, a thousandfold. */
const MAX_RATIO = 200

/** So much is never too much. */
const FREE_BYTES = 256 * 1024

/** A salt is 32 bytes; a longer one would still be a key of HMAC. */
const MAX_SALT_BYTES = 256

const WIRE_BYTES = 2
const NCT_SALT = 19 * 8 + WIRE_BYTES

/**
 * The salt in a compressed `HistorySync`, if it has one.
 *
 * @throws {ProtocolError} `WATON_HISTORY_INFLATE` when it cannot be decompressed, or is too large; `WATON_PROTO_MALFORMED`
 */
export function readHistorySalt(payload: Uint8Array): Uint8Array | undefined {
  const salt = decodeProto({ decode: readSalt }, inflate(payload), 'HistorySync')
  const isSalt = salt !== undefined && salt.length > 0 && salt.length <= MAX_SALT_BYTES
  // a copy: what it was read from is large, and a Node buffer, whose own slices are views
  return isSalt ? new Uint8Array(salt) : undefined
}

function readSalt(reader: Reader | Uint8Array): Uint8Array | undefined {
  let salt: Uint8Array | undefined
  if (reader instanceof Uint8Array) return undefined
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === NCT_SALT) salt = reader.bytes()
    else reader.skipType(tag & 7)
  }
  return salt
}

function inflate(payload: Uint8Array): Uint8Array {
  const limitBytes = Math.min(MAX_HISTORY_BYTES, Math.max(FREE_BYTES, MAX_RATIO * payload.length))
  try {
    return inflateSync(payload, { maxOutputLength: limitBytes })
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new ProtocolError(
      'WATON_HISTORY_INFLATE',
      'a piece of history cannot be decompressed: it is damaged or too large; it is kept as it came',
      { details: { lengthBytes: payload.length, limitBytes, reason }, cause },
    )
  }
}
