/**
 * A kind of message content that can be sent: how it is written into a protobuf `Message` and what the stanza around it
 * says. How received content is read is in `reader.ts`.
 */
import type { MessageProperties } from '../../proto/message.ts'

/** The `type` attribute of a message stanza. @source Baileys 7.0.0-rc14 `Socket/messages-send.js` getMessageType */
export type StanzaType = 'text' | 'media' | 'reaction' | 'poll' | 'event'

/** See the file comment. */
export interface Kind<Name extends string, Input> {
  readonly name: Name
  readonly stanzaType: StanzaType
  /** The `Message` for this content, without secret and context. */
  readonly build: (input: Input) => MessageProperties
}

/** Declares a kind. */
export function defineKind<const Name extends string, Input>(kind: Kind<Name, Input>): Kind<Name, Input> {
  return kind
}
