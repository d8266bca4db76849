/** What is kept of privacy: tokens, settings, and receipts on their way. See `records.ts` for all kinds. */
import { bytes, integer, list, optional, text } from './record-fields.ts'
import { bytesRecord, jsonRecord, wrongField } from './record-kind.ts'
import type { RecordKind } from './record-kind.ts'

/** A token with which somebody may be written to. */
export interface StoredPrivacyToken {
  readonly token: Uint8Array
  /** When it was handed out. */
  readonly atSeconds?: number
}

/** Which of two tokens of one person counts: the one that was handed out later, and of two of one second the first. */
export function newerToken(one: StoredPrivacyToken, other: StoredPrivacyToken): StoredPrivacyToken {
  return (other.atSeconds ?? 0) > (one.atSeconds ?? 0) ? other : one
}

/** When somebody was given a token of ours. */
export interface IssuedToken {
  readonly atSeconds: number
}

/** Messages of one author in one chat whose receipt the server has not acknowledged. */
export interface PendingReceipt {
  readonly status: 'read' | 'played'
  /** The chat. */
  readonly to: string
  /** The author, in groups and broadcasts. */
  readonly participant?: string
  readonly ids: readonly string[]
  /** When the last of them was read. */
  readonly atSeconds: number
}

/** Privacy tokens by the canonical JID of who handed them out. */
export const PRIVACY_TOKEN: RecordKind<StoredPrivacyToken> = jsonRecord(
  'privacy-token',
  1,
  (parsed): StoredPrivacyToken => ({
    token: bytes(parsed.token),
    ...optional('atSeconds', parsed.atSeconds, integer),
  }),
)

/** When people were given a token of ours, by canonical JID. */
export const TOKEN_ISSUED: RecordKind<IssuedToken> = jsonRecord('token-issued', 1, (parsed) => ({
  atSeconds: integer(parsed.atSeconds),
}))

/** The salt of the tokens for people who have not handed out one, under `SELF`. Nothing sets it yet. */
export const NCT_SALT: RecordKind<Uint8Array> = bytesRecord('nct-salt')

/** The account's privacy settings by category, under `SELF`, as they were at the last login. */
export const PRIVACY_SETTINGS: RecordKind<Readonly<Record<string, string>>> = jsonRecord(
  'privacy-settings',
  1,
  (parsed) => Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, text(value)])),
)

const RECEIPT_STATES: readonly unknown[] = ['read', 'played'] satisfies PendingReceipt['status'][]

/** Receipts that the server has not acknowledged, by status, chat and author. */
export const PENDING_RECEIPT: RecordKind<PendingReceipt> = jsonRecord(
  'pending-receipt',
  1,
  (parsed): PendingReceipt => {
    if (!RECEIPT_STATES.includes(parsed.status)) throw wrongField('read or played')
    return {
      status: parsed.status as PendingReceipt['status'],
      to: text(parsed.to),
      ...optional('participant', parsed.participant, text),
      ids: list(parsed.ids, text),
      atSeconds: integer(parsed.atSeconds),
    }
  },
)
