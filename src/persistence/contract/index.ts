export { compareText } from './text.ts'
export type {
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  OutboxQuery,
  Store,
} from './store.ts'
export type { Change, EventRow, MessageKey, MessageRow, OutboxRow, RecordRow } from './rows.ts'
