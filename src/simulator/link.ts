/**
 * How a device talks to the simulated server: stanzas in, stanzas out. A linked device gets its link after the Noise
 * handshake over a WebSocket; the phone (primary device, written by the simulator itself) gets one in memory. Handlers
 * and routing see only this shape, so a phone is served by the same strict code as any client.
 */
import type { BinaryNode } from '../protocol/binary/node.ts'
import type { PlannedRetry } from './media/media-plans.ts'

/** What a device does with what the server sends. */
export interface LinkListener {
  /** A stanza came from the server. */
  onNode(node: BinaryNode): void
  /** Called once. */
  onClose(): void
}

/** The device's end of a link. */
export interface DeviceLink {
  /** The device's phone-number JID, e.g. `15550000001:3@s.whatsapp.net` (device 0 without suffix). */
  readonly jid: string
  /** Sends one stanza to the server. */
  send(node: BinaryNode): void
  /** Ends the connection. */
  close(): void
}

/** What the phone hands in when it scans a QR code; the server turns it into `pair-success` for the waiting socket. */
export interface PairingApproval {
  /** The `ref` from the QR code, or of the announced code. */
  readonly ref: string
  /** Serialised `ADVSignedDeviceIdentityHMAC`, made and signed by the phone for the device id it was given. */
  readonly deviceIdentity: Uint8Array
  /** The number of the new device, from 1. */
  readonly deviceId: number
  /** What the server calls the kind of phone. */
  readonly platform: string
  /** Whether a provider hosts the account: its addresses then say so. @default false */
  readonly isHosted?: boolean
  /** What `pair-success` tells the companion instead of its device id. For tests of refusals. */
  readonly claimedDeviceId?: number
  /** The phone's new list of its devices (serialised `ADVSignedKeyIndexList`), for whoever asks for them. */
  readonly keyIndexList?: { readonly atSeconds: number; readonly signed: Uint8Array }
}

/** A companion that waits for the owner of this phone to type its code. */
export interface AnnouncedCode {
  /** Names it in the answer and in the approval. */
  readonly ref: string
  /** The companion's ephemeral key, encrypted with the code: salt (32), counter block (16), key (32). */
  readonly wrappedEphemeral: Uint8Array
  /** The kind of client, the number that QR codes use, as text. */
  readonly platformId: string
}

/** What the phone answers to an announced code. */
export interface CodeAnswer {
  /** Which announcement it answers. */
  readonly ref: string
  /** Identity key of the phone, 32 bytes. */
  readonly primaryIdentity: Uint8Array
  /** The phone's ephemeral key, encrypted with the code; left out where a passkey protects the account. */
  readonly wrappedPrimaryEphemeral: Uint8Array | undefined
}

/** What the companion answers to the phone. */
export interface CompanionKeys {
  /** Salt (32), nonce (12), sealed keys. */
  readonly wrappedKeyBundle: Uint8Array
  /** 32 bytes. */
  readonly identityKey: Uint8Array
}

/** The steps of linking by code that come before the approval. */
export interface LinkCodeServices {
  /** The code announced last. @throws {UsageError} `WATON_SIMULATOR_CODE_UNKNOWN`, `WATON_SIMULATOR_CODE_EXPIRED` */
  announced(): AnnouncedCode
  /** Resolves with what the companion says; rejects with a typed error when it does not. */
  answer(answer: CodeAnswer): Promise<CompanionKeys>
}

/** The media servers as a phone sees them: its files go there and come from there without a network. */
export interface MediaDesk {
  /** Keeps an encrypted file. @param kind - the word in the path of an upload, e.g. `image` */
  upload(kind: string, sealed: Uint8Array): { readonly url: string; readonly directPath: string }
  /** The encrypted file under a path, unless it has expired. */
  fetch(directPath: string): Uint8Array | undefined
  /** Forgets the file under a path, as if it had never been there. */
  forget(directPath: string): void
  /** What the phone is to do wrong with this request to upload a file again. */
  takeRetryFault(messageId: string): PlannedRetry | undefined
  /** Sends a linked device the answer to its request. */
  answerRetry(deviceId: number, notification: BinaryNode): void
}

/** The kinds of pieces of history, by their names in the schema. */
export const HISTORY_KINDS = [
  'INITIAL_BOOTSTRAP',
  'INITIAL_STATUS_V3',
  'FULL',
  'RECENT',
  'PUSH_NAME',
  'NON_BLOCKING_DATA',
  'ON_DEMAND',
] as const

/** What a piece of history is. */
export type HistoryKind = (typeof HISTORY_KINDS)[number]

/**
 * What a phone does wrong with a piece of history. `gone`: its file is not there, until it is asked for again; `corrupt`: a
 * byte of the file is another; `truncate`: the compressed bytes end in the middle; `wrong-digest`: the notification names
 * another hash; `twice`: there are two notifications of one piece; `bomb`: it expands to 64 MB of nothing.
 */
export type PieceFault = 'gone' | 'corrupt' | 'truncate' | 'wrong-digest' | 'twice' | 'bomb'

/** What is planned to go wrong with the history that a phone gives; each is used up by asking. */
export interface HistoryDesk {
  /** What goes wrong with the next piece of this kind. */
  takePieceFault(kind: HistoryKind): PieceFault | undefined
  /** Whether the pieces behind the first come in another order. */
  takeDisorder(): boolean
  /** Whether a request is not answered. */
  takeSilence(): boolean
}

/** What the server offers a phone beyond stanzas: the parts of pairing that happen on the phone's own connection. */
export interface PrimaryServices {
  /** Takes the phone's new list of its devices, for whoever asks for them. */
  publishKeyIndexList?(list: { readonly atSeconds: number; readonly signed: Uint8Array }): void
  /** Opens the phone's in-memory link. */
  attach(listener: LinkListener): DeviceLink
  /** Reserves the next device id of the account (1, 2, ...). */
  reserveDeviceId(): number
  /** Resolves when the companion has answered `pair-device-sign`; rejects with a typed error when it refuses. */
  approvePairing(approval: PairingApproval): Promise<void>
  /** Linking by code; a server without it links by QR code only. */
  readonly linkCodes?: LinkCodeServices
  /** The linked devices as the server knows them. */
  linkedDevices(): readonly {
    readonly deviceId: number
    readonly platform: string
    readonly online: boolean
    /** What the device said of itself when it registered: serialised `DeviceProps`. */
    readonly deviceProps?: Uint8Array | undefined
  }[]
  /**
   * Calls `listener` when a linked device has logged in and published its one-time pre-keys, so that it can be written
   * to. A server without it is asked again and again through `linkedDevices`.
   */
  onDeviceReady?(listener: (deviceId: number) => void): void
  /** Where files are kept; without it the phone sends and fetches none. */
  readonly media?: MediaDesk
  /** What is to go wrong with history. */
  readonly history?: HistoryDesk
  /** Writes a line about the phone into the record: something was lost on purpose. */
  noteFault?(text: string): void
}
