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
import {
  DEVICE_LIST,
  IDENTITY_CHANGE,
  LID_BY_PN,
  PN_BY_LID,
  PRIVACY_TOKEN,
  SENDER_KEY_SHARES,
  SESSION,
  newerToken,
} from '../state/records.ts'
import type { RecordKind } from '../state/record-kind.ts'
import type { DeviceList } from '../state/records.ts'
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

const PERSON_SERVER: ReadonlyMap<string, string> = new Map([
  [SERVER_HOSTED, SERVER_USER],
  [SERVER_HOSTED_LID, SERVER_LID],
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

/** The address of the person whom a device belongs to; hosted devices belong to the same person as the others. */
export function personJid(jid: string): string {
  const { user, server } = parseJid(jid)
  return formatJid({ user, server: PERSON_SERVER.get(server) ?? server, device: 0 })
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
 * @returns whether that is new
 */
export async function learnMapping(unit: Unit, pn: string, lid: string): Promise<boolean> {
  const phone = parseJid(pn)
  const hidden = parseJid(lid)
  if (!CANONICAL_SERVER.has(phone.server) || !PHONE_SERVER.has(hidden.server)) return false
  const formerLid = await unit.read(LID_BY_PN, phone.user)
  if (formerLid === hidden.user) return false
  // a number that got another owner, or a person another number: what was known of the former is no longer true
  if (formerLid !== undefined) unit.delete(PN_BY_LID, formerLid)
  const formerPn = await unit.read(PN_BY_LID, hidden.user)
  if (formerPn !== undefined) unit.delete(LID_BY_PN, formerPn)
  unit.put(LID_BY_PN, phone.user, hidden.user)
  unit.put(PN_BY_LID, hidden.user, phone.user)
  await moveRecords(unit, phone.user, hidden.user)
  const isMoved = await moveSessions(unit, phone.user, hidden.user)
  // whoever has written under the number has a session under it
  if (isMoved) rememberFormerAddress(unit, { pnUser: phone.user, lidUser: hidden.user })
  return true
}

/**
 * What is known under the number is known under the LID. Where both have something, the newer list and the newer token
 * count, and otherwise the LID's.
 */
async function moveRecords(unit: Unit, pnUser: string, lidUser: string): Promise<void> {
  const from = formatJid({ user: pnUser, server: SERVER_USER, device: 0 })
  const to = formatJid({ user: lidUser, server: SERVER_LID, device: 0 })
  await moveRecord(unit, DEVICE_LIST, { from, to, merge: newerList })
  await moveRecord(unit, IDENTITY_CHANGE, { from, to, merge: (known) => known })
  await moveRecord(unit, PRIVACY_TOKEN, { from, to, merge: newerToken })
}

async function moveRecord<Value>(
  unit: Unit,
  kind: RecordKind<Value>,
  move: {
    readonly from: string
    readonly to: string
    readonly merge: (known: Value, moved: Value) => Value
  },
): Promise<void> {
  const { from, to, merge } = move
  const moved = await unit.read(kind, from)
  if (moved === undefined) return
  const known = await unit.read(kind, to)
  unit.put(kind, to, known === undefined ? moved : merge(known, moved))
  unit.delete(kind, from)
}

/** Of two lists of one person the one that was told last counts, and the server is asked again: it was never of both. */
function newerList(known: DeviceList, moved: DeviceList): DeviceList {
  return { ...(moved.fetchedAtMs > known.fetchedAtMs ? moved : known), isStale: true }
}

/**
 * Moves what is kept of devices: sessions, and the keys that they have handed out for groups, whose records name the group
 * behind the address. Returns whether there were any sessions under the number.
 */
async function moveSessions(unit: Unit, pnUser: string, lidUser: string): Promise<boolean> {
  let hasAny = false
  for (const [server, target] of CANONICAL_SERVER) {
    const prefix = signalAddress(formatJid({ user: pnUser, server, device: 0 })).slice(0, -1)
    const addressOf = (key: string): string => {
      const [device = '', ...group] = key.slice(prefix.length).split('\u0000')
      const address = signalAddress(formatJid({ user: lidUser, server: target, device: Number(device) }))
      return [address, ...group].join('\u0000')
    }
    const sessions = await unit.listKeys(SESSION, prefix)
    hasAny ||= sessions.length > 0
    for (const from of sessions) await moveIfNew(unit, SESSION, { from, to: addressOf(from) })
    for (const from of await unit.listKeys(SENDER_KEY_SHARES, prefix))
      await moveIfNew(unit, SENDER_KEY_SHARES, { from, to: addressOf(from) })
  }
  return hasAny
}

/** Moves a record, unless there is one in its new place. */
async function moveIfNew<Value>(
  unit: Unit,
  kind: RecordKind<Value>,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const value = await unit.read(kind, from)
  if (value === undefined || (await unit.read(kind, to)) !== undefined) return
  unit.put(kind, to, value)
  unit.delete(kind, from)
}
