/**
 * The protobuf `Message` (what people write) and all it contains, with safe ways in and out. Large: load it only where
 * message content is read or written.
 */
import { Message } from './generated/message.js'
import { decodeProto, encodeProto } from './codec.ts'

export * from './generated/message.js'

/** What {@link encodeMessage} accepts: a decoded message or a plain object with the same fields. */
export type MessageProperties = Message.$Properties

/** Reads a `Message`. @throws {ProtocolError} `WATON_PROTO_MALFORMED` */
export function decodeMessage(bytes: Uint8Array): Message {
  return decodeProto(Message, bytes, 'Message')
}

/** Writes a `Message`. @throws {UsageError} `WATON_PROTO_UNENCODABLE` */
export function encodeMessage(message: MessageProperties): Uint8Array {
  return encodeProto(Message, message, 'Message')
}
