/**
 * Messages from the server, on their way to the human: who wrote it where, decrypt, unwrap what own devices sent, show,
 * answer. Every message is answered exactly once per delivery, also those that cannot be read. Everything here is
 * synchronous, so stanzas are handled strictly in their order.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { CryptoError, ProtocolError, WatonError } from '../../base/errors.ts'
import {
  childOf,
  childrenOf,
  numberAttribute,
  requireAttribute,
  requireBytes,
} from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isGroup, parseJid, userJid } from '../../protocol/jid.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { isOwn, nowSeconds } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import { checkDeviceIdentity } from './adv.ts'
import type { Connection } from './connection.ts'
import type { DeviceKeys } from './device-keys.ts'
import type { Directory } from './directory.ts'
import type { Mailbox } from './mailbox.ts'
import { unpad } from './padding.ts'
import type { Sessions } from './sessions.ts'
import { RETRY_REASON, buildAck, buildReceipt, buildRetryReceipt } from './stanzas.ts'
import type { RetryReason } from './stanzas.ts'

/** What an {@link Inbox} is built from. */
export interface InboxOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly connection: Connection
  readonly directory: Directory
  readonly keys: DeviceKeys
  readonly mailbox: Mailbox
  readonly sessions: Sessions
  /** Gets messages between devices of the account, which no human sees. */
  readonly onPeerMessage: (content: MessageProperties, fromDevice: string, id: string) => void
}

/** A message stanza with its addressing worked out. */
interface Arrived {
  readonly stanza: BinaryNode
  readonly id: string
  readonly chat: string
  readonly sender: string
  /** Device JID of the writer. */
  readonly device: string
  readonly fromMe: boolean
  readonly sentAtMs: number
}

/** @source whatsmeow `retry.go`: at most 4 receipts; Baileys 5 */
const MAX_RETRIES = 5
const MAX_RETRY_ENTRIES = 5_000
const PEER_CATEGORY = 'peer'
const OLD_COUNTER = 'WATON_SIGNAL_OLD_COUNTER'

const RETRY_REASONS: Readonly<Record<string, RetryReason>> = {
  WATON_SIGNAL_NO_SESSION: RETRY_REASON.noSession,
  WATON_SIGNAL_INVALID_KEY: RETRY_REASON.invalidKey,
  WATON_SIGNAL_UNKNOWN_PRE_KEY: RETRY_REASON.invalidKeyId,
  WATON_SIGNAL_MALFORMED: RETRY_REASON.invalidMessage,
  WATON_PHONE_PADDING: RETRY_REASON.invalidMessage,
  WATON_PROTO_MALFORMED: RETRY_REASON.invalidMessage,
  WATON_SIGNAL_TOO_FAR: RETRY_REASON.futureMessage,
  WATON_SIGNAL_BAD_MAC: RETRY_REASON.badMac,
  WATON_PHONE_DEVICE_IDENTITY: RETRY_REASON.advFailure,
}

/** Pairs of attributes that name one person in both addressings. */
const ALTERNATIVE_ATTRIBUTES: readonly (readonly [string, readonly string[]])[] = [
  ['from', ['sender_pn', 'sender_lid']],
  ['participant', ['participant_pn', 'participant_lid']],
  ['recipient', ['recipient_pn', 'recipient_lid', 'peer_recipient_pn', 'peer_recipient_lid']],
]

/** See the file comment. */
export class Inbox {
  readonly #options: InboxOptions
  readonly #retries = new BoundedMap<string, number>(MAX_RETRY_ENTRIES)

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Handles one `<message>`. @throws {ProtocolError} when it lacks what every message has; it is answered all the same */
  receive(stanza: BinaryNode): void {
    const arrived = this.#read(stanza)
    const copies = childrenOf(stanza, 'enc')
    if (copies.length === 0) {
      this.#options.mailbox.countUndecryptable(arrived, 'WATON_PHONE_NO_CONTENT')
      this.#clear(arrived, false)
      return
    }
    try {
      for (const copy of copies) this.#open(copy, arrived)
    } catch (error) {
      if (!(error instanceof WatonError)) throw error
      this.#refuse(arrived, error)
      return
    }
    this.#answer(arrived)
  }

  #read(stanza: BinaryNode): Arrived {
    const { account, addresses, mailbox } = this.#options
    for (const [attribute, alternatives] of ALTERNATIVE_ATTRIBUTES) {
      for (const alternative of alternatives)
        addresses.learn(stanza.attrs[attribute], stanza.attrs[alternative])
    }
    const from = requireAttribute(stanza, 'from')
    const device = isGroup(from) ? requireAttribute(stanza, 'participant') : from
    const fromMe = isOwn(account, device)
    const { recipient, t } = stanza.attrs
    if (recipient !== undefined && !fromMe) {
      throw new ProtocolError(
        'WATON_PHONE_RECIPIENT',
        'a message of somebody else came with a recipient, which only own messages have',
      )
    }
    const sender = addresses.humanJid(device)
    if (!fromMe) mailbox.learnName(sender, stanza.attrs['notify'])
    return {
      stanza,
      id: requireAttribute(stanza, 'id'),
      chat: addresses.humanJid(recipient ?? from),
      sender,
      device,
      fromMe,
      sentAtMs: t === undefined ? account.clock.nowMs() : (numberAttribute(stanza, 't') ?? 0) * 1000,
    }
  }

  #open(copy: BinaryNode, arrived: Arrived): void {
    const content = decodeMessage(unpad(this.#decrypt(copy, arrived)))
    if (arrived.stanza.attrs['category'] === PEER_CATEGORY) {
      this.#openPeer(content, arrived)
      return
    }
    const { deviceSentMessage } = content
    const wasSentByUs = deviceSentMessage !== null && deviceSentMessage !== undefined
    if (wasSentByUs !== arrived.fromMe) {
      throw new ProtocolError(
        'WATON_PHONE_DEVICE_SENT',
        'only messages from an own linked device are wrapped as sent by us, and all of those are',
      )
    }
    const inner = wasSentByUs ? deviceSentMessage.message : content
    if (inner === null || inner === undefined) return
    const destination = wasSentByUs ? deviceSentMessage.destinationJid : undefined
    const chat =
      typeof destination === 'string' ? this.#options.addresses.humanJid(destination) : arrived.chat
    const { id, sender, device, fromMe, sentAtMs, stanza } = arrived
    const replyTo = stanza.attrs['from'] ?? device
    this.#options.mailbox.show({ id, chat, sender, fromMe, content: inner, sentAtMs, device, replyTo })
  }

  #openPeer(content: MessageProperties, { fromMe, device, id }: Arrived): void {
    if (!fromMe)
      throw new ProtocolError('WATON_PHONE_PEER', 'a message between own devices came from somebody else')
    // Baileys wraps what it asks of its phone like any message to an own device
    this.#options.onPeerMessage(content.deviceSentMessage?.message ?? content, device, id)
  }

  #decrypt(copy: BinaryNode, { stanza, device }: Arrived): Uint8Array {
    const { sessions } = this.#options
    const body = requireBytes(copy)
    switch (copy.attrs['type'] ?? '') {
      case 'msg':
        return sessions.decrypt(device, body)
      case 'pkmsg':
        this.#checkCompanion(stanza, device, body)
        return sessions.decryptPreKey(device, body)
      default:
        throw new CryptoError('WATON_PHONE_ENC_TYPE', 'the phone cannot read this kind of encryption yet', {
          details: { type: copy.attrs['type'] },
        })
    }
  }

  /** A companion that starts a session proves that its account linked it. */
  #checkCompanion(stanza: BinaryNode, device: string, body: Uint8Array): void {
    if (parseJid(device).device === 0) return
    const identity = childOf(stanza, 'device-identity')
    if (identity === undefined) {
      throw new CryptoError(
        'WATON_PHONE_DEVICE_IDENTITY',
        'a companion started a session without its device identity',
      )
    }
    const accountKey = this.#options.directory.accountKeyOf(device)
    checkDeviceIdentity(requireBytes(identity), {
      companionKey: this.#options.sessions.identityIn(body),
      accountKey,
    })
  }

  #answer({ stanza, id, chat, fromMe }: Arrived): void {
    const { account, connection } = this.#options
    const { from = '', participant, category } = stanza.attrs
    if (category === PEER_CATEGORY) connection.send(buildReceipt({ to: from }, [id], { type: 'peer_msg' }))
    else if (fromMe) {
      const recipient = stanza.attrs['recipient'] ?? (isGroup(from) ? undefined : chat)
      connection.send(buildReceipt({ to: from, participant, recipient }, [id], { type: 'sender' }))
    } else connection.send(buildReceipt({ to: from, participant }, [id]))
    account.logger.trace({ id, chat }, 'phone received a message')
  }

  /** What cannot be read is counted, answered and asked for again. */
  #refuse(arrived: Arrived, error: WatonError): void {
    const { mailbox } = this.#options
    if (mailbox.has(arrived)) {
      mailbox.countDuplicate(arrived, error.code === OLD_COUNTER ? 'same-ciphertext' : 'new-ciphertext')
      this.#answer(arrived)
      return
    }
    const entry = mailbox.countUndecryptable(arrived, error.code)
    this.#options.account.logger.debug({ id: arrived.id, code: error.code }, 'phone could not read a message')
    const reason = RETRY_REASONS[error.code]
    const isAskedAgain = reason !== undefined && this.#askAgain(arrived, reason)
    if (isAskedAgain) entry.retries += 1
    this.#clear(arrived, isAskedAgain)
  }

  /**
   * Clears what could not be read from the server. An own copy is cleared by a sender receipt only, so it stays there
   * until the copy that was asked for has come.
   */
  #clear(arrived: Arrived, isAskedAgain: boolean): void {
    const { account, connection } = this.#options
    const isOwnCopy = arrived.fromMe && arrived.stanza.attrs['category'] !== PEER_CATEGORY
    if (!isOwnCopy) connection.send(buildAck(arrived.stanza, { from: account.pn }))
    else if (!isAskedAgain) this.#answer(arrived)
  }

  #askAgain({ stanza, id, chat, sender }: Arrived, reason: RetryReason): boolean {
    const { connection, keys } = this.#options
    const key = `${chat} ${sender} ${id}`
    const count = (this.#retries.get(key) ?? 0) + 1
    if (count > MAX_RETRIES) return false
    this.#retries.set(key, count)
    const preKey = count > 1 ? keys.makePreKeys(1)[0] : undefined
    connection.send(
      buildRetryReceipt(stanza, keys, preKey === undefined ? { count, reason } : { count, reason, preKey }),
    )
    return true
  }

  /** Tells the writers that the human has read their messages, one receipt per writer. */
  markRead(ids: readonly string[]): void {
    const { account, connection, mailbox } = this.#options
    const byWriter = new Map<string, string[]>()
    for (const message of mailbox.markRead(ids)) {
      const to = isGroup(message.replyTo) ? message.replyTo : userJid(message.replyTo)
      const key = JSON.stringify([to, isGroup(to) ? message.device : undefined])
      byWriter.set(key, [...(byWriter.get(key) ?? []), message.id])
    }
    for (const [key, read] of byWriter) {
      const [to, participant] = JSON.parse(key) as [string, string | undefined]
      connection.send(
        buildReceipt({ to, participant }, read, { type: 'read', atSeconds: nowSeconds(account.clock) }),
      )
    }
  }
}
