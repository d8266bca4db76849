/** Linking a device: the text of the QR code and the signed device identity. */
export * from './device-identity.ts'
export * from './qr.ts'
