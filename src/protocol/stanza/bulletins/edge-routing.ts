/**
 * Where to connect next time. The bytes mean nothing to a client; they go before the next handshake.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { childOf, contentBytes, contentText, type BinaryNode } from '../../binary/node.ts'

/** What goes before the next handshake. */
export interface EdgeRouting {
  /** As it is. */
  readonly routingInfo: Uint8Array
  /** The name of the place, e.g. `fb`. */
  readonly domain?: string
}

/**
 * Where to connect next time; `undefined` when the server does not say where.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><edge_routing><routing_info>...</routing_info><dns_domain>fb</dns_domain></edge_routing></ib>
 * ```
 */
export function parseEdgeRouting(bulletin: BinaryNode): EdgeRouting | undefined {
  const routing = childOf(bulletin, 'routing_info')
  const routingInfo = routing === undefined ? undefined : contentBytes(routing)
  if (routingInfo === undefined) return undefined
  const named = childOf(bulletin, 'dns_domain')
  const domain = named === undefined ? undefined : contentText(named)
  return { routingInfo, ...(domain === undefined ? {} : { domain }) }
}
