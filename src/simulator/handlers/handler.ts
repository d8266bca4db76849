/**
 * What a handler is and what it may use. Adding a query is one file with one `IqHandler` and one line in `index.ts`;
 * handlers see accounts, devices and the sender, never sockets.
 */
import type { BinaryNode, NodeContent } from '../../protocol/binary/node.ts'
import type { TraceNoteKind } from '../trace.ts'
import type { IqRefusal } from '../stanza/iq.ts'
import type { ContentShape, Shape } from '../stanza/shape.ts'
import type { Account } from '../world/account.ts'
import type { Device } from '../world/device.ts'
import type { World } from '../world/world.ts'

/** The logged-in device that sent a stanza. */
export interface Sender {
  readonly account: Account
  readonly device: Device
  /** The device's phone-number JID. */
  readonly jid: string
  /** Answers the device. */
  send(stanza: BinaryNode): void
  /** Writes a line about the device into the trace. */
  note(kind: TraceNoteKind, text: string): void
  /** The device broke the protocol: stream error, a line in the trace, connection closed. */
  violation(text: string): void
  /** Whether the device wants stanzas now (`<active/>`) or later (`<passive/>`). */
  setActive(isActive: boolean): void
  /** The device asks for the next stanzas of its backlog. */
  pullOffline(count: number): void
  /** The device answered a query of the server. */
  answered(answer: BinaryNode): void
}

/** Everything a handler may use. */
export interface HandlerContext {
  readonly world: World
  readonly sender: Sender
}

/** How a query ends: content of the result, or a refusal; `then` runs after the answer was sent. */
export interface IqOutcome {
  readonly content?: NodeContent
  readonly refusal?: IqRefusal
  readonly then?: () => void
}

/** One query that the server understands. */
export interface IqHandler {
  readonly xmlns: string
  readonly type: 'get' | 'set'
  /** Tag of the child that names the query; empty when the query has no child. */
  readonly child: string
  /** Content of the `<iq>`. */
  readonly content: ContentShape
  /** Attributes besides `id`, `to`, `type` and `xmlns`. */
  readonly attributes?: readonly string[]
  readonly handle: (query: BinaryNode, context: HandlerContext) => IqOutcome
}

/** One kind of top-level stanza that the server understands. */
export interface StanzaHandler {
  readonly tag: string
  readonly shape: Shape
  readonly handle: (stanza: BinaryNode, context: HandlerContext) => void
}
