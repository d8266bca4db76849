/**
 * What the human writes, on its way to every device: the devices are looked up, sessions made, a copy encrypted for each
 * and the server's ack awaited. Preparing is one after the other, so messages leave in the order they were written; acks
 * are awaited side by side. It also repeats a message for a device that could not read it.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { toHex } from '../../base/bytes.ts'
import { ClosedError, QueryError, UsageError, errorCode } from '../../base/errors.ts'
import { childOf, numberAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isLid, isPn, tryParseJid, userJid } from '../../protocol/jid.ts'
import { encodeMessage } from '../../protocol/proto/message.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { isOwn } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import type { Album } from './album.ts'
import { readBundle } from './answers.ts'
import type { ForwardedReceipt } from './answers.ts'
import type { Connection } from './connection.ts'
import type { Directory } from './directory.ts'
import type { Mailbox } from './mailbox.ts'
import { outgoingFile } from './media-content.ts'
import type { PhoneContent } from './media-content.ts'
import { pad } from './padding.ts'
import type { Sessions } from './sessions.ts'
import { buildFanoutMessage, buildPeerMessage, buildResentMessage } from './stanzas.ts'
import type { EncryptedCopy } from './stanzas.ts'

/** What an {@link Outbox} is built from. */
export interface OutboxOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly album: Album
  readonly connection: Connection
  readonly directory: Directory
  readonly sessions: Sessions
  readonly mailbox: Mailbox
}

/** A sent message as it must be repeated. */
interface Sent {
  /** `undefined` for peer messages, which have no chat. */
  readonly chat: string | undefined
  /** For the devices of others, and for peer messages. */
  readonly plain: Uint8Array
  /** For our own linked devices. */
  readonly forOwn: Uint8Array
  readonly mediaType?: string | undefined
}

/** A message that is ready to be encrypted. */
interface Composed {
  readonly content: MessageProperties
  readonly mediaType?: string
}

const MAX_SENT = 2_000
const MAX_QUEUED = 1_000
/** Copies sent again to one device per message. @source whatsapp-rust `MAX_RETRY_COUNT` */
const MAX_RESENDS = 5
const MAX_TEXT_LENGTH = 65_536

/** See the file comment. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #sent = new BoundedMap<string, Sent>(MAX_SENT)
  readonly #resends = new BoundedMap<string, number>(MAX_SENT)
  #tail: Promise<void> = Promise.resolve()
  #queued = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /**
   * Sends words or a file. Resolves when the server has it.
   *
   * @throws {UsageError} `WATON_PHONE_CHAT`, `WATON_PHONE_TEXT`, `WATON_PHONE_MESSAGE_ID`
   * @throws {QueryError} `WATON_PHONE_SEND_REFUSED`, `WATON_PHONE_QUERY_REFUSED`, `WATON_PHONE_NO_DEVICES`
   * @throws {TimeoutError} `WATON_PHONE_NO_ANSWER` (also when the phone stays offline) @throws {ClosedError} `WATON_PHONE_CLOSED`
   */
  async send(
    chat: string,
    content: PhoneContent,
    id: string = this.newId(),
  ): Promise<{ readonly id: string }> {
    const { addresses, mailbox } = this.#options
    requirePerson(chat)
    if (id === '' || this.#sent.has(id)) {
      throw new UsageError(
        'WATON_PHONE_MESSAGE_ID',
        'the message id is empty or was used before; leave it out to get a fresh one',
        {
          details: { id },
        },
      )
    }
    const target = addresses.humanJid(chat)
    const composed = this.#compose(content)
    this.#remember(id, target, composed)
    this.#show(id, target, composed.content)
    try {
      const { acked } = await this.#inTurn(() => this.#fanOut(id, target))
      await acked
      mailbox.tick(id, { server: true })
    } catch (error) {
      mailbox.tick(id, { failed: errorCode(error) ?? 'WATON_PHONE_BUG' })
      throw error
    }
    return { id }
  }

  /** Sends somebody a message that this human does not see. Resolves when the server has it. */
  async sendHidden(chat: string, content: MessageProperties): Promise<{ readonly id: string }> {
    requirePerson(chat)
    const id = this.newId()
    const target = this.#options.addresses.humanJid(chat)
    this.#remember(id, target, { content })
    const { acked } = await this.#inTurn(() => this.#fanOut(id, target))
    await acked
    return { id }
  }

  /** Sends something to one linked device that no human sees. Resolves when the server has it. */
  async sendPeer(deviceJid: string, content: MessageProperties, id: string = this.newId()): Promise<void> {
    const plain = encodeMessage(content)
    this.#sent.set(id, { chat: undefined, plain, forOwn: plain })
    const { acked } = await this.#inTurn(async () => {
      await this.#options.directory.ensureSessions([deviceJid])
      return {
        acked: this.#options.connection.sendMessage(buildPeerMessage(id, this.#encrypt(deviceJid, plain))),
      }
    })
    await acked
  }

  /** Answers a retry receipt: encrypts the message again for the device that could not read it. */
  async resend(receipt: ForwardedReceipt, stanza: BinaryNode): Promise<void> {
    const id = receipt.ids[0] ?? ''
    const device = receipt.participant ?? receipt.from
    const sent = this.#sent.get(id)
    const key = `${id} ${device}`
    const resends = (this.#resends.get(key) ?? 0) + 1
    if (sent === undefined || resends > MAX_RESENDS) return
    this.#resends.set(key, resends)
    const retry = childOf(stanza, 'retry')
    const count = (retry === undefined ? undefined : numberAttribute(retry, 'count')) ?? 1
    const { acked } = await this.#inTurn(async () => {
      await this.#renewSession(device, stanza)
      const own = isOwn(this.#options.account, device)
      const copy = this.#encrypt(device, own ? sent.forOwn : sent.plain, sent.mediaType)
      const recipient = own ? sent.chat : undefined
      const message = buildResentMessage(id, copy, recipient === undefined ? { count } : { count, recipient })
      return { acked: this.#options.connection.sendMessage(message) }
    })
    await acked
  }

  /** A message id as phones make them: 32 upper-case hexadecimal digits. */
  newId(): string {
    return toHex(this.#options.account.random.bytes(16)).toUpperCase()
  }

  #compose(content: PhoneContent): Composed {
    const file = outgoingFile(content)
    if (file !== undefined) return this.#options.album.compose(file)
    const { text } = content as { readonly text: string }
    requireText(text)
    return { content: { conversation: text } }
  }

  #remember(id: string, chat: string, { content, mediaType }: Composed): void {
    const copyForOwn = { deviceSentMessage: { destinationJid: chat, message: content } }
    const plain = encodeMessage(content)
    this.#sent.set(id, { chat, plain, forOwn: encodeMessage(copyForOwn), mediaType })
  }

  #show(id: string, chat: string, content: MessageProperties): void {
    const { account, mailbox } = this.#options
    const { pn: sender } = account
    mailbox.show({
      id,
      chat,
      sender,
      fromMe: true,
      content,
      sentAtMs: account.clock.nowMs(),
      device: sender,
      replyTo: chat,
    })
  }

  async #fanOut(id: string, chat: string): Promise<{ readonly acked: Promise<void> }> {
    const { account, connection, directory, sessions } = this.#options
    const sent = this.#sent.get(id)
    if (sent === undefined)
      throw new ClosedError('WATON_PHONE_CLOSED', 'the message was forgotten before its turn came')
    const users = isOwn(account, chat) ? [account.pn] : [chat, account.pn]
    const devices = await directory.devicesOf(users)
    await directory.ensureSessions(devices)
    const reachable = devices.filter((jid) => sessions.has(jid))
    if (!isOwn(account, chat) && !reachable.some((jid) => !isOwn(account, jid))) {
      throw new QueryError(
        'WATON_PHONE_NO_DEVICES',
        'no device of the recipient can be written to: is the number registered?',
        {
          details: { chat, devices: devices.length },
        },
      )
    }
    if (reachable.length === 0) return { acked: Promise.resolve() }
    const copies = reachable.map((jid) =>
      this.#encrypt(jid, isOwn(account, jid) ? sent.forOwn : sent.plain, sent.mediaType),
    )
    return { acked: connection.sendMessage(buildFanoutMessage(id, chat, copies)) }
  }

  #encrypt(deviceJid: string, plain: Uint8Array, mediaType?: string): EncryptedCopy {
    const { account, sessions } = this.#options
    return { to: deviceJid, ...sessions.encrypt(deviceJid, pad(plain, account.random)), mediaType }
  }

  async #renewSession(deviceJid: string, receipt: BinaryNode): Promise<void> {
    const { directory, sessions } = this.#options
    const keys = childOf(receipt, 'keys')
    if (keys === undefined) await directory.renewSession(deviceJid)
    else sessions.start(deviceJid, readBundle(keys, receipt))
  }

  /** Runs `work` after everything that was asked for before it. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#queued >= MAX_QUEUED) {
      throw new ClosedError(
        'WATON_PHONE_OVERRUN',
        'the phone has too many messages to prepare; wait for some to be sent',
        { action: 'wait' },
      )
    }
    this.#queued += 1
    const mine = this.#tail.then(work)
    this.#tail = mine.then(ignore, ignore)
    try {
      return await mine
    } finally {
      this.#queued -= 1
    }
  }
}

function ignore(): void {
  // a failure belongs to the caller, not to the next message in line
}

function requirePerson(chat: string): void {
  if (tryParseJid(chat) === undefined || (!isPn(chat) && !isLid(chat)) || userJid(chat) !== chat) {
    throw new UsageError(
      'WATON_PHONE_CHAT',
      'the simulated phone writes to people: pass a JID such as 15550000002@s.whatsapp.net',
      {
        details: { chat: chat.slice(0, 64) },
      },
    )
  }
}

function requireText(text: string): void {
  if (text === '' || text.length > MAX_TEXT_LENGTH) {
    throw new UsageError(
      'WATON_PHONE_TEXT',
      `the text must have 1 to ${String(MAX_TEXT_LENGTH)} characters`,
      {
        details: { length: text.length },
      },
    )
  }
}
