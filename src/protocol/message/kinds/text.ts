/** Text. Written as `extendedTextMessage`, as Baileys does; read from that and from the plain `conversation` of phones. */
import { type Kind, defineKind } from './kind.ts'

/** A text message. */
export interface Text {
  readonly text: string
}

/** See the file comment. */
export const text: Kind<'text', Text, Text> = defineKind({
  name: 'text',
  stanzaType: 'text',
  build: (content) => ({ extendedTextMessage: { text: content.text } }),
  read: ({ conversation, extendedTextMessage }) => {
    const found = extendedTextMessage?.text ?? conversation
    return typeof found === 'string' ? { text: found } : undefined
  },
})
