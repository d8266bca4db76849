/**
 * Where a decoded message has fields that the schema does not know: paths such as `imageMessage.99`. The bytes stay in
 * the message; this is for counting what this version is missing.
 */
import type { MessageProperties } from '../proto/message.ts'

/** Fields that are named of one message; more are left out. */
export const MAX_UNKNOWN_FIELDS: number = 32

/** Values that are looked at in one message. */
const MAX_VISITED = 20_000

/** Levels that are looked at. */
const MAX_DEPTH = 32

interface Walk {
  readonly found: string[]
  left: number
}

/** The paths of unknown fields, each once; at most {@link MAX_UNKNOWN_FIELDS}. */
export function unknownFields(message: MessageProperties): readonly string[] {
  const walk: Walk = { found: [], left: MAX_VISITED }
  visit(message, '', MAX_DEPTH, walk)
  return [...new Set(walk.found)]
}

function visit(value: object, path: string, depth: number, walk: Walk): void {
  // not enumerable
  const { $unknowns: own } = value as { readonly $unknowns?: readonly Uint8Array[] }
  for (const bytes of own?.slice(0, MAX_UNKNOWN_FIELDS - walk.found.length) ?? [])
    walk.found.push(`${path}${String(fieldNumber(bytes))}`)
  if (depth <= 0) return
  for (const name of Object.keys(value)) {
    const field: unknown = (value as Readonly<Record<string, unknown>>)[name]
    // texts and numbers are most fields
    if (typeof field !== 'object' || field === null || field instanceof Uint8Array) continue
    walk.left -= 1
    if (walk.left < 0 || walk.found.length >= MAX_UNKNOWN_FIELDS) return
    // elements of a list go by the name of the list
    visit(field, Array.isArray(value) ? path : `${path}${name}.`, depth - 1, walk)
  }
}

/** The field number in the tag that unknown bytes begin with. */
function fieldNumber(bytes: Uint8Array): number {
  let tag = 0
  let scale = 1
  for (const byte of bytes.subarray(0, 5)) {
    tag += (byte & 0x7f) * scale
    if (byte < 0x80) break
    scale *= 128
  }
  return Math.floor(tag / 8)
}
