/**
 * Builders of what a server sends, for `simulator.deliver(jid, stanza)`: `import { stanzas } from 'waton/simulator'`. Each
 * gives the plain shape; what a test wants otherwise it changes on the result. Nothing here is encrypted but what bots
 * answer: other readable messages are sent by phones and linked devices.
 *
 * @source shapes: Baileys 7.0.0-rc14 `Socket/messages-recv.js`, `Socket/chats.js`, `Socket/socket.js`; whatsmeow
 *   `call.go`, `notification.go`, `presence.go`, `receipt.go`, `connectionevents.go`; bots: WhatsApp Web
 *   `WAWebBotMessageSecret`, whatsmeow `msgsecret.go` decryptBotMessage
 */
import { concatBytes, utf8Bytes } from '../base/bytes.ts'
import { node } from '../protocol/binary/node.ts'
import type { BinaryNode, NodeContent } from '../protocol/binary/node.ts'
import { aesGcmSeal, hkdfSha256, sha256 } from '../protocol/crypto/index.ts'
import { formatJid, parseJid } from '../protocol/jid.ts'
import { encodeProto } from '../protocol/proto/codec.ts'
import { MessageSecretMessage } from '../protocol/proto/message.ts'
import { SERVER } from './stanza/iq.ts'

/** What every stanza with an answer has. */
export interface StanzaHead {
  /** Unique with its sender. */
  readonly id: string
  /** The chat or device it comes from. */
  readonly from: string
  /** When, in seconds since the epoch. */
  readonly atSeconds: number
  /** In groups and broadcasts: the device that wrote. */
  readonly participant?: string
  /** More attributes, or others in place of those above. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** `<notification type t>`: of any type, e.g. `picture`, `w:gp2`, `account_sync`, `devices`, `mediaretry`. */
export function notification(
  head: StanzaHead & { readonly type: string },
  content: readonly BinaryNode[] = [],
): BinaryNode {
  return node('notification', { ...attributesOf(head), type: head.type, ...head.attributes }, [...content])
}

/** What a receipt says besides its head. */
export interface ReceiptFacts extends StanzaHead {
  /** `read`, `played`, `sender`, `inactive`, `peer_msg`, `server-error` ...; absent is a delivery. */
  readonly type?: string
  /** Further messages it is about. */
  readonly moreIds?: readonly string[]
}

/** `<receipt>`: somebody's device got, read or played messages; `id` is the first of them. */
export function receipt(facts: ReceiptFacts, content: readonly BinaryNode[] = []): BinaryNode {
  const items = (facts.moreIds ?? []).map((id) => node('item', { id }))
  const list = items.length === 0 ? [] : [node('list', {}, items)]
  const children = [...list, ...content]
  const attributes = { ...attributesOf(facts), type: facts.type, ...facts.attributes }
  return node('receipt', attributes, children.length === 0 ? undefined : children)
}

/** `<receipt type="retry">`: a device could not read a message and asks for it again. */
export function retryReceipt(
  facts: StanzaHead & { readonly count: number; readonly registrationId: number },
  keys?: BinaryNode,
): BinaryNode {
  const { id, atSeconds, count, registrationId } = facts
  const registration = new Uint8Array(4)
  new DataView(registration.buffer).setUint32(0, registrationId)
  const retry = node('retry', { count, id, t: atSeconds, v: 1 })
  const content = [retry, node('registration', {}, registration), ...(keys === undefined ? [] : [keys])]
  return receipt({ ...facts, type: 'retry' }, content)
}

/** What a call says besides its head. */
export interface CallFacts extends StanzaHead {
  /** The call that all its stanzas name. */
  readonly callId: string
  /** The device that calls. @default `from` */
  readonly creator?: string
}

/** `<call><offer>`: somebody calls. */
export function callOffer(
  facts: CallFacts & { readonly video?: boolean; readonly groupJid?: string },
): BinaryNode {
  const media = [node('audio', { enc: 'opus', rate: 16_000 })]
  if (facts.video === true) media.push(node('video', { enc: 'vp8', dec: 'vp8' }))
  const offer = { 'group-jid': facts.groupJid }
  return callSignal('offer', { ...facts, signal: offer }, media)
}

/** `<call><offer_notice>`: a group is called. */
export function callOfferNotice(
  facts: CallFacts & { readonly media?: 'audio' | 'video'; readonly groupJid?: string },
): BinaryNode {
  const isGroup = facts.groupJid !== undefined
  const notice = {
    media: facts.media ?? 'audio',
    type: isGroup ? 'group' : undefined,
    'group-jid': facts.groupJid,
  }
  return callSignal('offer_notice', { ...facts, signal: notice })
}

/** `<call><terminate>`: the call is over, or nobody answered (`timeout`). */
export function callTerminate(facts: CallFacts & { readonly reason?: string }): BinaryNode {
  return callSignal('terminate', { ...facts, signal: { reason: facts.reason } })
}

/** Any other `<call>`: `accept`, `preaccept`, `reject`, `transport`, `relaylatency` ... */
export function callSignal(
  tag: string,
  facts: CallFacts & { readonly signal?: Readonly<Record<string, string | undefined>> },
  content?: readonly BinaryNode[],
): BinaryNode {
  const { callId, creator = facts.from, signal = {}, attributes } = facts
  const child = node(tag, { 'call-id': callId, 'call-creator': creator, ...signal }, content)
  const head = { ...attributesOf(facts), platform: 'android', version: '2.26.1', ...attributes }
  return node('call', head, [child])
}

/** `<presence>`: somebody is there or not; `last` is a second, `deny` or `none`. */
export function presence(facts: {
  readonly from: string
  readonly isAvailable: boolean
  readonly last?: string | number
}): BinaryNode {
  const { from, isAvailable, last } = facts
  return node('presence', { from, type: isAvailable ? undefined : 'unavailable', last })
}

/** `<chatstate>`: somebody types, records, or stopped. */
export function chatState(facts: {
  readonly from: string
  readonly participant?: string
  readonly state: 'composing' | 'recording' | 'paused'
}): BinaryNode {
  const { from, participant, state } = facts
  const child = state === 'recording' ? node('composing', { media: 'audio' }) : node(state)
  return node('chatstate', { from, participant }, [child])
}

/** `<ib>` with any children, e.g. `node('dirty', { type: 'groups', timestamp })`, `node('downgrade_webclient')`. */
export function bulletin(...children: readonly BinaryNode[]): BinaryNode {
  return node('ib', { from: SERVER }, [...children])
}

/** `<ack class>`: the server has what the device sent, or with `error` says why it refuses it. */
export function ack(facts: {
  readonly id: string
  readonly class: string
  readonly from: string
  readonly atSeconds: number
  readonly error?: number
  readonly attributes?: Readonly<Record<string, string>>
}): BinaryNode {
  const { id, from, atSeconds, error, attributes } = facts
  return node('ack', { class: facts.class, id, from, t: atSeconds, error, ...attributes })
}

/** `<message>` of a newsletter, which nobody encrypts: `message` is an encoded `Message`. */
export function newsletterMessage(
  head: StanzaHead & { readonly serverId: number; readonly type?: string },
  message: Uint8Array,
): BinaryNode {
  const attributes = { ...attributesOf(head), type: head.type ?? 'text', server_id: head.serverId }
  return node('message', { ...attributes, ...head.attributes }, [node('plaintext', {}, message)])
}

/** `<message><unavailable>`: a message that only the phone gets, e.g. what may be viewed once. */
export function unavailableMessage(head: StanzaHead & { readonly type?: string }): BinaryNode {
  const child = node('unavailable', { type: head.type ?? 'view_once' })
  return node('message', { ...attributesOf(head), type: 'text', ...head.attributes }, [child])
}

/** `<message><enc>` with bytes that nothing can read, of any encryption, e.g. `msg`, `pkmsg`, `skmsg`, `msmsg`. */
export function encryptedMessage(
  head: StanzaHead & { readonly encryption: string; readonly type?: string },
  ciphertext: Uint8Array,
): BinaryNode {
  const enc = node('enc', { v: 2, type: head.encryption }, ciphertext)
  return node('message', { ...attributesOf(head), type: head.type ?? 'text', ...head.attributes }, [enc])
}

/** What a bot's answer says besides its head. */
export interface BotReplyFacts extends StanzaHead {
  /** The secret of the message that is answered, 32 bytes. */
  readonly secret: Uint8Array
  /** The id of the message that is answered. */
  readonly targetId: string
  /** Who wrote that message, without device. */
  readonly targetSender: string
  /** The chat of that message, where it is not the bot's. */
  readonly targetChat?: string
  /** Which part of an answer that grows this is. */
  readonly edit?: 'first' | 'inner' | 'last' | 'full'
  /** The id of its first part, in the others. */
  readonly editTargetId?: string
}

/** `<message><enc type="msmsg">`: a bot answers a message. `message` is an encoded `Message`. */
export function botReply(facts: BotReplyFacts, message: Uint8Array): BinaryNode {
  const { id, from, participant = from, edit, editTargetId, targetChat } = facts
  const boundId = edit === 'inner' || edit === 'last' ? (editTargetId ?? id) : id
  const common = hkdfSha256(facts.secret, 32, { info: 'Bot Message' })
  const key = hkdfSha256(common, 32, { info: boundId + facts.targetSender + participant })
  const encIv = sha256(utf8Bytes(id), message).subarray(0, 12)
  const bound = concatBytes(utf8Bytes(boundId), Uint8Array.of(0), utf8Bytes(participant))
  const encPayload = aesGcmSeal(key, encIv, message, bound)
  const sealed = encodeProto(MessageSecretMessage, { version: 1, encIv, encPayload }, 'MessageSecretMessage')
  const target = { target_id: facts.targetId, target_sender_jid: facts.targetSender }
  const stanza = encryptedMessage({ ...facts, encryption: 'msmsg' }, sealed)
  const replaced = editTargetId === undefined ? {} : { edit_target_id: editTargetId }
  return {
    ...stanza,
    content: [
      ...(stanza.content as readonly BinaryNode[]),
      node('meta', { ...target, target_chat_jid: targetChat }),
      ...(edit === undefined ? [] : [node('bot', { edit, ...replaced })]),
    ],
  }
}

/** A stanza of a name that no client knows. */
export function unknown(tag: string, head: StanzaHead, content?: NodeContent): BinaryNode {
  return node(tag, { ...attributesOf(head), ...head.attributes }, content)
}

/** The JID of one device of a person: `device('15550000002@s.whatsapp.net', 3)`. */
export function device(jid: string, number: number): string {
  return formatJid({ ...parseJid(jid), device: number })
}

function attributesOf({ id, from, participant, atSeconds }: StanzaHead): Record<string, string | number> {
  return { from, id, t: atSeconds, ...(participant === undefined ? {} : { participant }) }
}
