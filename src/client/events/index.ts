/**
 * The public event contract, as types. Durable events are stored with a sequence number before anybody sees them and can be
 * read again; ephemeral ones describe the moment and are gone. A new durable event is a definition in the file of its domain,
 * one line here and one in `registry.ts`.
 */
import type { AccountChangedPayload, AccountRestrictedPayload, BlocklistChangedPayload } from './account.ts'
import type { CallPayload } from './call.ts'
import type {
  ContactAboutPayload,
  ContactChangedPayload,
  ContactDisappearingPayload,
  ContactPicturePayload,
  DevicesChangedPayload,
  IdentityChangedPayload,
  LidMappingPayload,
} from './contact.ts'
import type {
  GroupChangedPayload,
  GroupCreatedPayload,
  GroupDeletedPayload,
  GroupInvitePayload,
  GroupLinkedPayload,
  GroupParticipantsPayload,
  GroupRequestPayload,
} from './group.ts'
import type { HistoryChunkPayload } from './history.ts'
import type { MediaRetryPayload } from './media.ts'
import type {
  NewsletterChangedPayload,
  NewsletterParticipantPayload,
  NewsletterReactionsPayload,
  NewsletterViewsPayload,
} from './newsletter.ts'
import type { EphemeralEvents } from './ephemeral.ts'
import type { MessagePayload, ReceiptPayload, SeenPayload, UndecryptablePayload } from './message.ts'
import type { SendFailedPayload } from './send.ts'

export type {
  AccountChangedPayload,
  AccountRestrictedPayload,
  BlocklistChange,
  BlocklistChangedPayload,
} from './account.ts'
export type { CallPayload, CallStatus } from './call.ts'
export type { Ban, BanCause, ClientState, CloseReason, CloseReasonName, StanzaView } from './connection.ts'
export type {
  ContactAboutPayload,
  ContactChangedPayload,
  ContactDisappearingPayload,
  ContactEvent,
  ContactPicturePayload,
  DevicesChangedPayload,
  IdentityChangedPayload,
  LidMappingPayload,
} from './contact.ts'
export type {
  ChatStateEvent,
  ConsumerDeadEvent,
  EphemeralEvents,
  LostEvents,
  OfflineProgress,
  PresenceEvent,
  QuarantinedEvent,
} from './ephemeral.ts'
export type {
  GroupChangedPayload,
  GroupCreatedPayload,
  GroupDeletedPayload,
  GroupEvent,
  GroupInvitePayload,
  GroupLinkedPayload,
  GroupMember,
  GroupParticipantsPayload,
  GroupRequestPayload,
  GroupSettings,
} from './group.ts'
export type {
  HistoryChat,
  HistoryChunkPayload,
  HistoryContact,
  HistoryProgress,
  HistorySyncType,
} from './history.ts'
export type { MediaRetryPayload } from './media.ts'
export type {
  NewsletterChangedPayload,
  NewsletterEvent,
  NewsletterParticipantPayload,
  NewsletterReactionsPayload,
  NewsletterViewsPayload,
} from './newsletter.ts'
export type {
  MessagePayload,
  ReceiptPayload,
  ReceiptStatus,
  SeenPayload,
  UndecryptablePayload,
} from './message.ts'
export type { SendFailedPayload } from './send.ts'
export type { Me, MessageRef, Origin, Person } from './shared.ts'

/** Durable events by type; the number is the payload's version. */
export interface DurablePayloads {
  /** A message that could be read. */
  readonly message: MessagePayload
  /** A message that could not be read (yet). */
  readonly 'message.undecryptable': UndecryptablePayload
  /** Somebody received, read or played messages. */
  readonly 'message.receipt': ReceiptPayload
  /** A setting of the account was changed elsewhere. */
  readonly 'account.changed': AccountChangedPayload
  /** What the account may do is restricted, or not any more. */
  readonly 'account.restricted': AccountRestrictedPayload
  /** The account blocks other people now. */
  readonly 'blocklist.changed': BlocklistChangedPayload
  /** Something happened to a call. */
  readonly call: CallPayload
  /** Somebody wrote something else about themselves. */
  readonly 'contact.about': ContactAboutPayload
  /** Somebody has another number, profile or business. */
  readonly 'contact.changed': ContactChangedPayload
  /** Somebody has another default for vanishing messages. */
  readonly 'contact.disappearing': ContactDisappearingPayload
  /** Somebody has another picture. */
  readonly 'contact.picture': ContactPicturePayload
  /** Somebody has other devices. */
  readonly 'devices.changed': DevicesChangedPayload
  /** Somebody registered anew. */
  readonly 'identity.changed': IdentityChangedPayload
  /** The LIDs of people in the phone's address book. */
  readonly 'lid.mapping': LidMappingPayload
  /** What a group is called, looks like or allows. */
  readonly 'group.changed': GroupChangedPayload
  /** A group that is new to this account. */
  readonly 'group.created': GroupCreatedPayload
  /** A group is no more. */
  readonly 'group.deleted': GroupDeletedPayload
  /** A group has another invitation link. */
  readonly 'group.invite': GroupInvitePayload
  /** Groups belong to a community, or not any more. */
  readonly 'group.linked': GroupLinkedPayload
  /** Who is in a group. */
  readonly 'group.participants': GroupParticipantsPayload
  /** Somebody asks to join a group. */
  readonly 'group.request': GroupRequestPayload
  /** A part of the past that the phone has handed over. */
  readonly 'history.chunk': HistoryChunkPayload
  /** The phone has uploaded media again, or could not. */
  readonly 'media.retry': MediaRetryPayload
  /** What a newsletter is called or allows. */
  readonly 'newsletter.changed': NewsletterChangedPayload
  /** Somebody became something else in a newsletter. */
  readonly 'newsletter.participant': NewsletterParticipantPayload
  /** People reacted to a message of a newsletter. */
  readonly 'newsletter.reactions': NewsletterReactionsPayload
  /** A message of a newsletter was seen. */
  readonly 'newsletter.views': NewsletterViewsPayload
  /** This account has read messages of others, on another of its devices. */
  readonly 'message.seen': SeenPayload
  /** A message of ours that nobody will get. */
  readonly 'send.failed': SendFailedPayload
}

/** The name of a durable event. */
export type DurableType = keyof DurablePayloads

/** One entry of the event log. */
export interface DurableEventOf<Type extends DurableType> {
  /** Position in the account's log, from 1. */
  readonly seq: number
  /** What happened; decides the shape of the payload. */
  readonly type: Type
  /** The version of the payload's shape. */
  readonly version: number
  /** When it was recorded, in milliseconds since the epoch. */
  readonly at: number
  /** What is known about it. */
  readonly payload: DurablePayloads[Type]
}

/** Any entry of the event log. */
export type DurableEvent = { [Type in DurableType]: DurableEventOf<Type> }[DurableType]

/** Everything `client.on` can be asked for. */
export type ClientEvents = EphemeralEvents & { readonly [Type in DurableType]: DurableEventOf<Type> }
