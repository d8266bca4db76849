/**
 * The one operation XEdDSA signing needs that Node's crypto lacks: a multiple of the Ed25519 base point for a given
 * scalar. It comes from libsodium (`sodium-native`, an optional prebuilt dependency) or, where that has no build (musl,
 * unusual processors), from `@noble/curves`. Both load on the first signature, never at import.
 */
import { createRequire } from 'node:module'
import type * as Noble from '@noble/curves/ed25519.js'

/** A library that multiplies the Ed25519 base point. */
export interface SignatureBackend {
  readonly name: 'sodium' | 'noble'
  /**
   * The compressed point `scalar * B`, 32 bytes.
   *
   * @param scalar - 1 to L - 1 (L is the group order)
   * @param scalarBytes - the same number as 32 little-endian bytes
   */
  multiplyBase(scalar: bigint, scalarBytes: Uint8Array): Uint8Array
}

/** The part of `sodium-native` that is used; the package has no types of its own. */
interface Sodium {
  crypto_scalarmult_ed25519_base_noclamp(output: Uint8Array, scalar: Uint8Array): void
}

const POINT_BYTES = 32
/** Window of the base point table: 8 bits make it 25 ms once and 0.2 ms per multiplication afterwards. */
const NOBLE_WINDOW_BITS = 8

const requireModule = createRequire(import.meta.url)
let chosen: SignatureBackend | undefined

/** The fastest backend that loads here; the choice is made once per process. */
export function signatureBackend(): SignatureBackend {
  chosen ??= loadSodiumBackend() ?? loadNobleBackend()
  return chosen
}

/** libsodium, or `undefined` when the optional package is missing or has no build for this machine. */
export function loadSodiumBackend(): SignatureBackend | undefined {
  let sodium: Sodium
  try {
    sodium = requireModule('sodium-native') as Sodium
  } catch {
    return undefined
  }
  return {
    name: 'sodium',
    multiplyBase(_scalar, scalarBytes) {
      const point = new Uint8Array(POINT_BYTES)
      sodium.crypto_scalarmult_ed25519_base_noclamp(point, scalarBytes)
      return point
    },
  }
}

/** `@noble/curves`: pure JavaScript, runs everywhere. */
export function loadNobleBackend(): SignatureBackend {
  const { ed25519 } = requireModule('@noble/curves/ed25519.js') as typeof Noble
  const base = ed25519.Point.BASE.precompute(NOBLE_WINDOW_BITS)
  return { name: 'noble', multiplyBase: (scalar) => base.multiply(scalar).toBytes() }
}
