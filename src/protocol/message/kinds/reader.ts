/**
 * How received content of one kind is read: which fields of `Message` it stands in, and what they become. Reading is one
 * lookup by the field that is present, so a kind costs nothing to the others.
 */
import { toBase64 } from '../../../base/bytes.ts'
import type { MessageKey, MessageProperties } from '../../proto/message.ts'
import { type MessageRef, type Perspective, refOf } from '../reference.ts'
import type { NestedContent } from '../content.ts'

/** A field of `Message`. */
export type MessageField = Exclude<keyof MessageProperties, '$unknowns'>

/** What a reader may use besides the field itself. */
export interface ReadScope {
  /** Who reads what whom wrote; `undefined` leaves keys as their writer sees them. */
  readonly perspective: Perspective | undefined
  /** How long an add-on such as a pin is to stay, in seconds. */
  readonly addOnSeconds: number | undefined
  /** The content of a message within this one; `undefined` when that is nested too deeply. */
  readonly nested: (message: MessageProperties) => NestedContent | undefined
}

/** See the file comment. */
export interface ContentReader<Name extends string, Content extends object> {
  readonly name: Name
  /** The fields of `Message` that hold this kind. */
  readonly fields: readonly MessageField[]
  /** The content in one of these fields; `undefined` when it lacks what makes it that kind. */
  readonly read: (message: MessageProperties, field: MessageField, scope: ReadScope) => Content | undefined
}

/** Declares how a kind is read. */
export function defineReader<const Name extends string, Field extends MessageField, Content extends object>(
  name: Name,
  fields: readonly Field[],
  read: (value: NonNullable<MessageProperties[Field]>, scope: ReadScope) => Content | undefined,
): ContentReader<Name, Content> {
  return {
    name,
    fields,
    read: (message, field, scope) => {
      const value = message[field as Field] as NonNullable<MessageProperties[Field]> | null | undefined
      return value === null || value === undefined ? undefined : read(value, scope)
    },
  }
}

/** Every field of `Result`, where an optional one may also be absent as protobuf says it. */
export type Loose<Result> = {
  readonly [Field in keyof Result]-?: object extends Pick<Result, Field>
    ? Result[Field] | null | undefined
    : Result[Field]
}

/** Leaves out what is absent. */
export function compact<Result extends object>(fields: Loose<Result>): Result {
  const present: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields))
    if (value !== null && value !== undefined) present[name] = value
  return present as Result
}

/** Bytes as base64; `undefined` for none. */
export function bytesText(bytes: Uint8Array | null | undefined): string | undefined {
  return bytes && bytes.length > 0 ? toBase64(bytes) : undefined
}

/** A number that JSON can hold. */
export function finite(value: number | null | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** Seconds on the wire as milliseconds. */
export function secondsToMs(seconds: number | null | undefined): number | undefined {
  return seconds === null || seconds === undefined ? undefined : seconds * 1000
}

/** `true` or nothing. */
export function flag(value: boolean | null | undefined): true | undefined {
  return value === true ? true : undefined
}

/** A list that is not empty. */
export function someOf<Item>(items: readonly Item[] | null | undefined): readonly Item[] | undefined {
  return items && items.length > 0 ? items : undefined
}

/** The name of an enum value; `unknown` for values that have none yet. */
export function named<const Name extends string>(
  names: Readonly<Record<number, Name>>,
  value: number | null | undefined,
): Name | 'unknown' | undefined {
  return value === null || value === undefined ? undefined : (names[value] ?? 'unknown')
}

/** What a key of the field points at. */
export function target(
  key: MessageKey.$Properties | null | undefined,
  { perspective }: ReadScope,
): MessageRef | undefined {
  return refOf(key, perspective)
}
