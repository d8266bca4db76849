/**
 * Chat states: somebody types, speaks into their phone, or has stopped.
 *
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` handlePresenceUpdate; whatsmeow `presence.go` handleChatState
 */
import { childrenOf, node, requireAttribute, type BinaryNode } from '../binary/node.ts'

/** What somebody does in a chat; `unknown` is something that this version has no word for. */
export type ChatStateName = 'composing' | 'recording' | 'paused' | 'unknown'

/** See the file comment. */
export interface ParsedChatState {
  /** The chat: a person or a group. */
  readonly from: string
  /** In a group: who. */
  readonly participant?: string
  /** What they do. */
  readonly state: ChatStateName
  /** The child's name: tells states apart that are `unknown`. */
  readonly tag: string
}

/**
 * `undefined` when the stanza says nothing.
 *
 * ```xml
 * <chatstate from="15550000002@s.whatsapp.net"><composing/></chatstate>
 * <chatstate from="120363000000000001@g.us" participant="100000000002@lid"><composing media="audio"/></chatstate>
 * <chatstate from="15550000002@s.whatsapp.net"><paused/></chatstate>
 * ```
 */
export function parseChatState(stanza: BinaryNode): ParsedChatState | undefined {
  const [child] = childrenOf(stanza)
  if (child === undefined) return undefined
  const { participant } = stanza.attrs
  return {
    from: requireAttribute(stanza, 'from'),
    ...(participant === undefined ? {} : { participant }),
    state: stateOf(child),
    tag: child.tag,
  }
}

function stateOf({ tag, attrs }: BinaryNode): ChatStateName {
  if (tag === 'composing') return attrs.media === 'audio' ? 'recording' : 'composing'
  // older clients name it by itself
  if (tag === 'recording') return 'recording'
  return tag === 'paused' ? 'paused' : 'unknown'
}

/** What we do in a chat. */
export interface OwnChatState {
  /** This device in the form of address that the chat uses. */
  readonly from: string
  /** The chat. */
  readonly to: string
  /** What is done: writing, speaking, or neither any more. */
  readonly state: 'composing' | 'recording' | 'paused'
}

/**
 * ```xml
 * <chatstate from="15550000001:1@s.whatsapp.net" to="15550000002@s.whatsapp.net"><composing media="audio"/></chatstate>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` sendPresenceUpdate
 */
export function buildChatState({ from, to, state }: OwnChatState): BinaryNode {
  const child = state === 'recording' ? node('composing', { media: 'audio' }) : node(state)
  return node('chatstate', { from, to }, [child])
}
