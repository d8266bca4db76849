/**
 * The two ends that meet on one connection: the channel carries stanzas to the client, the listener takes what the
 * client sends. A WebSocket and the phone's in-memory link are both channels; what is behind them cannot tell.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'

/** The way to the client. */
export interface Channel {
  /** Number of the connection, as the trace shows it. */
  readonly connectionId: number
  /** Says whose connection this turned out to be, for the trace. */
  identify(device: string): void
  write(stanza: BinaryNode): void
  /** Closes after everything written was sent. */
  end(): void
  /** Cuts at once, as a broken network does. */
  cut(): void
}

/** What takes the client's stanzas: a waiting companion at first, a logged-in device later. */
export interface StanzaListener {
  receive(stanza: BinaryNode): void
  /** The connection is gone. Called once. */
  closed(): void
  /** The client sent something that is not even a stanza. */
  violation(text: string): void
}
