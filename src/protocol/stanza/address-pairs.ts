/**
 * Phone number and LID of the same person, as stanzas mention them side by side. Every stanza is read for them: a mapping
 * learned late costs a session.
 *
 * @source Baileys 7.0.0-rc14 `Utils/decode-wa-message.js` extractAddressingContext; whatsmeow `message.go` parseMessageSource
 */
import type { BinaryNode } from '../binary/node.ts'
import { isLid, isPn, tryParseJid, userJid } from '../jid.ts'

/** One person by both addresses, without device. */
export interface AddressPair {
  readonly pn: string
  readonly lid: string
}

/** For each attribute that holds an address, the attributes that may hold the same person's other address. */
const ALTERNATIVES: readonly (readonly [string, readonly string[]])[] = [
  ['participant', ['participant_pn', 'participant_lid']],
  ['from', ['sender_pn', 'sender_lid']],
  ['recipient', ['recipient_pn', 'recipient_lid', 'peer_recipient_pn', 'peer_recipient_lid']],
]

/** The pairs that the attributes of a stanza name; values that are no such addresses are passed over. */
export function addressPairs(stanza: BinaryNode): readonly AddressPair[] {
  const pairs: AddressPair[] = []
  for (const [name, alternatives] of ALTERNATIVES) {
    for (const alternative of alternatives) {
      // In a group, sender_pn and sender_lid belong to the participant: `from` is the group.
      const address = personAttribute(stanza, name)
      const pair = pairOf(address, stanza.attrs[alternative])
      if (pair !== undefined && !pairs.some(({ pn, lid }) => pn === pair.pn && lid === pair.lid))
        pairs.push(pair)
    }
  }
  return pairs
}

function personAttribute({ attrs }: BinaryNode, name: string): string | undefined {
  return name === 'from' ? (attrs.participant ?? attrs.from) : attrs[name]
}

/** The pair of two addresses when one is a phone number and the other a LID. */
export function pairOf(first: string | undefined, second: string | undefined): AddressPair | undefined {
  if (first === undefined || second === undefined) return undefined
  if (tryParseJid(first) === undefined || tryParseJid(second) === undefined) return undefined
  if (isPn(first) && isLid(second)) return { pn: userJid(first), lid: userJid(second) }
  if (isLid(first) && isPn(second)) return { pn: userJid(second), lid: userJid(first) }
  return undefined
}
