/**
 * The list of a person's devices: how an answer of the server or a change that it announces becomes the next list, and
 * what the person's phone has to say about it. A list is never empty and never without the phone; what makes it doubtful
 * makes it stale, which means that the server is asked again while the list stands in.
 */
import { equalBytes } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import type { WatonError } from '../../base/errors.ts'
import {
  SERVER_HOSTED,
  SERVER_HOSTED_LID,
  SERVER_LID,
  formatJid,
  parseJid,
  signalAddress,
} from '../../protocol/jid.ts'
import { participantHash, sameParticipants } from '../../protocol/stanza/participant-hash.ts'
import { isVouchedFor, readKeyIndexList } from '../../protocol/pairing/key-index-list.ts'
import { accountKeyIn } from '../../protocol/pairing/vouched-device.ts'
import { sessionInfo } from '../../protocol/signal/index.ts'
import { HOSTED_DEVICE_ID } from '../../protocol/stanza/iq/usync/devices.ts'
import type { UsyncDevice, UsyncDevices, UsyncKeyIndex } from '../../protocol/stanza/iq/usync/devices.ts'
import type { DevicesChange, NotifiedDevices } from '../../protocol/stanza/notifications/devices.ts'
import { DEVICE_LIST, IDENTITY_CHANGE, SESSION } from '../state/records.ts'
import type { DeviceList, ListedDevice, SignedIndexes } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { canonicalJid, personJid, phoneJid } from './addresses.ts'
import type { MappingReader } from './addresses.ts'
import type { Self } from './self.ts'

/** Device numbers of a person that are kept: WhatsApp links four; a hostile list must not cost memory. */
const MAX_DEVICES = 256

const PHONE: ListedDevice = { id: 0 }

/** What follows from the list of device keys that came with an answer or a change. */
interface Vouching {
  /** What the phone has signed, now or before. */
  readonly signed?: SignedIndexes
  /** What came, when there was no key to check it with. */
  readonly unverified?: Uint8Array
  /** The phone did not sign what came. */
  readonly refusal?: WatonError
  /** The account was registered anew since the list before. */
  readonly isOtherAccount: boolean
}

/** The next list and what was wrong on the way to it. */
export interface NextList {
  readonly list: DeviceList
  /** Why the list of device keys was not believed. */
  readonly refusal?: WatonError
  /** The account was registered anew since the list before. */
  readonly isOtherAccount: boolean
}

/** The device JIDs of a list, in the form of address of `user`. */
export function deviceJids(user: string, { devices }: DeviceList): readonly string[] {
  const parsed = parseJid(user)
  const hosted = parsed.server === SERVER_LID ? SERVER_HOSTED_LID : SERVER_HOSTED
  return devices.map(({ id, isHosted }) =>
    formatJid({ ...parsed, server: isHosted === true ? hosted : parsed.server, device: id }),
  )
}

/**
 * The identity key of a person's phone, 32 bytes, which vouches for their linked devices: `undefined` while nothing is
 * known of it, and after they have registered anew until their new key is known.
 */
export async function accountKeyOf(
  records: MappingReader,
  self: Self,
  user: string,
): Promise<Uint8Array | undefined> {
  if (self.isLinked && self.isOwn(user)) return ownAccountKey(self)
  const phone = personJid(await canonicalJid(records, user))
  const record = await records.read(SESSION, signalAddress(phone))
  const key = record === undefined ? undefined : sessionInfo(record)?.remoteIdentityKey
  if (key === undefined) return undefined
  const change = await records.read(IDENTITY_CHANGE, phone)
  const isFormer = change?.formerKey === undefined ? change !== undefined : equalBytes(key, change.formerKey)
  return isFormer ? undefined : key
}

function ownAccountKey({ deviceIdentity }: Self): Uint8Array | undefined {
  try {
    return accountKeyIn(deviceIdentity)
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

/** What the server's answer makes of the list before it; `undefined` when there is neither a list nor one before. */
export function answeredList(
  { list, keyIndex }: UsyncDevices,
  before: DeviceList | undefined,
  { accountKey, nowMs }: { readonly accountKey: Uint8Array | undefined; readonly nowMs: number },
): NextList | undefined {
  // an empty answer says that something is wrong, and not that somebody has no phone
  if (list === undefined || list.length === 0)
    return before === undefined
      ? undefined
      : { list: { ...before, fetchedAtMs: nowMs, isStale: true }, isOtherAccount: false }
  const vouching = vouchingOf(keyIndex, before, accountKey)
  const devices = sendable(list, before, vouching)
  const { signed, unverified, refusal, isOtherAccount } = vouching
  return {
    list: {
      devices,
      fetchedAtMs: nowMs,
      ...(signed === undefined ? {} : { signed }),
      ...(unverified === undefined ? {} : { unverified }),
      ...(refusal === undefined ? {} : { isStale: true }),
    },
    isOtherAccount,
    ...(refusal === undefined ? {} : { refusal }),
  }
}

function vouchingOf(
  keyIndex: UsyncKeyIndex | undefined,
  before: DeviceList | undefined,
  accountKey: Uint8Array | undefined,
): Vouching {
  const former = before?.signed
  const known = former === undefined ? {} : { signed: former }
  const signedList = keyIndex?.signedList
  if (signedList === undefined) return { ...known, isOtherAccount: false }
  try {
    const { rawId, timestampSeconds, currentIndex, validIndexes } = readKeyIndexList(signedList, accountKey)
    const signed = newerOf(former, { rawId, timestampSeconds, currentIndex, validIndexes })
    const isOtherAccount = former !== undefined && former.rawId !== rawId
    return { signed, isOtherAccount, ...(accountKey === undefined ? { unverified: signedList } : {}) }
  } catch (error) {
    if (!(error instanceof CryptoError || error instanceof ProtocolError)) throw error
    return { ...known, refusal: error, isOtherAccount: false }
  }
}

/** What was signed earlier than what is known says nothing new. */
function newerOf(former: SignedIndexes | undefined, came: SignedIndexes): SignedIndexes {
  const isOlder = former?.rawId === came.rawId && former.timestampSeconds > came.timestampSeconds
  return isOlder ? former : came
}

/** The phone, and each linked device that has a key index for which the phone vouches. */
function sendable(
  list: readonly UsyncDevice[],
  before: DeviceList | undefined,
  { signed, refusal }: Vouching,
): readonly ListedDevice[] {
  const isAccepted = (id: number, keyIndex: number): boolean => {
    if (refusal !== undefined)
      return before?.devices.some((known) => known.id === id && known.keyIndex === keyIndex) === true
    return signed === undefined || isVouchedFor(keyIndex, signed)
  }
  const linked = new Map<number, ListedDevice>()
  for (const { id, keyIndex, isHosted } of list) {
    // a linked device without a key index cannot be written to: the server refuses its copy
    if (id === 0 || keyIndex === undefined || keyIndex === 0 || !isAccepted(id, keyIndex)) continue
    linked.set(id, { id, keyIndex, ...(isHosted ? { isHosted } : {}) })
  }
  return [PHONE, ...linked.values()].slice(0, MAX_DEVICES)
}

/**
 * A list that came before the key of the phone, now that the key is known: with what the phone has really signed, or with
 * the phone alone until the server has been asked again.
 */
export function verifiedList(list: DeviceList, accountKey: Uint8Array): NextList {
  const { unverified, signed, ...rest } = list
  if (unverified === undefined) return { list, isOtherAccount: false }
  try {
    readKeyIndexList(unverified, accountKey)
    return { list: { ...rest, ...(signed === undefined ? {} : { signed }) }, isOtherAccount: false }
  } catch (error) {
    if (!(error instanceof CryptoError || error instanceof ProtocolError)) throw error
    const devices = [PHONE]
    return {
      list: { devices, fetchedAtMs: list.fetchedAtMs, isStale: true },
      refusal: error,
      isOtherAccount: false,
    }
  }
}

/** What an announced change makes of a list. Without a hash, or with another one, it is stale. */
export async function changedList(
  unit: Unit,
  before: DeviceList,
  change: DevicesChange,
  about: { readonly user: string; readonly accountKey: Uint8Array | undefined },
): Promise<NextList> {
  const named = listedIn(change)
  const vouching = vouchingOf(change.keyIndex, before, about.accountKey)
  const list: UsyncDevice[] = before.devices
    .filter(({ id }) => !named.some((device) => device.id === id))
    .map((device) => ({ ...device, isHosted: device.isHosted === true }))
  if (change.action === 'add') list.push(...named)
  return nextOf(unit, { list, before, vouching, said: change }, about.user)
}

/** The list that the server says is the whole one. */
export async function wholeList(
  unit: Unit,
  before: DeviceList,
  said: NotifiedDevices,
  about: { readonly user: string; readonly accountKey: Uint8Array | undefined },
): Promise<NextList> {
  const vouching = vouchingOf(said.keyIndex, before, about.accountKey)
  return nextOf(unit, { list: listedIn(said), before, vouching, said }, about.user)
}

async function nextOf(
  unit: Unit,
  parts: {
    readonly list: readonly UsyncDevice[]
    readonly before: DeviceList
    readonly vouching: Vouching
    readonly said: NotifiedDevices
  },
  user: string,
): Promise<NextList> {
  const { list, before, vouching, said } = parts
  const { signed, unverified, refusal, isOtherAccount } = vouching
  const named = sendable(list, before, vouching)
  // devices of a list of version 1 have no key index: they stay, unless the server names them with one now
  const kept = before.devices.filter(
    ({ id, keyIndex }) =>
      keyIndex === undefined &&
      list.some((device) => device.id === id) &&
      !named.some((device) => device.id === id),
  )
  const devices = [...named, ...kept]
  const next = {
    devices,
    fetchedAtMs: before.fetchedAtMs,
    ...(signed === undefined ? {} : { signed }),
    ...(unverified === undefined ? {} : { unverified }),
  }
  const isSure = refusal === undefined && before.isStale !== true && !isOtherAccount
  const isStale = !isSure || !(await isHashOf(unit, user, next, said))
  return {
    list: isStale ? { ...next, isStale } : next,
    isOtherAccount,
    ...(refusal === undefined ? {} : { refusal }),
  }
}

function listedIn({ devices }: NotifiedDevices): readonly UsyncDevice[] {
  return devices.map(({ jid, keyIndex }) => {
    const { device: id, server } = parseJid(jid)
    const isHosted = id === HOSTED_DEVICE_ID || server === SERVER_HOSTED || server === SERVER_HOSTED_LID
    return { id, isHosted, ...(keyIndex === undefined ? {} : { keyIndex }) }
  })
}

/** Whether the server means the same devices, by either of their addresses. */
async function isHashOf(
  unit: Unit,
  user: string,
  list: DeviceList,
  { hash, lidHash }: NotifiedDevices,
): Promise<boolean> {
  const canonical = await canonicalJid(unit, user)
  const phone = await phoneJid(unit, canonical)
  if (lidHash !== undefined && parseJid(canonical).server === SERVER_LID)
    return sameParticipants(participantHash(deviceJids(canonical, list)), lidHash)
  if (hash === undefined || phone === undefined) return false
  return sameParticipants(participantHash(deviceJids(phone, list)), hash)
}

/** Has the server asked again, before the next message to this person. */
export async function markStale(unit: Unit, user: string): Promise<void> {
  const canonical = personJid(await canonicalJid(unit, user))
  const list = await unit.read(DEVICE_LIST, canonical)
  if (list !== undefined && list.isStale !== true)
    unit.put(DEVICE_LIST, canonical, { ...list, isStale: true })
}

/**
 * Notes that somebody registered anew: their phone is asked for its keys before the next message, and its former key
 * vouches for nobody any more.
 */
export async function noteIdentityChange(unit: Unit, user: string, atMs: number): Promise<void> {
  const phone = personJid(await canonicalJid(unit, user))
  const record = await unit.read(SESSION, signalAddress(phone))
  const formerKey = record === undefined ? undefined : sessionInfo(record)?.remoteIdentityKey
  unit.put(IDENTITY_CHANGE, phone, { atMs, ...(formerKey === undefined ? {} : { formerKey }) })
}
