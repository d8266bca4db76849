/**
 * What the end of a connection means, as data: whether to come back, how soon, and what to tell the user. The server's
 * own words (failure reasons, stream errors) are translated here and nowhere else; what depends on what was remembered
 * (a logout to confirm, a version to fetch) is decided in `verdicts.ts`. `docs/reference/connection.md` shows the table.
 *
 * @source reference of failure reasons, stream errors and ban codes: Baileys 7.0.0-rc14 `Types/index.js` DisconnectReason;
 *   whatsmeow `types/events` ConnectFailureReason, TempBanReason
 */
import { ClosedError, CryptoError, StorageError, errorCode } from '../../base/errors.ts'
import type { ErrorAction } from '../../base/errors.ts'
import { childrenOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { StreamFailure } from '../../protocol/stanza/stream.ts'
import type { Ban, BanCause, CloseReason, CloseReasonName, StanzaView } from '../events.ts'

/**
 * When the next attempt is made: never, at once, after the usual pause, or after a longer one, because the server has
 * asked for patience.
 */
export type Pace = 'never' | 'at once' | 'in turn' | 'slowly'

/** What one reason means. */
export interface EndingRule {
  readonly pace: Pace
  readonly action: ErrorAction
  /** Told to the user as it is. */
  readonly advice: string
}

/** How a client goes on after a connection. */
export interface Ending extends Omit<CloseReason, 'retryAtMs'> {
  readonly pace: Pace
  /** No attempt before this instant, in milliseconds since the epoch. */
  readonly notBeforeMs?: number
}

/** Every reason that exists. */
export const ENDINGS: Readonly<Record<CloseReasonName, EndingRule>> = {
  closed: rule('never', 'reopen', 'The client was closed by this program.'),
  'connection-lost': rule('in turn', 'wait', 'The network failed; the client comes back by itself.'),
  'stream-end': rule('in turn', 'wait', 'The server closed the connection; the client comes back by itself.'),
  'restart-required': rule('at once', 'wait', 'The server asked for a new connection.'),
  'qr-expired': rule('at once', 'wait', 'No QR code was scanned in time; new ones are shown.'),
  'link-unconfirmed': rule(
    'at once',
    'wait',
    'Linking broke off at its end: use the next code if the phone shows an error; if it lists this device, just wait.',
  ),
  'link-incomplete': rule(
    'at once',
    'wait',
    'The link that broke off does not stand: the server does not know this device; use the next code.',
  ),
  'link-refused': rule('never', 'report', 'The server refuses to link a device; try again later.'),
  'logout-unconfirmed': rule(
    'in turn',
    'wait',
    'The server says that the device was removed; one more login tells whether it was.',
  ),
  'logged-out': rule(
    'never',
    'link',
    'The device was removed from the account. Nothing was deleted: call client.relink(), then connect and scan the QR code.',
  ),
  unlinked: rule(
    'never',
    'link',
    'The device was logged out by this program; the next connect() shows a QR code.',
  ),
  replaced: rule(
    'never',
    'check-account',
    'Another connection uses the keys of this device: stop that program; coming back would only throw it off.',
  ),
  'temporarily-banned': rule(
    'never',
    'wait',
    'WhatsApp has banned the account for a while: send less until the ban is over, and do not connect before.',
  ),
  'account-locked': rule(
    'never',
    'check-account',
    'WhatsApp has locked the account or its phone is gone: open WhatsApp on the phone before connecting again.',
  ),
  banned: rule('never', 'check-account', 'WhatsApp has banned the account: open WhatsApp on the phone.'),
  'version-outdated': rule(
    'never',
    'upgrade',
    'The server no longer takes this version of WhatsApp Web, and no newer one was found: update waton.',
  ),
  'bad-user-agent': rule(
    'never',
    'fix-call',
    'The server refuses how the device is named: leave out the option `device`, or use a usual browser.',
  ),
  'multi-device-mismatch': rule(
    'never',
    'check-account',
    'The account takes no linked devices any more: update WhatsApp on the phone.',
  ),
  'rate-limited': rule('slowly', 'wait', 'The server asks for patience; the client comes back later.'),
  'server-error': rule('slowly', 'wait', 'The server failed; the client comes back later.'),
  'service-unavailable': rule('slowly', 'wait', 'The server is not available; the client comes back later.'),
  'bad-request': rule('slowly', 'report', 'The server could make nothing of the login; please report this.'),
  'cat-expired': rule('slowly', 'report', 'The server wants a token that waton does not know; report this.'),
  'cat-invalid': rule('slowly', 'report', 'The server wants a token that waton does not know; report this.'),
  'not-found': rule('slowly', 'report', 'The server refused the login with "not found"; please report this.'),
  'client-unknown': rule('slowly', 'report', 'The server does not know this kind of client; report this.'),
  'not-well-formed': rule(
    'in turn',
    'report',
    'The server could not read what was sent; please report this.',
  ),
  'ack-missing': rule('in turn', 'report', 'The server waited too long for an answer; please report this.'),
  unknown: rule('in turn', 'report', 'The server ended the connection with a code that waton does not know.'),
  'ownership-lost': rule(
    'never',
    'check-store',
    'Another process has taken this account of the store: stop one of the two.',
  ),
  'store-failed': rule(
    'in turn',
    'check-store',
    'The store failed: look at its disk. The client comes back, and nothing was answered that is not on disk.',
  ),
  'store-unreadable': rule(
    'never',
    'check-store',
    'The store holds what this version cannot read, and nothing was replaced: restore a backup, or use a newer waton.',
  ),
  'clock-or-certificate': rule(
    'in turn',
    'check-network',
    'By the clock of this machine the certificate of the server is not valid now: set the clock. The client comes back.',
  ),
  'server-not-trusted': rule(
    'never',
    'check-network',
    'The server could not prove that it is WhatsApp: somebody is in between, or the option `endpoint` is wrong.',
  ),
}

function rule(pace: Pace, action: ErrorAction, advice: string): EndingRule {
  return { pace, action, advice }
}

/** A refused login: the device is not on the account. */
const LOGGED_OUT = 401

/** Coming back would only repeat these. */
const FATAL_ERRORS: ReadonlySet<string> = new Set([
  'WATON_STORE_OWNERSHIP_LOST',
  'WATON_STORE_FENCED',
  'WATON_STORE_CLOSED',
  'WATON_STATE_CLOSED',
])

/** Nobody but the user can mend these: a restored backup, a newer waton. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'WATON_STORE_CORRUPT',
  'WATON_STORE_RECORD',
  'WATON_STORE_RECORD_NEWER',
])

/** @source whatsmeow `types/events` TempBanReason */
const BAN_CAUSES: ReadonlyMap<number, BanCause> = new Map([
  [101, 'sent-to-too-many-people'],
  [102, 'blocked-by-users'],
  [103, 'created-too-many-groups'],
  [104, 'sent-same-message-too-often'],
  [106, 'broadcast-list'],
])

/** Facts of an ending that its rule does not fix. */
export type EndingFacts = Partial<Omit<Ending, 'reason' | 'action' | 'retrying'>>

/** An ending by its rule. */
export function endingFor(reason: CloseReasonName, facts: EndingFacts = {}): Ending {
  const { pace, action, advice } = ENDINGS[reason]
  const applied = facts.pace ?? pace
  return { reason, retrying: applied !== 'never', action, advice, ...facts, pace: applied }
}

/** What users are told of an ending. */
export function closeReason(ending: Ending): CloseReason {
  const told: { -readonly [Name in keyof Ending]?: Ending[Name] } = { ...ending }
  delete told.pace
  delete told.notBeforeMs
  return told as CloseReason
}

/** What a failure says for itself, whatever its rule. */
export function factsOf({ serverCode, text, raw }: StreamFailure): EndingFacts {
  return { serverCode, ...(text === undefined ? {} : { text }), stanza: viewOf(raw) }
}

/** What a failure that the server spelled out means by itself. */
export function endingOfFailure(failure: StreamFailure): Ending {
  return endingFor(failure.reason, factsOf(failure))
}

/** What the refusal of a first login means: the server never got our answer to pair-success, so that we pair again. */
export function endingOfIncompleteLink(failure: StreamFailure): Ending {
  return endingFor('link-incomplete', factsOf(failure))
}

/** Whether the server does not know the device that logs in. */
export function isUnknownDevice({ source, serverCode }: StreamFailure): boolean {
  return source === 'failure' && serverCode === LOGGED_OUT
}

/** The ban that a failure tells of. */
export function banOf({ ban }: StreamFailure, nowMs: number): Ban {
  const { code, expiresInSeconds } = ban ?? {}
  return {
    ...(code === undefined ? {} : { code }),
    cause: banCause(code),
    ...(expiresInSeconds === undefined ? {} : { expiresAtMs: nowMs + expiresInSeconds * 1000 }),
  }
}

/** WhatsApp's number for the cause of a ban, in words. */
export function banCause(code: number | undefined): BanCause {
  return (code === undefined ? undefined : BAN_CAUSES.get(code)) ?? 'unknown'
}

/** What an error, or none, at the end of a connection means. */
export function endingOfError(error: unknown): Ending {
  const code = errorCode(error)
  if (code !== undefined && FATAL_ERRORS.has(code)) return endingFor('ownership-lost')
  if (code !== undefined && UNREADABLE.has(code)) return endingFor('store-unreadable')
  if (error instanceof StorageError) return endingFor('store-failed')
  // the one check that our own clock may get wrong: a clock that is set right later must find a client that comes back
  if (code === 'WATON_NOISE_CERTIFICATE_VALIDITY') return endingFor('clock-or-certificate')
  if (error instanceof CryptoError && code?.startsWith('WATON_NOISE_CERTIFICATE') === true)
    return endingFor('server-not-trusted')
  return endingFor('connection-lost')
}

/** What `connect()` rejects with when the client will not come back. Its `cause` is the whole reason. */
export function closedError(reason: CloseReason): ClosedError {
  const { ban, quarantinedAtMs } = reason
  return new ClosedError('WATON_CLIENT_CLOSED', `the client stopped: ${reason.reason}. ${reason.advice}`, {
    details: {
      reason: reason.reason,
      ...(reason.serverCode === undefined ? {} : { serverCode: reason.serverCode }),
      ...(reason.text === undefined ? {} : { text: reason.text }),
      ...(quarantinedAtMs === undefined ? {} : { quarantinedAtMs }),
      ...(ban === undefined ? {} : { banCause: ban.cause }),
      ...(ban?.code === undefined ? {} : { banCode: ban.code }),
      ...(ban?.expiresAtMs === undefined ? {} : { banExpiresAtMs: ban.expiresAtMs }),
    },
    cause: reason,
    action: reason.action,
  })
}

/** Tags and attributes of a stanza, without the bytes in it. */
export function viewOf(stanza: BinaryNode): StanzaView {
  const { tag, attrs } = stanza
  return { tag, attrs: { ...attrs }, children: childrenOf(stanza).map(viewOf) }
}
