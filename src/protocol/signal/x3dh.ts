/**
 * The key agreement that opens a session (X3DH): three or four Diffie-Hellman secrets between identity, signed
 * pre-key, base key and one-time pre-key become the first root key. The order below is the initiator's view; the
 * responder computes the same secrets from the other halves.
 *
 * @source https://signal.org/docs/specifications/x3dh/ (section 3.3), info string of Signal's version 3
 */
import { concatBytes, EMPTY_BYTES } from '../../base/bytes.ts'
import { hkdfSha256, type KeyPair } from '../crypto/index.ts'
import { agree } from './ratchet.ts'

const AGREEMENT_INFO = 'WhisperText'
/** 32 bytes that no encoded Curve25519 key begins with, so that the input is unlike that of any other protocol. */
const DISCONTINUITY: Uint8Array = new Uint8Array(32).fill(0xff)

/** The initiator's side: private halves of its own keys, public halves from the bundle. */
export interface InitiatorKeys {
  readonly identity: KeyPair
  readonly base: KeyPair
  readonly remoteIdentity: Uint8Array
  readonly remoteSignedPreKey: Uint8Array
  readonly remotePreKey: Uint8Array | undefined
}

/** The responder's side: private halves of the keys that it had published, public halves from the message. */
export interface ResponderKeys {
  readonly identity: KeyPair
  readonly signedPreKey: KeyPair
  readonly preKey: KeyPair | undefined
  readonly remoteIdentity: Uint8Array
  readonly remoteBase: Uint8Array
}

/**
 * The first root key as the initiator computes it.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when a remote key has low order
 */
export function agreeAsInitiator(keys: InitiatorKeys): Uint8Array {
  const { identity, base, remoteIdentity, remoteSignedPreKey, remotePreKey } = keys
  return rootKeyOf(
    agree(identity.privateKey, remoteSignedPreKey, 'the signed pre-key'),
    agree(base.privateKey, remoteIdentity, 'the identity key'),
    agree(base.privateKey, remoteSignedPreKey, 'the signed pre-key'),
    remotePreKey === undefined ? EMPTY_BYTES : agree(base.privateKey, remotePreKey, 'the one-time pre-key'),
  )
}

/**
 * The first root key as the responder computes it.
 *
 * @throws {ProtocolError} `WATON_SIGNAL_INVALID_KEY` when a remote key has low order
 */
export function agreeAsResponder(keys: ResponderKeys): Uint8Array {
  const { identity, signedPreKey, preKey, remoteIdentity, remoteBase } = keys
  return rootKeyOf(
    agree(signedPreKey.privateKey, remoteIdentity, 'the identity key'),
    agree(identity.privateKey, remoteBase, 'the base key'),
    agree(signedPreKey.privateKey, remoteBase, 'the base key'),
    preKey === undefined ? EMPTY_BYTES : agree(preKey.privateKey, remoteBase, 'the base key'),
  )
}

/** HKDF gives 64 bytes: root key and a first chain key, which nobody uses because the initiator ratchets at once. */
function rootKeyOf(...secrets: readonly Uint8Array[]): Uint8Array {
  return hkdfSha256(concatBytes(DISCONTINUITY, ...secrets), 64, { info: AGREEMENT_INFO }).slice(0, 32)
}
