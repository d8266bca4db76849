/** The server asks whether the client still lives. */
import { buildPong, isServerPing } from '../../../protocol/stanza/iq/ping.ts'
import type { ConnectionStanza } from './kind.ts'

/** See the file comment. */
export const takePing: ConnectionStanza = (stanza, { connection }) => {
  if (!isServerPing(stanza)) return false
  connection.send(buildPong(stanza))
  return true
}
