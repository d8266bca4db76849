/** The fields of stored records, read back. Each function throws when something else is in its place. */
import type { KeyPair } from '../../protocol/crypto/index.ts'
import { wrongField } from './record-kind.ts'

/** Bytes, of a certain number of them when one is given. */
export function bytes(value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw wrongField('bytes')
  return value
}

/** Both halves of a key. */
export function keyPair(value: unknown): KeyPair {
  const pair = value as { publicKey?: unknown; privateKey?: unknown }
  return { publicKey: bytes(pair.publicKey, 32), privateKey: bytes(pair.privateKey, 32) }
}

/** A whole number. */
export function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongField('a whole number')
  return value
}

/** A text. */
export function text(value: unknown): string {
  if (typeof value !== 'string') throw wrongField('a text')
  return value
}

/** Yes or no. */
export function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongField('yes or no')
  return value
}

/** A list of anything. */
export function list<Value>(value: unknown, read: (value: unknown) => Value): Value[] {
  if (!Array.isArray(value)) throw wrongField('a list')
  return value.map(read)
}

/** A list of whole numbers. */
export function integers(value: unknown): number[] {
  return list(value, integer)
}

/** A field that may be missing: it stays away then. */
export function optional<Name extends string, Value>(
  name: Name,
  value: unknown,
  read: (value: unknown) => Value,
): { [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: read(value) }) as { [Key in Name]?: Value }
}
