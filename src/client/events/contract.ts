/**
 * The contract at work: checks payloads before they are recorded, and makes those of older versions into the newest when they
 * are read. It loads zod, so it is loaded itself by the first event that is staged or read (`load-contract.ts`) and by
 * nothing else.
 */
import * as z from 'zod'
import { StorageError } from '../../base/errors.ts'
import type { EventDefinition } from './definition.ts'

/** A payload before it is recorded. */
export interface CheckedPayload {
  /** What to record: as the schema has it, or as it was given when it cannot be brought to fit. */
  readonly payload: unknown
  /** Where it broke the contract, as paths; none for a sound one. */
  readonly faults: readonly string[]
  /** Whether `payload` keeps the contract, if need be by leaving out what broke it. */
  readonly isSound: boolean
}

/** A set of definitions that can be applied. */
export interface EventContract {
  /** Checks a payload that is about to be recorded. Never throws. */
  check(type: string, payload: unknown): CheckedPayload
  /**
   * The payload in its newest version.
   *
   * @param version - the version that it was written with
   * @throws {StorageError} `WATON_STORE_RECORD` when it is not what that version says, `WATON_STORE_RECORD_NEWER` when the
   *   type or the version is not known
   */
  read(type: string, version: number, payload: unknown): unknown
  /** The schema of a type, or `undefined`. */
  schemaOf(type: string): z.ZodType | undefined
}

/** How often a payload is repaired before it is given up: each round leaves out what broke the round before. */
const MAX_REPAIRS = 8

/** Faults that are told. */
const MAX_FAULTS = 8

/** Applies definitions. Schemas are built when they are first needed and kept: there are as many as definitions. */
export function createContract(
  definitions: Readonly<Record<string, EventDefinition<string, unknown>>>,
): EventContract {
  const schemas = new Map<string, z.ZodType>()
  const schemaOf = (type: string): z.ZodType | undefined => {
    const known = schemas.get(type)
    if (known !== undefined || !Object.hasOwn(definitions, type)) return known
    const built = definitions[type]?.schema(z)
    if (built !== undefined) schemas.set(type, built)
    return built
  }
  return {
    schemaOf,
    check(type, payload) {
      const schema = schemaOf(type)
      return schema === undefined
        ? { payload, faults: ['(the type of the event)'], isSound: false }
        : check(schema, payload)
    },
    read(type, version, payload) {
      const schema = schemaOf(type)
      const definition = definitions[type]
      if (schema === undefined || definition === undefined || version > definition.version)
        throw newer(type, version)
      const result = schema.safeParse(upcast(definition, version, payload))
      if (!result.success) throw broken(type, version, result.error)
      return result.data
    },
  }
}

function upcast(
  { type, version: newest, upcasters }: EventDefinition<string, unknown>,
  version: number,
  payload: unknown,
): unknown {
  if (!Number.isSafeInteger(version) || version < 1) throw broken(type, version)
  if (version === newest) return payload
  if (typeof payload !== 'object' || payload === null) throw broken(type, version)
  try {
    return upcasters
      .slice(version - 1, newest - 1)
      .reduce((older, step) => step(older), payload as Readonly<Record<string, unknown>>)
  } catch (cause) {
    throw broken(type, version, cause)
  }
}

function check(schema: z.ZodType, payload: unknown): CheckedPayload {
  const result = schema.safeParse(payload)
  if (result.success) return { payload: result.data, faults: [], isSound: true }
  const faults = pathsOf(result.error)
  const repaired = repair(schema, payload, result.error)
  return repaired === undefined
    ? { payload, faults, isSound: false }
    : { payload: repaired, faults, isSound: true }
}

/** Leaves out what breaks the schema until the rest keeps it, or tells with `undefined` that nothing whole remains. */
function repair(schema: z.ZodType, payload: unknown, error: z.ZodError): unknown {
  const draft = plainCopy(payload)
  let issues = error.issues
  for (let round = 0; round < MAX_REPAIRS; round += 1) {
    // from the last one on: taking an item out of a list moves those behind it
    for (const { path } of [...issues].reverse()) if (!leaveOut(draft, path)) return undefined
    const result = schema.safeParse(draft)
    if (result.success) return result.data
    issues = result.error.issues
  }
  return undefined
}

/** Takes out what stands at the path, or what stands around it when there is nothing. */
function leaveOut(root: unknown, path: readonly PropertyKey[]): boolean {
  const key = path.at(-1)
  if (key === undefined) return false
  const around = path.slice(0, -1)
  const parent = around.reduce<unknown>((inner, name) => (isHolder(inner) ? inner[name] : undefined), root)
  if (!isHolder(parent) || !Object.hasOwn(parent, key)) return leaveOut(root, around)
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else Reflect.deleteProperty(parent, key)
  return true
}

function isHolder(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

/** A copy of what JSON can hold; the rest is dropped. */
function plainCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainCopy)
  if (!isHolder(value) || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainCopy(inner)]))
}

/** Where it is wrong, never what stands there: payloads hold texts of users. */
function pathsOf({ issues }: z.ZodError): readonly string[] {
  return issues.slice(0, MAX_FAULTS).map(({ path, code }) => `${path.map(String).join('.')}: ${code}`)
}

function newer(type: string, version: number): StorageError {
  return new StorageError(
    'WATON_STORE_RECORD_NEWER',
    'an event was written by a newer waton; use that version or newer to read it',
    { details: { type: type.slice(0, 64), version }, action: 'upgrade' },
  )
}

function broken(type: string, version: number, cause?: unknown): StorageError {
  const faults = cause instanceof z.ZodError ? pathsOf(cause).join('; ') : 'version'
  return new StorageError(
    'WATON_STORE_RECORD',
    'a stored event is not what its version says; it was kept as it is: report it with its type and version',
    { details: { type, version, faults }, ...(cause instanceof z.ZodError ? {} : { cause }) },
  )
}
