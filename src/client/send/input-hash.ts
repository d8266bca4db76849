/**
 * What the caller of a send asked for, as a hash: a second send with the same id is the same message when it asks for the
 * same. The message itself says too much for that: it has a secret, times and previews that no second call repeats.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { toJson } from '../state/record-kind.ts'

/** Enough to tell mistakes apart: nobody gains anything by two contents that are taken for one. */
const HASH_BYTES = 16

/** Larger bytes are compared by their ends: hashing all of a film would hold up everything else. */
const MAX_BYTES = 256 * 1024
const END_BYTES = 64 * 1024

/** Content is not nested deeper by far; what is may be a ring. */
const MAX_DEPTH = 64

/** What was found on the way through content. */
interface Findings {
  /** A stream, say: nothing can be said about it without reading it. */
  isIncomparable: boolean
}

/**
 * The hash of content as it was given. Of a message that it is about, only which one that is counts: it may be known in
 * more detail the second time.
 *
 * @returns `undefined` when something in it cannot be compared, e.g. a stream
 */
export function inputHash(content: object): Uint8Array | undefined {
  const findings = { isIncomparable: false }
  try {
    const input = comparable(content, 0, findings)
    if (findings.isIncomparable) return undefined
    return sha256(utf8Bytes(toJson(input))).slice(0, HASH_BYTES)
  } catch {
    // a field that cannot be read: whoever builds the message says so
    return undefined
  }
}

/** The value with its fields in one order, and without those that say nothing. */
function comparable(value: unknown, depth: number, findings: Findings): unknown {
  if (typeof value !== 'object' || value === null) return simple(value, findings)
  if (value instanceof Uint8Array) return { bytes: value.length, hash: hashOf(value) }
  if (depth > MAX_DEPTH || !(Array.isArray(value) || isPlain(value))) {
    findings.isIncomparable = true
    return undefined
  }
  if (Array.isArray(value)) return value.map((one) => comparable(one, depth + 1, findings))
  if ('id' in value && 'chat' in value && typeof value.chat === 'string') return { message: value.id }
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => [name, comparable(inner, depth + 1, findings)] as const)
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)))
}

function simple(value: unknown, findings: Findings): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') findings.isIncomparable = true
  return typeof value === 'bigint' ? String(value) : value
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function hashOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= MAX_BYTES) return sha256(bytes)
  return sha256(bytes.subarray(0, END_BYTES), bytes.subarray(bytes.length - END_BYTES))
}
