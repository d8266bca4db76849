/**
 * What is forgotten, and when: every kind of record and every table has its rule here, and one without fails a test. What
 * the rules say is done by `pruner.ts`, or by whoever a rule names.
 */
import {
  APP_STATE_COLLECTION,
  APP_STATE_ENTRY,
  APP_STATE_KEY,
  APP_STATE_KEY_REQUEST,
  BACKUP_STAMP,
  CHAT_TIMER,
  CONNECTION_HINTS,
  CONSUMER,
  CONSUMER_AHEAD,
  CREDENTIALS,
  DEAD_LETTER,
  DIRTY_COLLECTION,
  IDENTITY_CHANGE,
  PLACEHOLDER,
  PRIVACY_TOKEN,
  DEVICE_LIST,
  EVENT_LOG_SIZE,
  FORMER_ADDRESS,
  GIVEN_UP_DEVICES,
  HISTORY_IMPORT,
  HISTORY_NOTIFICATION,
  KNOWN_SERVER,
  LID_BY_PN,
  NCT_SALT,
  PENDING_RECEIPT,
  PN_BY_LID,
  PRE_KEY,
  PRE_KEY_STATE,
  PRIVACY_SETTINGS,
  FAN_OUT_CHECK,
  PEER_MESSAGE,
  QUARANTINE,
  RESEND_HISTORY,
  RESEND_ORDER,
  SENDER_KEY_SHARES,
  SESSION_RENEWAL,
  RETRY_COUNT,
  SESSION,
  SIGNED_PRE_KEY,
  SIGNED_PRE_KEY_STATE,
  SPENT_PRE_KEY,
  STANDING,
  STORE_PROBE,
  TOKEN_ISSUED,
  UNREADABLE,
} from './records.ts'

/** For so long a server may deliver something again, or a device ask for it again, in days. @source architecture: >= 14 */
export const REDELIVERY_DAYS = 14

/** Why a kind of record does not grow for ever, or why it may. */
export type PruningRule =
  /** Forgotten by the pruner so many days after it was written last. */
  | { readonly keep: 'days'; readonly days: number; readonly because: string }
  /** Somebody else keeps it short. */
  | { readonly keep: 'bounded'; readonly by: string; readonly because: string }
  | { readonly keep: 'for ever'; readonly because: string }

function days(count: number, because: string): PruningRule {
  return { keep: 'days', days: count, because }
}

function bounded(by: string, because: string): PruningRule {
  return { keep: 'bounded', by, because }
}

function forEver(because: string): PruningRule {
  return { keep: 'for ever', because }
}

const ONE = 'an account has one'

/** The rule of each kind of record. */
export const RECORD_RULES: ReadonlyMap<string, PruningRule> = new Map([
  [CREDENTIALS.kind, forEver(ONE)],
  [PRE_KEY_STATE.kind, forEver(ONE)],
  [SIGNED_PRE_KEY_STATE.kind, forEver(ONE)],
  [CONNECTION_HINTS.kind, forEver(ONE)],
  [KNOWN_SERVER.kind, forEver(ONE)],
  [STANDING.kind, forEver(ONE)],
  [GIVEN_UP_DEVICES.kind, forEver('an account has one, of four devices at most')],
  [STORE_PROBE.kind, forEver(ONE)],
  [NCT_SALT.kind, forEver(ONE)],
  [PRIVACY_SETTINGS.kind, forEver(ONE)],
  [BACKUP_STAMP.kind, forEver('a backup has one until it is opened')],
  [EVENT_LOG_SIZE.kind, forEver(ONE)],
  [SIGNED_PRE_KEY.kind, bounded('client/keys/signed-pre-key.ts', 'a replaced key is read for 60 more days')],
  [PRE_KEY.kind, bounded('client/keys/pre-key-stock.ts', 'keys far behind the newest are asked for no more')],
  [SPENT_PRE_KEY.kind, bounded('client/keys/pre-key-stock.ts', 'tombstones of the newest ids only')],
  [SESSION.kind, forEver('one for each device that was ever written with, and nothing replaces it')],
  [
    SENDER_KEY_SHARES.kind,
    forEver('one for each device in each group, of five keys at most; handed out once'),
  ],
  [LID_BY_PN.kind, forEver('one for each person; everything of theirs is keyed by it')],
  [PN_BY_LID.kind, forEver('one for each person; everything of theirs is keyed by it')],
  [APP_STATE_KEY.kind, forEver('the phone shares a key once, and old patches need it')],
  [APP_STATE_COLLECTION.kind, forEver('one for each of the five collections')],
  [APP_STATE_ENTRY.kind, forEver('one for each setting that the account has, and gone when it is')],
  [APP_STATE_KEY_REQUEST.kind, days(REDELIVERY_DAYS, 'asked for again after a day')],
  [CHAT_TIMER.kind, forEver('one for each chat whose messages were ever set to disappear')],
  [CONSUMER.kind, forEver('one for each name that the program uses; it says where to go on')],
  [CONSUMER_AHEAD.kind, bounded('client/consume/progress.ts', 'chunks go when the mark has passed them')],
  [DIRTY_COLLECTION.kind, forEver('one for each of the five collections')],
  [IDENTITY_CHANGE.kind, days(30, 'a session with them that still works a month later needs no renewal')],
  [PRIVACY_TOKEN.kind, days(60, 'the server takes a token for 28 days')],
  [TOKEN_ISSUED.kind, days(60, 'a token of ours is replaced every week, and none is older than 28 days')],
  [PENDING_RECEIPT.kind, days(REDELIVERY_DAYS, 'nobody waits that long to hear that something was read')],
  [PLACEHOLDER.kind, days(REDELIVERY_DAYS, 'the phone is asked for nothing older; 1000 at most')],
  [DEVICE_LIST.kind, days(30, 'asked for again when it is needed')],
  [RETRY_COUNT.kind, days(REDELIVERY_DAYS, 'nobody sends again what is older')],
  [RESEND_ORDER.kind, days(REDELIVERY_DAYS, 'nobody waits for what is older')],
  [RESEND_HISTORY.kind, days(REDELIVERY_DAYS, 'nobody asks again for what is older')],
  [
    SESSION_RENEWAL.kind,
    days(REDELIVERY_DAYS, 'a session may be renewed every hour; nothing is gained by forgetting earlier'),
  ],
  [UNREADABLE.kind, days(REDELIVERY_DAYS, 'nobody sends again what is older')],
  [PEER_MESSAGE.kind, days(REDELIVERY_DAYS, 'nobody asks again for what is older')],
  [FAN_OUT_CHECK.kind, days(REDELIVERY_DAYS, 'who was missed then has other copies by now')],
  [FORMER_ADDRESS.kind, days(REDELIVERY_DAYS, 'what was recorded under it comes again for that long')],
  [HISTORY_IMPORT.kind, days(60, 'as long as what it is about may be kept, or may come again')],
  [HISTORY_NOTIFICATION.kind, days(60, 'what it points to has left the server by then')],
  [DEAD_LETTER.kind, days(90, 'somebody has looked by then, and the event itself is gone before')],
  [QUARANTINE.kind, days(180, 'damaged bytes that nobody has come for in half a year')],
])

/** The tables beside the records, and what `pruner.ts` does about each. */
export const TABLE_RULES: Readonly<Record<'events' | 'messages' | 'outbox' | 'recognised', string>> = {
  events: 'by retention: days once every consumer is done, and bytes in any case; never the newest one',
  messages: 'with the event that tells of it, or with the outbox row that has sent it',
  outbox: 'finished rows when they are as old as the retention, and two weeks at least',
  recognised: 'after two weeks, oldest first',
}

/** The kinds that the pruner goes through, and their days. */
export function expiringKinds(): readonly { readonly kind: string; readonly days: number }[] {
  return [...RECORD_RULES].flatMap(([kind, rule]) =>
    rule.keep === 'days' ? [{ kind, days: rule.days }] : [],
  )
}
