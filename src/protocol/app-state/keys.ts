/** The keys of app state: the phone shares one secret with all devices, and five keys are derived from it. */
import { ProtocolError } from '../../base/errors.ts'
import { hkdfSha256 } from '../crypto/index.ts'

/** Bytes of the secret that a phone shares, and of each key derived from it. */
const KEY_BYTES = 32
const INFO = 'WhatsApp Mutation Keys'

/** What protects the values of one secret, 32 bytes each. */
export interface AppStateKeys {
  /** Makes the MAC that stands for an index. */
  readonly index: Uint8Array
  /** Encrypts values. */
  readonly valueEncryption: Uint8Array
  /** Signs encrypted values. */
  readonly valueMac: Uint8Array
  /** Signs the hash of a whole collection. */
  readonly snapshotMac: Uint8Array
  /** Signs a patch. */
  readonly patchMac: Uint8Array
}

/**
 * Expands one app-state sync key into the five keys that protect mutations.
 *
 * @param keyData - 32 bytes, `AppStateSyncKeyData.keyData`
 * @returns five 32-byte keys, cut in this order from 160 bytes of HKDF-SHA256 (no salt, info "WhatsApp Mutation Keys"):
 *   index, value encryption, value MAC, snapshot MAC, patch MAC
 * @throws {ProtocolError} `WATON_APP_STATE_KEY_LENGTH` when `keyData` is not 32 bytes
 * @source whatsmeow `appstate/keys.go` expandAppStateKeys; whatsapp-rust-bridge 0.5.5 expandAppStateKeys
 */
export function expandAppStateKeys(keyData: Uint8Array): AppStateKeys {
  if (keyData.length !== KEY_BYTES) {
    throw new ProtocolError(
      'WATON_APP_STATE_KEY_LENGTH',
      'an app-state key must have 32 bytes; the share it came in is damaged: ask the other devices for it again',
      { details: { expectedBytes: KEY_BYTES, actualBytes: keyData.length } },
    )
  }
  const expanded = hkdfSha256(keyData, 5 * KEY_BYTES, { info: INFO })
  const key = (place: number): Uint8Array => expanded.slice(place * KEY_BYTES, (place + 1) * KEY_BYTES)
  return { index: key(0), valueEncryption: key(1), valueMac: key(2), snapshotMac: key(3), patchMac: key(4) }
}
