/**
 * The receipt that asks for a message again because it could not be decrypted.
 *
 * ```xml
 * <receipt id="3EB0..." to="15550000002:3@s.whatsapp.net" type="retry">
 *   <retry count="1" id="3EB0..." t="1700000000" v="1" error="7"/>
 *   <registration>4 bytes</registration>
 *   <keys><type>05</type><identity/><key/><skey/><device-identity/></keys>   from the second request on
 * </receipt>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` sendRetryRequest; whatsmeow `retry.go`
 */
import { node, requireAttribute, type BinaryNode } from '../binary/node.ts'

/** One request. */
export interface RetryReceipt {
  /** The `<message>` that could not be read. */
  readonly message: BinaryNode
  /** Which request for this message it is, from 1. */
  readonly count: number
  /** Why, by the protocol's number; 0 is "unknown". */
  readonly errorCode: number
  /** Our registration id, 4 bytes big endian. */
  readonly registrationId: Uint8Array
  /** The `<keys>` that let the sender start a session at once. */
  readonly keys?: BinaryNode
}

/** Builds the receipt. @throws {ProtocolError} `WATON_STANZA_ATTRIBUTE` when the message has no id or sender */
export function buildRetryReceipt({
  message,
  count,
  errorCode,
  registrationId,
  keys,
}: RetryReceipt): BinaryNode {
  const id = requireAttribute(message, 'id')
  const { participant, recipient, t } = message.attrs
  return node(
    'receipt',
    { id, type: 'retry', to: requireAttribute(message, 'from'), participant, recipient },
    [
      node('retry', { count, id, t, v: 1, error: errorCode }),
      node('registration', {}, registrationId),
      ...(keys === undefined ? [] : [keys]),
    ],
  )
}
