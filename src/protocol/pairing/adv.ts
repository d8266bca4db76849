/**
 * What stands before the bytes that accounts and devices sign, so that a signature for one purpose is worth nothing for
 * another.
 *
 * @source whatsmeow `pair.go`; Cobalt `DeviceADVValidator` (after WA Web `WAWebAdvSignatureConstants`) for lists and for the
 *   device signature of hosted devices
 */

/** Before what the account key signs for an ordinary device. */
export const ACCOUNT_SIGNATURE_PREFIX: Uint8Array = Uint8Array.of(6, 0)
/** Before what the linked device signs itself. */
export const DEVICE_SIGNATURE_PREFIX: Uint8Array = Uint8Array.of(6, 1)
/** Before a list of device keys. */
export const KEY_INDEX_LIST_PREFIX: Uint8Array = Uint8Array.of(6, 2)
/** Before what the account key signs, and before what is HMACed, where a provider hosts the account. */
export const HOSTED_ACCOUNT_SIGNATURE_PREFIX: Uint8Array = Uint8Array.of(6, 5)
/** Before what a device signs that lives at a provider. */
export const HOSTED_DEVICE_SIGNATURE_PREFIX: Uint8Array = Uint8Array.of(6, 6)
