/** Contact cards, one or several. */
import { type Expectation, OBJECT } from '../../../base/check.ts'
import type { Message, MessageProperties } from '../../proto/message.ts'
import type { OutgoingOptions } from '../outgoing-options.ts'
import { MAX_CHARACTERS, checkKeys, checkParts, checkValue, listOf, optional, textOf } from './check.ts'
import { type Kind, defineKind } from './kind.ts'
import { type ContentReader, compact, defineReader, flag } from './reader.ts'

/** A contact card. */
export interface ReceivedContact {
  /** The name on it. */
  readonly displayName?: string
  /** The card itself, in vCard format. */
  readonly vcard?: string
  /** It is the sender's own. */
  readonly isSelf?: true
}

/** Several contact cards. */
export interface ReceivedContacts {
  /** What stands above them. */
  readonly displayName?: string
  /** The cards. */
  readonly cards: readonly ReceivedContact[]
}

/** A contact card. */
export interface ContactContent {
  /** The card. */
  readonly contact: ReceivedContact
}

/** Several contact cards. */
export interface ContactsContent {
  /** The cards. */
  readonly contacts: ReceivedContacts
}

/** A card to send: made of a name and phone numbers, or given as it is. */
export type OutgoingCard =
  | {
      /** The name on it. */
      readonly displayName: string
      /** Phone numbers with country code, e.g. `+1 555 000 0003`; the first is the main one. */
      readonly phoneNumbers: readonly string[]
      /** Where they work. */
      readonly organization?: string
    }
  | {
      /** The name on it. @default the `FN` of the card */
      readonly displayName?: string
      /** The card itself, in vCard format. */
      readonly vcard: string
    }

/** A contact card to send. */
export interface OutgoingContact extends OutgoingOptions {
  /** The card. */
  readonly contact: OutgoingCard
}

/** Several contact cards to send. */
export interface OutgoingContacts extends OutgoingOptions {
  /** The cards. */
  readonly contacts: {
    /** What stands above them. @default the names on the cards */
    readonly displayName?: string
    /** The cards, at least one. */
    readonly cards: readonly OutgoingCard[]
  }
}

/** Characters of a name. A limit of waton. */
const MAX_NAME = 256
/** Cards of one message, and numbers of one card. Limits of waton; the apps offer 257 and a few. */
const MAX_CARDS = 257
const MAX_NUMBERS = 32

/** E.164 has at most 15 digits; numbers of fewer than 5 are of no use abroad. */
const PHONE_NUMBER: Expectation = {
  expected: 'a phone number with country code, e.g. +1 555 000 0003',
  accepts: (value) =>
    typeof value === 'string' &&
    /^\+?[0-9][0-9 ().-]{3,30}$/.test(value) &&
    /^\d{5,15}$/.test(digitsOf(value)),
}

const VCARD: Expectation = {
  expected: `a vCard: text from BEGIN:VCARD to END:VCARD with a name (FN), of at most ${String(MAX_CHARACTERS)} characters`,
  accepts: (value) =>
    textOf().accepts(value) &&
    typeof value === 'string' &&
    /^BEGIN:VCARD\r?\n[^]*\r?\nEND:VCARD\s*$/i.test(value) &&
    nameOf(value) !== undefined,
}

const CARD: Expectation = {
  expected: 'a card: { displayName, phoneNumbers } or { vcard }',
  accepts: OBJECT.accepts,
}

/** @see OutgoingContact */
export const contactKind: Kind<'contact', OutgoingContact> = defineKind({
  name: 'contact',
  build: (content) => ({ message: { contactMessage: cardFields('contact', content.contact) } }),
})

/** @see OutgoingContacts */
export const contactsKind: Kind<'contacts', OutgoingContacts> = defineKind({
  name: 'contacts',
  build: ({ contacts: given }) => {
    checkParts('contacts', given, {
      displayName: optional(textOf(MAX_NAME)),
      cards: listOf(CARD, 1, MAX_CARDS),
    })
    const cards = given.cards.map((card, index) => cardFields(`contacts.cards[${String(index)}]`, card))
    const [only] = cards
    // one card is a message of its own kind
    if (only !== undefined && cards.length === 1) return { message: { contactMessage: only } }
    const names = cards.map((card) => card.displayName ?? '').join(', ')
    const displayName = given.displayName ?? shortened(names)
    return { message: { contactsArrayMessage: { displayName, contacts: cards } } }
  },
})

function cardFields(what: string, card: OutgoingCard): Message.ContactMessage.$Properties {
  checkValue(what, card, CARD)
  checkKeys(what, Object.keys(card), ['displayName', 'phoneNumbers', 'organization', 'vcard'])
  if ('vcard' in card) {
    checkParts(what, card, { displayName: optional(textOf(MAX_NAME)), vcard: VCARD })
    return { displayName: card.displayName ?? nameOf(card.vcard) ?? '', vcard: card.vcard }
  }
  checkParts(what, card, {
    displayName: textOf(MAX_NAME),
    phoneNumbers: listOf(PHONE_NUMBER, 1, MAX_NUMBERS),
    organization: optional(textOf(MAX_NAME)),
  })
  return { displayName: card.displayName, vcard: vcardOf(card) }
}

/** The card that WhatsApp's own apps write: `waid` makes a number one that can be written to. */
function vcardOf({
  displayName,
  phoneNumbers,
  organization,
}: Extract<OutgoingCard, { readonly phoneNumbers: unknown }>): string {
  const name = escaped(displayName)
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${name};;;`,
    `FN:${name}`,
    ...(organization === undefined ? [] : [`ORG:${escaped(organization)};`]),
    ...phoneNumbers.map((number) => {
      const digits = digitsOf(number)
      return `TEL;type=CELL;type=VOICE;waid=${digits}:${number.startsWith('+') ? number : `+${digits}`}`
    }),
    'END:VCARD',
  ].join('\n')
}

/** Text as a value of a vCard. @source RFC 2426 section 5 */
function escaped(value: string): string {
  return value.replace(/[\\;,]/g, '\\$&').replace(/\r\n?|\n/g, '\\n')
}

function nameOf(vcard: string): string | undefined {
  const name = /^FN(?:;[^:\r\n]*)?:([^\r\n]+)/im
    .exec(vcard)?.[1]
    ?.replace(/\\([\\;,])/g, '$1')
    .trim()
  return name === undefined || name === '' ? undefined : shortened(name)
}

/** So much of a name as fits: never half of a character. */
function shortened(name: string): string {
  return name.slice(0, MAX_NAME).replace(/[\ud800-\udbff]$/, '')
}

function digitsOf(number: string): string {
  return number.replace(/\D/g, '')
}

function cardOf(card: NonNullable<MessageProperties['contactMessage']>): ReceivedContact {
  return compact<ReceivedContact>({
    displayName: card.displayName,
    vcard: card.vcard,
    isSelf: flag(card.isSelfContact),
  })
}

/** @see ContactContent */
export const contact: ContentReader<'contact', ContactContent> = defineReader(
  'contact',
  ['contactMessage'],
  (card) => ({ contact: cardOf(card) }),
)

/** @see ContactsContent */
export const contacts: ContentReader<'contacts', ContactsContent> = defineReader(
  'contacts',
  ['contactsArrayMessage'],
  ({ displayName, contacts: cards }) => ({
    contacts: compact<ReceivedContacts>({ displayName, cards: (cards ?? []).map(cardOf) }),
  }),
)
