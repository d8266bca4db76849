/**
 * The address book of the phone, and the numbers behind LIDs. Addresses that stand together here are learned.
 *
 * @source Baileys 7.0.0-rc14 `Utils/sync-action-utils.js` processContactAction, `Utils/chat-utils.js` processSyncAction
 */
import { isLid, isPn } from '../../../protocol/jid.ts'
import type { Person } from '../../events.ts'
import { learnMapping, personOf } from '../../identity/addresses.ts'
import type { Unit } from '../../state/unit.ts'
import { SILENT, accountChat, actionKind, addressIn, present } from './action.ts'
import type { ActionContext, ActionKind, Change } from './action.ts'

/** What the address book has of somebody. */
interface Entry {
  readonly jid: string
  readonly isSaved: boolean
  readonly name?: string
  readonly firstName?: string
  readonly username?: string
  /** The phone number and the LID, when both are said. */
  readonly addresses?: Addresses
}

interface Addresses {
  readonly pn: string
  readonly lid: string
}

/** Both addresses, if they are such. */
function addresses(one: string | undefined, other: string | undefined): Addresses | undefined {
  if (isPn(one) && isLid(other)) return { pn: one ?? '', lid: other ?? '' }
  if (isLid(one) && isPn(other)) return { pn: other ?? '', lid: one ?? '' }
  return undefined
}

function personIn({ index }: Change): string | undefined {
  const jid = addressIn(index[1])
  return isPn(jid) || isLid(jid) ? jid : undefined
}

interface Names {
  readonly fullName?: string | null
  readonly firstName?: string | null
  readonly username?: string | null
}

function namesOf({ fullName, firstName, username }: Names): Pick<Entry, 'name' | 'firstName' | 'username'> {
  return present({
    name: fullName || firstName || undefined,
    firstName: firstName || undefined,
    username: username || undefined,
  })
}

async function tellEntry(
  unit: Unit,
  { jid, addresses: both, ...said }: Entry,
  { atMs, origin }: Change,
  context: ActionContext,
): Promise<void> {
  if (both !== undefined) await learn(unit, both, context)
  const contact = await personOf(unit, jid)
  unit.event('contact.saved', { contact, ...said, atMs, origin }, contact.jid)
}

/** Addresses in one event at most, as the phone's list of them has it. */
const MAX_PER_EVENT = 1000

/** The event of a unit that takes further addresses: a whole address book would make thousands of events. */
const OPEN = new WeakMap<Unit, { readonly at: number; readonly contacts: Person[] }>()

async function learn(unit: Unit, { pn, lid }: Addresses, context: ActionContext): Promise<void> {
  if (!(await learnMapping(unit, pn, lid))) return
  const person: Person = { jid: lid, pn, lid }
  const open = OPEN.get(unit)
  const payload = open && unit.events[open.at]?.payload
  // a unit that was taken back has other events, or none
  const isOpen = payload !== undefined && 'contacts' in payload && payload.contacts === open?.contacts
  if (isOpen && open.contacts.length < MAX_PER_EVENT) {
    open.contacts.push(person)
    return
  }
  const contacts = [person]
  OPEN.set(unit, { at: unit.events.length, contacts })
  unit.event('lid.mapping', { contacts, atMs: unit.nowMs }, await accountChat(unit, context))
}

const CONTACT = actionKind<Entry>({
  name: 'contact',
  read(change) {
    const jid = personIn(change)
    if (jid === undefined) return undefined
    if (change.isRemoval) return { jid, isSaved: false }
    const { contactAction } = change.value
    if (!contactAction) return undefined
    const other = addressIn(isPn(jid) ? contactAction.lidJid : contactAction.pnJid)
    return { jid, isSaved: true, ...namesOf(contactAction), ...present({ addresses: addresses(jid, other) }) }
  },
  apply: tellEntry,
})

const LID_CONTACT = actionKind<Entry>({
  name: 'lid_contact',
  read(change) {
    const jid = personIn(change)
    if (jid === undefined) return undefined
    if (change.isRemoval) return { jid, isSaved: false }
    const { lidContactAction } = change.value
    return lidContactAction ? { jid, isSaved: true, ...namesOf(lidContactAction) } : undefined
  },
  apply: tellEntry,
})

/** The number behind somebody who writes under a LID. */
const PN_FOR_LID = actionKind({
  name: 'pnForLidChat',
  // that two addresses are one person does not become untrue
  read: ({ index, value, isRemoval }) =>
    isRemoval ? SILENT : addresses(addressIn(index[1]), addressIn(value.pnForLidChatAction?.pnJid)),
  apply: (unit, both, _change, context) => learn(unit, both, context),
})

/** Those of this file. */
export const CONTACT_ACTIONS: readonly ActionKind[] = [CONTACT, LID_CONTACT, PN_FOR_LID]
