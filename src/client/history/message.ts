/**
 * A message of the history as it will be in the log: the same row and the same event content as if it had come live, found
 * outside of any unit of work, because there are many. Lines about a chat ("somebody has joined") are no messages and are
 * passed over.
 */
import { concatBytes } from '../../base/bytes.ts'
import type { Logger } from '../../base/logger.ts'
import type { HistoryMessage, WebMessageInfo } from '../../protocol/history/index.ts'
import { isBroadcast, isGroup, isStatus, tryParseJid, userJid } from '../../protocol/jid.ts'
import { messageSecretOf } from '../../protocol/message/addons/index.ts'
import { contentOf, protocolOf } from '../../protocol/message/content.ts'
import { decodeMessage, encodeMessage } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { MessageKey } from '../../persistence/contract/index.ts'
import type { Added } from '../addition.ts'
import type { Person } from '../events.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { kindOf, perspectiveOf } from '../message-record.ts'
import type { MessageRecord } from '../message-record.ts'
import { REFUSED, addedContent } from '../receive/added.ts'
import type { Drops } from '../receive/drops.ts'
import { FOR_EVERYBODY, countUnknowns, isEmpty } from '../receive/record-content.ts'
import type { Referrer } from '../receive/target.ts'
import type { ReadContent } from '../../protocol/message/content.ts'
import type { AccountState } from '../state/account-state.ts'
import type { Unknowns } from '../unknowns.ts'

/** What messages are read with. */
export interface MessageReading {
  readonly state: AccountState
  readonly self: Self
  readonly drops: Drops
  readonly logger: Logger
  readonly unknowns: Unknowns
}

/** A message that can be recorded. */
export interface FoundMessage {
  readonly key: MessageKey
  readonly record: MessageRecord
  readonly content: ReadContent
  readonly message: MessageProperties
  /** What its author has made of another one. */
  readonly edited?: Added['edited']
  /** What it takes in memory, roughly. */
  readonly sizeBytes: number
}

/**
 * The message, or `undefined` when there is nothing to record.
 *
 * @throws {ProtocolError} when it is no message
 */
export async function findMessage(
  item: HistoryMessage,
  reading: MessageReading,
): Promise<FoundMessage | undefined> {
  const { state, self } = reading
  const { info } = item
  const place = await placeOf(item, reading)
  if (place === undefined || info.message === undefined) return undefined
  const { message, bytes } = withSecret(info.message, info.messageSecret)
  if (isNotSeen(message)) return undefined
  const { id, ...referrer } = place
  const added = await addedContent(state, { message, id, referrer }, reading)
  if (added === REFUSED) return undefined
  const me = [self.pn, self.me?.lid].filter((jid) => jid !== undefined)
  const content = contentOf(message, perspectiveOf({ ...referrer, me }))
  countUnknowns(message, content, reading)
  const record = {
    ...place,
    ...{ me, message: bytes },
    origin: 'history' as const,
    sentAtMs: sentAtMs(info),
    kind: added?.kind ?? kindOf(content),
    ...(info.pushName ? { pushName: info.pushName } : {}),
    ...(added === undefined ? {} : { opened: added.content }),
  }
  return {
    key: { id, chat: place.chat, sender: place.sender.jid },
    ...{ record, content, message },
    ...(added?.edited === undefined ? {} : { edited: added.edited }),
    sizeBytes: bytes.length + MESSAGE_OVERHEAD_BYTES,
  }
}

/** Where it stands: `undefined` when the phone does not say. */
async function placeOf(
  { chat: addressed, info }: HistoryMessage,
  { state, self }: MessageReading,
): Promise<(Referrer & { readonly id: string }) | undefined> {
  const id = info.key?.id
  const author = authorOf(addressed, info, self)
  if (!id || author === undefined) return undefined
  const chat = await canonicalJid(state, userJid(addressed))
  const sender = await personOf(state, userJid(author))
  return { id, chat, sender, fromMe: info.key.fromMe === true }
}

/** What a message takes beside its bytes: its envelope, its key, its content as an object. */
const MESSAGE_OVERHEAD_BYTES = 1_000

function sentAtMs({ sentAtSeconds = 0 }: WebMessageInfo): number {
  return Number.isSafeInteger(sentAtSeconds * 1000) ? sentAtSeconds * 1000 : 0
}

/** Who wrote it, as the phone calls them. */
function authorOf(chat: string, { key, participant }: WebMessageInfo, self: Self): string | undefined {
  if (tryParseJid(chat) === undefined) return undefined
  if (key?.fromMe === true) return self.userLike(chat)
  if (!isGroup(chat) && !isBroadcast(chat) && !isStatus(chat)) return chat
  const author = key?.participant ?? participant
  return author === undefined || tryParseJid(author) === undefined ? undefined : author
}

/** Messages between devices, and keys that go before a message, are nothing that anybody sees. */
function isNotSeen(message: MessageProperties): boolean {
  const protocol = protocolOf(message)
  if (protocol !== undefined) return !FOR_EVERYBODY.has(protocol.type)
  return isEmpty(message)
}

/** The phone keeps the secret beside the message; what is added to the message later is looked for inside. */
function withSecret(
  bytes: Uint8Array,
  secret: Uint8Array | undefined,
): { readonly message: MessageProperties; readonly bytes: Uint8Array } {
  const message: MessageProperties = decodeMessage(bytes)
  // a copy: the bytes are part of a large whole
  if (secret === undefined || messageSecretOf(message) !== undefined)
    return { message, bytes: concatBytes(bytes) }
  message.messageContextInfo ??= {}
  message.messageContextInfo.messageSecret = concatBytes(secret)
  return { message, bytes: encodeMessage(message) }
}

/** The addresses that a message was found under: with other ones it would be another message. */
export async function isStillAddressed(
  reader: Pick<AccountState, 'read'>,
  { key }: FoundMessage,
  checked: Map<string, boolean>,
): Promise<boolean> {
  for (const jid of [key.chat, key.sender]) {
    const known = checked.get(jid) ?? (await canonicalJid(reader, jid)) === jid
    checked.set(jid, known)
    if (!known) return false
  }
  return true
}

/** Somebody whom the phone names, if it is somebody. */
export async function namedPerson(state: AccountState, jid: string): Promise<Person | undefined> {
  return tryParseJid(jid) === undefined ? undefined : personOf(state, userJid(jid))
}
