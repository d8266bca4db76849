/** What a kind of stanza that is about the connection itself is made of. */
import type { BinaryNode } from '../../../protocol/binary/node.ts'
import type { StreamFailure, StreamSuccess } from '../../../protocol/stanza/stream.ts'
import type { Connection } from '../connection.ts'
import type { Linking } from '../linking.ts'

/** What such a stanza may do. */
export interface ConnectionHost {
  readonly connection: Connection
  readonly linking: Linking
  /** The server has let the device in. */
  accepted(success: StreamSuccess): void
  /** The server has ended the stream, or does not let the device in. */
  failed(failure: StreamFailure): void
  /** Work that takes longer than its stanza; when it fails, so does the connection. */
  attempt(work: Promise<void>): void
}

/** Takes a stanza if it is one of its kind, and tells whether it was. */
export type ConnectionStanza = (stanza: BinaryNode, host: ConnectionHost) => boolean
