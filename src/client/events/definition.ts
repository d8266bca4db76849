/**
 * How a durable event is declared: its name, the version of its payload, the schema of that version, and the steps from older
 * versions. Nothing here loads zod: a schema is a function that is given it, so `import 'waton'` stays cheap.
 */
import type * as zod from 'zod'

/** The zod library, given to the functions that build schemas. */
export type Zod = typeof zod

/** A schema whose output is `Value`, and whose input is what JSON can hold. */
export type ZodSchema<Value> = zod.ZodType<Value>

/** Turns the payload of one version into that of the next. Must not throw on anything that the older version allowed. */
export type Upcaster = (payload: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>

/** A durable event; see {@link defineEvent}. */
export interface EventDefinition<Type extends string, Payload> {
  /** Its name: what it is about, then what happened to it, e.g. `message.receipt`. */
  readonly type: Type
  /** The version that payloads are written with, from 1. */
  readonly version: number
  /** Builds the schema of this version. */
  readonly schema: (z: Zod) => ZodSchema<Payload>
  /** The steps from older versions: `upcasters[0]` makes version 2 of version 1, and so on. */
  readonly upcasters: readonly Upcaster[]
}

/**
 * Declares a durable event. A payload that was ever written stays readable: whoever changes the schema raises `version`, adds
 * the step from the version before, and keeps a payload of that version in `tests/events/fixtures`.
 */
export function defineEvent<Type extends string, Payload>(
  definition: Omit<EventDefinition<Type, Payload>, 'upcasters'> & {
    readonly upcasters?: readonly Upcaster[]
  },
): EventDefinition<Type, Payload> {
  return { upcasters: [], ...definition }
}
