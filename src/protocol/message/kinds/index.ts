/** The registry of message kinds: how what can be sent is written, and how everything that can come is read. */
import * as about from './about.ts'
import { ADDED_KINDS, type AddedKindContents } from './added.ts'
import * as album from './album.ts'
import * as choice from './choice.ts'
import * as contact from './contact.ts'
import * as event from './event.ts'
import { type OutgoingForward, forwardKind } from './forward.ts'
import { GENERIC_READERS, type GenericContent } from './generic.ts'
import * as invite from './invite.ts'
import type { Kind } from './kind.ts'
import * as media from './media.ts'
import * as files from './outgoing-media.ts'
import * as place from './place.ts'
import * as poll from './poll.ts'
import { type OutgoingProduct, productKind } from './product.ts'
import type { ContentReader, MessageField } from './reader.ts'
import { type OutgoingLimitSharing, limitSharingKind } from './sharing.ts'
import { type OutgoingText, type TextContent, extendedText, plainText, text } from './text.ts'

export * from './about.ts'
export * from './album.ts'
export * from './choice.ts'
export * from './contact.ts'
export * from './event.ts'
export type { OutgoingForward } from './forward.ts'
export * from './generic.ts'
export * from './invite.ts'
export {
  defineKind,
  type BuildContext,
  type Built,
  type Kind,
  type MediaSource,
  type OutgoingFile,
  type UploadedFile,
} from './kind.ts'
export * from './media.ts'
export type * from './outgoing-media.ts'
export * from './place.ts'
export * from './poll.ts'
export type { OutgoingProduct } from './product.ts'
export type { ContentReader, MessageField, ReadScope } from './reader.ts'
export type { OutgoingLimitSharing } from './sharing.ts'
export {
  type LinkPreview,
  type OutgoingText,
  type ReceivedLinkPreview,
  type TextContent,
  linkIn,
} from './text.ts'

/** What can be sent, by content key: the whole object that is given. A new kind adds its line here and in {@link KINDS}. */
export interface KindContents extends AddedKindContents {
  readonly text: OutgoingText
  readonly image: files.OutgoingImage
  readonly video: files.OutgoingVideo
  readonly videoNote: files.OutgoingVideoNote
  readonly audio: files.OutgoingAudio
  readonly document: files.OutgoingDocument
  readonly sticker: files.OutgoingSticker
  readonly contact: contact.OutgoingContact
  readonly contacts: contact.OutgoingContacts
  readonly location: place.OutgoingLocation
  readonly liveLocation: place.OutgoingLiveLocation
  readonly poll: poll.OutgoingPoll
  readonly event: event.OutgoingEvent
  readonly groupInvite: invite.OutgoingGroupInvite
  readonly newsletterInvite: invite.OutgoingNewsletterInvite
  readonly phoneNumberRequest: invite.OutgoingPhoneNumberRequest
  readonly phoneNumberShared: invite.OutgoingPhoneNumberShare
  readonly buttonReply: choice.OutgoingButtonReply
  readonly listReply: choice.OutgoingListReply
  readonly interactiveReply: choice.OutgoingInteractiveReply
  readonly product: OutgoingProduct
  readonly limitSharing: OutgoingLimitSharing
  readonly forward: OutgoingForward
}

/** The content key of a kind that can be sent. */
export type KindName = keyof KindContents

/** Every kind that can be sent, by content key. */
export const KINDS: { readonly [Name in KindName]: Kind<Name, KindContents[Name]> } = {
  text,
  image: files.imageKind,
  video: files.videoKind,
  videoNote: files.videoNoteKind,
  audio: files.audioKind,
  document: files.documentKind,
  sticker: files.stickerKind,
  contact: contact.contactKind,
  contacts: contact.contactsKind,
  location: place.locationKind,
  liveLocation: place.liveLocationKind,
  poll: poll.pollKind,
  event: event.eventKind,
  groupInvite: invite.groupInviteKind,
  newsletterInvite: invite.newsletterInviteKind,
  phoneNumberRequest: invite.phoneNumberRequestKind,
  phoneNumberShared: invite.phoneNumberShareKind,
  buttonReply: choice.buttonReplyKind,
  listReply: choice.listReplyKind,
  interactiveReply: choice.interactiveReplyKind,
  product: productKind,
  limitSharing: limitSharingKind,
  forward: forwardKind,
  ...ADDED_KINDS,
}

/** Content that reads from one field of a message: an object with one key for its kind. */
export type FieldContent =
  | TextContent
  | media.ImageContent
  | media.VideoContent
  | media.VideoNoteContent
  | media.AudioContent
  | media.DocumentContent
  | media.StickerContent
  | media.StickerPackContent
  | place.LocationContent
  | place.LiveLocationContent
  | contact.ContactContent
  | contact.ContactsContent
  | poll.PollContent
  | poll.PollResultContent
  | poll.PollOptionContent
  | about.PlainReactionContent
  | about.PlainCommentContent
  | about.PinContent
  | about.KeepContent
  | about.AnswerContent
  | event.EventContent
  | event.EventInviteContent
  | event.CallLogContent
  | event.ScheduledCallContent
  | event.ScheduledCallEditContent
  | invite.GroupInviteContent
  | invite.NewsletterInviteContent
  | invite.PhoneNumberRequestContent
  | choice.ButtonsContent
  | choice.ListContent
  | choice.ButtonReplyContent
  | choice.ListReplyContent
  | choice.InteractiveReplyContent
  | album.AlbumContent
  | album.PlaceholderContent
  | GenericContent

/** Every reader. */
export const READERS: readonly ContentReader<string, FieldContent>[] = [
  plainText,
  extendedText,
  media.image,
  media.video,
  media.videoNote,
  media.audio,
  media.document,
  media.sticker,
  media.stickerPack,
  place.location,
  place.liveLocation,
  contact.contact,
  contact.contacts,
  poll.poll,
  poll.pollResult,
  poll.pollOption,
  about.reaction,
  about.comment,
  about.pin,
  about.keep,
  about.answer,
  event.event,
  event.eventInvite,
  event.callLog,
  event.scheduledCall,
  event.scheduledCallEdit,
  invite.groupInvite,
  invite.newsletterInvite,
  invite.newsletterAdminInvite,
  invite.phoneNumberRequest,
  choice.buttons,
  choice.list,
  choice.buttonReply,
  choice.templateReply,
  choice.listReply,
  choice.interactiveReply,
  album.album,
  album.placeholder,
  ...GENERIC_READERS,
]

/** Readers by the field that they read. */
export const READERS_BY_FIELD: ReadonlyMap<string, ContentReader<string, FieldContent>> = new Map(
  READERS.flatMap((reader) => reader.fields.map((field: MessageField) => [field, reader] as const)),
)
