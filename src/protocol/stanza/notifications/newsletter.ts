/**
 * Something in a newsletter (`type="newsletter"`): reactions and views of its messages, its people, its settings, and
 * messages.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleNewsletterNotification; whatsmeow `notification.go`
 *   handleNewsletterNotification, parseNewsletterMessages for `live_updates`
 */
import {
  childOf,
  childrenOf,
  contentText,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
} from '../../binary/node.ts'

/** One change. */
export type NewsletterChange =
  /** Reactions to a message: how many of each, or one without a count. */
  | { readonly type: 'reactions'; readonly serverId: string; readonly counts: readonly ReactionCount[] }
  /** How often a message was seen. */
  | { readonly type: 'views'; readonly serverId: string; readonly count: number }
  | { readonly type: 'participant'; readonly jid: string; readonly action: string; readonly role?: string }
  | { readonly type: 'settings'; readonly name?: string; readonly description?: string }
  /** A message, whose `<plaintext>` is as in a `<message>`. */
  | { readonly type: 'message'; readonly message: BinaryNode }
  | { readonly type: 'unknown'; readonly tag: string }

/** How many people reacted in one way. */
export interface ReactionCount {
  /** The emoji; empty: a reaction was taken back. */
  readonly code: string
  /** How many people reacted with it. */
  readonly count: number
}

/**
 * ```xml
 * <notification from="120363000000000001@newsletter" id="..." t="..." type="newsletter" participant="...">
 *   <reaction message_id="101"><reaction>👍</reaction></reaction>
 *   <view message_id="101">42</view>
 *   <participant jid="..." action="promote" role="ADMIN"/>
 *   <update><settings><name>News</name><description>...</description></settings></update>
 *   <message message_id="..." server_id="102" t="..."><plaintext>...</plaintext></message>
 *   <live_updates><messages t="..."><message server_id="101"><views_count count="42"/>
 *     <reactions><reaction code="👍" count="7"/></reactions></message></messages></live_updates>
 * </notification>
 * ```
 */
export function parseNewsletter(stanza: BinaryNode): readonly NewsletterChange[] {
  return childrenOf(stanza).flatMap(readChild)
}

type Reader = (child: BinaryNode) => readonly NewsletterChange[]

/** By tag. A map, because tags come from outside. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['reaction', readReaction],
  ['view', (child) => [{ type: 'views', serverId: serverIdOf(child), count: countOf(contentText(child)) }]],
  ['participant', readParticipant],
  ['update', (child) => settingsOf(childOf(child, 'settings'))],
  ['message', (message) => [{ type: 'message', message }]],
  ['live_updates', (child) => childrenOf(child, 'messages').flatMap(childUpdates)],
])

function readChild(child: BinaryNode): readonly NewsletterChange[] {
  return READERS.get(child.tag)?.(child) ?? [{ type: 'unknown', tag: child.tag }]
}

function serverIdOf({ attrs }: BinaryNode): string {
  return attrs.message_id ?? ''
}

function readReaction(child: BinaryNode): readonly NewsletterChange[] {
  const reaction = childOf(child, 'reaction')
  const code = reaction === undefined ? '' : (contentText(reaction) ?? '')
  return [{ type: 'reactions', serverId: serverIdOf(child), counts: [{ code, count: 1 }] }]
}

function readParticipant(child: BinaryNode): readonly NewsletterChange[] {
  const { action = '', role } = child.attrs
  const jid = requireAttribute(child, 'jid')
  return [{ type: 'participant', jid, action, ...(role === undefined ? {} : { role }) }]
}

function childUpdates(messages: BinaryNode): readonly NewsletterChange[] {
  return childrenOf(messages, 'message').flatMap(liveUpdates)
}

function countOf(text: string | undefined): number {
  const count = Number(text)
  return Number.isSafeInteger(count) && count >= 0 ? count : 0
}

function settingsOf(settings: BinaryNode | undefined): readonly NewsletterChange[] {
  if (settings === undefined) return []
  const text = (tag: string): string | undefined => {
    const child = childOf(settings, tag)
    return child === undefined ? undefined : contentText(child)
  }
  const name = text('name')
  const description = text('description')
  return [
    {
      type: 'settings',
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    },
  ]
}

/** Counts of one message; one with content is new. */
function liveUpdates(message: BinaryNode): readonly NewsletterChange[] {
  const serverId = message.attrs.server_id ?? ''
  const views = childOf(message, 'views_count')
  const reactions = childOf(message, 'reactions')
  const isNew = childOf(message, 'plaintext') !== undefined
  const changes: NewsletterChange[] = isNew ? [{ type: 'message', message }] : []
  if (views !== undefined)
    changes.push({ type: 'views', serverId, count: numberAttribute(views, 'count') ?? 0 })
  if (reactions !== undefined)
    changes.push({
      type: 'reactions',
      serverId,
      counts: childrenOf(reactions, 'reaction').map((reaction) => ({
        code: reaction.attrs.code ?? '',
        count: numberAttribute(reaction, 'count') ?? 0,
      })),
    })
  return changes
}
