/** The device under test, as a scenario drives it: the same calls for Baileys and for waton. */
import type { OutgoingContent } from 'waton'
import type { SimulatedPhone } from 'waton/simulator'
import type { DeviceDescription, HistoryPolicy } from '../../../src/protocol/noise/client-payload.ts'
import type { BaileysCredentials } from '../../helpers/baileys.ts'

/** Which client is under test. */
export type PartyName = 'baileys' | 'waton'

/** The keys that both clients begin with. */
export type SharedCredentials = BaileysCredentials

/** The same addition in the words of each client. */
export interface Addition {
  readonly baileys: object
  readonly waton: OutgoingContent
}

/** One client with one account. */
export interface Party {
  readonly name: PartyName
  /** The QR codes it has shown. */
  readonly qrs: readonly string[]
  /** The texts it has announced to its user, in order. */
  readonly texts: readonly string[]
  /** How often it has told its user that it is open. */
  readonly opened: number
  /** Begins to connect; from then on it comes back by itself. */
  connect(options?: { readonly isChatty: boolean }): Promise<void>
  disconnect(): Promise<void>
  /** A code that the phone can enter, once the server has taken it. */
  requestCode(phone: SimulatedPhone): Promise<string>
  /** Resolves with the message id once the client has taken the message. */
  send(chat: string, text: string, id?: string): Promise<string>
  /** Declines a call of the device `creator`; resolves when the server knows. */
  rejectCall(id: string, creator: string): Promise<void>
  /** Adds something to a message, or to the chat; each client takes it in its own words. */
  add(chat: string, addition: Addition, id: string): Promise<void>
  /** Asks the server a question with this id and waits for the answer: what it wrote before has arrived by then. */
  mark(id: string): Promise<void>
  /** Comes back and replaces the signed pre-key: Baileys because it is told to, waton because the key is old. */
  reconnectAndRotate(): Promise<void>
  /** Removes itself from the account. */
  logout(): Promise<void>
  quit(): Promise<void>
}

/** The device description that both announce. */
export const DEVICE: DeviceDescription = { os: 'Ubuntu', browser: 'Chrome' }

/** The history policy that both announce: Baileys' `syncFullHistory: false`. */
export const HISTORY: HistoryPolicy = 'recent'
