/**
 * What the server means when it refuses a message, and what is done about it before anybody is told: one row for each
 * code that is known. A code that is not here is final.
 *
 * The numbers from 487 on are what clients tell the server about stanzas of others, and what the server uses alike.
 *
 * @source Baileys 7.0.0-rc14 `Utils/decode-wa-message.js` NACK_REASONS, `Socket/messages-recv.js` handleBadAck; design
 *   reference-others 1.3 (nack codes of three clients), section 6 (463, 479)
 */
import type { ErrorAction } from '../../base/errors.ts'
import type { Connection } from '../connection/connection.ts'

/**
 * What is done before the message is given up.
 *
 * - `none`: nothing helps.
 * - `repeat`: wait, longer each time, and send the same ciphertext again.
 * - `encrypt`: encrypt anew, once: the copies were the matter, not what they say.
 * - `devices`: ask for the devices of both sides again, and encrypt anew, once.
 * - `hook`: whoever has registered for the code ({@link NackRepairs}) repairs it, once.
 */
export type Remedy = 'none' | 'repeat' | 'encrypt' | 'devices' | 'hook'

/** How often what the server cannot take now is repeated: with the growing pauses, about half an hour. */
export const MAX_REPEATS = 8

/** One row of {@link NACK_RULES}. */
export interface NackRule {
  /** What the server means. */
  readonly meaning: string
  readonly remedy: Remedy
  /** The stable code of a message that fails because of it. */
  readonly code: string
  /** What its sender can do then. */
  readonly action: ErrorAction
  readonly advice: string
}

/** What was refused, for a repair. */
export interface RefusedMessage {
  readonly id: string
  /** The chat by its canonical address. */
  readonly chat: string
  /** The chat as the wire addresses it. */
  readonly to: string
  readonly serverCode: number
}

/**
 * What a repair has come to.
 *
 * - `encrypt`: the message is encrypted anew, e.g. with what was missing. `repeat`: the same ciphertext is good now.
 * - `restricted`: the account may not send it, and only time helps. `impossible`: nothing could be done.
 */
export type RepairOutcome = 'encrypt' | 'repeat' | 'restricted' | 'impossible'

/**
 * Repairs what the server refused a message for. Runs while there is a connection and may ask the server; one that
 * rejects is tried again later, like an attempt to send.
 */
export type NackRepair = (refused: RefusedMessage, connection: Connection) => Promise<RepairOutcome>

/** Repairs by the server's code: what a `hook` row of the table calls. */
export type NackRepairs = ReadonlyMap<number, NackRepair>

const FORM = 'The server did not understand the message: report it with the kind of content that was sent.'
const PEER = 'A device of the other side declined the message: sending it again would not help.'
const SLOWLY = 'Send less, and slower; the message was repeated for a while in vain.'

function final(
  meaning: string,
  action: ErrorAction,
  advice: string,
  code: string = 'WATON_SEND_REFUSED',
): NackRule {
  return { meaning, remedy: 'none', code, action, advice }
}

function repaired(remedy: Remedy, rule: Omit<NackRule, 'remedy'>): NackRule {
  return { ...rule, remedy }
}

const DEVICES =
  'The list of devices was fetched again and did not help: check that the number is on WhatsApp, and report it if it is.'

/** See the file comment. */
export const NACK_RULES: ReadonlyMap<number, NackRule> = new Map([
  [400, final('the stanza is malformed', 'report', FORM)],
  [401, final('this device may not send it', 'check-account', 'Look at the account on the phone.')],
  [
    402,
    final('the account has to wait', 'wait', 'The account is restricted for a while: look at the phone.'),
  ],
  [403, final('this account may not write there', 'check-account', 'The chat does not take your messages.')],
  [404, final('there is nobody at the address', 'fix-call', 'Check the number: it is not on WhatsApp.')],
  [405, final('this kind of content may not be sent', 'fix-call', 'Send the content in another form.')],
  [
    406,
    repaired('devices', {
      meaning: 'the devices that were addressed are not acceptable',
      code: 'WATON_SEND_ADDRESSING',
      action: 'report',
      advice: DEVICES,
    }),
  ],
  [409, final('it contradicts what the server knows', 'report', FORM)],
  [410, final('what it refers to is gone', 'discard', 'The chat or message is not there any more.')],
  [413, final('it is too large', 'fix-call', 'Send less at once, or as a document.')],
  [
    421,
    repaired('hook', {
      meaning: 'the group is addressed by another kind of address now (phone numbers or LIDs)',
      code: 'WATON_SEND_ADDRESSING',
      action: 'retry',
      advice: 'Send it again: the group has changed how its members are addressed.',
    }),
  ],
  [
    429,
    repaired('repeat', {
      meaning: 'too much was sent',
      code: 'WATON_SEND_RATE_LIMITED',
      action: 'wait',
      advice: SLOWLY,
    }),
  ],
  [
    463,
    repaired('hook', {
      meaning: 'a privacy token of the other side is missing, or the account may write to nobody new',
      code: 'WATON_SEND_TOKEN_MISSING',
      action: 'wait',
      advice:
        'Somebody who does not know this account can be written to when they have written first, or from the phone.',
    }),
  ],
  [
    475,
    final(
      'the account has begun as many new chats as it may',
      'wait',
      'Write to nobody new for a day; chats that exist go on.',
      'WATON_SEND_CAPPED',
    ),
  ],
  [
    479,
    repaired('devices', {
      meaning: 'the addressing or the set of copies is not what the server expects',
      code: 'WATON_SEND_ADDRESSING',
      action: 'report',
      advice: DEVICES,
    }),
  ],
  [487, final('it cannot be parsed', 'report', FORM)],
  [488, final('the stanza is not known', 'report', FORM)],
  [489, final('the class of the stanza is not known', 'report', FORM)],
  [490, final('the type of the stanza is not known', 'report', FORM)],
  [491, final('the protobuf is not valid', 'report', FORM)],
  [
    493,
    repaired('devices', {
      meaning: 'a hosted device was addressed in a way that it may not be',
      code: 'WATON_SEND_ADDRESSING',
      action: 'report',
      advice: DEVICES,
    }),
  ],
  [495, final('a message secret is missing', 'report', FORM)],
  [
    496,
    repaired('encrypt', {
      meaning: 'the ciphertext is older than what the other side has read',
      code: 'WATON_SEND_REFUSED',
      action: 'retry',
      advice: 'Send it again under a new id.',
    }),
  ],
  [499, final('the message that it is about is deleted', 'discard', 'There is nothing left to refer to.')],
  [500, final('a device failed to handle it', 'discard', PEER)],
  [501, final('this cannot be sent there', 'fix-call', 'The chat does not take this kind of message.')],
  [
    503,
    repaired('repeat', {
      meaning: 'the server cannot take it now',
      code: 'WATON_SEND_REFUSED',
      action: 'retry',
      advice: 'Send it again later; it was repeated for a while in vain.',
    }),
  ],
  [
    504,
    repaired('repeat', {
      meaning: 'a part of the server did not answer',
      code: 'WATON_SEND_REFUSED',
      action: 'retry',
      advice: 'Send it again later; it was repeated for a while in vain.',
    }),
  ],
  [550, final('an admin cannot delete it in this way', 'fix-call', PEER)],
  [551, final('the group is addressed by LIDs, which this cannot use', 'fix-call', PEER)],
  [
    552,
    repaired('repeat', {
      meaning: 'a database failed',
      code: 'WATON_SEND_REFUSED',
      action: 'retry',
      advice: 'Send it again later; it was repeated for a while in vain.',
    }),
  ],
])

const UNKNOWN: NackRule = final(
  'the server did not say why in a code that is known',
  'report',
  'Look at the account on the phone, and report the code.',
)

/** The row of a code. */
export function nackRule(serverCode: number): NackRule {
  return NACK_RULES.get(serverCode) ?? UNKNOWN
}
