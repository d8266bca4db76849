/**
 * The message secret: random bytes that travel inside a message, from which keys for what is later attached to it
 * (votes, reactions, reports) are derived. Placing it is all that this file does.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent
 */
import type { MessageProperties } from '../proto/message.ts'

/** Bytes of a message secret. */
export const MESSAGE_SECRET_BYTES = 32

/** The message with this secret in its context info, unless it has one. */
export function withMessageSecret(message: MessageProperties, messageSecret: Uint8Array): MessageProperties {
  if (message.messageContextInfo?.messageSecret) return message
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret } }
}
