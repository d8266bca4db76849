/**
 * How the server opens and ends a stream: the login's success, its refusals, and the errors that end a running stream.
 * This file names what happened; whether to come back is the client's decision. The raw stanza always comes along.
 *
 * @source Baileys 7.0.0-rc14 `Utils/generics.js` getErrorCodeFromStreamError, `Socket/socket.js`; whatsmeow
 *   `connectionevents.go`; whatsapp-rust stream errors
 */
import { childrenOf, numberAttribute, type BinaryNode } from '../binary/node.ts'

/** The server has accepted the login. */
export interface StreamSuccess {
  /** This device's LID JID. */
  readonly lid?: string
  /** The server's clock, for the skew. */
  readonly serverTimeSeconds?: number
  /** The account's name as the server knows it. */
  readonly displayName?: string
}

/** What ended a stream, in words that do not change with the number. */
export type StreamFailureReason =
  /** Come back at once: after pairing, or when the server moves us. */
  | 'restart-required'
  /** The device was unlinked. */
  | 'logged-out'
  /** Another connection of the same device took over. */
  | 'replaced'
  /** The account may not connect for a while. */
  | 'temporarily-banned'
  /** The phone's account is gone or locked. */
  | 'account-locked'
  | 'version-outdated'
  | 'banned'
  | 'bad-user-agent'
  | 'cat-expired'
  | 'cat-invalid'
  | 'not-found'
  | 'client-unknown'
  | 'multi-device-mismatch'
  | 'rate-limited'
  | 'server-error'
  | 'service-unavailable'
  /** The server could make nothing of the login. */
  | 'bad-request'
  /** The server could not read what we sent. */
  | 'not-well-formed'
  /** The server waited too long for an ack. */
  | 'ack-missing'
  /** The server ended the stream without a word. */
  | 'stream-end'
  | 'unknown'

/** The end of a stream. */
export interface StreamFailure {
  /** Which stanza said it. */
  readonly source: 'failure' | 'stream-error' | 'stream-end'
  /** What happened, as a stable word. */
  readonly reason: StreamFailureReason
  /** The server's number, or the one that clients use for the case (440 replaced, 428 stream end); 500 when there is none. */
  readonly serverCode: number
  /** The server's own text, when it sent one. */
  readonly text?: string
  /** Temporary bans: why (101 to 106) and for how long, as far as the server says so. */
  readonly ban?: { readonly code?: number; readonly expiresInSeconds?: number }
  /** The whole stanza. */
  readonly raw: BinaryNode
}

const REASONS: ReadonlyMap<number, StreamFailureReason> = new Map([
  [400, 'bad-request'],
  [401, 'logged-out'],
  [402, 'temporarily-banned'],
  [403, 'account-locked'],
  [405, 'version-outdated'],
  [406, 'banned'],
  [409, 'bad-user-agent'],
  [411, 'multi-device-mismatch'],
  [413, 'cat-expired'],
  [414, 'cat-invalid'],
  [415, 'not-found'],
  [418, 'client-unknown'],
  [429, 'rate-limited'],
  [500, 'server-error'],
  [501, 'server-error'],
  [503, 'service-unavailable'],
  [515, 'restart-required'],
  [516, 'logged-out'],
])

const LOGGED_OUT_CODE = 401
/** Baileys' number for a connection that another one replaced. */
const REPLACED_CODE = 440
/** Baileys' number for a connection that was closed. */
const CLOSED_CODE = 428
const UNKNOWN_CODE = 500

/**
 * ```xml
 * <success creation="..." display_name="Alice" lid="100000000001:3@lid" location="..." t="1700000000"/>
 * ```
 */
export function parseSuccess(stanza: BinaryNode): StreamSuccess {
  const { lid, display_name: displayName } = stanza.attrs
  const serverTimeSeconds = numberAttribute(stanza, 't')
  return {
    ...(lid === undefined ? {} : { lid }),
    ...(serverTimeSeconds === undefined ? {} : { serverTimeSeconds }),
    ...(displayName === undefined ? {} : { displayName }),
  }
}

/**
 * What a stanza says about the end of the stream; `undefined` when it does not end it.
 *
 * ```xml
 * <failure reason="401" location="..."/>
 * <failure reason="402" code="101" expire="3600"/>
 * <stream:error code="515"/>
 * <stream:error code="401"><conflict type="device_removed"/></stream:error>
 * <stream:error><conflict type="replaced"/></stream:error>
 * <stream:error code="503"/>
 * <stream:error><xml-not-well-formed/></stream:error>
 * <stream:error><ack id="..." class="..."/></stream:error>
 * <xmlstreamend/>
 * ```
 */
export function parseStreamFailure(stanza: BinaryNode): StreamFailure | undefined {
  switch (stanza.tag) {
    case 'failure':
      return failureOf(stanza)
    case 'stream:error':
      return streamErrorOf(stanza)
    case 'xmlstreamend':
      return { source: 'stream-end', reason: 'stream-end', serverCode: CLOSED_CODE, raw: stanza }
    default:
      return undefined
  }
}

function failureOf(stanza: BinaryNode): StreamFailure {
  const serverCode = numberAttribute(stanza, 'reason') ?? UNKNOWN_CODE
  const code = numberAttribute(stanza, 'code')
  const expiresInSeconds = numberAttribute(stanza, 'expire')
  const text = stanza.attrs.message ?? stanza.attrs.logout_message_header
  const reason = REASONS.get(serverCode) ?? 'unknown'
  return {
    source: 'failure',
    reason,
    serverCode,
    ...(text === undefined ? {} : { text }),
    ...(reason === 'temporarily-banned'
      ? {
          ban: {
            ...(code === undefined ? {} : { code }),
            ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }),
          },
        }
      : {}),
    raw: stanza,
  }
}

function streamErrorOf(stanza: BinaryNode): StreamFailure {
  const [cause] = childrenOf(stanza)
  const code = numberAttribute(stanza, 'code')
  const { reason, serverCode } = streamErrorReason(cause, code)
  const text = stanza.attrs.text ?? cause?.attrs.text
  return { source: 'stream-error', reason, serverCode, ...(text === undefined ? {} : { text }), raw: stanza }
}

/** Causes that are told by the child's name, whatever the number. */
const CAUSES: ReadonlyMap<string, StreamFailureReason> = new Map([
  ['xml-not-well-formed', 'not-well-formed'],
  ['ack', 'ack-missing'],
])

function streamErrorReason(
  cause: BinaryNode | undefined,
  code: number | undefined,
): Pick<StreamFailure, 'reason' | 'serverCode'> {
  // 409 is "another connection" here, but "bad user agent" in a refused login.
  if (cause?.tag === 'conflict' || code === 409) {
    const isRemoved = cause?.attrs.type === 'device_removed' || code === 401
    return isRemoved
      ? { reason: 'logged-out', serverCode: LOGGED_OUT_CODE }
      : { reason: 'replaced', serverCode: REPLACED_CODE }
  }
  const serverCode = code ?? UNKNOWN_CODE
  const named = cause === undefined ? undefined : CAUSES.get(cause.tag)
  if (named !== undefined) return { reason: named, serverCode }
  return { reason: code === undefined ? 'unknown' : (REASONS.get(code) ?? 'unknown'), serverCode }
}
