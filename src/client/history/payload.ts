/**
 * The content of a piece of history, decompressed bit by bit. What comes with a notification is small and is decompressed at
 * once, so that a run without media servers can be repeated to the last event; a file is left to the threads of zlib.
 *
 * @source Baileys 7.0.0-rc14 `Utils/history.js`: zlib, with its header
 */
import { createInflate, inflateSync } from 'node:zlib'
import { ProtocolError } from '../../base/errors.ts'

const KIB = 1024

/** Decompressed bytes that are handed on at once: reading them takes a millisecond or two. */
const CHUNK_BYTES = 32 * KIB

/** Compressed bytes that are decompressed at once: some milliseconds at most. */
const AT_ONCE_BYTES = 128 * KIB

/** How much more it may be than what came. Chats compress about tenfold; what is hostile, a thousandfold. */
const MAX_RATIO = 200

/** So much is never too much. */
const FREE_BYTES = 256 * KIB

/** What it may expand to at all. */
const MAX_BYTES = 512 * KIB * KIB

/**
 * The decompressed content, chunk by chunk.
 *
 * @throws {ProtocolError} `WATON_HISTORY_INFLATE`
 */
export async function* inflated(compressed: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  const limitBytes = Math.min(MAX_BYTES, Math.max(FREE_BYTES, MAX_RATIO * compressed.length))
  const refused = (reason: string, cause?: unknown): ProtocolError =>
    new ProtocolError(
      'WATON_HISTORY_INFLATE',
      'a piece of history cannot be decompressed: it is damaged or too large; it is kept as it came',
      { details: { lengthBytes: compressed.length, limitBytes, reason }, cause },
    )
  try {
    if (compressed.length <= AT_ONCE_BYTES) {
      const whole = inflateSync(compressed, { maxOutputLength: limitBytes })
      for (let from = 0; from < whole.length; from += CHUNK_BYTES)
        yield whole.subarray(from, from + CHUNK_BYTES)
      return
    }
    const stream = createInflate({ chunkSize: CHUNK_BYTES })
    stream.end(compressed)
    let sizeBytes = 0
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length
      if (sizeBytes > limitBytes) throw refused('too large')
      yield chunk
    }
  } catch (cause) {
    // what was thrown where a chunk was taken is not of the compression
    throw isOfZlib(cause) ? refused(cause.code, cause) : cause
  }
}

function isOfZlib(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && /^Z_|^ERR_/.test(String(error.code))
}
