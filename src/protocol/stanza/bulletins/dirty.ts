/**
 * Something changed while the device was away: it catches up, then says so with `cleanDirty`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/socket.js`, `Socket/chats.js`; whatsmeow `connectionevents.go`; whatsapp-rust `handlers/ib`
 */
import { numberAttribute, requireAttribute, type BinaryNode } from '../../binary/node.ts'

/** What changed, and since when. */
export interface DirtyNotice {
  /** The server's name of it, e.g. `account_sync` or `groups`. */
  readonly what: string
  /** When it changed, in seconds since the epoch. */
  readonly timestampSeconds?: number
}

/**
 * What changed.
 *
 * ```xml
 * <ib from="@s.whatsapp.net"><dirty type="account_sync" timestamp="1700000000"/></ib>
 * ```
 *
 * @throws {ProtocolError} `WATON_STANZA_ATTRIBUTE`, `WATON_STANZA_NUMBER` when it does not say what, or the time is no number
 */
export function parseDirty(bulletin: BinaryNode): DirtyNotice {
  const timestampSeconds = numberAttribute(bulletin, 'timestamp')
  const what = requireAttribute(bulletin, 'type')
  return { what, ...(timestampSeconds === undefined ? {} : { timestampSeconds }) }
}
