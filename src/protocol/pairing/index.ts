/** Linking a device: the text of the QR code, the cryptography of pairing codes, and the signed device identity. */
export * from './device-identity.ts'
export * from './link-code.ts'
export * from './qr.ts'
export * from './verify-identity.ts'
