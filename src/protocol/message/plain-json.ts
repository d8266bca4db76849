/**
 * Any decoded message as plain JSON, for kinds that are too rare to have a reader of their own: the schema's field names,
 * bytes as base64, nothing inherited, and bounds on depth and size.
 */
import { toBase64 } from '../../base/bytes.ts'

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject

/** An object that JSON can hold. */
export interface JsonObject {
  readonly [name: string]: Json
}

/** Levels below which values are left out. */
export const MAX_JSON_DEPTH: number = 24

/** Values after which further ones are left out. */
export const MAX_JSON_VALUES: number = 10_000

/** Fields that belong to the shared options or are nobody's business. */
const LEFT_OUT: ReadonlySet<string> = new Set(['contextInfo', 'messageContextInfo', 'messageSecret'])

interface Budget {
  values: number
}

/** The fields of a decoded message that are set. */
export function plainJson(message: object): JsonObject {
  return objectJson(message, MAX_JSON_DEPTH, { values: MAX_JSON_VALUES })
}

function objectJson(value: object, depth: number, budget: Budget): JsonObject {
  const plain: Record<string, Json> = {}
  for (const [name, field] of Object.entries(value)) {
    if (name.startsWith('$') || LEFT_OUT.has(name)) continue
    // generated classes give every repeated field an empty list
    if (Array.isArray(field) && field.length === 0) continue
    const json = valueJson(field, depth - 1, budget)
    if (json !== undefined) plain[name] = json
  }
  return plain
}

function valueJson(value: unknown, depth: number, budget: Budget): Json | undefined {
  if (depth <= 0 || budget.values <= 0) return undefined
  budget.values -= 1
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (value instanceof Uint8Array) return toBase64(value)
  if (Array.isArray(value)) {
    return value.map((item) => valueJson(item, depth - 1, budget)).filter((item) => item !== undefined)
  }
  return typeof value === 'object' && value !== null ? objectJson(value, depth, budget) : undefined
}
