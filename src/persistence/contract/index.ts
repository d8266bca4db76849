export { compareText } from './text.ts'
export type {
  BackupRequest,
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  OutboxQuery,
  Store,
} from './store.ts'
export type {
  Addition,
  Change,
  EventRow,
  MessageKey,
  MessageRow,
  OutboxRow,
  RecordRow,
  Removal,
} from './rows.ts'
