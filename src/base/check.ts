/**
 * Checks of what callers pass who have no compiler: one error that says which argument, what it was, and what it must be.
 * Types tell the rest of the world the same; what the protocol says about values is checked where it is known.
 */
import { UsageError } from './errors.ts'

/** What a value must be, in words and as a test. */
export interface Expectation {
  /** Goes behind "it must be", e.g. `text`. */
  readonly expected: string
  /** Whether a value is right. May throw what a getter of the caller's throws. */
  readonly accepts: (value: unknown) => boolean
}

/** Any text. */
export const TEXT: Expectation = { expected: 'text', accepts: (value) => typeof value === 'string' }

/** A name that can be stored and compared. */
export const NAME: Expectation = {
  expected: 'text of 1 to 256 characters',
  accepts: (value) => typeof value === 'string' && value !== '' && value.length <= 256,
}

/** `true` or `false`. */
export const BOOLEAN: Expectation = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
}

/** A function. */
export const FUNCTION: Expectation = {
  expected: 'a function',
  accepts: (value) => typeof value === 'function',
}

/** An object, also one that is a function. */
export const OBJECT: Expectation = { expected: 'an object', accepts: isObject }

/** A length of time. */
export const MILLISECONDS: Expectation = {
  expected: 'a number of milliseconds above 0',
  accepts: (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
}

/** A whole number in a range, both ends included. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): Expectation {
  const isOpen = most === Number.MAX_SAFE_INTEGER
  return {
    expected: `a whole number from ${String(least)}${isOpen ? '' : ` to ${String(most)}`}`,
    accepts: (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  }
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Expectation {
  return {
    expected: words.map((word) => `'${word}'`).join(' or '),
    accepts: (value) => typeof value === 'string' && words.includes(value),
  }
}

/** An object with these methods, e.g. a clock. */
export function objectWith(what: string, ...methods: readonly string[]): Expectation {
  return {
    expected: `${what} with ${methods.map((method) => `${method}()`).join(' and ')}`,
    accepts: (value) => isObject(value) && methods.every((method) => typeof value[method] === 'function'),
  }
}

/**
 * Refuses a value that is not what is expected.
 *
 * @param what - names the argument, e.g. `the name in client.consume(name, ...)`
 * @throws {UsageError} `WATON_ARGUMENT`
 */
export function checkArgument(what: string, value: unknown, { accepts, expected }: Expectation): void {
  let cause: unknown
  try {
    if (accepts(value)) return
  } catch (error) {
    // a getter or proxy of the caller's
    cause = error
  }
  const got = describeKind(value)
  throw new UsageError('WATON_ARGUMENT', `${what} is ${got}: it must be ${expected}`, {
    details: { argument: what, got, expected },
    ...(cause === undefined ? {} : { cause }),
  })
}

/**
 * Refuses options that are no object, of which one is not what is expected, or has a name that means nothing: it would be
 * passed over in silence otherwise. What is left out is right.
 *
 * @param call - names the call, e.g. `new Client(options)`
 * @param expectations - every option by its name; `{}` for an object of which anything may be true
 * @throws {UsageError} `WATON_ARGUMENT`
 */
export function checkOptions(
  call: string,
  options: unknown,
  expectations: Readonly<Record<string, Expectation>>,
): void {
  checkArgument(`the options of ${call}`, options, READABLE_OBJECT)
  checkOptionNames(call, options as object, Object.keys(expectations))
  for (const [name, expectation] of Object.entries(expectations)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    if (value !== undefined) checkArgument(`${name} in ${call}`, value, expectation)
  }
}

function checkOptionNames(call: string, options: object, known: readonly string[]): void {
  if (known.length === 0) return
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const unknown = given.map(([name]) => name).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const shown = unknown.slice(0, 64)
  throw new UsageError(
    'WATON_ARGUMENT',
    `${call} has no option ${JSON.stringify(shown)}: leave it out, or use one of ${known.join(', ')}`,
    { details: { argument: call, got: shown, expected: known.join(', ') } },
  )
}

/** An object all of whose properties can be read. */
const READABLE_OBJECT: Expectation = {
  expected: 'an object whose properties can be read',
  accepts: (value) => isObject(value) && !Array.isArray(value) && Object.values({ ...value }).length >= 0,
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** A word for a value that shows nothing of it. */
export function describeKind(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string')
    return value === '' ? 'empty text' : `text of ${String(value.length)} characters`
  if (typeof value === 'number') return Number.isFinite(value) ? `the number ${String(value)}` : String(value)
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
