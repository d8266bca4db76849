/**
 * Every difference between what waton and Baileys 7.0.0-rc14 write that is meant to be, and why. Whatever is not in this
 * list fails the test, and so does an entry that no longer occurs. The page `docs/explanation/wire-equality.md` shows the
 * same list.
 */
import type { Difference, DifferenceKind } from './compare.ts'

/** One difference that is meant to be. */
export interface DeliberateDifference {
  readonly id: string
  /** What each side does. */
  readonly what: string
  /** Why waton does not do what Baileys does. */
  readonly reason: string
  /** Baileys does it only sometimes, by the fall of its random numbers: it may be missing from a run. */
  readonly isByChance?: boolean
  /** What it looks like: each of these must occur. */
  readonly marks: readonly Mark[]
}

/** Tells whether a difference is of one sort. */
export type Mark = (difference: Difference) => boolean

/** The entry that allows a difference, if there is one. */
export function allowing(difference: Difference): DeliberateDifference | undefined {
  return DELIBERATE_DIFFERENCES.find(({ marks }) => marks.some((isIt) => isIt(difference)))
}

/** Where a difference may be; everything that is left out may be anything. */
interface Place {
  readonly step?: string
  readonly at?: string | RegExp
  /** `absent` stands for nothing. */
  readonly baileys?: string | RegExp
  readonly waton?: string | RegExp
}

/** A difference of this kind in stanzas of this name. */
function a(kind: DifferenceKind, stanza: string, { step, at, baileys, waton }: Place = {}): Mark {
  return (difference) =>
    difference.kind === kind &&
    difference.stanza === stanza &&
    isWanted(step, difference.step) &&
    isWanted(at, difference.at) &&
    isWanted(baileys, difference.baileys) &&
    isWanted(waton, difference.waton)
}

function isWanted(wanted: string | RegExp | undefined, actual: string = 'absent'): boolean {
  if (wanted === undefined) return true
  return typeof wanted === 'string' ? wanted === actual : wanted.test(actual)
}

/** The pre-key message that Baileys wrote has waton's message inside. */
const isWrappedAlone: Mark = ({ baileys = '', waton }) =>
  waton !== undefined && baileys.includes(`4={${waton}}`)

const LINKED_DEVICE_ASKS = 'a linked device asks for a text again'
const PHONE_ASKS = 'a phone asks for a text again'

/** See the file comment. */
export const DELIBERATE_DIFFERENCES: readonly DeliberateDifference[] = [
  {
    id: 'forced-sessions',
    what: 'After a device query, and when a device asks for a message again without keys, Baileys fetches keys, with `reason="identity"`, and starts new sessions; waton fetches keys only where it has no session, or one that is in doubt.',
    reason:
      'A healthy session is thrown away, and a one-time pre-key of everybody asked about is spent. The own phone then gets a `pkmsg` although it has long shared a session.',
    marks: [
      a('value', 'iq get encrypt key', {
        step: 'first text to a phone number',
        at: /^key>user\[\d+@lid\]@reason$/,
        baileys: 'identity',
        waton: 'absent',
      }),
      a('value', 'iq get encrypt key', {
        step: 'first text to a phone number',
        at: /^key>user\[\d+@lid\]$/,
        baileys: /reason="identity"/,
        waton: 'absent',
      }),
      a('only-baileys', 'iq get encrypt key', { step: LINKED_DEVICE_ASKS }),
      a('only-baileys', 'iq get encrypt key', { step: PHONE_ASKS }),
      ...['text', 'reaction', 'media', 'poll', 'event']
        .map((type) => `message ${type}`)
        .flatMap((stanza): readonly Mark[] => [
          a('value', stanza, { at: /^participants>to\[[^:\]]+\]>enc@type$/, baileys: 'pkmsg', waton: 'msg' }),
          (difference) =>
            a('value', stanza, { at: /^participants>to\[[^:\]]+\]>enc>content$/ })(difference) &&
            isWrappedAlone(difference),
        ]),
    ],
  },
  {
    id: 'again-once',
    what: 'To a linked device that asks for a message again Baileys encrypts it twice, and sends the first copy in `<participants>` and the second beside it; waton sends one copy, in the stanza itself.',
    reason:
      'One copy is enough for one device, and whatsapp-rust has the server refuse what comes again as a fan-out (479).',
    marks: [
      a('value', 'message text', { step: LINKED_DEVICE_ASKS, at: 'participants', waton: 'absent' }),
      // the second message of the session, or the first
      a('value', 'message text', {
        step: LINKED_DEVICE_ASKS,
        at: 'enc>content',
        baileys: /; 2=1; 3=0;/,
        waton: /; 2=0; 3=0;/,
      }),
    ],
  },
  {
    id: 'again-to-one',
    what: 'When a phone asks for a message again, Baileys sends it to all devices of both sides again; waton sends it to the phone alone, as to any other device.',
    reason:
      'The other devices have the message. Each of them would be given it a second time, and has to tell the two apart by the id.',
    marks: [
      ...['@device_fanout', 'enc'].map((at) =>
        a('value', 'message text', { step: PHONE_ASKS, at, baileys: 'absent' }),
      ),
      ...['participants', 'device-identity', 'tctoken'].map((at) =>
        a('value', 'message text', { step: PHONE_ASKS, at, waton: 'absent' }),
      ),
      ...['iq set privacy tokens', 'ack receipt sender', 'ack receipt inactive'].map((stanza) =>
        a('only-baileys', stanza, { step: PHONE_ASKS }),
      ),
    ],
  },
  {
    id: 'own-devices-at-login',
    what: 'waton asks for the account’s own devices once, after the first login; Baileys asks with the first text to a phone number, and again, by LID, with the first one to a LID.',
    reason:
      'Own devices get a copy of every message, so the list is always needed. Both addresses are one account with one list, which waton keeps, follows and renews once a day.',
    marks: [
      a('only-waton', 'iq get usync usync', { step: 'first login' }),
      a('value', 'iq get usync usync', {
        step: 'first text to a phone number',
        at: 'usync>list>user[15550000001@s.whatsapp.net]',
        waton: 'absent',
      }),
      a('value', 'iq get usync usync', {
        step: 'first text to a LID',
        at: /^usync>list>user\[\d+@lid\]$/,
        waton: 'absent',
      }),
    ],
  },
  {
    id: 'edits-hide-failure',
    what: 'Baileys has receivers show nothing (`decrypt-fail="hide"`) for a reaction or pin that they cannot decrypt; waton also for edits, votes, event answers and kept messages.',
    reason:
      'There is nothing to show for any of them. whatsmeow does it for edits and votes, WhatsApp Web for all of them, and not for deletions.',
    marks: [
      a('value', 'message text', {
        step: 'what is added to a text',
        at: /^participants>to\[\d+@s\.whatsapp\.net\]>enc@decrypt-fail$/,
        baileys: 'absent',
        waton: 'hide',
      }),
    ],
  },
  {
    id: 'reporting-by-chance',
    what: 'Baileys leaves `<reporting>` out of some messages, and writes it for some that have nothing to report; waton writes it where there is something.',
    reason:
      'Baileys reads the message with its random padding, which some paddings make unreadable, and some look like text.',
    isByChance: true,
    marks: [
      ...['text', 'media', 'poll'].map((type) =>
        a('value', `message ${type}`, { at: 'reporting', baileys: 'absent' }),
      ),
      ...['media', 'event'].map((type) =>
        a('value', `message ${type}`, { at: 'reporting', waton: 'absent' }),
      ),
      // an edit has nothing to report, and neither client says anything of a text that is sent again
      ...['what is added to a text', 'a phone asks for a text again'].map((step) =>
        a('value', 'message text', { step, at: 'reporting', waton: 'absent' }),
      ),
    ],
  },
  {
    id: 'token-every-text',
    what: 'After every text Baileys hands out a privacy token (`<tokens>`); waton hands out one a week to each person.',
    reason:
      'One token in each bucket of seven days is the rule of WhatsApp Web; a token holds for four of them.',
    marks: [
      'second text, with an id of the client',
      'a token of somebody, and a text with it',
      'a contact links a device',
      'what is added to a text',
      'content of other kinds',
    ].map((step) => a('only-baileys', 'iq set privacy tokens', { step })),
  },
  {
    id: 'receipts-together',
    what: 'Baileys writes one receipt for each message; waton writes one for all messages that were committed together and whose receipts differ in nothing but the id.',
    reason: 'The protocol has a list for this: a backlog of a thousand messages needs four receipts.',
    marks: [
      // which messages are committed together is a matter of moments; those of a backlog always are
      ({ kind, stanza }) =>
        kind === 'aggregation' && (stanza === 'receipt peer_msg' || stanza === 'receipt inactive'),
    ],
  },
  {
    id: 'dirty-at-once',
    what: 'Baileys confirms a dirty `account_sync` only when it is told a second time, and with the timestamp of the time before; waton confirms what it was told, at once.',
    reason: 'The server repeats an unconfirmed bit at every login.',
    marks: [
      a('only-waton', 'iq set urn:xmpp:whatsapp:dirty clean', { step: 'first login' }),
      a('only-baileys', 'iq set urn:xmpp:whatsapp:dirty clean', { step: 'reconnect' }),
      a('value', 'iq set urn:xmpp:whatsapp:dirty clean', {
        step: 'reconnect with a backlog',
        at: 'clean@timestamp',
      }),
    ],
  },
  {
    id: 'pre-key-refill',
    what: 'When one-time pre-keys run low Baileys uploads 5, and 5 more at the next login because there are no more than 5; waton asks how many are left and uploads 50.',
    reason:
      'Five keys do not survive a burst of new contacts. Asking first keeps a notice that waited in the backlog from causing another upload.',
    marks: [
      a('only-waton', 'iq get encrypt count', { step: 'pre-keys run low' }),
      a('value', 'iq set encrypt registration', {
        step: 'pre-keys run low',
        at: 'list>content',
        baileys: 'keys 813 to 817, 32 random bytes each',
        waton: 'keys 813 to 862, 32 random bytes each',
      }),
      a('only-baileys', 'iq set encrypt registration', { step: 'reconnect with a backlog' }),
    ],
  },
  {
    id: 'digest-compared',
    what: 'Baileys does not look at the answer to its `<digest>` query; waton compares it with its own keys and, when they differ, asks a second time.',
    reason:
      'A key that somebody used between the answer and its comparison is no difference; what differs twice is.',
    isByChance: true,
    marks: [a('only-waton', 'iq get encrypt digest')],
  },
  {
    id: 'presence-without-a-name',
    what: 'Once it knows the account’s name, Baileys writes an empty `<presence/>` whenever other credentials change; waton writes the name when it is new, and nothing else.',
    reason: 'Baileys takes a change that does not mention the name for a change of the name.',
    marks: [a('only-baileys', 'presence without a name')],
  },
  {
    id: 'server-ping',
    what: 'Baileys ignores pings of the server; waton answers them.',
    reason: 'A ping is a question whether the client still lives.',
    marks: [a('only-waton', 'iq result', { step: 'a minute of silence' })],
  },
]
