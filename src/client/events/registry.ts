/**
 * Every durable event by its name. A type that has no line here does not compile, and an event that is not here does not
 * exist: filters, documents, schemas and the contract test all begin with this table.
 */
import { ACCOUNT_CHANGED, ACCOUNT_RESTRICTED, BLOCKLIST_CHANGED } from './account.ts'
import { CALL } from './call.ts'
import {
  CONTACT_ABOUT,
  CONTACT_CHANGED,
  CONTACT_DISAPPEARING,
  CONTACT_PICTURE,
  DEVICES_CHANGED,
  IDENTITY_CHANGED,
  LID_MAPPING,
} from './contact.ts'
import {
  GROUP_CHANGED,
  GROUP_CREATED,
  GROUP_DELETED,
  GROUP_INVITE,
  GROUP_LINKED,
  GROUP_PARTICIPANTS,
  GROUP_REQUEST,
} from './group.ts'
import { HISTORY_CHUNK } from './history.ts'
import { MEDIA_RETRY } from './media.ts'
import {
  NEWSLETTER_CHANGED,
  NEWSLETTER_PARTICIPANT,
  NEWSLETTER_REACTIONS,
  NEWSLETTER_VIEWS,
} from './newsletter.ts'
import type { EventDefinition } from './definition.ts'
import type { DurablePayloads, DurableType } from './index.ts'
import { MESSAGE, MESSAGE_RECEIPT, MESSAGE_SEEN, MESSAGE_UNDECRYPTABLE } from './message.ts'
import { SEND_FAILED } from './send.ts'

/** The type of {@link EVENTS}. */
export type EventRegistry = { readonly [Type in DurableType]: EventDefinition<Type, DurablePayloads[Type]> }

/** The definitions. */
export const EVENTS: EventRegistry = {
  message: MESSAGE,
  'message.undecryptable': MESSAGE_UNDECRYPTABLE,
  'message.receipt': MESSAGE_RECEIPT,
  'account.changed': ACCOUNT_CHANGED,
  'account.restricted': ACCOUNT_RESTRICTED,
  'blocklist.changed': BLOCKLIST_CHANGED,
  call: CALL,
  'contact.about': CONTACT_ABOUT,
  'contact.changed': CONTACT_CHANGED,
  'contact.disappearing': CONTACT_DISAPPEARING,
  'contact.picture': CONTACT_PICTURE,
  'devices.changed': DEVICES_CHANGED,
  'identity.changed': IDENTITY_CHANGED,
  'lid.mapping': LID_MAPPING,
  'group.changed': GROUP_CHANGED,
  'group.created': GROUP_CREATED,
  'group.deleted': GROUP_DELETED,
  'group.invite': GROUP_INVITE,
  'group.linked': GROUP_LINKED,
  'group.participants': GROUP_PARTICIPANTS,
  'group.request': GROUP_REQUEST,
  'history.chunk': HISTORY_CHUNK,
  'media.retry': MEDIA_RETRY,
  'newsletter.changed': NEWSLETTER_CHANGED,
  'newsletter.participant': NEWSLETTER_PARTICIPANT,
  'newsletter.reactions': NEWSLETTER_REACTIONS,
  'newsletter.views': NEWSLETTER_VIEWS,
  'message.seen': MESSAGE_SEEN,
  'send.failed': SEND_FAILED,
}

/** The names of all durable events. */
export const DURABLE_TYPES: readonly DurableType[] = Object.keys(EVENTS).filter(isDurableType)

/** Whether this version knows durable events of that name. */
export function isDurableType(type: string): type is DurableType {
  return Object.hasOwn(EVENTS, type)
}

/** The version that each durable event is written with. */
export const DURABLE_VERSIONS: Readonly<Record<DurableType, number>> = versions()

function versions(): Readonly<Record<DurableType, number>> {
  const entries = DURABLE_TYPES.map((type) => [type, EVENTS[type].version] as const)
  return Object.fromEntries(entries) as Record<DurableType, number>
}
