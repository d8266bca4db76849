/**
 * The crypto door: every primitive that waton uses enters here and nowhere else. Behind it are `node:crypto`, and for
 * XEdDSA signatures `sodium-native` or `@noble/curves`; in front of it are plain functions over `Uint8Array`.
 */
export { aesGcmOpen, aesGcmSeal, aesGcmSealInto, GCM_TAG_BYTES, type GcmSealing } from './aead.ts'
export { aesCbcDecrypt, aesCbcEncrypt, aesCtr, createCbcOpener, type CbcOpener } from './block.ts'
export { constantTimeEqual } from './constant-time.ts'
export { CURVE_KEY_BYTES, generateKeyPair, keyPairFromPrivate, sharedSecret, type KeyPair } from './curve.ts'
export { md5, sha1, sha256, sha512 } from './hash.ts'
export { hkdfSha256, hkdfSha256Into, type HkdfOptions } from './hkdf.ts'
export { hmacSha256, hmacSha512 } from './hmac.ts'
export { pbkdf2Sha256 } from './pbkdf2.ts'
export {
  aesCbcDecryptStream,
  aesCbcEncryptStream,
  hmacSha256Stream,
  sha256Stream,
  type CipherStream,
  type DigestStream,
} from './streaming.ts'
export { sign, SIGNATURE_BYTES, verify } from './xeddsa.ts'
