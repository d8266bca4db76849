/**
 * Phone number and LID of the same person, as stanzas mention them side by side. Every stanza is read for them: a mapping
 * learned late costs a session.
 *
 * @source Baileys 7.0.0-rc14 `Utils/decode-wa-message.js` extractAddressingContext; whatsmeow `message.go` parseMessageSource
 */
import { childrenOf, type BinaryNode } from '../binary/node.ts'
import { isLid, isPn, tryParseJid, userJid } from '../jid.ts'

/** One person by both addresses, without device. */
export interface AddressPair {
  /** The phone-number JID. */
  readonly pn: string
  /** The LID of the same person. */
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

/**
 * The same inside of notifications and calls: members, devices, callers, numbers before and after a change.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js`, `Socket/groups.js`; whatsmeow `group.go`; whatsapp-rust
 *   `handlers/notification.rs` for `old_lid`, `new_lid`
 */
const INNER_ALTERNATIVES: readonly (readonly [string, readonly string[]])[] = [
  ['jid', ['phone_number', 'lid', 'pn']],
  ['participant', ['participant_pn', 'participant_lid']],
  ['creator', ['creator_pn', 'creator_lid']],
  ['s_o', ['s_o_pn', 's_o_lid']],
  ['author', ['author_pn', 'author_lid']],
  ['call-creator', ['caller_pn', 'caller_lid']],
  // the former number first: a LID that stays belongs to the new one
  ['old', ['old_lid']],
  ['new', ['new_lid']],
]

/** Elements looked into at most. A group of 1,024 members has one for each. */
const MAX_ELEMENTS = 4096

/** The pairs of a stanza and of everything in it, in order; a later one wins. */
export function addressPairsWithin(stanza: BinaryNode): readonly AddressPair[] {
  const outer = addressPairs(stanza)
  const own = pairOf(stanza.attrs.from, stanza.attrs.lid)
  const found = new Map<string, AddressPair>()
  const add = (pair: AddressPair | undefined): void => {
    if (pair !== undefined) found.set(`${pair.pn} ${pair.lid}`, pair)
  }
  for (const pair of outer) add(pair)
  add(own)
  const waiting: BinaryNode[] = [...childrenOf(stanza)]
  for (let index = 0; index < waiting.length && index < MAX_ELEMENTS; index += 1) {
    const element = waiting[index]
    if (element === undefined) break
    for (const [name, alternatives] of INNER_ALTERNATIVES)
      for (const alternative of alternatives) add(pairOf(element.attrs[name], element.attrs[alternative]))
    for (const child of childrenOf(element)) waiting.push(child)
  }
  return [...found.values()]
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
