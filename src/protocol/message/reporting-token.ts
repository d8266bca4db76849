/**
 * The reporting token: 16 bytes beside a message by which the server can later tell, when the receiver reports it, that
 * the reported text is the one that was sent. It is an HMAC over selected fields of the message, keyed by its secret.
 *
 * @source whatsmeow `reportingtoken.go`; Baileys 7.0.0-rc14 `Utils/reporting-utils.js`. Deliberate differences from Baileys
 *   are in {@link REPORTING_DIFFERENCES}
 */
import { Reader, Writer } from 'protobufjs/minimal.js'
import { node, type BinaryNode } from '../binary/node.ts'
import { hkdfSha256, hmacSha256 } from '../crypto/index.ts'
import { userJid } from '../jid.ts'
import { type MessageProperties, decodeMessage } from '../proto/message.ts'

/** Where the token differs on purpose from what Baileys 7.0.0-rc14 sends. */
export const REPORTING_DIFFERENCES: readonly { readonly field: string; readonly reason: string }[] = [
  {
    field: 'reporting_token content',
    reason:
      'Baileys derives the key from the recipient twice instead of from sender and recipient, so that its tokens cannot be verified; waton does what whatsmeow does',
  },
  {
    field: 'presence of <reporting>',
    reason:
      'Baileys hashes the padded message, which makes it leave the node out for some random paddings; waton hashes the message itself and always sends it',
  },
]

/** Bytes of a token. */
const TOKEN_BYTES = 16
const SECRET_BYTES = 32

/** Fields that a token covers, by number: a field as a whole, or some fields of the message in it. */
interface ReportedFields {
  readonly fields: ReadonlyMap<number, Covered>
}

type Covered = ReportedFields | 'whole'

/** Fields that are covered as a whole, and others of which parts are. */
function covered(
  whole: readonly number[],
  parts: readonly (readonly [number, Covered])[] = [],
): ReportedFields {
  return { fields: new Map([...whole.map((field) => [field, 'whole'] as const), ...parts]) }
}

/** In `ContextInfo`: how often and whether it was forwarded. */
const CONTEXT_FIELDS: ReportedFields = covered([21, 22])

/** In a poll: the question, the answers and the right one of a quiz. */
const POLL_OPTION = covered([1, 2])
const POLL_FIELDS: ReportedFields = covered(
  [2],
  [
    [3, POLL_OPTION],
    [5, CONTEXT_FIELDS],
    [8, POLL_OPTION],
  ],
)

/** Fields of a content whose context is its field 17. */
function withContext17(...whole: readonly number[]): ReportedFields {
  return covered(whole, [[17, CONTEXT_FIELDS]])
}

/** In `Message`. Of messages within wrappers nothing is covered. @source whatsmeow `reportingfields.json`, as Baileys has it */
const REPORTED_FIELDS: ReportedFields = covered(
  [1],
  [
    [3, withContext17(2, 3, 8, 11, 25)],
    [4, withContext17(1, 16)],
    [5, withContext17(3, 4, 5, 16)],
    [6, withContext17(1, 30)],
    [7, withContext17(2, 7, 10, 20)],
    [8, withContext17(2, 7, 9, 21)],
    [9, withContext17(2, 6, 7, 13, 20)],
    [12, covered([1, 2, 15])],
    [18, withContext17(6, 16)],
    [26, withContext17(4, 5, 8, 13)],
    [28, covered([1, 2, 4, 5, 6], [[7, CONTEXT_FIELDS]])],
    [49, POLL_FIELDS],
    [60, POLL_FIELDS],
    [64, POLL_FIELDS],
    [66, withContext17(2, 6, 7, 13, 20)],
    [
      88,
      covered(
        [1],
        [
          [2, covered([1])],
          [3, CONTEXT_FIELDS],
        ],
      ),
    ],
  ],
)

const WIRE_LENGTH_DELIMITED = 2

/** What a token is made for. */
export interface ReportingInput {
  /** Serialised `Message`, not padded. */
  readonly message: Uint8Array
  readonly id: string
  /** The chat. */
  readonly to: string
  /** Our own address in the form that the chat uses, with or without device. */
  readonly sender: string
}

/**
 * The `<reporting>` child of a message; `undefined` for messages without a secret and for kinds that carry none.
 *
 * ```xml
 * <reporting><reporting_token v="2">16 bytes</reporting_token></reporting>
 * ```
 */
export function buildReporting(input: ReportingInput): BinaryNode | undefined {
  const message = decodeMessage(input.message)
  const secret = message.messageContextInfo?.messageSecret
  if (!secret || isAttachment(message)) return undefined
  const content = reportedContent(new Reader(input.message), REPORTED_FIELDS)
  if (content.length === 0) return undefined
  const info = `${input.id}${userJid(input.sender)}${userJid(input.to)}Report Token`
  const key = hkdfSha256(secret, SECRET_BYTES, { info })
  const token = hmacSha256(key, content).subarray(0, TOKEN_BYTES)
  return node('reporting', {}, [node('reporting_token', { v: '2' }, token)])
}

/** Reactions, votes and answers belong to another message and are not reported by themselves. */
function isAttachment(message: MessageProperties): boolean {
  return Boolean(
    message.reactionMessage ??
    message.encReactionMessage ??
    message.encEventResponseMessage ??
    message.pollUpdateMessage,
  )
}

/** The covered fields in the order of their numbers, as they were written; messages within are cut down likewise. */
function reportedContent(reader: Reader, covered: ReportedFields): Uint8Array {
  const parts: { readonly field: number; readonly bytes: Uint8Array }[] = []
  while (reader.pos < reader.len) {
    const start = reader.pos
    const tag = reader.uint32()
    const field = tag >>> 3
    const wireType = tag & 7
    const wanted = covered.fields.get(field)
    if (typeof wanted === 'object' && wireType === WIRE_LENGTH_DELIMITED) {
      const inner = reportedContent(new Reader(reader.bytes()), wanted)
      if (inner.length > 0) parts.push({ field, bytes: new Writer().uint32(tag).bytes(inner).finish() })
      continue
    }
    reader.skipType(wireType)
    if (wanted !== undefined) parts.push({ field, bytes: reader.buf.subarray(start, reader.pos) })
  }
  parts.sort((a, b) => a.field - b.field)
  const writer = new Writer()
  for (const { bytes } of parts) writer.raw(bytes)
  return writer.finish()
}
