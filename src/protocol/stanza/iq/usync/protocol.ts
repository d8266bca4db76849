/**
 * What a USync protocol is: one thing that the directory knows about people, with the element that asks for it and the
 * element that answers. A query is made of several; one file here declares one.
 *
 * @source Baileys 7.0.0-rc14 `WAUSync`; whatsmeow `user.go`; whatsapp-rust `iq/usync.rs` for the errors
 */
import { childOf, numberAttribute, type BinaryNode } from '../../../binary/node.ts'

/** Somebody to ask about: by JID, by phone number, or by username. */
export interface UsyncTarget {
  /** User JID, a phone number or a LID; the answer uses the same form of address. */
  readonly jid?: string
  /** Digits behind a `+`, instead of a JID: for numbers that may not be on WhatsApp. Needs the contact protocol. */
  readonly phone?: string
  /** Instead of a JID. Needs the contact protocol. */
  readonly username?: string
  /** What protects the username, where it is protected. */
  readonly usernameKey?: string
  /** The LID that is known of somebody asked for by phone number. */
  readonly lid?: string
  /** Which face of a bot: see the bot protocol. */
  readonly personaId?: string
  /** The device list that is known: the server may then leave out somebody whose list is the same. */
  readonly devices?: { readonly hash: string; readonly timestampSeconds?: number }
}

/** One protocol. */
export interface UsyncProtocol<Name extends string, Value> {
  /** Its name in answers. */
  readonly name: Name
  /** Its element on the wire. */
  readonly tag: string
  /** The element that asks for it. */
  readonly query: () => BinaryNode
  /** What it adds to each person asked about. */
  readonly target?: (target: UsyncTarget) => BinaryNode | undefined
  /** Reads the answer about one person. @throws {ProtocolError} on what the protocol does not allow */
  readonly parse: (element: BinaryNode) => Value
}

/** An error of the server about one person, or one protocol. */
export interface UsyncError {
  /** E.g. 401, 404, 429; {@link MALFORMED_ANSWER} when the answer could not be read. */
  readonly code: number
  readonly text?: string
  /** How long to wait before asking again. */
  readonly backoffSeconds?: number
}

/** `code` of an answer about one person that breaks the rules of its protocol; never a code of the server. */
export const MALFORMED_ANSWER = -1

/**
 * The `<error>` inside of an element, if there is one. Numbers that are none are passed over: it is an error all the same.
 *
 * ```xml
 * <devices><error code="429" text="rate-overlimit" backoff="3600"/></devices>
 * ```
 */
export function errorIn(owner: BinaryNode): UsyncError | undefined {
  const error = childOf(owner, 'error')
  if (error === undefined) return undefined
  const { text } = error.attrs
  const backoffSeconds = numberOf(error, 'backoff')
  return {
    code: numberOf(error, 'code') ?? 0,
    ...(text === undefined ? {} : { text }),
    ...(backoffSeconds === undefined ? {} : { backoffSeconds }),
  }
}

function numberOf(error: BinaryNode, name: string): number | undefined {
  try {
    return numberAttribute(error, name)
  } catch {
    return undefined
  }
}
