/**
 * One device of an account as the server knows it: keys, mailbox, and whether it is connected. Device 0 is the phone.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { KeyDirectory } from './key-directory.ts'
import { Mailbox } from './mailbox.ts'
import type { MailboxEntry } from './mailbox.ts'

/** The connected end of a device: who to tell that something waits, and how to throw it off. */
export interface DeviceOutlet {
  /** Something new is in the mailbox. @returns whether it was sent; otherwise it waits */
  deliver(entry: MailboxEntry): boolean
  /** Sends a stanza that nobody has to answer and that is lost when the device is away. */
  sendTransient(stanza: BinaryNode): void
  /** Another connection of the same device took over. */
  replace(): void
  /** The device was removed from the account. */
  remove(): void
  /** Says this last and closes. */
  endWith(stanza: BinaryNode): void
  /** Cuts the connection without a word. */
  cut(): void
  /** Cuts the connection when `stanzas` more were sent to the device. */
  cutAfter(stanzas: number): void
}

/** What is fixed when a device is linked. */
export interface DeviceFacts {
  /** 0 for the phone. */
  readonly id: number
  /** Position in the account's signed list of devices; 0 for the phone. */
  readonly keyIndex: number
  /** What kind of client it says it is, e.g. `chrome`. */
  readonly platform: string
  /** What it said of itself when it registered: serialised `DeviceProps`. The phone has none. */
  readonly deviceProps?: Uint8Array
  /** Serialised complete `ADVSignedDeviceIdentity`; the phone has none. */
  readonly deviceIdentity: Uint8Array | undefined
  /** The Noise key the device was linked with: it must log in with the same. The phone has none. */
  readonly noiseKey: Uint8Array | undefined
  readonly linkedAtSeconds: number
}

/** See the file comment. */
export class Device {
  facts: DeviceFacts
  readonly directory: KeyDirectory = new KeyDirectory()
  readonly mailbox: Mailbox = new Mailbox()
  /** Kinds of data that changed while the device was away, with the second it happened; cleaned by the device. */
  readonly dirty: Map<string, number> = new Map<string, number>()
  /** Ids of the messages the device sent lately, to notice one that is sent again. */
  readonly sentIds: BoundedMap<string, number> = new BoundedMap<string, number>(2_000)
  /** Bytes the client presents at its next connect. */
  readonly routingInfo: Uint8Array
  /** Set while connected. */
  outlet: DeviceOutlet | undefined
  /** What the device says of its owner: shown to others. */
  isAvailable = false

  constructor(facts: DeviceFacts, routingInfo: Uint8Array) {
    this.facts = facts
    this.routingInfo = routingInfo
  }

  get id(): number {
    return this.facts.id
  }

  get isOnline(): boolean {
    return this.outlet !== undefined
  }
}
