/**
 * Everybody and everything the server knows: accounts by phone number and LID, and the way a stanza takes into a
 * device's mailbox. No sockets and no stanza shapes here.
 */
import { UsageError } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER_LID, SERVER_USER, tryParseJid } from '../../protocol/jid.ts'
import { MediaPlans } from '../media/media-plans.ts'
import { MediaStore } from '../media/media-store.ts'
import type { Trace } from '../trace.ts'
import { Account } from './account.ts'
import type { Addressing } from './account.ts'
import { AppStatePlans } from './app-state-plans.ts'
import { Device } from './device.ts'
import type { DeviceFacts } from './device.ts'
import type { Clearance } from './mailbox.ts'
import { HistoryPlans } from './history-plans.ts'
import { GOOD_HABITS } from './offline.ts'
import type { OfflineHabits } from './offline.ts'
import { Strangers } from './strangers.ts'

/** Accounts one server holds. */
const MAX_ACCOUNTS = 10_000
const ROUTING_INFO_BYTES = 12
const LID_DIGITS = 15

/**
 * A spoilt answer of the directory: device lists without a device, nobody in the answer, an error for each person, or an
 * error for the devices of all.
 */
export interface DirectoryFault {
  /** What happens. */
  readonly as: 'empty' | 'silence' | 'error' | 'refusal'
  /** Of the errors. */
  readonly code: number
  /** How many answers are left to be spoilt. */
  readonly times: number
}

/** A JID resolved: whose it is, which device it names, and by which address. */
export interface Resolved {
  readonly account: Account
  /** The device number that the JID names (0 when it names none). */
  readonly deviceId: number
  readonly addressing: Addressing
}

/** See the file comment. */
export class World {
  readonly clock: Clock
  readonly random: RandomSource
  readonly trace: Trace
  readonly #byPhoneNumber = new Map<string, Account>()
  readonly #byLid = new Map<string, Account>()
  #nextStanzaNumber = 1
  /** Who may write to whom. */
  readonly strangers: Strangers
  /** The files of the media servers. */
  readonly media: MediaStore
  /** What goes wrong with media. */
  readonly mediaPlans: MediaPlans = new MediaPlans()
  /** What goes wrong with history. */
  readonly historyPlans: HistoryPlans = new HistoryPlans()
  /** What goes wrong with app state. */
  readonly appStatePlans: AppStatePlans = new AppStatePlans()
  /** How the server treats what waits for devices that are away. */
  offline: OfflineHabits = GOOD_HABITS

  constructor(clock: Clock, random: RandomSource, trace: Trace) {
    this.clock = clock
    this.random = random
    this.trace = trace
    this.strangers = new Strangers(random)
    this.media = new MediaStore(clock, random, trace)
  }

  /** Whether nobody is told the LID that belongs to a phone number, as on servers before LIDs. */
  hidesLids = false
  /** What goes wrong with the next questions to the directory of people. */
  directoryFault: DirectoryFault | undefined

  /** The LID of an account, unless LIDs are hidden. */
  shownLid(account: Account): string | undefined {
    return this.hidesLids ? undefined : account.jid('lid')
  }

  /** What goes wrong with this question to the directory, used up by asking. */
  takeDirectoryFault(): DirectoryFault | undefined {
    const fault = this.directoryFault
    if (fault === undefined) return undefined
    this.directoryFault = fault.times <= 1 ? undefined : { ...fault, times: fault.times - 1 }
    this.trace.note('fault', `the directory answers with: ${fault.as}`)
    return fault
  }

  /** Takes one lost pull away, when one is planned. */
  takeLostPull(): boolean {
    const { lostPulls } = this.offline
    if (lostPulls > 0) this.offline = { ...this.offline, lostPulls: lostPulls - 1 }
    return lostPulls > 0
  }

  get accounts(): readonly Account[] {
    return [...this.#byPhoneNumber.values()]
  }

  nowSeconds(): number {
    return Math.floor(this.clock.nowMs() / 1000)
  }

  /** An id for a stanza that the server makes itself. */
  nextStanzaId(): string {
    return String(this.#nextStanzaNumber++)
  }

  /**
   * Makes an account with its phone (device 0), which has no keys yet.
   *
   * @throws {UsageError} `WATON_SIMULATOR_PHONE_NUMBER` when the number is not 5 to 15 digits, taken, or one too many
   */
  createAccount(phoneNumber: string, name: string): Account {
    if (!/^[1-9]\d{4,14}$/.test(phoneNumber))
      throw wrongNumber(phoneNumber, 'give 5 to 15 digits with country code')
    if (this.#byPhoneNumber.has(phoneNumber)) throw wrongNumber(phoneNumber, 'it has an account already')
    if (this.#byPhoneNumber.size >= MAX_ACCOUNTS) throw wrongNumber(phoneNumber, 'the simulator is full')
    const facts = { phoneNumber, lidUser: this.#newLid(), name, createdAtSeconds: this.nowSeconds() }
    const account = new Account(facts)
    this.#byPhoneNumber.set(phoneNumber, account)
    this.#byLid.set(facts.lidUser, account)
    this.addDevice(account, {
      id: 0,
      keyIndex: 0,
      platform: 'phone',
      deviceIdentity: undefined,
      noiseKey: undefined,
      linkedAtSeconds: facts.createdAtSeconds,
    })
    return account
  }

  /** Adds a device to an account. */
  addDevice(account: Account, facts: DeviceFacts): Device {
    const device = new Device(facts, this.random.bytes(ROUTING_INFO_BYTES))
    account.devices.set(facts.id, device)
    return device
  }

  /** Whose JID this is; `undefined` for groups, strangers and the server. */
  resolve(jid: string): Resolved | undefined {
    const parsed = tryParseJid(jid)
    if (parsed === undefined) return undefined
    const { user, server, device } = parsed
    if (server === SERVER_USER) return resolved(this.#byPhoneNumber.get(user), device, 'pn')
    return server === SERVER_LID ? resolved(this.#byLid.get(user), device, 'lid') : undefined
  }

  /** The account of a phone number. */
  accountOf(phoneNumber: string): Account | undefined {
    return this.#byPhoneNumber.get(phoneNumber)
  }

  /** The device a JID names. */
  deviceOf(jid: string): Device | undefined {
    const found = this.resolve(jid)
    return found?.account.devices.get(found.deviceId)
  }

  /** Puts a stanza into a device's mailbox and sends it when the device is connected. @returns whether it was sent */
  post(device: Device, stanza: BinaryNode, clearedBy: Clearance): boolean {
    const { entry, dropped } = device.mailbox.add(stanza, clearedBy, this.clock.nowMs())
    if (dropped !== undefined) {
      const id = dropped.stanza.attrs['id'] ?? ''
      this.trace.note(
        'warning',
        `a mailbox is full: the oldest stanza (<${dropped.stanza.tag}> ${id}) was dropped`,
      )
    }
    return device.outlet?.deliver(entry) ?? false
  }

  #newLid(): string {
    for (;;) {
      const bytes = this.random.bytes(LID_DIGITS)
      const digits = [...bytes]
        .map((byte, index) => String(index === 0 ? 1 + (byte % 9) : byte % 10))
        .join('')
      if (!this.#byLid.has(digits)) return digits
    }
  }
}

function resolved(
  account: Account | undefined,
  deviceId: number,
  addressing: Addressing,
): Resolved | undefined {
  return account === undefined ? undefined : { account, deviceId, addressing }
}

function wrongNumber(phoneNumber: string, why: string): UsageError {
  return new UsageError(
    'WATON_SIMULATOR_PHONE_NUMBER',
    `the simulator cannot make an account for this phone number: ${why}`,
    { details: { phoneNumber } },
  )
}
