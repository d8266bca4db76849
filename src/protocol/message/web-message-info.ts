/**
 * A message as phones keep it and hand it to their companions. Only what a companion takes over is read: the schema has a
 * hundred fields more, about what the phone thinks of it.
 *
 * @source schema `WebMessageInfo` (1: key, 2: message, 3: messageTimestamp)
 */
import type { Reader } from 'protobufjs/minimal.js'
import { decodeProto } from '../proto/codec.ts'
import { MessageKey } from '../proto/message.ts'

const KEY = 1
const MESSAGE = 2
const TIMESTAMP = 3
const WIRE_VARINT = 0
const WIRE_LENGTH_DELIMITED = 2

/** See the file comment. */
export interface WebMessageInfo {
  /** The message's key from the phone's point of view, which is ours. */
  readonly key?: MessageKey.$Properties
  /** Serialised `Message`; absent when the phone does not have it. */
  readonly message?: Uint8Array
  readonly sentAtSeconds?: number
}

/** Reads one. @throws {ProtocolError} `WATON_PROTO_MALFORMED` */
export function readWebMessageInfo(bytes: Uint8Array): WebMessageInfo {
  return decodeProto({ decode: readFields }, bytes, 'WebMessageInfo')
}

function readFields(reader: Reader | Uint8Array): WebMessageInfo {
  const info: { -readonly [Name in keyof WebMessageInfo]: WebMessageInfo[Name] } = {}
  if (reader instanceof Uint8Array) return info
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    switch (tag) {
      case (KEY << 3) | WIRE_LENGTH_DELIMITED:
        info.key = decodeProto(MessageKey, reader.bytes(), 'MessageKey')
        break
      case (MESSAGE << 3) | WIRE_LENGTH_DELIMITED:
        info.message = reader.bytes()
        break
      case (TIMESTAMP << 3) | WIRE_VARINT:
        info.sentAtSeconds = Number(reader.uint64())
        break
      default:
        reader.skipType(tag & 7)
    }
  }
  return info
}
