/**
 * Entering a pairing code, as a phone computes it: the companion's key out of the code, the phone's own key behind it, and
 * the companion's keys out of their bundle. Written from the protocol, without the library's own pairing.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/messages-recv.js` link_code_companion_reg, read from the other side; whatsmeow
 *   `pair-code.go`
 */
import { concatBytes, equalBytes } from '../../base/bytes.ts'
import { CryptoError, errorCode, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import {
  aesCtr,
  aesGcmOpen,
  generateKeyPair,
  hkdfSha256,
  pbkdf2Sha256,
  sharedSecret,
} from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import type { AnnouncedCode, CompanionKeys } from '../link.ts'

/** What people can read off a screen without mistaking one character for another. */
const CODE = /^[1-9A-HJ-NP-TV-Z]{8}$/
const ITERATIONS = 2 << 16
const KEY_BYTES = 32

/** An entered code, before the companion has answered. */
export interface EnteredCode {
  readonly ephemeral: KeyPair
  /** 32 bytes; anything when the code was wrong. */
  readonly companionEphemeral: Uint8Array
  /** The phone's ephemeral key for the companion, 80 bytes. */
  readonly wrappedEphemeral: Uint8Array
}

/**
 * Enters a code.
 *
 * @param text - as the client shows it, with or without a dash
 * @throws {UsageError} `WATON_PHONE_LINK_CODE` when no code looks like that
 */
export async function enterCode(
  text: string,
  { wrappedEphemeral }: AnnouncedCode,
  random: RandomSource,
): Promise<EnteredCode> {
  const code = text.replace(/[-\s]/gu, '').toUpperCase()
  if (!CODE.test(code)) {
    throw new UsageError(
      'WATON_PHONE_LINK_CODE',
      'a pairing code has eight letters and digits, without 0, I, O and U',
    )
  }
  const stretched = await pbkdf2Sha256(code, wrappedEphemeral.subarray(0, 32), ITERATIONS, KEY_BYTES)
  const companionEphemeral = aesCtr(
    stretched,
    wrappedEphemeral.subarray(32, 48),
    wrappedEphemeral.subarray(48),
  )
  const ephemeral = generateKeyPair(random)
  const [salt, counter] = [random.bytes(32), random.bytes(16)]
  const ownKey = await pbkdf2Sha256(code, salt, ITERATIONS, KEY_BYTES)
  const wrapped = concatBytes(salt, counter, aesCtr(ownKey, counter, ephemeral.publicKey))
  return { ephemeral, companionEphemeral, wrappedEphemeral: wrapped }
}

/**
 * Opens what the companion answered.
 *
 * @returns the secret that vouches for the companion, 32 bytes
 * @throws {CryptoError} `WATON_PHONE_LINK_CODE_WRONG` when the two sides do not hold the same code
 */
export function openKeyBundle(entered: EnteredCode, identity: KeyPair, companion: CompanionKeys): Uint8Array {
  const { wrappedKeyBundle: bundle, identityKey } = companion
  const secret = agree(entered.ephemeral.privateKey, entered.companionEphemeral)
  const info = 'link_code_pairing_key_bundle_encryption_key'
  const key = hkdfSha256(secret, KEY_BYTES, { salt: bundle.subarray(0, 32), info })
  const opened = openSealed(key, bundle)
  if (!equalBytes(opened.subarray(0, 32), identityKey)) throw wrongCode()
  if (!equalBytes(opened.subarray(32, 64), identity.publicKey)) throw wrongCode()
  const vouching = concatBytes(secret, agree(identity.privateKey, identityKey), opened.subarray(64))
  return hkdfSha256(vouching, KEY_BYTES, { info: 'adv_secret' })
}

function openSealed(key: Uint8Array, bundle: Uint8Array): Uint8Array {
  try {
    return aesGcmOpen(key, bundle.subarray(32, 44), bundle.subarray(44))
  } catch (error) {
    if (errorCode(error) === 'WATON_CRYPTO_TAG') throw wrongCode(error)
    throw error
  }
}

function agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return sharedSecret(privateKey, publicKey)
  } catch (error) {
    throw wrongCode(error)
  }
}

function wrongCode(cause?: unknown): CryptoError {
  const options = cause === undefined ? {} : { cause }
  return new CryptoError(
    'WATON_PHONE_LINK_CODE_WRONG',
    'the code is not the one that the client shows, or the client is not the one that announced it',
    options,
  )
}
