/** Contact cards, one or several. */
import type { MessageProperties } from '../../proto/message.ts'
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
