/**
 * Acks: the transport-level answer to a stanza. Ours tell the server to forget a notification, receipt, call or (with an
 * error) a message that we could not take; the server's tell us that a message was accepted or refused.
 *
 * @source Baileys 7.0.0-rc14 `Utils/stanza-ack.js` buildAckStanza, `Utils/decode-wa-message.js` NACK_REASONS
 */
import { node, numberAttribute, requireAttribute, type BinaryNode } from '../binary/node.ts'

/** Why we refuse a stanza. */
export const NACK: {
  readonly PARSING_ERROR: 487
  readonly UNRECOGNIZED_STANZA: 488
  readonly UNRECOGNIZED_CLASS: 489
  readonly UNRECOGNIZED_TYPE: 490
  readonly INVALID_PROTOBUF: 491
  readonly INVALID_HOSTED_COMPANION: 493
  readonly MISSING_MESSAGE_SECRET: 495
  readonly OLD_COUNTER: 496
  readonly DELETED_ON_PEER: 499
  readonly UNHANDLED_ERROR: 500
  readonly UNSUPPORTED_ADMIN_REVOKE: 550
  readonly UNSUPPORTED_LID_GROUP: 551
  readonly STORE_FAILED: 552
} = {
  PARSING_ERROR: 487,
  UNRECOGNIZED_STANZA: 488,
  UNRECOGNIZED_CLASS: 489,
  UNRECOGNIZED_TYPE: 490,
  INVALID_PROTOBUF: 491,
  INVALID_HOSTED_COMPANION: 493,
  MISSING_MESSAGE_SECRET: 495,
  OLD_COUNTER: 496,
  DELETED_ON_PEER: 499,
  UNHANDLED_ERROR: 500,
  UNSUPPORTED_ADMIN_REVOKE: 550,
  UNSUPPORTED_LID_GROUP: 551,
  STORE_FAILED: 552,
}

/** What an ack says beyond the stanza it answers. */
export interface AckOptions {
  /** A refusal, e.g. one of {@link NACK}. */
  readonly errorCode?: number
  /** This device's own JID: acks of messages name it. */
  readonly self?: string
}

/** An ack of the server. */
export interface ParsedAck {
  /** Of the stanza that it answers. */
  readonly id: string
  /** The tag of what is answered, e.g. `message`. */
  readonly class: string
  /** Who answers: the chat that the stanza went to. */
  readonly from?: string
  /** In groups and broadcasts: the device that it is about. */
  readonly participant?: string
  /** The chat, where `from` is an own device. */
  readonly recipient?: string
  /** The type of the stanza that it answers. */
  readonly type?: string
  /** Present when the server refused, e.g. 463 or 479. */
  readonly errorCode?: number
  /** When the server took the message. */
  readonly atSeconds?: number
  /** The server's hash of the devices it knows; differs from ours when our list is old. */
  readonly participantHash?: string
}

/**
 * The ack of a received stanza.
 *
 * ```xml
 * <ack id="..." to="15550000002@s.whatsapp.net" class="notification" type="devices" participant="..." recipient="..." error="487"/>
 * ```
 */
export function buildAck(stanza: BinaryNode, options: AckOptions = {}): BinaryNode {
  const { id, from, participant, recipient, type } = stanza.attrs
  return node('ack', {
    id,
    to: from,
    class: stanza.tag,
    error: options.errorCode,
    participant,
    recipient,
    type,
    from: stanza.tag === 'message' ? options.self : undefined,
  })
}

/**
 * ```xml
 * <ack from="15550000002@s.whatsapp.net" id="3EB0..." class="message" t="1700000000" phash="2:..." error="463"/>
 * ```
 */
export function parseAck(stanza: BinaryNode): ParsedAck {
  const { from, participant, recipient, type, phash } = stanza.attrs
  const errorCode = numberAttribute(stanza, 'error')
  const atSeconds = numberAttribute(stanza, 't')
  return {
    id: requireAttribute(stanza, 'id'),
    class: requireAttribute(stanza, 'class'),
    ...(from === undefined ? {} : { from }),
    ...(participant === undefined ? {} : { participant }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(type === undefined ? {} : { type }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(atSeconds === undefined ? {} : { atSeconds }),
    ...(phash === undefined ? {} : { participantHash: phash }),
  }
}
