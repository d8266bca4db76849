/**
 * Stanzas that are about the connection itself, in the order in which they are asked for. Everything else goes through the
 * receive pipeline (`client/receive/handlers.ts`). A new kind is one file and one line here.
 */
import type { ConnectionStanza } from './kind.ts'
import { takeLinking } from './linking.ts'
import { takePing } from './ping.ts'
import { takeStreamEnd } from './stream-end.ts'
import { takeSuccess } from './success.ts'

/** See the file comment. */
export const CONNECTION_STANZAS: readonly ConnectionStanza[] = [
  takeStreamEnd,
  takeSuccess,
  takeLinking,
  takePing,
]
