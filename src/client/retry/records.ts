/**
 * What sending again remembers. An order says that one device must get a copy of one message; it is kept until the server
 * has that copy. How often a device was answered, and with which session, outlives the order.
 */
import type { PreKeyBundle } from '../../protocol/signal/index.ts'
import { bytesRecord, jsonRecord, wrongField } from '../state/record-kind.ts'
import type { RecordKind } from '../state/record-kind.ts'

/** One device that must get one message. */
export interface ResendOrder {
  readonly id: string
  /** As it is addressed on the wire. */
  readonly device: string
  /** `asked`: it could not read its copy. `missed`: it got none. */
  readonly reason: 'asked' | 'missed'
  /** Which of its requests this answers, as it counts them; 0 when it has not asked. */
  readonly count: number
  /** When it was taken; no two that a client takes have the same, so it is their order as well. */
  readonly orderedAtMs: number
  /** The chat of the message, canonical: whoever asks waits for a token of it. */
  readonly chat?: string
  /** What it is registered as now: another number means that it has lost its sessions. */
  readonly registrationId?: number
  /** Keys that it has sent along, verified. */
  readonly bundle?: PreKeyBundle
  /** The encoded stanza, once it is encrypted: repeated as it is until the server has it. */
  readonly stanza?: Uint8Array
  /** How often the server has refused the copy. */
  readonly refusals?: number
  /** How often the server has not handed out the keys of the device, and might later. */
  readonly keyRefusals?: number
}

/** What was done for one device about one message. */
export interface ResendHistory {
  /** Orders that were taken for it. */
  readonly answers: number
  /** The session that the second answer was encrypted in. */
  readonly baseKey?: Uint8Array
}

/** When a session was begun anew although there was one. */
export interface SessionRenewal {
  readonly atMs: number
}

/** A message whose devices are to be looked at again: the server knows others than those that got a copy. */
export interface FanOutCheck {
  readonly orderedAtMs: number
  /** What the server hashed its devices to. */
  readonly participantHash: string
  /** The devices that got a copy. */
  readonly copies: readonly string[]
}

/** Orders by message and device. */
export const RESEND_ORDER: RecordKind<ResendOrder> = jsonRecord('resend-order', 1, (parsed): ResendOrder => {
  const { reason, chat, registrationId, bundle, stanza, refusals, keyRefusals } = parsed
  if (reason !== 'asked' && reason !== 'missed') throw wrongField('a reason')
  return {
    id: text(parsed.id),
    device: text(parsed.device),
    reason,
    count: integer(parsed.count),
    orderedAtMs: integer(parsed.orderedAtMs),
    ...(chat === undefined ? {} : { chat: text(chat) }),
    ...(registrationId === undefined ? {} : { registrationId: integer(registrationId) }),
    ...(bundle === undefined ? {} : { bundle: bundleOf(bundle) }),
    ...(stanza === undefined ? {} : { stanza: bytes(stanza) }),
    ...(refusals === undefined ? {} : { refusals: integer(refusals) }),
    ...(keyRefusals === undefined ? {} : { keyRefusals: integer(keyRefusals) }),
  }
})

/** What was done, by message and device. */
export const RESEND_HISTORY: RecordKind<ResendHistory> = jsonRecord(
  'resend-history',
  1,
  (parsed): ResendHistory => ({
    answers: integer(parsed.answers),
    ...(parsed.baseKey === undefined ? {} : { baseKey: bytes(parsed.baseKey, 32) }),
  }),
)

/** Renewals by the address of the session. */
export const SESSION_RENEWAL: RecordKind<SessionRenewal> = jsonRecord('session-renewal', 1, (parsed) => ({
  atMs: integer(parsed.atMs),
}))

/** Messages whose devices are to be looked at, by id. */
export const FAN_OUT_CHECK: RecordKind<FanOutCheck> = jsonRecord(
  'fan-out-check',
  1,
  (parsed): FanOutCheck => ({
    orderedAtMs: integer(parsed.orderedAtMs),
    participantHash: text(parsed.participantHash),
    copies: texts(parsed.copies),
  }),
)

/** Serialised `Message`s for own devices that no human sees, by id: they have no outbox row. */
export const PEER_MESSAGE: RecordKind<Uint8Array> = bytesRecord('peer-message')

/** Between the message and the device in the key of an order. */
export const SEPARATOR = '\u0000'

/** The key of what is kept of a message and a device. @param device - canonical */
export function orderName(id: string, device: string): string {
  return `${id}${SEPARATOR}${device}`
}

function bundleOf(value: unknown): PreKeyBundle {
  const { registrationId, identityKey, signedPreKey, preKey } = fields(value)
  return {
    registrationId: integer(registrationId),
    identityKey: bytes(identityKey, 32),
    signedPreKey: { ...publicKeyOf(signedPreKey), signature: bytes(fields(signedPreKey).signature, 64) },
    ...(preKey === undefined ? {} : { preKey: publicKeyOf(preKey) }),
  }
}

function publicKeyOf(value: unknown): { readonly id: number; readonly publicKey: Uint8Array } {
  const { id, publicKey } = fields(value)
  return { id: integer(id), publicKey: bytes(publicKey, 32) }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw wrongField('keys')
  return value as Readonly<Record<string, unknown>>
}

function bytes(value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw wrongField('bytes')
  return value
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongField('a whole number')
  return value
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) throw wrongField('a list')
  return value.map(text)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw wrongField('a text')
  return value
}
