/** One person: a phone number, a LID, and the devices. */
import { UsageError } from '../../base/errors.ts'
import { formatJid, SERVER_LID, SERVER_USER } from '../../protocol/jid.ts'
import { AppStateLog } from './app-state-log.ts'
import type { Device } from './device.ts'
import type { Profile } from './profile.ts'

/** Which of a person's two addresses a stanza uses. */
export type Addressing = 'pn' | 'lid'

/** Device numbers are one byte on the wire; 99 and up are not handed out to normal devices. */
const MAX_DEVICE_ID = 98
/** Linked devices at a time, besides the phone. WhatsApp allows four; tests may want more. */
const MAX_LINKED_DEVICES = 32

const MAX_BLOCKED = 10_000
const MAX_CONTACTS = 10_000

/** The privacy settings of a new account. @source category names: Baileys 7.0.0-rc14 `lib/Socket/chats.js` */
const PRIVACY_DEFAULTS: Readonly<Record<string, string>> = {
  readreceipts: 'all',
  profile: 'all',
  status: 'contacts',
  online: 'all',
  last: 'all',
  groupadd: 'all',
  calladd: 'all',
  messages: 'all',
}

/** What is fixed when an account is made. */
export interface AccountFacts {
  /** Digits only, with country code. */
  readonly phoneNumber: string
  /** The user part of the LID. */
  readonly lidUser: string
  readonly name: string
  readonly createdAtSeconds: number
}

/** `ADVSignedKeyIndexList` as the phone serialised it. */
export interface SignedKeyIndexList {
  readonly atSeconds: number
  readonly signed: Uint8Array
}

/** See the file comment. */
export class Account {
  readonly facts: AccountFacts
  readonly devices: Map<number, Device> = new Map<number, Device>()
  readonly privacy: Map<string, string> = new Map<string, string>(Object.entries(PRIVACY_DEFAULTS))
  readonly #blocked = new Map<string, number>()
  readonly #contacts = new Set<string>()
  readonly #watchers = new Map<string, Addressing>()
  /** What all devices of the account share, encrypted. */
  readonly appState: AppStateLog = new AppStateLog()
  /** The list of linked devices as the phone signed it last. */
  keyIndexList: SignedKeyIndexList | undefined
  /** What the directory tells of the person. */
  profile: Profile = {}
  #nextDeviceId = 1

  constructor(facts: AccountFacts) {
    this.facts = facts
  }

  /** The person's JID, or that of one device. */
  jid(addressing: Addressing, deviceId: number = 0): string {
    const isPn = addressing === 'pn'
    const user = isPn ? this.facts.phoneNumber : this.facts.lidUser
    return formatJid({ user, server: isPn ? SERVER_USER : SERVER_LID, device: deviceId })
  }

  /** Reserves the number of the next linked device. Numbers are not used twice. */
  reserveDeviceId(): number {
    if (this.#nextDeviceId > MAX_DEVICE_ID || this.devices.size > MAX_LINKED_DEVICES) {
      throw new UsageError(
        'WATON_SIMULATOR_DEVICE_LIMIT',
        'the account cannot link another device: remove one first, or use a new account',
        { details: { devices: this.devices.size } },
      )
    }
    return this.#nextDeviceId++
  }

  /** Blocked people: JIDs as the client gave them. */
  get blockedJids(): readonly string[] {
    return [...this.#blocked.keys()]
  }

  /** Blocks or unblocks somebody; beyond {@link MAX_BLOCKED} nothing is added. */
  setBlocked(jid: string, isBlocked: boolean, atSeconds: number): void {
    if (!isBlocked) this.#blocked.delete(jid)
    else if (this.#blocked.size < MAX_BLOCKED) this.#blocked.set(jid, atSeconds)
  }

  /** Phone numbers of the people this account wrote with: they learn of device changes. */
  get contactNumbers(): readonly string[] {
    return [...this.#contacts]
  }

  /** Two people write with each other; beyond {@link MAX_CONTACTS} the oldest is forgotten. */
  meet(other: Account): void {
    if (other === this) return
    this.#contacts.add(other.facts.phoneNumber)
    const oldest = this.#contacts.values().next().value
    if (this.#contacts.size > MAX_CONTACTS && oldest !== undefined) this.#contacts.delete(oldest)
  }

  /** Phone numbers of those who want to know this account's presence, and the address they know it by. */
  get watchers(): ReadonlyMap<string, Addressing> {
    return this.#watchers
  }

  /** Adds or removes somebody who wants to know this account's presence. */
  setWatcher(phoneNumber: string, addressing: Addressing | undefined): void {
    if (addressing === undefined) this.#watchers.delete(phoneNumber)
    else if (this.#watchers.size < MAX_CONTACTS) this.#watchers.set(phoneNumber, addressing)
  }

  /** Every device but the one given, phone first. */
  devicesExcept(deviceId: number): readonly Device[] {
    return [...this.devices.values()].filter((device) => device.id !== deviceId)
  }
}

/** The other of the two addresses. */
export function otherAddressing(addressing: Addressing): Addressing {
  return addressing === 'pn' ? 'lid' : 'pn'
}
