/** Files of the media servers: their keys, encrypting, decrypting, and asking for one again. */
export { createMediaDecryptor, type MediaDecryption, type MediaDecryptor } from './decrypt.ts'
export {
  createMediaEncryptor,
  type EncryptedMedia,
  type MediaEncryption,
  type MediaEncryptor,
} from './encrypt.ts'
export { MEDIA_KEY_BYTES, MEDIA_KINDS, mediaKeys, mediaType, type MediaKeys, type MediaKind } from './keys.ts'
export {
  mediaRetryFailure,
  openMediaRetryResult,
  sealMediaRetryRequest,
  type MediaRetryFailure,
  type MediaRetryResult,
  type MediaRetryTarget,
  type SealedMediaRetry,
} from './retry.ts'
export { MEDIA_MAC_BYTES, encryptedMediaBytes } from './size.ts'
