/**
 * Information bulletins (`<ib>`) that a client sends. Nobody answers one. What the server says in its own is in `bulletins/`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { node, type BinaryNode } from '../binary/node.ts'

/** Milliseconds by which the week of {@link buildUnifiedSession} is shifted. */
const SESSION_OFFSET_MS = 3 * 24 * 60 * 60 * 1000
const WEEK_MS = 7 * 24 * 60 * 60 * 1000

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
