/** Text. Written as `extendedTextMessage`, as Baileys does; read from that and from the plain `conversation` of phones. */
import { checkArgument } from '../../../base/check.ts'
import type { Expectation } from '../../../base/check.ts'
import { type Kind, defineKind } from './kind.ts'

/** A text message. */
export interface Text {
  readonly text: string
}

/** Characters that a text may have: what WhatsApp's own apps let one type. */
const MAX_CHARACTERS = 65_536

const SENDABLE: Expectation = {
  expected: `valid Unicode text of at most ${String(MAX_CHARACTERS)} characters`,
  accepts: (value) =>
    typeof value === 'string' && value.length <= MAX_CHARACTERS && !/\p{Surrogate}/u.test(value),
}

/** See the file comment. */
export const text: Kind<'text', Text, Text> = defineKind({
  name: 'text',
  stanzaType: 'text',
  build: (content) => {
    checkArgument('the text of a message', content.text, SENDABLE)
    return { extendedTextMessage: { text: content.text } }
  },
  read: ({ conversation, extendedTextMessage }) => {
    const found = extendedTextMessage?.text ?? conversation
    return typeof found === 'string' ? { text: found } : undefined
  },
})
