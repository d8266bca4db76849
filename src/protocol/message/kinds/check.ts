/**
 * Checks of content that callers hand over to be sent: one error that says which part of it, what it was, and what it must
 * be. Nothing of a value is repeated in a message. The limits that several kinds share stand here, with their source.
 */
import { type Expectation, OBJECT, describeKind } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import { SERVER_LID, SERVER_USER, isGroup, isNewsletter, tryParseJid } from '../../jid.ts'
import type { MessageTarget } from '../reference.ts'

/** Characters that any text may have: what WhatsApp's own apps let one type. */
export const MAX_CHARACTERS = 65_536

/** Bytes of a preview picture: it travels within the message. A limit of waton; WhatsApp's own are of 1 to 20 kB. */
export const MAX_THUMBNAIL_BYTES = 65_536

/** A part of an object that may be left out. */
export interface Part extends Expectation {
  readonly isOptional?: true
}

/** The same, which may be left out. */
export function optional(expectation: Expectation): Part {
  return { ...expectation, isOptional: true }
}

/** Text of 1 to so many characters, or from none on; no half surrogate pairs, which UTF-8 cannot hold. */
export function textOf(most: number = MAX_CHARACTERS, least: 0 | 1 = 1): Expectation {
  const range = least === 0 ? `at most ${String(most)}` : `1 to ${String(most)}`
  return {
    expected: `valid Unicode text of ${range} characters`,
    accepts: (value) =>
      typeof value === 'string' &&
      value.length >= least &&
      value.length <= most &&
      !/\p{Surrogate}/u.test(value),
  }
}

/** A number in a range, both ends included. */
export function numberFrom(least: number, most: number): Expectation {
  return {
    expected: `a number from ${String(least)} to ${String(most)}`,
    accepts: (value) =>
      typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most,
  }
}

/** A time. Seconds would be in 1970: those are refused. */
export const TIME_MS: Expectation = {
  expected: 'a time in milliseconds since the epoch, e.g. Date.now()',
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 100_000_000_000,
}

/** A preview picture. */
export const JPEG: Expectation = {
  expected: `the bytes of a JPEG, at most ${String(MAX_THUMBNAIL_BYTES)} of them, as Uint8Array`,
  accepts: (value) =>
    value instanceof Uint8Array &&
    value.length <= MAX_THUMBNAIL_BYTES &&
    value[0] === 0xff &&
    value[1] === 0xd8,
}

/** A web address. */
export const WEB_ADDRESS: Expectation = {
  expected: 'a web address that begins with https:// or http://',
  accepts: (value) =>
    typeof value === 'string' && value.length <= 2048 && /^https?:\/\/\S+$/i.test(value) && isUrl(value),
}

/** Only `true`: the key alone says it. */
export const TRUE: Expectation = { expected: 'true', accepts: (value) => value === true }

/** The address of a person, without device. */
export const PERSON_JID: Expectation = {
  expected: 'the address of a person, e.g. 15550000002@s.whatsapp.net or 1234@lid',
  accepts: (value) => {
    const parsed = typeof value === 'string' ? tryParseJid(value) : undefined
    if (parsed === undefined) return false
    const { user, server } = parsed
    return (server === SERVER_USER || server === SERVER_LID) && /^\d{1,32}$/.test(user)
  },
}

/** The address of a group. */
export const GROUP_JID: Expectation = {
  expected: 'the address of a group, e.g. 120363000000000001@g.us',
  accepts: (value) => typeof value === 'string' && tryParseJid(value) !== undefined && isGroup(value),
}

/** The address of a channel. */
export const NEWSLETTER_JID: Expectation = {
  expected: 'the address of a channel, e.g. 120363000000000001@newsletter',
  accepts: (value) => typeof value === 'string' && tryParseJid(value) !== undefined && isNewsletter(value),
}

/** A list of so many values, of which each is as expected. */
export function listOf(item: Expectation, least: number, most: number): Expectation {
  return {
    expected: `a list of ${String(least)} to ${String(most)}, each of them ${item.expected}`,
    accepts: (value) =>
      Array.isArray(value) && value.length >= least && value.length <= most && value.every(item.accepts),
  }
}

/** Refuses a value that is not what is expected. @throws {UsageError} `WATON_CONTENT_VALUE` */
export function checkValue(what: string, value: unknown, { accepts, expected }: Expectation): void {
  if (accepts(value)) return
  const got = describeKind(value)
  throw new UsageError('WATON_CONTENT_VALUE', `${what} is ${got}: it must be ${expected}`, {
    details: { part: what, got, expected },
  })
}

/**
 * Refuses an object that is not made of these parts, also one with a part of another name: a typing error would otherwise
 * be left out in silence.
 *
 * @param what - names the object as the caller wrote it, e.g. `poll`
 * @throws {UsageError} `WATON_CONTENT_VALUE`, `WATON_CONTENT_KEY`
 */
export function checkParts(what: string, value: unknown, parts: Readonly<Record<string, Part>>): void {
  checkValue(what, value, OBJECT)
  checkKeys(what, Object.keys(value as object), Object.keys(parts))
  for (const [name, part] of Object.entries(parts)) {
    const given = (value as Readonly<Record<string, unknown>>)[name]
    if (given !== undefined || part.isOptional !== true) checkValue(`${what}.${name}`, given, part)
  }
}

/** Refuses keys that are not known. @throws {UsageError} `WATON_CONTENT_KEY` */
export function checkKeys(what: string, given: readonly string[], known: readonly string[]): void {
  const key = given.find((name) => !known.includes(name))
  if (key === undefined) return
  const similar = nearestWord(key, known)
  const hint = similar === undefined ? '.' : `; did you mean "${similar}"?`
  throw new UsageError(
    'WATON_CONTENT_KEY',
    `${what} has a key "${key.slice(0, 64)}" that means nothing here${hint} It takes: ${known.join(', ')}`,
    { details: { key: key.slice(0, 64), similar } },
  )
}

/** The word that is most likely meant by a mistyped one. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  const ranked = words
    .map((candidate) => ({ candidate, distance: editsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}

/** Letters to insert, remove or replace to make one word of the other; words of a few dozen letters. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return Infinity
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const shifted = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1
      current.push(Math.min(replaced, shifted))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/**
 * The message that a part of the content names: the payload of an event or the event itself, a reference, or the handle of
 * a send.
 *
 * @throws {UsageError} `WATON_CONTENT_VALUE`
 */
export function checkedTarget(what: string, value: unknown): MessageTarget {
  checkValue(what, value, TARGET)
  const given = value as MessageTarget | { readonly payload: MessageTarget }
  const { id, chat, sender, fromMe } = 'payload' in given ? given.payload : given
  return {
    id,
    chat,
    ...(sender === undefined ? {} : { sender }),
    ...(fromMe === undefined ? {} : { fromMe }),
  }
}

const TARGET: Expectation = {
  expected:
    'a message: the payload of a message event, what client.send gave, or { id, chat, sender, fromMe }',
  accepts: (value) => OBJECT.accepts(value) && (isTarget(value) || isTarget((value as EventLike).payload)),
}

interface EventLike {
  readonly payload?: unknown
}

function isTarget(value: unknown): boolean {
  if (!OBJECT.accepts(value)) return false
  const { id, chat, sender, fromMe } = value as { readonly [Key in keyof MessageTarget]: unknown }
  const isNamed = typeof id === 'string' && id !== '' && typeof chat === 'string' && chat !== ''
  const hasSender =
    sender === undefined ||
    (OBJECT.accepts(sender) && typeof (sender as { readonly jid?: unknown }).jid === 'string')
  return isNamed && hasSender && (fromMe === undefined || typeof fromMe === 'boolean')
}

function isUrl(value: string): boolean {
  try {
    return new URL(value).hostname !== ''
  } catch {
    return false
  }
}
