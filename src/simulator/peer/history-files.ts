/**
 * A piece of history on its way: compressed, and inside of its notification or as an encrypted file on the media servers.
 * Here is also what goes wrong with it on purpose.
 *
 * @source Baileys 7.0.0-rc14 `lib/Utils/history.js` downloadHistory, `lib/Defaults/index.js` (the keys of `md-msg-hist`)
 */
import { deflateSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { PieceFault, PrimaryServices } from '../link.ts'
import type { PhoneAccount } from './account.ts'
import { encodeHistory, oldestSecondsIn } from './history-payload.ts'
import type { HistoryPiece } from './history-payload.ts'
import { sealFile } from './media-file.ts'
import { message, number, text } from './protobuf-writer.ts'

/** A piece that is ready to be told of. */
export interface PackedPiece {
  readonly notification: Message.HistorySyncNotification.$Properties
}

/** How a piece travels. */
export interface PackOptions {
  /** Up to so many bytes inside of the notification. @default a file */
  readonly inlineMaxBytes?: number
  readonly fault?: PieceFault | undefined
}

const UPLOAD_KIND = 'md-msg-hist'
const BOMB_BYTES = 64 * 1024 * 1024
/** Only of a file can this be said. */
const OF_FILES: readonly (PieceFault | undefined)[] = ['gone', 'corrupt', 'wrong-digest']

/** See the file comment. */
export class HistoryFiles {
  readonly #account: PhoneAccount
  readonly #services: PrimaryServices

  constructor(account: PhoneAccount, services: PrimaryServices) {
    this.#account = account
    this.#services = services
  }

  /** Compresses a piece and uploads it, unless it can travel inside. Without media servers everything does. */
  pack(piece: HistoryPiece, { inlineMaxBytes = -1, fault }: PackOptions = {}): PackedPiece {
    const payload = spoil(fault === 'bomb' ? bomb(piece) : encodeHistory(piece), fault)
    const oldest = oldestSecondsIn(piece)
    const notification = {
      syncType: Message.HistorySyncType[piece.kind],
      chunkOrder: piece.chunkOrder,
      progress: piece.progress,
      ...(oldest === undefined ? {} : { oldestMsgInChunkTimestampSec: oldest }),
    }
    const isInline = payload.length <= inlineMaxBytes && !OF_FILES.includes(fault)
    if (this.#services.media === undefined || isInline) {
      const inside = { fileLength: payload.length, initialHistBootstrapInlinePayload: payload }
      return { notification: { ...notification, ...inside } }
    }
    return { notification: { ...notification, ...this.#upload(payload, fault) } }
  }

  #upload(payload: Uint8Array, fault: PieceFault | undefined): Message.HistorySyncNotification.$Properties {
    const { sealed, secrets } = sealFile('History', payload, this.#account.random)
    const { media } = this.#services
    const directPath = media?.upload(UPLOAD_KIND, fault === 'corrupt' ? changed(sealed) : sealed).directPath
    if (directPath === undefined) return secrets
    if (fault === 'gone') media?.forget(directPath)
    const digest = fault === 'wrong-digest' ? { fileSha256: changed(secrets.fileSha256) } : {}
    return { ...secrets, ...digest, directPath }
  }
}

function spoil(payload: Uint8Array, fault: PieceFault | undefined): Uint8Array {
  return fault === 'truncate' ? payload.slice(0, Math.floor(payload.length / 2)) : payload
}

function changed(bytes: Uint8Array): Uint8Array {
  const middle = Math.floor(bytes.length / 2)
  return bytes.map((byte, index) => (index === middle ? byte ^ 1 : byte))
}

/** One chat whose name has no end. */
function bomb({ kind }: HistoryPiece): Uint8Array {
  const name = '\0'.repeat(BOMB_BYTES)
  const chat = message(2, text(1, '15550000000@s.whatsapp.net'), text(13, name))
  return new Uint8Array(deflateSync(concatBytes(number(1, Message.HistorySyncType[kind]), chat)))
}
