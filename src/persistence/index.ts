/** `waton/persistence`: the contract of a store and the one that needs no disk. `waton/sqlite` has the durable one. */
export { compareText } from './contract/index.ts'
export type {
  BackupRequest,
  Addition,
  Change,
  Claim,
  ClaimRequest,
  CommitResult,
  EventBounds,
  EventRange,
  EventRow,
  MessageKey,
  MessageRow,
  OutboxQuery,
  OutboxRow,
  RecordRow,
  Removal,
  Store,
} from './contract/index.ts'
export { MemoryStore } from './memory/index.ts'
