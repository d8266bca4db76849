/**
 * Information bulletins (`<ib>`): short notices in both directions that nobody answers. One stanza may hold several.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import {
  childOf,
  childrenOf,
  contentBytes,
  contentText,
  node,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
} from '../binary/node.ts'

/** One notice of the server. */
export type Bulletin =
  /** What waits in the offline queue; ask for it with {@link buildOfflineBatch}. */
  | {
      readonly type: 'offline-preview'
      readonly total: number
      readonly messages: number
      readonly receipts: number
      readonly notifications: number
      readonly appData: number
    }
  /** The offline queue has been delivered. */
  | { readonly type: 'offline-end'; readonly total: number }
  /** Where to connect next time; goes before the handshake. */
  | { readonly type: 'edge-routing'; readonly routingInfo: Uint8Array; readonly domain?: string }
  /** Something changed while we were away: catch up, then send `cleanDirty`. */
  | { readonly type: 'dirty'; readonly what: string; readonly timestampSeconds?: number }
  /** The account left multi-device: this device can no longer connect. */
  | { readonly type: 'downgrade' }
  /** The server will refuse this version soon. */
  | { readonly type: 'client-expiration'; readonly expiresAtSeconds?: number }
  /** Anything else, as it is, e.g. `thread_metadata`. */
  | { readonly type: 'unknown'; readonly tag: string; readonly raw: BinaryNode }

/** Milliseconds by which the week of {@link buildUnifiedSession} is shifted. */
const SESSION_OFFSET_MS = 3 * 24 * 60 * 60 * 1000
const WEEK_MS = 7 * 24 * 60 * 60 * 1000

/**
 * All notices of one stanza, in order.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><offline_preview count="12" message="8" receipt="3" notification="1" appdata="0"/></ib>
 * <ib from="@s.whatsapp.net"><offline count="12"/></ib>
 * <ib from="@s.whatsapp.net"><edge_routing><routing_info>...</routing_info><dns_domain>fb</dns_domain></edge_routing></ib>
 * <ib from="@s.whatsapp.net"><dirty type="account_sync" timestamp="1700000000"/></ib>
 * <ib from="@s.whatsapp.net"><downgrade_webclient/></ib>
 * <ib from="@s.whatsapp.net"><client_expiration t="1700000000"/></ib>
 * ```
 */
export function parseInfoBulletin(stanza: BinaryNode): readonly Bulletin[] {
  return childrenOf(stanza).map(parseBulletin)
}

function parseBulletin(child: BinaryNode): Bulletin {
  const count = (name: string): number => numberAttribute(child, name) ?? 0
  switch (child.tag) {
    case 'offline_preview':
      return {
        type: 'offline-preview',
        total: count('count'),
        messages: count('message'),
        receipts: count('receipt'),
        notifications: count('notification'),
        appData: count('appdata'),
      }
    case 'offline':
      return { type: 'offline-end', total: count('count') }
    case 'edge_routing':
      return parseEdgeRouting(child)
    case 'dirty': {
      const timestampSeconds = numberAttribute(child, 'timestamp')
      const what = requireAttribute(child, 'type')
      return { type: 'dirty', what, ...(timestampSeconds === undefined ? {} : { timestampSeconds }) }
    }
    case 'downgrade_webclient':
      return { type: 'downgrade' }
    case 'client_expiration': {
      const expiresAtSeconds = numberAttribute(child, 't')
      return { type: 'client-expiration', ...(expiresAtSeconds === undefined ? {} : { expiresAtSeconds }) }
    }
    default:
      return { type: 'unknown', tag: child.tag, raw: child }
  }
}

function parseEdgeRouting(child: BinaryNode): Bulletin {
  const routing = childOf(child, 'routing_info')
  const routingInfo = routing === undefined ? undefined : contentBytes(routing)
  if (routingInfo === undefined) return { type: 'unknown', tag: child.tag, raw: child }
  const domain = childOf(child, 'dns_domain')
  const domainName = domain === undefined ? undefined : contentText(domain)
  return {
    type: 'edge-routing',
    routingInfo,
    ...(domainName === undefined ? {} : { domain: domainName }),
  }
}

/**
 * Asks for the next part of the offline queue: `<ib><offline_batch count="100"/></ib>`.
 *
 * @param count - stanzas wanted; Baileys asks once for 100
 */
export function buildOfflineBatch(count: number): BinaryNode {
  return node('ib', {}, [node('offline_batch', { count })])
}

/**
 * Names this session of use to the server: `<ib><unified_session id="..."/></ib>`. Sent after the login and whenever the
 * account becomes available.
 *
 * @param nowMs - time by the server's clock: ours plus the skew
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` getUnifiedSessionId
 */
export function buildUnifiedSession(nowMs: number): BinaryNode {
  return node('ib', {}, [node('unified_session', { id: (nowMs + SESSION_OFFSET_MS) % WEEK_MS })])
}
