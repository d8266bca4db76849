/**
 * Every kind of record that the client keeps: what it is for, its key, and its encoding are in the file of its part. A new
 * kind is one entry there and its line in `pruning.ts`, which lists them all; stores need no change.
 */
export * from './account-records.ts'
export * from './key-records.ts'
export * from './people-records.ts'
export * from './privacy-records.ts'
export { CHAT_TIMER, UNREADABLE } from './chat-records.ts'
export * from './receive-records.ts'
export { HISTORY_IMPORT } from '../history/records.ts'
export {
  FAN_OUT_CHECK,
  PEER_MESSAGE,
  RESEND_HISTORY,
  RESEND_ORDER,
  SESSION_RENEWAL,
} from '../retry/records.ts'
export * from './consumer-records.ts'
export * from './store-records.ts'
