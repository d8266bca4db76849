/**
 * Presence: the account's name and whether somebody looks at this device, and what others let us know of theirs.
 *
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` sendPresenceUpdate, handlePresenceUpdate; whatsmeow `presence.go`
 */
import { node, numberAttribute, requireAttribute, type BinaryNode } from '../binary/node.ts'

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

/** Whether somebody else looks at WhatsApp. */
export interface ParsedPresence {
  /** A person, or a group in which somebody does. */
  readonly from: string
  /** In a group: who. */
  readonly participant?: string
  /** Whether they are there. */
  readonly isAvailable: boolean
  /** When they were last there. */
  readonly lastSeenSeconds?: number
  /** They do not show when they were last there. */
  readonly isLastSeenHidden: boolean
  /** How many members of a group are there. */
  readonly onlineCount?: number
}

/** Words in the place of a time. @source Baileys `deny`; whatsmeow `presence.go` `deny`, `none`, `error` */
const NO_TIME: ReadonlySet<string> = new Set(['deny', 'none', 'error'])

/**
 * ```xml
 * <presence from="15550000002@s.whatsapp.net" type="unavailable" last="1700000000"/>
 * <presence from="15550000002@s.whatsapp.net" last="deny"/>
 * <presence from="120363000000000001@g.us" count="3"/>
 * ```
 */
export function parsePresence(stanza: BinaryNode): ParsedPresence {
  const { participant, type, last } = stanza.attrs
  const isHidden = last !== undefined && NO_TIME.has(last)
  const lastSeenSeconds = isHidden ? undefined : numberAttribute(stanza, 'last')
  const onlineCount = numberAttribute(stanza, 'count')
  return {
    from: requireAttribute(stanza, 'from'),
    ...(participant === undefined ? {} : { participant }),
    isAvailable: type !== 'unavailable',
    ...(lastSeenSeconds === undefined ? {} : { lastSeenSeconds }),
    isLastSeenHidden: isHidden,
    ...(onlineCount === undefined ? {} : { onlineCount }),
  }
}

/**
 * Asks to be told when somebody comes and goes, for as long as the connection lasts.
 *
 * ```xml
 * <presence to="15550000002@s.whatsapp.net" id="..." type="subscribe"><tctoken t="1700000000">...</tctoken></presence>
 * ```
 *
 * @param token - what {@link buildTcToken} built, where there is a token of theirs
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` presenceSubscribe
 */
export function buildPresenceSubscription(to: string, id: string, token?: BinaryNode): BinaryNode {
  return node('presence', { to, id, type: 'subscribe' }, token === undefined ? undefined : [token])
}
