/**
 * One address per person. WhatsApp reaches a person by phone number (PN) and by LID; waton keys everything by the
 * canonical address, which is the LID as soon as it is known. Mappings are learned from every stanza that carries both;
 * when one arrives late, the sessions that exist under the phone number move with it, in the same unit of work.
 */
import {
  SERVER_HOSTED,
  SERVER_HOSTED_LID,
  SERVER_LID,
  SERVER_USER,
  formatJid,
  parseJid,
  signalAddress,
} from '../../protocol/jid.ts'
import type { Person } from '../events.ts'
import { DEVICE_LIST, LID_BY_PN, PN_BY_LID, SESSION } from '../state/records.ts'
import type { RecordKind } from '../state/record-kind.ts'
import type { Unit } from '../state/unit.ts'
import { rememberFormerAddress } from './former-address.ts'

/** What reads mappings: a unit, or the account's state outside of one. */
export interface MappingReader {
  read<Value>(kind: RecordKind<Value>, key: string): Promise<Value | undefined>
}

const CANONICAL_SERVER: ReadonlyMap<string, string> = new Map([
  [SERVER_USER, SERVER_LID],
  [SERVER_HOSTED, SERVER_HOSTED_LID],
])

const PHONE_SERVER: ReadonlyMap<string, string> = new Map([
  [SERVER_LID, SERVER_USER],
  [SERVER_HOSTED_LID, SERVER_HOSTED],
])

/** The address that everything about this user or device is keyed by: its LID when known, else what was given. */
export async function canonicalJid(mappings: MappingReader, jid: string): Promise<string> {
  const parsed = parseJid(jid)
  const server = CANONICAL_SERVER.get(parsed.server)
  if (server === undefined) return formatJid(parsed)
  const lidUser = await mappings.read(LID_BY_PN, parsed.user)
  return formatJid(lidUser === undefined ? parsed : { user: lidUser, server, device: parsed.device })
}

/** The phone-number address of a user or device, when known. */
export async function phoneJid(mappings: MappingReader, jid: string): Promise<string | undefined> {
  const parsed = parseJid(jid)
  const server = PHONE_SERVER.get(parsed.server)
  if (server === undefined) return CANONICAL_SERVER.has(parsed.server) ? formatJid(parsed) : undefined
  const pnUser = await mappings.read(PN_BY_LID, parsed.user)
  return pnUser === undefined ? undefined : formatJid({ user: pnUser, server, device: parsed.device })
}

/** Both addresses of a person, for events. */
export async function personOf(mappings: MappingReader, jid: string): Promise<Person> {
  const parsed = parseJid(jid)
  const user = formatJid({ ...parsed, device: 0 })
  const canonical = await canonicalJid(mappings, user)
  const pn = await phoneJid(mappings, canonical)
  const isLid = PHONE_SERVER.has(parseJid(canonical).server)
  return { jid: canonical, ...(pn === undefined ? {} : { pn }), ...(isLid ? { lid: canonical } : {}) }
}

/**
 * Records that two addresses are one person. A session that exists only under the phone number moves to the LID;
 * where both have one, the LID's stays and the other is left for late messages.
 *
 * @param pn - phone-number JID, with or without device
 * @param lid - LID JID, with or without device
 */
export async function learnMapping(unit: Unit, pn: string, lid: string): Promise<void> {
  const phone = parseJid(pn)
  const hidden = parseJid(lid)
  if (!CANONICAL_SERVER.has(phone.server) || !PHONE_SERVER.has(hidden.server)) return
  const formerLid = await unit.read(LID_BY_PN, phone.user)
  if (formerLid === hidden.user) return
  // a number that got another owner, or a person another number: what was known of the former is no longer true
  if (formerLid !== undefined) unit.delete(PN_BY_LID, formerLid)
  const formerPn = await unit.read(PN_BY_LID, hidden.user)
  if (formerPn !== undefined) unit.delete(LID_BY_PN, formerPn)
  unit.put(LID_BY_PN, phone.user, hidden.user)
  unit.put(PN_BY_LID, hidden.user, phone.user)
  unit.delete(DEVICE_LIST, formatJid({ user: phone.user, server: SERVER_USER, device: 0 }))
  const addresses = await unit.listKeys(SESSION, `${phone.user}.`)
  // whoever has written under the number has a session under it
  if (addresses.length > 0) rememberFormerAddress(unit, { pnUser: phone.user, lidUser: hidden.user })
  for (const address of addresses) {
    const device = Number(address.slice(phone.user.length + 1))
    const target = signalAddress(formatJid({ user: hidden.user, server: SERVER_LID, device }))
    const session = await unit.read(SESSION, address)
    if (session === undefined || (await unit.read(SESSION, target)) !== undefined) continue
    unit.put(SESSION, target, session)
    unit.delete(SESSION, address)
  }
}
