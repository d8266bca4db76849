/** Looking into decoded message content: the words in it and the layers around it. */
import type { MessageProperties } from '../../protocol/proto/message.ts'

/** Wrappers within wrappers that are looked through. */
const MAX_LAYERS = 8

/** The message inside wrappers such as disappearing or view-once. */
export function unwrapped(content: MessageProperties): MessageProperties {
  let current = content
  for (let layer = 0; layer < MAX_LAYERS; layer += 1) {
    const wrapper =
      current.ephemeralMessage ??
      current.viewOnceMessage ??
      current.viewOnceMessageV2 ??
      current.documentWithCaptionMessage
    const inner = wrapper?.message
    if (inner === null || inner === undefined) break
    current = inner
  }
  return current
}

/** The words of a message: text or caption, `undefined` when it has none. */
export function messageText(content: MessageProperties): string | undefined {
  const inner = unwrapped(content)
  const text =
    inner.conversation ??
    inner.extendedTextMessage?.text ??
    inner.imageMessage?.caption ??
    inner.videoMessage?.caption ??
    inner.documentMessage?.caption
  return text ?? undefined
}
