/**
 * How a device talks to the simulated server: stanzas in, stanzas out. A linked device gets its link after the Noise
 * handshake over a WebSocket; the phone (primary device, written by the simulator itself) gets one in memory. Handlers
 * and routing see only this shape, so a phone is served by the same strict code as any client.
 */
import type { BinaryNode } from '../protocol/binary/node.ts'

/** What a device does with what the server sends. */
export interface LinkListener {
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
  close(): void
}

/** What the phone hands in when it scans a QR code; the server turns it into `pair-success` for the waiting socket. */
export interface PairingApproval {
  /** The `ref` from the QR code. */
  readonly ref: string
  /** Serialised `ADVSignedDeviceIdentityHMAC`, made and signed by the phone for the device id it was given. */
  readonly deviceIdentity: Uint8Array
  readonly deviceId: number
  readonly platform: string
  /** The phone's new list of its devices (serialised `ADVSignedKeyIndexList`), for whoever asks for them. */
  readonly keyIndexList?: { readonly atSeconds: number; readonly signed: Uint8Array }
}

/** What the server offers a phone beyond stanzas: the parts of pairing that happen on the phone's own connection. */
export interface PrimaryServices {
  /** Opens the phone's in-memory link. */
  attach(listener: LinkListener): DeviceLink
  /** Reserves the next device id of the account (1, 2, ...). */
  reserveDeviceId(): number
  /** Resolves when the companion has answered `pair-device-sign`; rejects with a typed error when it refuses. */
  approvePairing(approval: PairingApproval): Promise<void>
  /** The linked devices as the server knows them. */
  linkedDevices(): readonly {
    readonly deviceId: number
    readonly platform: string
    readonly online: boolean
  }[]
  /**
   * Calls `listener` when a linked device has logged in and published its one-time pre-keys, so that it can be written
   * to. A server without it is asked again and again through `linkedDevices`.
   */
  onDeviceReady?(listener: (deviceId: number) => void): void
}
