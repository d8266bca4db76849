/** The encrypted channel to the server: handshake, the server's certificate, and the cipher of the open connection. */
export {
  type CertificateChain,
  type CertificateTrust,
  checkCertificateChain,
  type NoiseCertificate,
  WHATSAPP_ROOT_KEY,
  WHATSAPP_ROOT_SERIAL,
} from './certificate.ts'
export { type Handshake, type HandshakeOptions, startHandshake } from './handshake.ts'
export {
  type FallbackResult,
  resumeHandshake,
  type ResumedResult,
  type ResumeOptions,
  type Resumption,
} from './resume.ts'
export type { HandshakeResult, HandshakeTrust } from './server-hello.ts'
export type { HandshakePattern } from './symmetric-state.ts'
export {
  MAX_PAYLOAD_BYTES,
  TransportCipher,
  type TransportCounters,
  type TransportKeys,
} from './transport-cipher.ts'
