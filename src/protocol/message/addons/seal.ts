/**
 * The encryption of add-ons: AES-256-GCM with a key that only those who have the original message can derive, bound to
 * who wrote the original, who writes the add-on, and what it is for.
 *
 * @source whatsmeow `msgsecret.go` generateMsgSecretKey; Baileys 7.0.0-rc14 `Utils/process-message.js` decryptPollVote
 */
import { concatBytes, utf8Bytes } from '../../../base/bytes.ts'
import { CryptoError } from '../../../base/errors.ts'
import type { RandomSource } from '../../../base/random.ts'
import { aesGcmOpen, aesGcmSeal, hkdfSha256 } from '../../crypto/index.ts'
import { userJid } from '../../jid.ts'
import { MESSAGE_SECRET_BYTES } from '../secret.ts'
import type { AddonUse, SecretAddon } from './read.ts'

const IV_BYTES = 12
const KEY_BYTES = 32

/** Addresses of one person that are tried: phone number and LID. */
const MAX_ADDRESSES = 2

/** The names that keys are derived with. @source whatsmeow `msgsecret.go` EncSecret constants */
const USE_NAMES: Readonly<Record<AddonUse, string>> = {
  'poll-vote': 'Poll Vote',
  reaction: 'Enc Reaction',
  comment: 'Enc Comment',
  'event-response': 'Event Response',
  'event-edit': 'Event Edit',
  'message-edit': 'Message Edit',
  'poll-edit': 'Poll Edit',
  'poll-add-option': 'Poll Add Option',
}

/** Only these are bound to message and sender once more, as additional data. */
const BOUND_USES: ReadonlySet<AddonUse> = new Set(['poll-vote', 'event-response'])

/** What a key follows from. */
export interface AddonBinding {
  readonly use: AddonUse
  /** The secret of the original message, 32 bytes. */
  readonly secret: Uint8Array
  /** The id of the original message. */
  readonly targetId: string
  /** Who wrote the original. */
  readonly originalSender: string
  /** Who writes the add-on. */
  readonly sender: string
}

/** Where either person has two addresses, and nobody says which the sender has used. */
export interface AddonCandidates extends Omit<AddonBinding, 'use' | 'originalSender' | 'sender'> {
  /** The author of the original by phone number and LID; the likelier first. */
  readonly originalSenders: readonly string[]
  /** The author of the add-on, likewise. */
  readonly senders: readonly string[]
}

/**
 * Decrypts with the first pair of addresses that fits; at most four are tried.
 *
 * @throws {CryptoError} `WATON_ADDON_SECRET` when the original has no usable secret, `WATON_ADDON_UNREADABLE` when no pair fits
 */
export function unsealAddon(addon: SecretAddon, candidates: AddonCandidates): Uint8Array {
  const { secret, targetId } = candidates
  if (secret.length !== MESSAGE_SECRET_BYTES) {
    throw new CryptoError(
      'WATON_ADDON_SECRET',
      'the message that this belongs to has no secret of 32 bytes, so what was added to it cannot be read',
      { details: { bytes: secret.length } },
    )
  }
  for (const originalSender of users(candidates.originalSenders)) {
    for (const sender of users(candidates.senders)) {
      const plaintext = tryOpen(addon, { use: addon.use, secret, targetId, originalSender, sender })
      if (plaintext !== undefined) return plaintext
    }
  }
  throw new CryptoError(
    'WATON_ADDON_UNREADABLE',
    'what was added to a message does not fit to it and its sender; it is kept as it came',
    { details: { use: addon.use } },
  )
}

/** Encrypts an add-on; {@link unsealAddon} is the other direction. */
export function sealAddon(
  plaintext: Uint8Array,
  binding: AddonBinding,
  random: RandomSource,
): Pick<SecretAddon, 'payload' | 'iv'> {
  const iv = random.bytes(IV_BYTES)
  return { payload: aesGcmSeal(keyOf(binding), iv, plaintext, additionalData(binding)), iv }
}

function users(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses.map(userJid))].slice(0, MAX_ADDRESSES)
}

function tryOpen({ payload, iv }: SecretAddon, binding: AddonBinding): Uint8Array | undefined {
  try {
    return aesGcmOpen(keyOf(binding), iv, payload, additionalData(binding))
  } catch (error) {
    // not this pair of addresses, or an IV that is none
    if (error instanceof CryptoError) return undefined
    throw error
  }
}

function keyOf({ use, secret, targetId, originalSender, sender }: AddonBinding): Uint8Array {
  const info = concatBytes(
    ...[targetId, userJid(originalSender), userJid(sender), USE_NAMES[use]].map(utf8Bytes),
  )
  return hkdfSha256(secret, KEY_BYTES, { info })
}

function additionalData({ use, targetId, sender }: AddonBinding): Uint8Array | undefined {
  return BOUND_USES.has(use) ? utf8Bytes(`${targetId}\u0000${userJid(sender)}`) : undefined
}
