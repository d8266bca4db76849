/**
 * What the server says as JSON (`type="mex"`): limits of the account, newsletters, and which LID has which number. One
 * operation has one name; what this version does not know comes through as `unknown`.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleMexNotification, handleReachoutTimelockNotification,
 *   handleMessageCappingNotification, handleLegacyMexNewsletterNotification; whatsmeow `notification.go` handleMexNotification
 */
import { ProtocolError } from '../../../base/errors.ts'
import { childrenOf, contentText, type BinaryNode } from '../../binary/node.ts'
import { isLid, isPn } from '../../jid.ts'
import { pairOf, type AddressPair } from '../address-pairs.ts'

/** One thing that the server says. */
export type MexUpdate =
  /** The account may not begin new chats for a while. */
  | {
      readonly type: 'reachout-timelock'
      readonly isActive: boolean
      readonly endsAtSeconds?: number
      /** The server's word for why, e.g. `BIZ_COMMERCE_VIOLATION_ALCOHOL`. */
      readonly enforcement?: string
    }
  /** How many new chats the account may still begin. */
  | { readonly type: 'message-cap'; readonly info: Readonly<Record<string, unknown>> }
  | { readonly type: 'newsletter-settings'; readonly newsletter: string; readonly settings: JsonObject }
  | {
      readonly type: 'newsletter-role'
      readonly newsletter: string
      readonly user: string
      readonly role: string
    }
  | { readonly type: 'newsletter-membership'; readonly newsletter: string; readonly isMember: boolean }
  /** LIDs and their numbers. */
  | { readonly type: 'addresses'; readonly pairs: readonly AddressPair[] }
  | { readonly type: 'unknown'; readonly operation: string }

/** Any JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

const JOINED = 'xwa2_notify_newsletter_on_join'
const LEFT = 'xwa2_notify_newsletter_on_leave'
const TIMELOCK = 'xwa2_notify_account_reachout_timelock'
const CAP = 'xwa2_notify_new_chat_messages_capping_info_update'
const PROFILES = 'xwa2_notify_linked_profiles'

/** Levels of JSON within each other at most. Real ones have about six; what follows from them is kept, level by level. */
const MAX_LEVELS = 64

type Reader = (payload: JsonObject, operation: string) => readonly MexUpdate[]

/** By the name of the operation, where one decides; the others are told by what they carry. */
const OPERATIONS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['NotificationNewsletterUpdate', (payload) => updatesIn(payload).flatMap(settingsChange)],
  ['NotificationNewsletterAdminPromote', (payload) => updatesIn(payload).flatMap(roleChange('ADMIN'))],
  ['NotificationNewsletterAdminDemote', (payload) => updatesIn(payload).flatMap(roleChange('SUBSCRIBER'))],
  ['NotificationLinkedProfilesUpdates', (payload) => [linkedProfiles(payload)]],
])

/** By the member of `data`. */
const PAYLOADS: readonly (readonly [string, (value: JsonObject) => MexUpdate])[] = [
  [TIMELOCK, timelock],
  [CAP, (info) => ({ type: 'message-cap', info })],
  [
    JOINED,
    (value) => ({ type: 'newsletter-membership', newsletter: textOf(value.id) ?? '', isMember: true }),
  ],
  [LEFT, (value) => ({ type: 'newsletter-membership', newsletter: textOf(value.id) ?? '', isMember: false })],
]

/**
 * ```xml
 * <notification from="@s.whatsapp.net" id="..." t="..." type="mex">
 *   <update op_name="NotificationUserReachoutTimelockUpdate">{"data":{"xwa2_notify_account_reachout_timelock":
 *     {"is_active":true,"time_enforcement_ends":"1700000000","enforcement_type":"DEFAULT"}}}</update></notification>
 * <notification ... type="mex"><mex>{"operation":"NotificationNewsletterUpdate","updates":[{"jid":"...","settings":{}}]}</mex></notification>
 * ```
 *
 * @throws {ProtocolError} `WATON_MEX_JSON` when it is not JSON, or JSON nested without end
 */
export function parseMex(stanza: BinaryNode): readonly MexUpdate[] {
  return childrenOf(stanza)
    .filter(({ tag }) => tag === 'update' || tag === 'mex')
    .flatMap(readUpdate)
}

function readUpdate(child: BinaryNode): readonly MexUpdate[] {
  const payload = jsonOf(child)
  const operation = textOf(payload.operation) ?? child.attrs.op_name ?? ''
  const data = objectOf(payload.data)
  const told = PAYLOADS.flatMap(([name, read]) => {
    const value = objectOf(data[name])
    return Object.keys(value).length === 0 ? [] : [read(value)]
  })
  if (told.length > 0) return told
  const updates = OPERATIONS.get(operation)?.(payload, operation) ?? []
  return updates.length > 0 ? updates : [{ type: 'unknown', operation }]
}

function jsonOf(child: BinaryNode): JsonObject {
  const payload = parsedJson(contentText(child) ?? '')
  if (isDeeperThan(payload, MAX_LEVELS)) throw notJson()
  return objectOf(payload)
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw notJson(cause)
  }
}

function notJson(cause?: unknown): ProtocolError {
  return new ProtocolError(
    'WATON_MEX_JSON',
    'the server sent a mex notification that is not JSON, or nested without end',
    { cause },
  )
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}

function timelock(value: JsonObject): MexUpdate {
  const ends = Number(value.time_enforcement_ends)
  const enforcement = textOf(value.enforcement_type)
  return {
    type: 'reachout-timelock',
    isActive: value.is_active === true,
    ...(Number.isSafeInteger(ends) && ends > 0 ? { endsAtSeconds: ends } : {}),
    ...(enforcement === undefined ? {} : { enforcement }),
  }
}

function settingsChange(update: JsonObject): readonly MexUpdate[] {
  const newsletter = textOf(update.jid)
  const settings = objectOf(update.settings)
  if (newsletter === undefined || Object.keys(settings).length === 0) return []
  return [{ type: 'newsletter-settings', newsletter, settings }]
}

function roleChange(role: string): (update: JsonObject) => readonly MexUpdate[] {
  return (update) => {
    const newsletter = textOf(update.jid)
    const user = textOf(update.user)
    if (newsletter === undefined || user === undefined) return []
    return [{ type: 'newsletter-role', newsletter, user, role }]
  }
}

function linkedProfiles(payload: JsonObject): MexUpdate {
  const named = objectOf(objectOf(payload.data)[PROFILES])
  const updates = Object.keys(named).length > 0 ? [named] : updatesIn(payload)
  const pairs = updates.flatMap(({ jid, added_profiles: profiles }) =>
    listOf(profiles).flatMap((profile) => pairOf(textOf(jid), numberOf(profile)) ?? []),
  )
  return { type: 'addresses', pairs }
}

/** The number of a profile, which is a text or an object with one. */
function numberOf(profile: unknown): string | undefined {
  const { pn, jid } = objectOf(profile)
  const text = textOf(profile) ?? textOf(pn) ?? textOf(jid)
  return isPn(text) || isLid(text) ? text : undefined
}

function updatesIn({ updates }: JsonObject): readonly JsonObject[] {
  return listOf(updates).map(objectOf)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
