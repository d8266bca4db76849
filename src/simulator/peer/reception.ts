/**
 * Where everything that is not an answer arrives: each stanza goes to the part it is for, and what needs an ack gets
 * one. Work that takes more than this moment (repeating a message, publishing keys) is started here and looked after.
 */
import { describeError, errorCode, ProtocolError } from '../../base/errors.ts'
import { childOf, node, numberAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { isOwn } from './account.ts'
import type { PhoneAccount } from './account.ts'
import type { AddressBook } from './address-book.ts'
import type { AppState } from './app-state.ts'
import { readReceipt } from './answers.ts'
import type { ForwardedReceipt } from './answers.ts'
import type { Connection } from './connection.ts'
import type { FirstLogin } from './first-login.ts'
import type { Histories } from './history.ts'
import type { Inbox } from './inbox.ts'
import type { LinkedDevices } from './link-device.ts'
import type { Mailbox } from './mailbox.ts'
import type { MediaRetries } from './media-retry.ts'
import type { Outbox } from './outbox.ts'
import { buildAck } from './stanzas.ts'

/** What {@link Reception} hands stanzas to. */
export interface ReceptionOptions {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly appState: AppState
  readonly connection: Connection
  readonly firstLogin: FirstLogin
  readonly histories: Histories
  readonly inbox: Inbox
  readonly linked: LinkedDevices
  readonly mailbox: Mailbox
  readonly mediaRetries: MediaRetries
  readonly outbox: Outbox
  /** Publishes fresh one-time pre-keys. */
  readonly replenish: () => Promise<void>
}

/** Offered one-time pre-keys at or below which new ones are published. @source Baileys `MIN_PREKEY_COUNT` */
const LOW_PRE_KEYS = 5
const MAX_RUNNING = 1_000

/** See the file comment. */
export class Reception {
  readonly #options: ReceptionOptions
  readonly #running = new Set<Promise<void>>()

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  /** Handles one stanza. @throws {ProtocolError} when it is not what the protocol allows; the caller reports it */
  receive(stanza: BinaryNode): void {
    switch (stanza.tag) {
      case 'message':
        this.#options.inbox.receive(stanza)
        return
      case 'receipt':
        this.#options.connection.send(buildAck(stanza))
        this.#receipt(readReceipt(stanza), stanza)
        return
      case 'notification':
        this.#options.connection.send(buildAck(stanza))
        this.#notification(stanza)
        return
      case 'call':
        this.#options.connection.send(buildAck(stanza))
        return
      case 'ack':
      case 'ib':
      case 'presence':
      case 'chatstate':
      case 'success':
        return
      default:
        throw new ProtocolError('WATON_PHONE_STANZA', `the phone does not know the stanza <${stanza.tag}>`)
    }
  }

  /** Handles a message from a linked device that no human sees. */
  receivePeer(content: MessageProperties, device: string, id: string): void {
    const { firstLogin, histories, outbox } = this.#options
    const answer = histories.answer(content, device, id)
    if (answer !== undefined) this.spawn(answer)
    const wanted = firstLogin.requestedKeys(content)
    if (wanted !== undefined) this.spawn(outbox.sendPeer(device, firstLogin.keyShare(wanted)))
  }

  /** Looks after work that nobody awaits: a failure is reported, never thrown. */
  spawn(work: Promise<void>): void {
    if (this.#running.size >= MAX_RUNNING)
      this.#options.account.logger.warn({}, 'the phone does too many things at once')
    const watched = work
      .catch((error: unknown) => {
        this.#options.connection.report(error, node('background'))
        this.#options.account.logger.warn(
          { code: errorCode(error), reason: describeError(error) },
          'background work of the phone failed',
        )
      })
      .finally(() => {
        this.#running.delete(watched)
      })
    this.#running.add(watched)
  }

  /** Resolves when nothing runs in the background. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #receipt(receipt: ForwardedReceipt, stanza: BinaryNode): void {
    const { histories, mediaRetries, outbox } = this.#options
    histories.confirm(receipt)
    if (receipt.type === 'retry') this.spawn(outbox.resend(receipt, stanza))
    else if (receipt.type === 'server-error' && childOf(stanza, 'rmr') === undefined)
      this.spawn(histories.repeat(receipt, stanza))
    else if (receipt.type === 'server-error') mediaRetries.answer(receipt, stanza)
    else this.#tick(receipt)
  }

  #tick(receipt: ForwardedReceipt): void {
    const { account, addresses, mailbox } = this.#options
    const who = receipt.participant ?? receipt.from
    if (isOwn(account, who)) {
      const isRead = receipt.type === 'read' || receipt.type === 'read-self'
      if (isRead && receipt.recipient !== undefined)
        mailbox.clearUnread(addresses.humanJid(receipt.recipient))
      return
    }
    const reader = addresses.humanJid(who)
    for (const id of receipt.ids) {
      if (receipt.type === 'read' || receipt.type === 'played') mailbox.tick(id, { read: reader })
      else if (receipt.type === undefined || receipt.type === 'inactive')
        mailbox.tick(id, { delivered: reader })
    }
  }

  #notification(stanza: BinaryNode): void {
    switch (stanza.attrs['type'] ?? '') {
      case 'encrypt': {
        const count = childOf(stanza, 'count')
        const left = count === undefined ? undefined : numberAttribute(count, 'value')
        if (left !== undefined && left <= LOW_PRE_KEYS) this.spawn(this.#options.replenish())
        return
      }
      case 'server_sync':
        this.spawn(this.#options.appState.notified(stanza))
        return
      case 'devices':
      case 'account_sync':
        this.#options.linked.welcomeNewDevices()
        return
      default:
        return
    }
  }
}
