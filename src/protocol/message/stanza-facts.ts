/**
 * What the stanza around a message says about it in the clear. `type` and `mediatype` follow from the message, also from
 * one that is forwarded or sent again; what does not follow from it is said by the kind that built it.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` getMessageType, getMediaType, sendMessage; `ptv` and looking into
 *   wrappers: whatsmeow `send.go` getMediaTypeFromMessage
 */
import type { MessageProperties } from '../proto/message.ts'
import { unwrapMessage } from './wrappers.ts'

/** The `type` attribute of a message stanza. */
export type StanzaType = 'text' | 'media' | 'reaction' | 'poll' | 'event'

/** What a stanza says beside its type; only what it says is there. */
export interface StanzaExtras {
  /** The `mediatype` attribute of each `<enc>`, e.g. `vcard`. */
  readonly mediaType?: string
  /** The attributes of the `<meta>` child. */
  readonly meta?: Readonly<Record<string, string>>
  /** The `edit` attribute, e.g. `1` for an edit. */
  readonly edit?: string
  /** `decrypt-fail="hide"` on each `<enc>`: who cannot read it shows nothing. */
  readonly hidesFailure?: true
}

/** Fields of `Message` that make the stanza a `reaction`, `poll` or `event`. */
const TYPES: Readonly<Partial<Record<keyof MessageProperties, StanzaType>>> = {
  reactionMessage: 'reaction',
  encReactionMessage: 'reaction',
  pollCreationMessage: 'poll',
  pollCreationMessageV2: 'poll',
  pollCreationMessageV3: 'poll',
  pollCreationMessageV5: 'poll',
  pollCreationMessageV6: 'poll',
  pollUpdateMessage: 'poll',
  eventMessage: 'event',
  encEventResponseMessage: 'event',
}

/** The `mediatype` of fields of `Message` that have one of their own. */
const MEDIA_TYPES: Readonly<Partial<Record<keyof MessageProperties, string>>> = {
  imageMessage: 'image',
  ptvMessage: 'ptv',
  contactMessage: 'vcard',
  documentMessage: 'document',
  contactsArrayMessage: 'contact_array',
  liveLocationMessage: 'livelocation',
  stickerMessage: 'sticker',
  listMessage: 'list',
  listResponseMessage: 'list_response',
  buttonsResponseMessage: 'buttons_response',
  orderMessage: 'order',
  productMessage: 'product',
  interactiveResponseMessage: 'native_flow_response',
  groupInviteMessage: 'url',
}

/** The stanza's `type` for a message, in whatever wrappers. */
export function stanzaTypeOf(outer: MessageProperties): StanzaType {
  const { message } = unwrapMessage(outer)
  for (const [field, type] of Object.entries(TYPES)) if (message[field as keyof typeof message]) return type
  return mediaTypeOf(outer) === undefined ? 'text' : 'media'
}

/** The `mediatype` for a message, in whatever wrappers; `undefined` for messages that have none. */
export function mediaTypeOf(outer: MessageProperties): string | undefined {
  const { message } = unwrapMessage(outer)
  if (message.videoMessage) return message.videoMessage.gifPlayback === true ? 'gif' : 'video'
  if (message.audioMessage) return message.audioMessage.ptt === true ? 'ptt' : 'audio'
  for (const [field, type] of Object.entries(MEDIA_TYPES))
    if (message[field as keyof typeof message]) return type
  return undefined
}
