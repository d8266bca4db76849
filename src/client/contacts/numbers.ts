/** Phone numbers as people write them, and addresses of persons, brought to one form. */
import { UsageError } from '../../base/errors.ts'
import { SERVER_HOSTED, SERVER_HOSTED_LID, SERVER_LID, SERVER_USER, tryParseJid } from '../../protocol/jid.ts'

/** A person who is asked about: by the digits of a phone number, or by LID. */
export type AskedContact =
  { readonly by: 'number'; readonly digits: string } | { readonly by: 'lid'; readonly jid: string }

/** Where a phone number stands in an address. `c.us` is how older programs write it. */
const NUMBER_SERVERS: readonly string[] = [SERVER_USER, SERVER_HOSTED, 'c.us']
const LID_SERVERS: readonly string[] = [SERVER_LID, SERVER_HOSTED_LID]

/** Spaces and marks that stand between digits, and what address books and browsers put around numbers unseen. */
const BETWEEN_DIGITS = /[\p{Z}\p{Cf}\s().\-\u2010-\u2015\u2212/]/gu

/** The international prefix of most countries, in place of the plus sign. */
const PREFIX = /^(\+|00)/

/** E.164 allows 15; the shortest numbers with a country code have 5. */
const DIGITS = /^[1-9]\d{4,14}$/

/** A number longer than this is none: what comes from outside is not searched through. */
const MAX_CHARACTERS = 64

/**
 * Reads `+1 555 000-0001`, `15550000001`, `001 (555) 000 0001`, `15550000001@s.whatsapp.net` and `1234@lid`.
 *
 * @throws {UsageError} `WATON_CONTACT_NUMBER`
 */
export function readContact(input: string): AskedContact {
  if (input.length > MAX_CHARACTERS) throw notANumber()
  const text = input.replace(BETWEEN_DIGITS, '')
  if (!text.includes('@')) return byNumber(text.replace(PREFIX, ''))
  // the dots between the names of a server are part of it
  const parsed = tryParseJid(input.trim())
  if (parsed === undefined) throw notANumber()
  if (NUMBER_SERVERS.includes(parsed.server)) return byNumber(parsed.user)
  if (LID_SERVERS.includes(parsed.server) && /^\d{1,32}$/.test(parsed.user))
    return { by: 'lid', jid: `${parsed.user}@${SERVER_LID}` }
  throw notANumber()
}

function byNumber(digits: string): AskedContact {
  if (!DIGITS.test(digits)) throw notANumber()
  return { by: 'number', digits }
}

function notANumber(): UsageError {
  return new UsageError(
    'WATON_CONTACT_NUMBER',
    'this is no phone number with country code and no address of a person: write it like +1 555 000 0001',
  )
}
