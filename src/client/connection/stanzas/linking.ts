/** Everything that the server asks or tells about linking. */
import type { ConnectionStanza } from './kind.ts'

/** See the file comment. */
export const takeLinking: ConnectionStanza = (stanza, host) => {
  if (!host.linking.concerns(stanza)) return false
  host.attempt(host.linking.receive(stanza))
  return true
}
