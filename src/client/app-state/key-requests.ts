/**
 * Asks the own phone for keys that app state was written with and that it has not shared: a peer message, durably marked
 * before it leaves, and again after a day when nothing came. Other devices of the account are not asked, because they would
 * not be believed: whoever can put a session with one of them before this device, and the server can, would give it keys.
 *
 * @source whatsmeow `appstate.go` requestMissingAppStateKeys (the phone, once in 24 hours)
 */
import { fromHex } from '../../base/bytes.ts'
import type { Logger } from '../../base/logger.ts'
import { Message, encodeMessage } from '../../protocol/proto/message.ts'
import type { Connection } from '../connection/connection.ts'
import { sealForPhone } from '../peer-message.ts'
import type { PeerContext } from '../peer-message.ts'
import { APP_STATE_KEY_REQUEST } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** How long the phone has for an answer. */
const ASK_AGAIN_MS = 24 * 60 * 60 * 1000

/** Keys in one request at most. */
const MAX_PER_REQUEST = 100

/**
 * Asks for those of the keys that were not asked for lately.
 *
 * @param missing - key ids in hexadecimal
 * @returns when the next of them may be asked for again, in milliseconds since the epoch
 */
export async function requestKeys(
  unit: Unit,
  missing: readonly string[],
  {
    connection,
    logger,
    ...context
  }: PeerContext & { readonly connection: Connection; readonly logger: Logger },
): Promise<number> {
  const due: string[] = []
  let nextAtMs = Infinity
  for (const id of missing) {
    const asked = await unit.read(APP_STATE_KEY_REQUEST, id)
    const againAtMs = asked === undefined ? unit.nowMs : asked.askedAtMs + ASK_AGAIN_MS
    if (againAtMs <= unit.nowMs) due.push(id)
    else nextAtMs = Math.min(nextAtMs, againAtMs)
  }
  const asked = due.slice(0, MAX_PER_REQUEST)
  if (asked.length === 0 || !connection.isOpen) return nextAtMs
  const stanza = await sealForPhone(unit, requestFor(asked), context)
  if (stanza === undefined) {
    logger.warn(
      { keys: asked.length },
      'there is no session with the own phone to ask it for keys of app state',
    )
    return nextAtMs
  }
  for (const id of asked) unit.put(APP_STATE_KEY_REQUEST, id, { askedAtMs: unit.nowMs })
  unit.onCommit(() => {
    if (connection.isOpen) connection.send(stanza)
  })
  logger.info({ keys: asked.length }, 'the own phone is asked for keys of app state')
  return Math.min(nextAtMs, unit.nowMs + ASK_AGAIN_MS)
}

/** The serialised `Message` that asks for keys. */
function requestFor(ids: readonly string[]): Uint8Array {
  return encodeMessage({
    protocolMessage: {
      type: Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_REQUEST,
      appStateSyncKeyRequest: { keyIds: ids.map((id) => ({ keyId: fromHex(id) })) },
    },
  })
}
