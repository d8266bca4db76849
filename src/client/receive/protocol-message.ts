/**
 * Protocol messages: instructions between the devices of one account. They are believed only when they come from the
 * account's own phone; from anybody else they are dropped, whatever they say.
 */
import { toHex } from '../../base/bytes.ts'
import { describeError, errorCode } from '../../base/errors.ts'
import { parseJid } from '../../protocol/jid.ts'
import { readHistorySalt } from '../../protocol/message/history-salt.ts'
import { readLidMappings } from '../../protocol/message/lid-mappings.ts'
import type { ProtocolContent } from '../../protocol/message/protocol-content.ts'
import { encodeProto } from '../../protocol/proto/codec.ts'
import { Message } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import { historyReceiptTarget } from '../../protocol/stanza/receipt.ts'
import type { Person } from '../events.ts'
import { learnMapping } from '../identity/addresses.ts'
import { APP_STATE_KEY, NCT_SALT, SELF } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, RecordMessage } from './context.ts'
import { recordResent } from './placeholder.ts'

/** A phone book may hold many thousands. */
const MAPPINGS_PER_EVENT = 1_000

/** The device number of the account's phone. */
const OWN_PHONE = 0

/** See the file comment. */
export async function receiveProtocolMessage(
  unit: Unit,
  {
    parsed,
    protocol,
    record,
  }: {
    readonly parsed: ParsedMessage
    readonly protocol: ProtocolContent['protocol']
    readonly record: RecordMessage
  },
  context: ReceiveContext,
): Promise<void> {
  if (!parsed.isFromMe || parseJid(parsed.author).device !== OWN_PHONE) {
    context.drops.drop('not-from-own-phone', { id: parsed.id, from: parsed.author })
    return
  }
  keepAppStateKeys(unit, protocol)
  await keepHistoryNotification(unit, { parsed, protocol }, context)
  keepSalt(unit, protocol, context)
  await recordResent(unit, { response: protocol.peerDataOperationRequestResponseMessage, record }, context)
  await learnMappings(unit, protocol, context)
}

/** What the phone knows of everybody. What a stanza says is not told by itself: its event carries both addresses. */
async function learnMappings(
  unit: Unit,
  { lidMigrationMappingSyncMessage }: Message.ProtocolMessage.$Properties,
  { self }: ReceiveContext,
): Promise<void> {
  const mappings = lidMigrationMappingSyncMessage?.encodedMappingPayload
  if (!mappings) return
  const contacts: Person[] = []
  for (const { pn, lid } of readLidMappings(mappings)) {
    if (await learnMapping(unit, pn, lid)) contacts.push({ jid: lid, pn, lid })
  }
  for (let from = 0; from < contacts.length; from += MAPPINGS_PER_EVENT) {
    const some = contacts.slice(from, from + MAPPINGS_PER_EVENT)
    unit.event('lid.mapping', { contacts: some, atMs: unit.nowMs }, self.pn)
  }
}

/** Shared once, in the first burst after linking: lost keys would mean app state that can never be read. */
function keepAppStateKeys(unit: Unit, { appStateSyncKeyShare }: Message.ProtocolMessage.$Properties): void {
  for (const { keyId, keyData } of appStateSyncKeyShare?.keys ?? []) {
    if (!keyId?.keyId || !keyData) continue
    unit.put(
      APP_STATE_KEY,
      toHex(keyId.keyId),
      encodeProto(Message.AppStateSyncKeyData, keyData, 'AppStateSyncKeyData'),
    )
  }
}

/** Kept raw until it is imported; the receipt that tells the phone so is sent then and not before. */
async function keepHistoryNotification(
  unit: Unit,
  { parsed, protocol }: { readonly parsed: ParsedMessage; readonly protocol: ProtocolContent['protocol'] },
  { history }: ReceiveContext,
): Promise<void> {
  const { historySyncNotification } = protocol
  if (!historySyncNotification) return
  const raw = encodeProto(Message.HistorySyncNotification, historySyncNotification, 'HistorySyncNotification')
  await history.keep(unit, { id: parsed.id, to: historyReceiptTarget(parsed).to, raw })
}

/** The salt of the account's tokens comes with the first piece of history; a piece that is damaged is kept all the same. */
function keepSalt(
  unit: Unit,
  { historySyncNotification }: Message.ProtocolMessage.$Properties,
  { logger }: ReceiveContext,
): void {
  const payload = historySyncNotification?.initialHistBootstrapInlinePayload
  if (!payload || payload.length === 0) return
  try {
    const salt = readHistorySalt(payload)
    if (salt !== undefined) unit.put(NCT_SALT, SELF, salt)
  } catch (error) {
    const fields = { code: errorCode(error), reason: describeError(error) }
    logger.warn(fields, 'a piece of history could not be read')
  }
}
