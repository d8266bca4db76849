/**
 * The message secret: random bytes that travel inside a message, from which keys for what is later attached to it
 * (votes, reactions, reports) are derived. Making and placing it is all that this file does.
 *
 * @source Baileys 7.0.0-rc14 `Utils/messages.js` generateWAMessageContent
 */
import type { RandomSource } from '../../base/random.ts'
import type { MessageProperties } from '../proto/message.ts'

/** Bytes of a message secret. */
export const MESSAGE_SECRET_BYTES = 32

/** The message with a fresh secret in its context info, unless it has one. */
export function withMessageSecret(message: MessageProperties, random: RandomSource): MessageProperties {
  if (message.messageContextInfo?.messageSecret) return message
  const messageSecret = random.bytes(MESSAGE_SECRET_BYTES)
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret } }
}
