/** `<failure>`, `<stream:error>`, `<xmlstreamend>`: the server says why it ends the stream. Which reasons there are is a table of the protocol. */
import { parseStreamFailure } from '../../../protocol/stanza/stream.ts'
import type { ConnectionStanza } from './kind.ts'

/** See the file comment. */
export const takeStreamEnd: ConnectionStanza = (stanza, host) => {
  const failure = parseStreamFailure(stanza)
  if (failure === undefined) return false
  host.failed(failure)
  return true
}
