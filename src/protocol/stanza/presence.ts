/** Presence: the account's name and whether somebody looks at this device. The presence of others is a later part. */
import { node, type BinaryNode } from '../binary/node.ts'

/** What {@link buildPresence} says. */
export interface OwnPresence {
  /** The account's name, which others see when they do not have the number among their contacts. */
  readonly name: string
  /** Whether somebody looks; absent: only the name is told. */
  readonly available?: boolean
}

/**
 * Tells the server the account's name, and whether it is available.
 *
 * ```xml
 * <presence name="Alice" type="available"/>
 * ```
 *
 * An `@` in the name is left out, as the server takes such names for addresses.
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` sendPresenceUpdate, `Socket/socket.js` (name alone)
 */
export function buildPresence({ name, available }: OwnPresence): BinaryNode {
  const type = available === undefined ? undefined : available ? 'available' : 'unavailable'
  return node('presence', { name: name.replaceAll('@', ''), type })
}
