/**
 * How a typed value becomes the opaque bytes of a store record. The first byte is always the record's version, so that
 * a newer waton can read what an older one wrote, and an older one refuses what it cannot know.
 */
import { StorageError } from '../../base/errors.ts'
import { fromBase64, toBase64, utf8Bytes, utf8Text } from '../../base/bytes.ts'

/** A named kind of record with its encoding. */
export interface RecordKind<Value> {
  /** The store's `kind` column. */
  readonly kind: string
  /** Written long before it is read, if ever: not kept in memory behind its commit. */
  readonly isRarelyRead?: boolean
  readonly encode: (value: Value) => Uint8Array
  /** @throws {StorageError} `WATON_STORE_RECORD` or `WATON_STORE_RECORD_NEWER` */
  readonly decode: (bytes: Uint8Array) => Value
  /**
   * What a record that does not decode means. Left out, it is set aside (kept as a `quarantine` record and reported) and
   * the account goes on as if there were none. `refuse`: it is left where it is and reading it throws, because going on
   * without it would lose something or make it up.
   */
  readonly onUnreadable?: 'refuse'
  /** What takes the place of one that was set aside, when it follows from other records. */
  readonly rebuild?: (keys: KeyLister) => Promise<Value>
}

/** Lists the keys of other records, for {@link RecordKind.rebuild}. */
export interface KeyLister {
  listKeys(kind: string, prefix: string): Promise<readonly string[]>
}

/** What to do about records that the account cannot do without. */
const RESTORE = 'Restore the store from a backup, or link the device again with a new one'

/** A record that cannot be read. Nothing is deleted because of it. */
export function unreadableRecord(kind: string, cause?: unknown, wayOut: string = RESTORE): StorageError {
  return new StorageError(
    'WATON_STORE_RECORD',
    `a stored ${kind} record is damaged and cannot be read; it was kept. ${wayOut}`,
    { details: { kind }, ...(cause === undefined ? {} : { cause }) },
  )
}

/** A field of a stored record is not what it must be; the record's kind is added by whoever reads it. */
export function wrongField(expected: string): StorageError {
  return new StorageError(
    'WATON_STORE_RECORD',
    `a stored record has something else where ${expected} must be`,
  )
}

/** Checks the version byte and returns the rest. */
export function recordBody(kind: string, version: number, bytes: Uint8Array, wayOut?: string): Uint8Array {
  const found = bytes[0]
  if (found === undefined || found === 0) throw unreadableRecord(kind, undefined, wayOut)
  if (found > version) {
    throw new StorageError(
      'WATON_STORE_RECORD_NEWER',
      `a stored ${kind} record was written by a newer waton; use that version or newer with this store`,
      { details: { kind, found, supported: version }, action: 'upgrade' },
    )
  }
  return bytes.subarray(1)
}

/** Puts the version byte in front. */
export function withVersion(version: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = version
  bytes.set(body, 1)
  return bytes
}

/** Bytes inside JSON records are written as `{"base64": "..."}`. */
interface JsonBytes {
  readonly base64: string
}

function isJsonBytes(value: unknown): value is JsonBytes {
  return typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string'
}

/** A field that only looks like bytes, or like one that was set apart: JSON of the server may have any. */
const LOOKS_LIKE_BYTES = /^_*base64$/
const SET_APART = /^_+base64$/

/** Writes a value with bytes in it as JSON text. */
export function toJson(value: unknown): string {
  return JSON.stringify(withTextForBytes(value))
}

/**
 * A copy in which bytes are `{"base64": "..."}`, and a field that has this name by itself gets an underscore. A replacer
 * function would be called for every field of everything.
 */
function withTextForBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { base64: toBase64(value) }
  if (Array.isArray(value)) return value.map(withTextForBytes)
  const entries = Object.entries(value).map(([name, inner]) => [
    LOOKS_LIKE_BYTES.test(name) ? `_${name}` : name,
    withTextForBytes(inner),
  ])
  return Object.fromEntries(entries) as unknown
}

/** Reads what {@link toJson} wrote. */
export function fromJson(text: string): unknown {
  if (!text.includes('base64"')) return JSON.parse(text)
  return JSON.parse(text, (_name, inner: unknown) =>
    isJsonBytes(inner) ? fromBase64(inner.base64) : withNamesAgain(inner),
  )
}

/** Takes the underscore away that {@link withTextForBytes} put before a name. */
function withNamesAgain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (!Object.keys(value).some((name) => SET_APART.test(name))) return value
  const entries = Object.entries(value).map(([name, inner]) => [
    SET_APART.test(name) ? name.slice(1) : name,
    inner as unknown,
  ])
  return Object.fromEntries(entries) as unknown
}

/** How a kind differs from others: see {@link RecordKind}. */
export interface RecordOptions<Value> extends Pick<RecordKind<Value>, 'onUnreadable' | 'rebuild'> {
  /** What to do about an unreadable one, as a sentence. @default restore a backup, or link again */
  readonly wayOut?: string
}

/**
 * A record kept as JSON behind its version byte: for small things that change rarely, where a reader with a database
 * browser is worth more than a few bytes.
 *
 * @param check - turns parsed JSON into the value; throws on anything else
 */
export function jsonRecord<Value>(
  kind: string,
  version: number,
  check: (parsed: Readonly<Record<string, unknown>>) => Value,
  { wayOut, ...options }: RecordOptions<Value> = {},
): RecordKind<Value> {
  return {
    ...options,
    kind,
    encode: (value) => withVersion(version, utf8Bytes(toJson(value))),
    decode(bytes) {
      const body = recordBody(kind, version, bytes, wayOut)
      try {
        return check(fromJson(utf8Text(body)) as Readonly<Record<string, unknown>>)
      } catch (cause) {
        throw unreadableRecord(kind, cause, wayOut)
      }
    },
  }
}

/** A record that is bytes already. */
export function bytesRecord(kind: string, version = 1): RecordKind<Uint8Array> {
  return {
    kind,
    encode: (value) => withVersion(version, value),
    decode: (bytes) => recordBody(kind, version, bytes),
  }
}

/** A record that is a short text. */
export function textRecord(kind: string, version = 1): RecordKind<string> {
  return {
    kind,
    encode: (value) => withVersion(version, utf8Bytes(value)),
    decode: (bytes) => utf8Text(recordBody(kind, version, bytes)),
  }
}
