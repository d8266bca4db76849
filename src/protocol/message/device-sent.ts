/**
 * Copies of own messages for the account's other devices: the message inside an envelope that names the chat, because
 * between own devices the stanza's address does not.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` relayMessage; whatsmeow `send.go`
 */
import { type MessageProperties, decodeMessage, encodeMessage } from '../proto/message.ts'

/** A message taken out of its envelope. */
export interface DeviceSent {
  /** The message itself. */
  readonly message: MessageProperties
  /** The chat that the message was written to, when the envelope names it. */
  readonly destinationJid?: string
}

/**
 * Puts a message into the envelope. Its context info stands outside as well as inside.
 *
 * @param destinationJid - the chat, as the message is addressed on the wire
 * @param message - serialised `Message`
 * @returns serialised `Message`
 */
export function wrapDeviceSent(destinationJid: string, message: Uint8Array): Uint8Array {
  const inner = decodeMessage(message)
  return encodeMessage({
    deviceSentMessage: { destinationJid, message: inner },
    ...(inner.messageContextInfo ? { messageContextInfo: inner.messageContextInfo } : {}),
  })
}

/**
 * Takes a message out of its envelope; `undefined` when it has none. Only messages of our own devices may be treated so:
 * anybody else could name any chat.
 */
export function unwrapDeviceSent(outer: MessageProperties): DeviceSent | undefined {
  const envelope = outer.deviceSentMessage
  const message = envelope?.message
  if (!message) return undefined
  if (!message.messageContextInfo && outer.messageContextInfo)
    message.messageContextInfo = outer.messageContextInfo
  const { destinationJid } = envelope
  return { message, ...(destinationJid ? { destinationJid } : {}) }
}
