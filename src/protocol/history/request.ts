/**
 * Asking the own phone for older messages of a chat. It answers with a piece of history of type `on-demand`.
 *
 * @source schema `Message.PeerDataOperationRequestMessage.HistorySyncOnDemandRequest`; Baileys 7.0.0-rc14
 * `Socket/messages-recv.js` fetchMessageHistory; whatsmeow `send.go` BuildHistorySyncRequest
 */
import { Message, encodeMessage } from '../proto/message.ts'

/** Which messages are wanted: those before the oldest one that is here. */
export interface HistoryRequest {
  /** The chat, as the phone calls it. */
  readonly chat: string
  /** The oldest message that is here. */
  readonly oldest: {
    /** Its id. */
    readonly id: string
    /** Whether the account wrote it. */
    readonly fromMe: boolean
    /** When it was sent. */
    readonly sentAtMs: number
  }
  /** How many messages are wanted; phones give fifty at a time. */
  readonly count: number
  /** The account's LID, for chats that are kept under it. */
  readonly accountLid?: string
}

/** The serialised `Message` that asks for them: a peer message, for the own phone alone. */
export function buildHistoryRequest({ chat, oldest, count, accountLid }: HistoryRequest): Uint8Array {
  return encodeMessage({
    protocolMessage: {
      type: Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE,
      peerDataOperationRequestMessage: {
        peerDataOperationRequestType: Message.PeerDataOperationRequestType.HISTORY_SYNC_ON_DEMAND,
        historySyncOnDemandRequest: {
          chatJid: chat,
          oldestMsgId: oldest.id,
          oldestMsgFromMe: oldest.fromMe,
          oldestMsgTimestampMs: oldest.sentAtMs,
          onDemandMsgCount: count,
          ...(accountLid === undefined ? {} : { accountLid }),
        },
      },
    },
  })
}
