/**
 * Protocol messages: instructions between the devices of one account. They are believed only when they come from the
 * account's own phone; from anybody else they are dropped, whatever they say.
 */
import { toHex } from '../../base/bytes.ts'
import { parseJid } from '../../protocol/jid.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import { APP_STATE_KEY, HISTORY_NOTIFICATION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext } from './context.ts'

/** The device number of the account's phone. */
const OWN_PHONE = 0

/** See the file comment. */
export function receiveProtocolMessage(
  unit: Unit,
  { parsed, message }: { parsed: ParsedMessage; message: MessageProperties },
  { logger }: ReceiveContext,
): Promise<void> {
  if (!parsed.isFromMe || parseJid(parsed.author).device !== OWN_PHONE) {
    logger.warn(
      { id: parsed.id, from: parsed.author },
      'a protocol message that is not from the own phone was dropped',
    )
    return Promise.resolve()
  }
  const { appStateSyncKeyShare, historySyncNotification } = message.protocolMessage ?? {}
  // shared once, in the first burst after linking: lost keys would mean app state that can never be read
  for (const { keyId, keyData } of appStateSyncKeyShare?.keys ?? []) {
    if (!keyId?.keyId || !keyData) continue
    unit.put(
      APP_STATE_KEY,
      toHex(keyId.keyId),
      encodeProto(Message.AppStateSyncKeyData, keyData, 'AppStateSyncKeyData'),
    )
  }
  // kept raw until it is imported; the receipt that tells the phone so is sent then and not before
  if (historySyncNotification) {
    const raw = encodeProto(
      Message.HistorySyncNotification,
      historySyncNotification,
      'HistorySyncNotification',
    )
    unit.put(HISTORY_NOTIFICATION, parsed.id, raw)
  }
  return Promise.resolve()
}
