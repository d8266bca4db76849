/**
 * Message content as users read and write it: a plain object with one content key and the options beside it. What the
 * wire calls things is the business of `protocol/message`; this file is the public shape.
 */
import type { PlainContent } from '../protocol/message/content.ts'
import type { KindContents, KindName } from '../protocol/message/kinds/index.ts'
import type { ContentOptions } from '../protocol/message/options.ts'
import type { AddedContent } from './added-content.ts'

export type * from './added-content.ts'

export type {
  ReceivedPin,
  ReceivedKeep,
  ReceivedAnswer,
  PinContent,
  KeepContent,
  AnswerContent,
} from '../protocol/message/kinds/about.ts'
export type { ReceivedAlbum, AlbumContent, PlaceholderContent } from '../protocol/message/kinds/album.ts'
export type {
  ReceivedButton,
  ReceivedButtons,
  ReceivedListRow,
  ReceivedListSection,
  ReceivedProductSection,
  ReceivedList,
  ReceivedChoice,
  ReceivedInteractiveReply,
  ButtonsContent,
  ListContent,
  ButtonReplyContent,
  ListReplyContent,
  InteractiveReplyContent,
  OutgoingButtonReply,
  OutgoingListReply,
  OutgoingInteractiveReply,
} from '../protocol/message/kinds/choice.ts'
export type {
  ReceivedContact,
  ReceivedContacts,
  ContactContent,
  ContactsContent,
  OutgoingCard,
  OutgoingContact,
  OutgoingContacts,
} from '../protocol/message/kinds/contact.ts'
export type {
  ReceivedEvent,
  ReceivedEventInvite,
  CallOutcome,
  CallLogParticipant,
  ReceivedCallLog,
  ReceivedScheduledCall,
  EventContent,
  EventInviteContent,
  CallLogContent,
  ScheduledCallContent,
  ScheduledCallEditContent,
  OutgoingEvent,
} from '../protocol/message/kinds/event.ts'
export type { AboutMessage, AddedText } from '../protocol/message/kinds/added-target.ts'
export type { OutgoingDelete } from '../protocol/message/kinds/delete.ts'
export type { DisappearingSeconds, OutgoingDisappearing } from '../protocol/message/kinds/disappearing.ts'
export type { OutgoingEdit } from '../protocol/message/kinds/edit.ts'
export type { OutgoingComment, OutgoingEventResponse } from '../protocol/message/kinds/event-response.ts'
export type { OutgoingForward } from '../protocol/message/kinds/forward.ts'
export type { OutgoingKeep, OutgoingPin, PinSeconds } from '../protocol/message/kinds/pin.ts'
export type { OutgoingReaction } from '../protocol/message/kinds/reaction.ts'
export type { OutgoingPollVote } from '../protocol/message/kinds/vote.ts'
export type { OutgoingProduct } from '../protocol/message/kinds/product.ts'
export type { GenericContent } from '../protocol/message/kinds/generic.ts'
export type {
  ReceivedGroupInvite,
  ReceivedNewsletterInvite,
  GroupInviteContent,
  NewsletterInviteContent,
  PhoneNumberRequestContent,
  OutgoingGroupInvite,
  OutgoingNewsletterInvite,
  OutgoingPhoneNumberRequest,
  OutgoingPhoneNumberShare,
} from '../protocol/message/kinds/invite.ts'
export type {
  ReceivedMedia,
  ReceivedImage,
  ReceivedVideo,
  ReceivedAudio,
  ReceivedDocument,
  ReceivedSticker,
  PackedSticker,
  ReceivedStickerPack,
  ImageContent,
  VideoContent,
  VideoNoteContent,
  AudioContent,
  DocumentContent,
  StickerContent,
  StickerPackContent,
} from '../protocol/message/kinds/media.ts'
export type { MediaSource } from '../protocol/message/kinds/kind.ts'
export type {
  OutgoingFileFacts,
  OutgoingImage,
  OutgoingVideoFacts,
  OutgoingVideo,
  OutgoingVideoNote,
  OutgoingAudio,
  OutgoingDocument,
  OutgoingSticker,
} from '../protocol/message/kinds/outgoing-media.ts'
export type {
  ReceivedLocation,
  ReceivedLiveLocation,
  LocationContent,
  LiveLocationContent,
  OutgoingPlace,
  OutgoingLocation,
  OutgoingLiveLocation,
} from '../protocol/message/kinds/place.ts'
export type {
  PollOption,
  ReceivedPoll,
  PollCount,
  ReceivedPollResult,
  PollContent,
  PollResultContent,
  PollOptionContent,
  OutgoingPoll,
} from '../protocol/message/kinds/poll.ts'
export type {
  OutgoingText,
  ReceivedLinkPreview,
  TextContent,
  LinkPreview,
} from '../protocol/message/kinds/text.ts'
export type {
  QuotedMessage,
  MentionedGroup,
  Forwarded,
  ParentMessage,
  AssociationName,
  ThreadRef,
  ContentOptions,
} from '../protocol/message/options.ts'
export type { OutgoingLimitSharing } from '../protocol/message/kinds/sharing.ts'
export type { OutgoingOptions, OutgoingTarget } from '../protocol/message/outgoing-options.ts'
export type { MessageTarget } from '../protocol/message/reference.ts'
export type { JsonObject } from '../protocol/message/plain-json.ts'
export type { ContentFlags } from '../protocol/message/wrappers.ts'
export type { NestedContent } from '../protocol/message/content.ts'

/** Content of a kind that this version cannot name yet. Its bytes are kept with the message. */
export interface UnknownContent {
  /** What is known about it. */
  readonly unknown: {
    /** The schema's own name of the kind, when there is one, e.g. `imageMessage`. */
    readonly kind: string
  }
}

/** What a received message can hold: exactly one content key, and what stands beside it. */
export type MessageContent = (PlainContent | AddedContent) & ContentOptions

/** What can be sent, by kind: one content key, and nothing of any other kind. */
export type OutgoingContentOf<Name extends KindName> = KindContents[Name] & {
  readonly [Other in Exclude<KindName, Name>]?: never
}

/** What can be sent. */
export type OutgoingContent = { readonly [Name in KindName]: OutgoingContentOf<Name> }[KindName]

/** The content keys: every received message has exactly one of them. */
export const CONTENT_KINDS = [
  'text',
  'image',
  'video',
  'videoNote',
  'audio',
  'document',
  'sticker',
  'stickerPack',
  'location',
  'liveLocation',
  'contact',
  'contacts',
  'poll',
  'pollVote',
  'pollResult',
  'pollOption',
  'reaction',
  'comment',
  'edit',
  'delete',
  'pin',
  'keep',
  'answer',
  'event',
  'eventResponse',
  'eventInvite',
  'callLog',
  'scheduledCall',
  'scheduledCallEdit',
  'groupInvite',
  'newsletterInvite',
  'phoneNumberRequest',
  'phoneNumberShared',
  'disappearing',
  'limitSharing',
  'memberLabel',
  'buttons',
  'list',
  'buttonReply',
  'listReply',
  'interactiveReply',
  'album',
  'placeholder',
  'callInfo',
  'chatInfo',
  'highlyStructured',
  'template',
  'interactive',
  'product',
  'order',
  'invoice',
  'payment',
  'paymentRequest',
  'paymentDeclined',
  'paymentCancelled',
  'paymentInvite',
  'paymentReminder',
  'splitPayment',
  'splitPaymentUpdate',
  'stickerSync',
  'broadcastCall',
  'historyBundle',
  'historyNotice',
  'richResponse',
  'statusNotification',
  'statusQuoted',
  'statusSticker',
  'conditionalReveal',
  'music',
  'unknown',
] as const

/** The kinds of content that a message can hold, e.g. `text`. */
export type ContentKind = (typeof CONTENT_KINDS)[number]

/** The content of one kind. */
export type ContentOf<Kind extends ContentKind> = Extract<MessageContent, Readonly<Record<Kind, unknown>>>

/** Which content key a content has. */
export function contentKind(content: MessageContent): ContentKind {
  return CONTENT_KINDS.find((kind) => kind in content) ?? 'unknown'
}
