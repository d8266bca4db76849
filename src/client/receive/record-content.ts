/**
 * From decrypted bytes to what is recorded: decode, unwrap what an own device reports about its own sends,
 * and either a message with its event or, for protocol messages, what they ask for.
 */
import { contentOf, protocolOf } from '../../protocol/message/content.ts'
import type { ReadContent } from '../../protocol/message/content.ts'
import type { ProtocolContent, ProtocolType } from '../../protocol/message/protocol-content.ts'
import { unwrapDeviceSent } from '../../protocol/message/device-sent.ts'
import { unknownFields } from '../../protocol/message/unknown-fields.ts'
import { decodeMessage, encodeMessage } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import type { MessageKey, MessageRow } from '../../persistence/contract/index.ts'
import type { Origin } from '../events.ts'
import { noteTimer } from '../chat-timer.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import { wasRecorded } from '../identity/former-address.ts'
import { isOfHistory, kindOf, messageRow, payloadOf, perspectiveOf, rowInPlaceOf } from '../message-record.ts'
import type { MessageRecord } from '../message-record.ts'
import { noteEdit } from '../stored-target.ts'
import type { Unit } from '../state/unit.ts'
import { REFUSED, addedContent } from './added.ts'
import type { ReceiveContext } from './context.ts'
import { receiveProtocolMessage } from './protocol-message.ts'
import { keepSenderKey } from './sender-key-shares.ts'
import { toldUnreadable } from './unreadable.ts'

/** How a message came here. */
export function originOf({ isFromMe, isOffline }: ParsedMessage): Origin {
  if (isFromMe) return 'own'
  return isOffline ? 'offline' : 'live'
}

/** Protocol messages that others may send; their content is recorded like any other. */
export const FOR_EVERYBODY: ReadonlySet<ProtocolType> = new Set([
  'revoke',
  'edit',
  'ephemeral-setting',
  'share-phone-number',
  'limit-sharing',
  'group-member-label',
  'request-welcome-message',
  'bot-feedback',
  'reminder',
  'status-mention',
  'stop-generation',
])

/** Fields of a protocol message that are believed of the own phone only, whatever type goes with them. */
const SELF_ONLY_FIELDS = [
  'historySyncNotification',
  'appStateSyncKeyShare',
  'appStateSyncKeyRequest',
  'initialSecurityNotificationSettingSync',
  'appStateFatalExceptionNotification',
  'peerDataOperationRequestMessage',
  'peerDataOperationRequestResponseMessage',
  'lidMigrationMappingSyncMessage',
] as const

/** Whether it is for this device alone. What nobody knows is, when it comes among own devices. */
function isBetweenDevices({ type, protocol }: ProtocolContent, { category }: ParsedMessage): boolean {
  if (FOR_EVERYBODY.has(type)) return false
  return type !== 'unknown' || category === 'peer' || SELF_ONLY_FIELDS.some((field) => protocol[field])
}

/** Records one message. @throws {ProtocolError} when the bytes are not a message */
export async function recordMessage(
  unit: Unit,
  { parsed, plaintext }: { parsed: ParsedMessage; plaintext: Uint8Array },
  context: ReceiveContext,
): Promise<void> {
  const outer = decodeMessage(plaintext)
  // only our own devices may say that a message belongs to another chat
  const sent = parsed.isFromMe ? unwrapDeviceSent(outer) : undefined
  const message = sent?.message ?? outer
  for (const one of new Set([outer, message])) await keepSenderKey(unit, { parsed, message: one }, context)
  const protocol = protocolOf(message)
  if (protocol !== undefined && isBetweenDevices(protocol, parsed)) {
    countUnknowns(message, protocol, context)
    const instruction = { parsed, protocol: protocol.protocol, record: recordMessage }
    await receiveProtocolMessage(unit, instruction, context)
    return
  }
  // a group's key comes in front of the content, under the same id: it is not the message
  if (message.senderKeyDistributionMessage && isEmpty(message)) {
    countUnknowns(message, undefined, context)
    return
  }
  await recordVisible(
    unit,
    {
      parsed,
      message,
      chat: sent?.destinationJid ?? parsed.chat,
      bytes: sent === undefined ? plaintext : encodeMessage(message),
    },
    context,
  )
}

/** Whether there is nothing to see. What is newer than the schema may be content. */
export function isEmpty(message: MessageProperties): boolean {
  const content = contentOf(message)
  const { $unknowns: newer } = message as { readonly $unknowns?: readonly Uint8Array[] }
  return content.kind === 'unknown' && content.name === undefined && !newer?.length
}

/** A message that somebody sees. */
interface Visible {
  readonly parsed: ParsedMessage
  readonly message: MessageProperties
  /** As it was addressed. */
  readonly chat: string
  /** The serialised `Message`. */
  readonly bytes: Uint8Array
}

/** The message is recorded already. */
const TAKEN = Symbol('taken')

/**
 * What stands where a message goes. The same id with another ciphertext is the same message: the session has moved on, and
 * only the event is dropped. What the history has told is not the message itself: whoever waits for messages is told of it
 * when it comes.
 */
async function placeFor(unit: Unit, key: MessageKey): Promise<MessageRow | typeof TAKEN | undefined> {
  if (!(await wasRecorded(unit, key))) return undefined
  const row = await unit.readMessage(key)
  return row !== undefined && isOfHistory(row) ? row : TAKEN
}

async function recordVisible(
  unit: Unit,
  { parsed, message, chat: addressed, bytes }: Visible,
  context: ReceiveContext,
): Promise<void> {
  const chat = await canonicalJid(unit, addressed)
  const sender = await personOf(unit, parsed.author)
  const key = { chat, sender: sender.jid, id: parsed.id }
  const former = await placeFor(unit, key)
  if (former === TAKEN) return
  const referrer = { chat, sender, fromMe: parsed.isFromMe }
  const added = await addedContent(unit, { message, id: parsed.id, referrer }, context)
  if (added === REFUSED) return
  const me = [context.self.pn, context.self.me?.lid].filter((jid) => jid !== undefined)
  const content = contentOf(message, perspectiveOf({ ...referrer, me }))
  countUnknowns(message, content, context)
  const record = {
    ...key,
    sender,
    fromMe: parsed.isFromMe,
    origin: originOf(parsed),
    sentAtMs: parsed.sentAtSeconds * 1000,
    kind: added?.kind ?? kindOf(content),
    message: bytes,
    me,
    ...besides(parsed, await toldUnreadable(unit, key)),
    ...(added === undefined ? {} : { opened: added.content }),
  }
  await noteTimer(unit, { chat, message, sentAtMs: record.sentAtMs })
  const row = messageRow(record, unit.nowMs)
  unit.putMessage(rowInPlaceOf(former, row))
  if (added?.edited !== undefined) {
    const { target, message: edited } = added.edited
    await noteEdit(unit, target, { message: edited, atMs: record.sentAtMs })
  }
  unit.event('message', payloadOf(record, content), chat, { message: key })
}

/** What only some messages have. */
function besides(
  { kind, pushName, serverId }: ParsedMessage,
  replaces: number | undefined,
): Pick<MessageRecord, 'pushName' | 'serverId' | 'replaces'> {
  return {
    ...(pushName === undefined ? {} : { pushName }),
    ...(kind === 'newsletter' && serverId !== undefined ? { serverId } : {}),
    ...(replaces === undefined ? {} : { replaces }),
  }
}

/** What this version is missing is counted; of what somebody sees, it is all in the row. */
export function countUnknowns(
  message: MessageProperties,
  content: ReadContent | ProtocolContent | undefined,
  { unknowns }: Pick<ReceiveContext, 'unknowns'>,
): void {
  if (content?.kind === 'unknown' && content.name !== undefined) unknowns.count('content', content.name)
  if (content?.kind === 'protocol' && content.type === 'unknown')
    unknowns.count('protocol', String(content.typeNumber))
  for (const field of unknownFields(message)) unknowns.count('field', field)
}
