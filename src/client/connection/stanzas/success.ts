/** The server has let the device in. */
import { parseSuccess } from '../../../protocol/stanza/stream.ts'
import type { ConnectionStanza } from './kind.ts'

/** See the file comment. @throws {ProtocolError} when a `<success>` is none */
export const takeSuccess: ConnectionStanza = (stanza, host) => {
  if (stanza.tag !== 'success') return false
  host.accepted(parseSuccess(stanza))
  return true
}
