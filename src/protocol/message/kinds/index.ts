/** The registry of message kinds. What is not in it is read as unknown and kept as bytes. */
import { type Text, text } from './text.ts'
import type { Kind } from './kind.ts'

export { defineKind, type Kind, type StanzaType } from './kind.ts'
export type { Text } from './text.ts'

/** What each kind is read as. */
export interface KindContents {
  readonly text: Text
}

/** The name of a kind. */
export type KindName = keyof KindContents

/** Every kind by name; reading tries them in this order. */
export const KINDS: { readonly [Name in KindName]: Kind<Name, KindContents[Name], KindContents[Name]> } = {
  text,
}
