/** Declining a call. Calls that come in are told by `receive/call.ts`. */
import { QueryError } from '../base/errors.ts'
import { numberAttribute } from '../protocol/binary/node.ts'
import { buildCallRejection } from '../protocol/stanza/call.ts'
import type { Connection } from './connection/connection.ts'
import type { CallPayload } from './events.ts'
import type { Self } from './identity/self.ts'

/** Resolves when the server knows. @throws {QueryError} `WATON_CALL_REFUSED` */
export async function rejectCall(
  connection: Connection,
  { id, creator }: Pick<CallPayload, 'id' | 'creator'>,
  self: Self,
): Promise<void> {
  const stanza = buildCallRejection({ callId: id, creator, self: self.devicePn })
  const answer = await connection.exchange(stanza)
  const serverCode = numberAttribute(answer, 'error')
  if (serverCode === undefined) return
  throw new QueryError('WATON_CALL_REFUSED', 'the server did not decline the call; it may be over already', {
    details: { serverCode },
  })
}
