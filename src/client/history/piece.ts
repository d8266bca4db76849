/**
 * A piece of history as the phone announces it: what it is for, and where its content is. Reading the content is the
 * business of `payload.ts` and `protocol/history`.
 *
 * @source schema `Message.HistorySyncNotification`; Baileys 7.0.0-rc14 `Utils/history.js` downloadHistory
 */
import { ProtocolError } from '../../base/errors.ts'
import { historySyncType } from '../../protocol/history/index.ts'
import { decodeProto } from '../../protocol/proto/codec.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { HistorySyncType } from '../events.ts'
import type { MediaFile } from '../media/file.ts'

/** See the file comment. */
export interface Piece {
  /** The id of its notification. */
  readonly id: string
  readonly syncType: HistorySyncType
  readonly chunkOrder?: number
  readonly progress?: number
  /** With `on-demand`: the id of the request. */
  readonly requestId?: string
  /** The content itself, or the file that it is in; nothing for a notification that only says something. */
  readonly content: Uint8Array | MediaFile | undefined
}

/** Types that announce that there is no history, or who may see it: there is nothing to fetch. */
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([
  Message.HistorySyncType.NO_HISTORY,
  Message.HistorySyncType.MESSAGE_ACCESS_STATUS,
])

/**
 * Reads a notification.
 *
 * @throws {ProtocolError} `WATON_PROTO_MALFORMED`, `WATON_HISTORY_NOWHERE`
 */
export function readPiece(id: string, raw: Uint8Array): Piece {
  const notification = decodeProto(Message.HistorySyncNotification, raw, 'HistorySyncNotification')
  const { syncType: type, chunkOrder, progress, peerDataRequestSessionId: requestId } = notification
  return {
    id,
    syncType: historySyncType(type ?? Message.HistorySyncType.INITIAL_BOOTSTRAP),
    ...(chunkOrder === undefined || chunkOrder === null ? {} : { chunkOrder }),
    ...(progress === undefined || progress === null ? {} : { progress }),
    ...(requestId ? { requestId } : {}),
    content: WITHOUT_CONTENT.has(type ?? 0) ? undefined : contentOf(notification),
  }
}

function contentOf(notification: Message.HistorySyncNotification.$Properties): Uint8Array | MediaFile {
  const { initialHistBootstrapInlinePayload: inline, mediaKey, directPath } = notification
  if (inline && inline.length > 0) return inline
  if (!mediaKey || !directPath) {
    throw new ProtocolError(
      'WATON_HISTORY_NOWHERE',
      'a piece of history neither has its content in it nor says where it is; it is kept as it came: report it',
    )
  }
  const { fileEncSha256, fileSha256, fileLength } = notification
  return {
    kind: 'history',
    mediaKey,
    directPath,
    ...(fileEncSha256 ? { encSha256: fileEncSha256 } : {}),
    ...(fileSha256 ? { sha256: fileSha256 } : {}),
    // the length is that of the decrypted file
    ...(fileLength ? { lengthBytes: fileLength } : {}),
  }
}
