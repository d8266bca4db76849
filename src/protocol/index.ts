/**
 * `waton/protocol`, for experts: the protocol itself as pure functions, without connection, storage or policy. Most
 * programs want `waton`. Addresses and stanzas are here by name; everything else is in a namespace of its own.
 */

// Addresses, the announced version, and stanzas as values, bytes and text.
export * from './jid.ts'
export * from './version.ts'
export * from './binary/node.ts'
export { decodeNode } from './binary/decode.ts'
export { encodeNode } from './binary/encode.ts'
export { printNode, type PrintOptions } from './binary/print.ts'
export { defineIq, type IqQuery } from './stanza/iq.ts'

/** Hashes, ciphers, curves and signatures. */
export * as crypto from './crypto/index.ts'
/** The encrypted channel to the server. */
export * as noise from './noise/index.ts'
/** What a device tells the server about itself when it registers or logs in. */
export * as clientPayload from './noise/client-payload.ts'
/** Sessions between two devices. */
export * as signal from './signal/index.ts'
/** One encryption for a whole group. */
export * as senderKey from './sender-key/index.ts'
/** Linking a device to a phone. */
export * as pairing from './pairing/index.ts'
/** Builders, parsers and queries for the stanzas that waton knows. */
export * as stanzas from './stanza/index.ts'
/** Files of the media servers: keys, encrypting, decrypting, asking for one again. */
export * as media from './media/index.ts'
/** What a phone tells of its chats, as a stream. */
export * as history from './history/index.ts'
/** Message content: padding, envelopes, kinds. */
export * as messages from './message/index.ts'
/** Reading and writing protobuf, with the classes of connecting and pairing. */
export * as proto from './proto/index.ts'
/** The protobuf classes of message content. */
export * as messageProto from './proto/message.ts'
