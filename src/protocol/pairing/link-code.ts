/**
 * Linking by a code of eight characters instead of a QR code: what this device computes. Both sides exchange ephemeral
 * keys that are encrypted with a key stretched from the code; whoever does not know the code ends with other keys. The
 * stanzas around it are `stanza/iq/link-code.ts` and `stanza/link-code-notification.ts`.
 *
 * Sizes, order and labels: Baileys 7.0.0-rc14 `Socket/socket.js` requestPairingCode, `Socket/messages-recv.js`
 * link_code_companion_reg, `Utils/crypto.js` derivePairingCodeKey; whatsmeow `pair-code.go`.
 */
import { concatBytes } from '../../base/bytes.ts'
import { ProtocolError, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { aesCtr, aesGcmSeal, hkdfSha256, pbkdf2Sha256, sharedSecret, type KeyPair } from '../crypto/index.ts'

/** The characters of a code: 32 of them, so each stands for five bits; none looks like another. */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTVWXYZ'
const CODE_LENGTH = 8
const LINK_CODE = new RegExp(`^[${ALPHABET}]{${String(CODE_LENGTH)}}$`, 'u')
const CODE_BYTES = 5
const BITS_PER_CHARACTER = 5
const CHARACTER_MASK = 31

/** Makes guessing a code from what the server saw slow. @source whatsmeow `pair-code.go`, 2 << 16 */
const CODE_ITERATIONS = 131_072
const KEY_BYTES = 32
const SALT_BYTES = 32
const CTR_IV_BYTES = 16
const GCM_IV_BYTES = 12

/** Length of an ephemeral key as it travels: salt, counter block, encrypted key. */
export const WRAPPED_EPHEMERAL_BYTES: number = SALT_BYTES + CTR_IV_BYTES + KEY_BYTES

const BUNDLE_INFO = 'link_code_pairing_key_bundle_encryption_key'
const ADV_SECRET_INFO = 'adv_secret'

/** Makes a code: eight characters from 40 random bits. */
export function makeLinkCode(random: RandomSource): string {
  let bits = 0
  let bitCount = 0
  let code = ''
  for (const byte of random.bytes(CODE_BYTES)) {
    bits = (bits << 8) | byte
    bitCount += 8
    while (bitCount >= BITS_PER_CHARACTER) {
      bitCount -= BITS_PER_CHARACTER
      code += ALPHABET.charAt((bits >>> bitCount) & CHARACTER_MASK)
    }
    bits &= (1 << bitCount) - 1
  }
  return code
}

/**
 * A code that somebody chose, as both sides must use it: in capitals and without the dash in its middle.
 *
 * @throws {UsageError} `WATON_PAIRING_CODE` when it has another length or characters that a phone does not accept
 */
export function normaliseLinkCode(code: string): string {
  const normal = code.toUpperCase().replace(/^(.{4})[- ](.{4})$/u, '$1$2')
  if (LINK_CODE.test(normal)) return normal
  throw new UsageError(
    'WATON_PAIRING_CODE',
    `a pairing code has ${String(CODE_LENGTH)} characters of ${ALPHABET}; leave it out to get a random one`,
    { details: { length: code.length } },
  )
}

/** What {@link wrapEphemeral} hides, and behind what. */
export interface WrapInput {
  /** The eight characters that are typed in. */
  readonly code: string
  /** 32 bytes: the public key that only a holder of the code may learn. */
  readonly publicKey: Uint8Array
  /** Of salt and initialisation vector. */
  readonly random: RandomSource
}

/**
 * Encrypts a public key with the code.
 *
 * @returns 80 bytes: salt (32), counter block (16), AES-256-CTR of the key under PBKDF2-SHA256 of the code
 */
export async function wrapEphemeral({ code, publicKey, random }: WrapInput): Promise<Uint8Array> {
  const salt = random.bytes(SALT_BYTES)
  const iv = random.bytes(CTR_IV_BYTES)
  return concatBytes(salt, iv, aesCtr(await codeKey(code, salt), iv, publicKey))
}

/**
 * Decrypts the other side's public key with the code. A wrong code gives a wrong key, not an error: the first thing that is
 * sealed under it shows that.
 *
 * @param wrapped - 80 bytes, as {@link wrapEphemeral} makes them
 * @returns 32 bytes
 * @throws {ProtocolError} `WATON_PAIRING_WRAPPED_KEY` (as a rejection) when it has another length
 */
export async function unwrapEphemeral(wrapped: Uint8Array, code: string): Promise<Uint8Array> {
  if (wrapped.length !== WRAPPED_EPHEMERAL_BYTES) {
    throw new ProtocolError(
      'WATON_PAIRING_WRAPPED_KEY',
      'the encrypted key of the phone has the wrong length; ask for a new pairing code',
      { details: { expectedBytes: WRAPPED_EPHEMERAL_BYTES, actualBytes: wrapped.length } },
    )
  }
  const salt = wrapped.subarray(0, SALT_BYTES)
  const iv = wrapped.subarray(SALT_BYTES, SALT_BYTES + CTR_IV_BYTES)
  return aesCtr(await codeKey(code, salt), iv, wrapped.subarray(SALT_BYTES + CTR_IV_BYTES))
}

/** The keys of both sides, as this device has them once the phone has answered. */
export interface LinkCodeKeys {
  /** Made for this code. */
  readonly ephemeral: KeyPair
  /** This device's identity. */
  readonly identity: KeyPair
  /** 32 bytes, from {@link unwrapEphemeral}. */
  readonly primaryEphemeral: Uint8Array
  /** 32 bytes: identity key of the phone. */
  readonly primaryIdentity: Uint8Array
  /** Of the shared secret, salts and initialisation vectors. */
  readonly random: RandomSource
}

/** What this device answers the phone with, and the secret that both then share. */
export interface LinkCodeAgreement {
  /**
   * For `companion_finish`: salt (32), nonce (12), AES-256-GCM of both identity keys and 32 random bytes. Only a phone with
   * the right code can open it.
   */
  readonly wrappedKeyBundle: Uint8Array
  /** 32 bytes that take the place of the QR code's secret; must be durable before the bundle is sent. */
  readonly advSecret: Uint8Array
}

/**
 * Agrees with the phone.
 *
 * @throws {CryptoError} `WATON_CRYPTO_WEAK_KEY` when a key of the phone has low order, `WATON_CRYPTO_LENGTH` when one does
 *   not have 32 bytes
 */
export function agreeByLinkCode(keys: LinkCodeKeys): LinkCodeAgreement {
  const { ephemeral, identity, primaryEphemeral, primaryIdentity, random } = keys
  const ephemeralSecret = sharedSecret(ephemeral.privateKey, primaryEphemeral)
  const identitySecret = sharedSecret(identity.privateKey, primaryIdentity)
  const shared = random.bytes(KEY_BYTES)
  const salt = random.bytes(SALT_BYTES)
  const iv = random.bytes(GCM_IV_BYTES)
  const bundleKey = hkdfSha256(ephemeralSecret, KEY_BYTES, { salt, info: BUNDLE_INFO })
  const bundle = concatBytes(identity.publicKey, primaryIdentity, shared)
  const secrets = concatBytes(ephemeralSecret, identitySecret, shared)
  return {
    wrappedKeyBundle: concatBytes(salt, iv, aesGcmSeal(bundleKey, iv, bundle)),
    advSecret: hkdfSha256(secrets, KEY_BYTES, { info: ADV_SECRET_INFO }),
  }
}

function codeKey(code: string, salt: Uint8Array): Promise<Uint8Array> {
  return pbkdf2Sha256(code, salt, CODE_ITERATIONS, KEY_BYTES)
}
