/**
 * A kind of message content as one value: how it is written into a protobuf `Message`, how it is recognised and read, and
 * what the stanza around it says. Adding a kind is one file with one `defineKind`, one line in `index.ts`, one test.
 */
import type { MessageProperties } from '../../proto/message.ts'

/** The `type` attribute of a message stanza. @source Baileys 7.0.0-rc14 `Socket/messages-send.js` getMessageType */
export type StanzaType = 'text' | 'media' | 'reaction' | 'poll' | 'event'

/** See the file comment. */
export interface Kind<Name extends string, Input, Output> {
  readonly name: Name
  readonly stanzaType: StanzaType
  /** The `Message` for this content, without secret and context. */
  readonly build: (input: Input) => MessageProperties
  /** The content of an unwrapped `Message`; `undefined` when it is of another kind. */
  readonly read: (message: MessageProperties) => Output | undefined
}

/** Declares a kind. */
export function defineKind<const Name extends string, Input, Output>(
  kind: Kind<Name, Input, Output>,
): Kind<Name, Input, Output> {
  return kind
}
