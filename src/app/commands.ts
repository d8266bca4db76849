/**
 * Reads commands like `/ping a b` from message text. Pure; the composer decides what to do with them. WhatsApp has no
 * commands of its own, so the form is waton's: a prefix, a name, and the rest of the text.
 */
import { checkArgument } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'

/** The prefix that a bot uses unless told otherwise. */
export const DEFAULT_COMMAND_PREFIX = '/'

/** A word that begins like one, so that `//` and `/ ping` are no commands. */
const COMMAND_NAME = /^[\p{L}\p{N}_]\S*/u

/** A command found in a text. */
export interface ParsedCommand {
  /** The name in lower case, without the prefix. */
  readonly command: string
  /** Everything after the name, trimmed; `''` when there is nothing. */
  readonly match: string
  /** `match` cut at white space. */
  readonly args: readonly string[]
}

/**
 * Finds the command that a text begins with.
 *
 * The name ends at white space or at the end of the text, so `/pingme` is not `ping`. White space before the prefix is
 * ignored, and so is the case of the name, because phones capitalise the first word.
 *
 * @returns `undefined` when the text is not a command
 */
export function parseCommand(
  text: string,
  prefix: string = DEFAULT_COMMAND_PREFIX,
): ParsedCommand | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith(prefix)) return undefined
  const name = COMMAND_NAME.exec(trimmed.slice(prefix.length))?.[0]
  if (name === undefined) return undefined
  const match = trimmed.slice(prefix.length + name.length).trim()
  return { command: foldName(name), match, args: match === '' ? [] : match.split(/\s+/u) }
}

const NAMES: Expectation = {
  expected: 'a word, or a list of words',
  accepts: (value) =>
    typeof value === 'string' ||
    (Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string')),
}

/**
 * Checks and folds the names that a bot registers.
 *
 * @throws {UsageError} `WATON_BOT_COMMAND_NAME` for a name that could never match, with what to write instead
 */
export function commandNames(names: string | readonly string[]): ReadonlySet<string> {
  checkArgument('the name of command(name, ...)', names, NAMES)
  const list = typeof names === 'string' ? [names] : names
  for (const name of list) {
    if (COMMAND_NAME.exec(name)?.[0] !== name) throw badName(name)
  }
  return new Set(list.map(foldName))
}

function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

function badName(name: string): UsageError {
  return new UsageError(
    'WATON_BOT_COMMAND_NAME',
    `the command name ${JSON.stringify(name.slice(0, 64))} could never match: write the bare word without prefix or spaces, as in bot.command('ping', ...)`,
  )
}
