/** History: what a phone hands to its companions of its chats, read as a stream. */
export { HistoryReader } from './reader.ts'
export { DEFAULT_HISTORY_LIMITS, type HistoryLimits } from './limits.ts'
export {
  historySyncType,
  type HistoryAccount,
  type HistoryCall,
  type HistoryChat,
  type HistoryContact,
  type HistoryCounts,
  type HistoryItem,
  type HistoryLidMapping,
  type HistoryMessage,
  type HistoryPastParticipants,
  type HistoryPushName,
  type HistorySkipped,
  type HistorySticker,
  type HistorySummary,
  type HistorySyncType,
} from './items.ts'
export {
  readMessageDetails,
  readWebMessageInfo,
  type HistoryMessageKey,
  type WebMessageInfo,
} from './web-message-info.ts'
