/**
 * The `<message>` stanza: who wrote to whom, and the encrypted copies. Encryption and content are elsewhere; parsing here
 * touches nothing but attributes and children.
 *
 * @source Baileys 7.0.0-rc14 `Utils/decode-wa-message.js` decodeMessageNode, `Socket/messages-send.js` relayMessage;
 *   whatsmeow `message.go`; `<bot>` and `<meta>` beside the answer of a bot: whatsmeow `message.go` parseMsgBotInfo,
 *   parseMsgMetaInfo, and WhatsApp Web's `WAWebBotMessageSecret`
 */
import { ProtocolError } from '../../base/errors.ts'
import {
  childOf,
  childrenOf,
  contentBytes,
  node,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
  type NodeAttributes,
} from '../binary/node.ts'
import {
  SERVER_HOSTED,
  SERVER_HOSTED_LID,
  SERVER_LID,
  SERVER_USER,
  formatJid,
  isBot,
  isBroadcast,
  isGroup,
  isHosted,
  isLid,
  isNewsletter,
  isPn,
  isStatus,
  parseJid,
  sameUser,
  tryParseJid,
  userJid,
} from '../jid.ts'
import type { StanzaExtras } from '../message/stanza-facts.ts'
import { addressPairs, type AddressPair } from './address-pairs.ts'

/** A message encrypted for one device. */
export interface EncryptedCopy {
  /** Device JID. */
  readonly jid: string
  /** `pkmsg` while the other device may not have the session yet. */
  readonly type: 'msg' | 'pkmsg'
  /** The serialised Signal message. */
  readonly ciphertext: Uint8Array
}

/** A message to be sent to one person and the account's own devices. */
export interface OutgoingMessage {
  /** The message id, the same in every copy. */
  readonly id: string
  /** The chat: a user JID. */
  readonly to: string
  /** The stanza's `type`: `text`, `media`, `reaction`, `poll`, `event`. */
  readonly type: string
  /** In the order in which they go out; own devices come first. */
  readonly copies: readonly EncryptedCopy[]
  /** Attributes of every `<enc>`, e.g. `mediatype`, `decrypt-fail`. */
  readonly encAttributes?: NodeAttributes
  /** Further attributes of the stanza, e.g. `edit`. */
  readonly attributes?: NodeAttributes
  /** Serialised `ADVSignedDeviceIdentity` with account key; required as soon as one copy is a `pkmsg`. */
  readonly deviceIdentity?: Uint8Array
  /** The `<reporting>` node. */
  readonly reporting?: BinaryNode
  /** Further children, after all others. */
  readonly extra?: readonly BinaryNode[]
}

/** One encrypted part of a received message. */
export interface EncryptedPart {
  /** `msg`, `pkmsg`, `skmsg`, `msmsg`, or something newer. */
  readonly type: string
  /** Of the encryption; 2 today. */
  readonly version?: number
  /** As it came. */
  readonly ciphertext: Uint8Array
  /** How often it has been sent again at our request. */
  readonly retryCount?: number
  /** What the content is, e.g. `image`, as the sender says. */
  readonly mediaType?: string
  /** What to show when it cannot be decrypted; `hide` for things like reactions. */
  readonly decryptFail?: string
}

/** Which message the answer of a bot belongs to, and which answer it replaces. */
export interface BotReply {
  /** The id of the message that is answered. */
  readonly targetId?: string
  /** Who asked, without device; the account itself when it is not said. */
  readonly targetSender?: string
  /** The chat that the question is in, without device; the bot's own when it is not said. */
  readonly targetChat?: string
  /** `first`, `inner` and `last` of an answer that grows, or `full`. */
  readonly edit?: string
  /** The id of the answer that grows: of its `first` part. */
  readonly editTargetId?: string
}

/** What kind of chat a message belongs to. */
export type ChatKind = 'direct' | 'group' | 'broadcast' | 'status' | 'newsletter'

/** A received message before decryption. JIDs are as they were on the wire. */
export interface ParsedMessage {
  /** The message id: unique with its chat and sender. */
  readonly id: string
  /** Which sort of chat it is in. */
  readonly kind: ChatKind
  /** The chat, without device: the other person also when we wrote it ourselves, or when a hosted device of theirs did. */
  readonly chat: string
  /** The device that wrote it; sessions and sender keys go by it. */
  readonly author: string
  /** Whether this account wrote it, on another device. */
  readonly isFromMe: boolean
  /** As on the wire. */
  readonly from: string
  /** As on the wire, in groups, broadcasts and statuses. */
  readonly participant?: string
  /** As on the wire, on copies of what another own device sent. */
  readonly recipient?: string
  /** Which addresses the stanza uses. */
  readonly addressingMode: 'pn' | 'lid'
  /** Phone numbers and LIDs that the stanza says belong together, users without device. */
  readonly addresses: readonly AddressPair[]
  /** When the server took it. */
  readonly sentAtSeconds: number
  /** Whether it waited in the server's offline queue. */
  readonly isOffline: boolean
  /** The stanza's `type`, e.g. `text`. */
  readonly type?: string
  /** `peer` for messages between own devices. */
  readonly category?: string
  /** Present on edits and deletions. */
  readonly edit?: string
  /** The name that the sender gave themselves. */
  readonly pushName?: string
  /** All encrypted parts, in order. */
  readonly encrypted: readonly EncryptedPart[]
  /** The unencrypted content of a channel message. */
  readonly plaintext?: Uint8Array
  /** Present when this device is not given the content: its `type`, or `''`. */
  readonly unavailable?: string
  /** Serialised `ADVSignedDeviceIdentity` of the author, beside a `pkmsg`. */
  readonly deviceIdentity?: Uint8Array
  /** Position in a channel. */
  readonly serverId?: string
  /** Present on what a bot answers with. */
  readonly botReply?: BotReply
}

/** Our own addresses, with or without device. */
export interface OwnAddresses {
  /** The phone-number JID. */
  readonly pn: string
  /** The LID, once it is known. */
  readonly lid?: string
}

/** What the extras of a message become in its stanza. */
export function stanzaParts(
  extras: StanzaExtras | undefined,
): Pick<OutgoingMessage, 'encAttributes' | 'attributes' | 'extra'> {
  if (extras === undefined) return {}
  const { mediaType, meta, edit, hidesFailure } = extras
  return {
    encAttributes: {
      ...(mediaType === undefined ? {} : { mediatype: mediaType }),
      ...(hidesFailure === true ? { 'decrypt-fail': 'hide' } : {}),
    },
    attributes: edit === undefined ? {} : { edit },
    extra: meta === undefined ? [] : [node('meta', meta)],
  }
}

/**
 * Builds a message for one person.
 *
 * ```xml
 * <message id="3EB0..." to="15550000002@s.whatsapp.net" type="text">
 *   <participants><to jid="15550000002:3@s.whatsapp.net"><enc v="2" type="pkmsg">...</enc></to>...</participants>
 *   <device-identity>ADVSignedDeviceIdentity</device-identity>
 *   <reporting><reporting_token v="2">16 bytes</reporting_token></reporting>
 * </message>
 * ```
 */
export function buildMessage(message: OutgoingMessage): BinaryNode {
  const { id, to, type, copies, encAttributes, deviceIdentity, reporting } = message
  const participants = copies.map((copy) =>
    node('to', { jid: copy.jid }, [
      node('enc', { v: '2', type: copy.type, ...encAttributes }, copy.ciphertext),
    ]),
  )
  return node('message', { id, to, type, ...message.attributes }, [
    node('participants', {}, participants),
    ...(deviceIdentity === undefined ? [] : [node('device-identity', {}, deviceIdentity)]),
    ...(reporting === undefined ? [] : [reporting]),
    ...(message.extra ?? []),
  ])
}

/**
 * Reads a received message.
 *
 * ```xml
 * <message from="100000000002:3@lid" id="3EB0..." t="1700000000" type="text" notify="Bob" addressing_mode="lid"
 *          sender_pn="15550000002@s.whatsapp.net" offline="0">
 *   <enc v="2" type="pkmsg">...</enc><device-identity>...</device-identity>
 * </message>
 * <message from="15550000001@s.whatsapp.net" recipient="15550000002@s.whatsapp.net" ...>   our own, from another device
 * <message from="123@g.us" participant="100000000002:3@lid" participant_pn="15550000002@s.whatsapp.net" ...>
 * <message from="100000000003@bot" ...>                                       the second part of an answer
 *   <enc v="2" type="msmsg">...</enc>
 *   <meta target_id="3EB0..." target_sender_jid="100000000001@lid" target_chat_jid="100000000002@lid"/>
 *   <bot edit="inner" edit_target_id="3EB1..." sender_timestamp_ms="1700000000000"/>
 * </message>
 * ```
 *
 * @throws {ProtocolError} `WATON_MESSAGE_ADDRESS` when sender and chat cannot be told; `WATON_STANZA_...` when an attribute
 *   is missing or malformed
 */
export function parseMessage(stanza: BinaryNode, own: OwnAddresses): ParsedMessage {
  const from = requireAttribute(stanza, 'from')
  const address = addressOf(stanza, from, own)
  const encrypted = childrenOf(stanza, 'enc').flatMap(parseEnc)
  const botReply = botReplyOf(stanza, address.author, encrypted)
  return {
    id: requireAttribute(stanza, 'id'),
    ...address,
    ...(botReply?.targetChat === undefined || address.kind !== 'direct' ? {} : { chat: botReply.targetChat }),
    from,
    addressingMode: addressingModeOf(stanza, address.author),
    addresses: addressPairs(stanza),
    sentAtSeconds: numberAttribute(stanza, 't') ?? 0,
    isOffline: stanza.attrs.offline !== undefined,
    ...optionalAttributes(stanza),
    encrypted,
    ...optionalChildren(stanza),
    ...(botReply === undefined ? {} : { botReply }),
  }
}

function optionalAttributes({ attrs }: BinaryNode): Partial<ParsedMessage> {
  const { participant, recipient, type, category, edit, notify, server_id: serverId } = attrs
  return {
    ...(participant === undefined ? {} : { participant }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(type === undefined ? {} : { type }),
    ...(category === undefined ? {} : { category }),
    ...(edit === undefined ? {} : { edit }),
    ...(notify === undefined ? {} : { pushName: notify }),
    ...(serverId === undefined ? {} : { serverId }),
  }
}

function optionalChildren(stanza: BinaryNode): Partial<ParsedMessage> {
  const deviceIdentity = childBytes(stanza, 'device-identity')
  const plaintext = childBytes(stanza, 'plaintext')
  const unavailable = childOf(stanza, 'unavailable')
  return {
    ...(plaintext === undefined ? {} : { plaintext }),
    ...(unavailable === undefined ? {} : { unavailable: unavailable.attrs.type ?? '' }),
    ...(deviceIdentity === undefined ? {} : { deviceIdentity }),
  }
}

/** How a bot encrypts what it answers with. */
export const BOT_ENCRYPTION: string = 'msmsg'

/** Only of bots: anybody else could name a chat that is not theirs. */
function botReplyOf(
  stanza: BinaryNode,
  author: string,
  encrypted: readonly EncryptedPart[],
): BotReply | undefined {
  if (!isBot(author) || !encrypted.some(({ type }) => type === BOT_ENCRYPTION)) return undefined
  const { target_id: targetId, ...meta } = childOf(stanza, 'meta')?.attrs ?? {}
  const { edit, edit_target_id: editTargetId } = childOf(stanza, 'bot')?.attrs ?? {}
  const targetSender = userOf(meta.target_sender_jid)
  const targetChat = userOf(meta.target_chat_jid)
  return {
    ...(targetId === undefined ? {} : { targetId }),
    ...(targetSender === undefined ? {} : { targetSender }),
    ...(targetChat === undefined ? {} : { targetChat }),
    ...(edit === undefined ? {} : { edit }),
    ...(editTargetId === undefined ? {} : { editTargetId }),
  }
}

function userOf(jid: string | undefined): string | undefined {
  return jid === undefined || tryParseJid(jid) === undefined ? undefined : userJid(jid)
}

type Address = Pick<ParsedMessage, 'kind' | 'chat' | 'author' | 'isFromMe'>

function addressOf(stanza: BinaryNode, from: string, own: OwnAddresses): Address {
  const isOwn = (jid: string): boolean => sameUser(jid, own.pn) || sameUser(jid, own.lid)
  if (isNewsletter(from)) return { kind: 'newsletter', chat: userJid(from), author: from, isFromMe: false }
  if (isGroup(from) || isBroadcast(from)) {
    const author = requireAttribute(stanza, 'participant')
    const kind = isGroup(from) ? 'group' : isStatus(from) ? 'status' : 'broadcast'
    return { kind, chat: userJid(from), author, isFromMe: isOwn(author) }
  }
  if (isPn(from) || isLid(from) || isHosted(from) || isBot(from))
    return directAddress(stanza.attrs.recipient, from, isOwn(from))
  throw new ProtocolError(
    'WATON_MESSAGE_ADDRESS',
    'a message came from an address that is no person, group or channel',
    {
      details: { from: from.slice(0, 64) },
    },
  )
}

/** Our own devices name the chat in `recipient`; from anybody else it would let a stranger write into another chat. */
function directAddress(recipient: string | undefined, from: string, isFromMe: boolean): Address {
  if (recipient !== undefined && !isFromMe && !isBot(recipient)) {
    throw new ProtocolError(
      'WATON_MESSAGE_ADDRESS',
      'a message of somebody else names a recipient, which only own messages do',
      {
        details: { from, recipient: recipient.slice(0, 64) },
      },
    )
  }
  const chat = recipient !== undefined && isFromMe ? recipient : from
  return { kind: 'direct', chat: personJid(chat), author: from, isFromMe }
}

/** The person behind a device: hosted devices write from servers of their own, which nobody can be reached at. */
function personJid(jid: string): string {
  const { user, server } = parseJid(jid)
  if (server === SERVER_HOSTED) return formatJid({ user, server: SERVER_USER, device: 0 })
  if (server === SERVER_HOSTED_LID) return formatJid({ user, server: SERVER_LID, device: 0 })
  return userJid(jid)
}

function addressingModeOf(stanza: BinaryNode, author: string): 'pn' | 'lid' {
  const { addressing_mode: mode } = stanza.attrs
  if (mode === 'lid' || mode === 'pn') return mode
  return author.endsWith('lid') ? 'lid' : 'pn'
}

function parseEnc(enc: BinaryNode): readonly EncryptedPart[] {
  const ciphertext = contentBytes(enc)
  const { type, mediatype, 'decrypt-fail': decryptFail } = enc.attrs
  if (ciphertext === undefined || type === undefined) return []
  const version = numberAttribute(enc, 'v')
  const retryCount = numberAttribute(enc, 'count')
  return [
    {
      type,
      ...(version === undefined ? {} : { version }),
      ciphertext,
      ...(retryCount === undefined ? {} : { retryCount }),
      ...(mediatype === undefined ? {} : { mediaType: mediatype }),
      ...(decryptFail === undefined ? {} : { decryptFail }),
    },
  ]
}

function childBytes(stanza: BinaryNode, tag: string): Uint8Array | undefined {
  const child = childOf(stanza, tag)
  return child === undefined ? undefined : contentBytes(child)
}
