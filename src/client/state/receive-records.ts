/** What is kept of messages and news that are not complete yet: see `records.ts` for all kinds. */
import { integer, optional, text } from './record-fields.ts'
import { bytesRecord, jsonRecord, wrongField } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** What the server says about a collection of app state that was not fetched since. */
export interface DirtyCollection {
  /** The newest version, when the server said. */
  readonly version?: number
  readonly atMs: number
}

/** How often the sender of an unreadable message was asked to send it again. */
export interface RetryCount {
  readonly count: number
}

/** A message whose content the own phone may still give, and what is known of it without. */
export interface Placeholder {
  /** `waiting` to be asked for, `asked` once and for all, or `closed` because its content is here. */
  readonly state: 'waiting' | 'asked' | 'closed'
  /** When to ask. */
  readonly dueAtMs: number
  readonly id: string
  /** As on the wire. */
  readonly chat: string
  readonly kind: 'direct' | 'group' | 'broadcast' | 'status'
  /** The device that wrote it. */
  readonly author: string
  readonly isFromMe: boolean
  readonly isOffline: boolean
  readonly sentAtSeconds: number
  readonly pushName?: string
}

/** Collections of app state that have news, by name, until they are fetched. */
export const DIRTY_COLLECTION: RecordKind<DirtyCollection> = jsonRecord(
  'dirty-collection',
  1,
  (parsed): DirtyCollection => ({
    ...optional('version', parsed.version, integer),
    atMs: integer(parsed.atMs),
  }),
)

/** App-state sync keys by key id in hexadecimal: serialised `AppStateSyncKeyData`. Shared by the phone once. */
export const APP_STATE_KEY: RecordKind<Uint8Array> = bytesRecord('app-state-key')

/** History notifications by message id: serialised `HistorySyncNotification`, kept until imported. */
export const HISTORY_NOTIFICATION: RecordKind<Uint8Array> = {
  ...bytesRecord('history-notification'),
  // some have their content in them
  isRarelyRead: true,
}

/** Retry requests made, by message. */
export const RETRY_COUNT: RecordKind<RetryCount> = jsonRecord('retry-count', 1, (parsed) => ({
  count: integer(parsed.count),
}))

const PLACEHOLDER_STATES: readonly unknown[] = ['waiting', 'asked', 'closed'] satisfies Placeholder['state'][]
const CHAT_KINDS: readonly unknown[] = [
  'direct',
  'group',
  'broadcast',
  'status',
] satisfies Placeholder['kind'][]

/** Messages without content, by id, chat and sender. */
export const PLACEHOLDER: RecordKind<Placeholder> = jsonRecord('placeholder', 1, (parsed): Placeholder => {
  const { state, kind } = parsed
  if (!PLACEHOLDER_STATES.includes(state) || !CHAT_KINDS.includes(kind)) throw wrongField('a placeholder')
  return {
    state: state as Placeholder['state'],
    kind: kind as Placeholder['kind'],
    dueAtMs: integer(parsed.dueAtMs),
    id: text(parsed.id),
    chat: text(parsed.chat),
    author: text(parsed.author),
    isFromMe: parsed.isFromMe === true,
    isOffline: parsed.isOffline === true,
    sentAtSeconds: integer(parsed.sentAtSeconds),
    ...optional('pushName', parsed.pushName, text),
  }
})
