/**
 * Rare kinds, mostly of businesses: each has a name of its own, and what it holds is the schema's fields as plain JSON
 * (bytes as base64, times as the wire has them).
 */
import type { JsonObject } from '../plain-json.ts'
import { plainJson } from '../plain-json.ts'
import { type ContentReader, type MessageField, defineReader } from './reader.ts'

/** The rare kinds, and the field of `Message` that each stands in. */
const GENERIC_FIELDS = {
  /** A business asks for a call back, or a call is offered from elsewhere. */
  callInfo: 'call',
  /** A chat that is pointed at. */
  chatInfo: 'chat',
  /** A text that a business had approved, in its old form. */
  highlyStructured: 'highlyStructuredMessage',
  /** A text with buttons that a business had approved. */
  template: 'templateMessage',
  /** Something with buttons, cards, products or a form. */
  interactive: 'interactiveMessage',
  /** A product of a catalogue. */
  product: 'productMessage',
  /** An order from a catalogue. */
  order: 'orderMessage',
  /** A bill. */
  invoice: 'invoiceMessage',
  /** Money that was sent. */
  payment: 'sendPaymentMessage',
  /** Money that is asked for. */
  paymentRequest: 'requestPaymentMessage',
  /** Somebody will not pay what was asked for. */
  paymentDeclined: 'declinePaymentRequestMessage',
  /** Money is asked for no more. */
  paymentCancelled: 'cancelPaymentRequestMessage',
  /** An invitation to pay with WhatsApp. */
  paymentInvite: 'paymentInviteMessage',
  /** A reminder of a payment. */
  paymentReminder: 'paymentReminderMessage',
  /** A bill that several people share. */
  splitPayment: 'splitPaymentMessage',
  /** Somebody paid their part of a shared bill. */
  splitPaymentUpdate: 'splitPaymentUpdateMessage',
  /** Stickers that a device asks for again. */
  stickerSync: 'stickerSyncRmrMessage',
  /** A call for many listeners. */
  broadcastCall: 'bcallMessage',
  /** Earlier messages of a group for a new member. */
  historyBundle: 'messageHistoryBundle',
  /** A notice that earlier messages were shared. */
  historyNotice: 'messageHistoryNotice',
  /** An answer of Meta AI with more than text. */
  richResponse: 'richResponseMessage',
  /** Somebody did something with a status. */
  statusNotification: 'statusNotificationMessage',
  /** A status that quotes an answer. */
  statusQuoted: 'statusQuotedMessage',
  /** Somebody touched a sticker on a status. */
  statusSticker: 'statusStickerInteractionMessage',
  /** Content that is revealed later. */
  conditionalReveal: 'conditionalRevealMessage',
  /** A song. */
  music: 'musicMessage',
} as const

/** The name of a rare kind. */
export type GenericName = keyof typeof GENERIC_FIELDS

/** Content of a rare kind: the fields of the schema as plain JSON. */
export type GenericContent = {
  readonly [Name in GenericName]: { readonly [Key in Name]: JsonObject }
}[GenericName]

/** A reader for each rare kind. */
export const GENERIC_READERS: readonly ContentReader<GenericName, GenericContent>[] = (
  Object.entries(GENERIC_FIELDS) as [GenericName, MessageField][]
).map(([name, field]) =>
  defineReader(name, [field], (value) =>
    typeof value === 'object' ? ({ [name]: plainJson(value) } as GenericContent) : undefined,
  ),
)
