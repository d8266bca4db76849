/**
 * The outbox: nothing sent is lost or shown twice (promise G4). A message is a durable row before `send` resolves; it
 * is encrypted once; what was encrypted is repeated unchanged until the server acknowledges it or refuses it for good.
 *
 * Stages, in order: validate -> row (durable) -> devices -> sessions -> encrypt -> commit -> wire -> server ack.
 */
import type { Clock } from '../../base/clock.ts'
import { UsageError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { SERVER_LID, SERVER_USER, formatJid, tryParseJid } from '../../protocol/jid.ts'
import { createMessageId } from '../../protocol/message/message-id.ts'
import type { Connection } from '../connection/connection.ts'
import type { OutgoingContent } from '../content.ts'
import type { ReceiptStatus } from '../events.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { messageRow } from '../message-record.ts'
import type { OutboxRow } from '../../persistence/contract/index.ts'
import type { AccountState } from '../state/account-state.ts'
import { QUARANTINE } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { composeMessage } from './compose.ts'
import type { ComposedMessage } from './compose.ts'
import { Handles } from './handle.ts'
import type { SentMessage } from './handle.ts'
import {
  UNFINISHED_STATES,
  advances,
  outboxItem,
  outboxRow,
  salvagedItem,
  sendableItem,
} from './outbox-item.ts'
import type { OutboxItem, OutboxState } from './outbox-item.ts'
import type { DeviceDirectory } from './devices.ts'
import { OutboxSender } from './sender.ts'
import type { SessionDirectory } from './sessions.ts'

/** What the outbox works with. */
export interface OutboxOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Which devices a message goes to. */
  readonly devices: DeviceDirectory
  /** Sessions with them. */
  readonly sessions: SessionDirectory
}

/** Options of one send. */
export interface SendOptions {
  /** The message id. Sending again with the same id never sends twice. @default a fresh one */
  readonly id?: string
}

/** A message that was checked and built, and not yet recorded. */
export interface OutboxDraft {
  readonly id: string
  /** The chat as the wire addresses it. */
  readonly to: string
  readonly composed: ComposedMessage
}

/** Rows read at once when the outbox is opened. */
const PAGE = 256

/** What an id may look like: the server and other clients treat it as opaque text. */
const VALID_ID = /^[A-Za-z0-9._-]{1,64}$/

/** See the file comment. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #handles = new Handles()
  readonly #sender: OutboxSender
  #lastPosition = 0

  private constructor(options: OutboxOptions) {
    this.#options = options
    this.#sender = new OutboxSender({
      ...options,
      onAdvance: (item) => {
        this.#handles.advance(item)
      },
      onHopeless: async (item, code) => {
        await options.state.commit((unit) => this.#fail(unit, item.id, { code }))
      },
      onUnreadable: async (id) => {
        await options.state.commit((unit) => this.#item(unit, id, sendableItem))
      },
    })
  }

  /** Finds out where the last run stopped. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options)
    const { store, account } = options.state
    let after = -1
    for (;;) {
      const rows = await store.listOutbox(account, { states: UNFINISHED_STATES, after, limit: PAGE })
      const last = rows.at(-1)
      if (last === undefined) return outbox
      after = last.position
      outbox.#lastPosition = Math.max(outbox.#lastPosition, after)
    }
  }

  /**
   * Accepts a message: durable when this resolves, whether or not there is a connection.
   *
   * @throws {UsageError} `WATON_NOT_LINKED`, `WATON_SEND_ID`, `WATON_SEND_CHAT`, `WATON_CONTENT_...`: nothing was written
   */
  async send(chat: string, content: OutgoingContent, options: SendOptions = {}): Promise<SentMessage> {
    const draft = this.prepare(chat, content, options)
    return this.handle(await this.#options.state.commit((unit) => this.stage(unit, draft)))
  }

  /** Checks and builds a message, and changes nothing. @throws {UsageError} like {@link send} */
  prepare(chat: string, content: OutgoingContent, options: SendOptions = {}): OutboxDraft {
    const { random, clock, self } = this.#options
    self.requireLinked()
    const to = chatJid(chat)
    const id = options.id ?? createMessageId({ random, nowMs: clock.nowMs(), self: self.pn })
    if (!VALID_ID.test(id)) {
      throw new UsageError(
        'WATON_SEND_ID',
        'a message id is 1 to 64 letters, digits, dots, dashes or underscores',
      )
    }
    return { id, to, composed: composeMessage(content, random) }
  }

  /** Adds a message to a unit, which may hold more: it is on its way when the unit is durable. A known id changes nothing. */
  async stage(unit: Unit, { id, to, composed }: OutboxDraft): Promise<OutboxItem> {
    this.#handles.watch(id)
    const existing = await this.#item(unit, id)
    if (existing !== undefined) {
      unit.onCommit(() => {
        this.#sender.wake()
      })
      return existing
    }
    const chat = await canonicalJid(unit, to)
    const sender = await personOf(unit, this.#options.self.pn)
    const { message, stanzaType, kind } = composed
    const previous = this.#lastPosition
    const position = this.#nextPosition(unit.nowMs)
    const at = unit.nowMs
    const item: OutboxItem = { id, chat, position, state: 'queued', at, body: { to, message, stanzaType } }
    unit.putOutbox(outboxRow(item))
    unit.putMessage(
      messageRow({ id, chat, sender, fromMe: true, origin: 'own', sentAtMs: at, kind, message }, at),
    )
    unit.onCommit(() => {
      this.#sender.offer(item, previous)
    })
    return item
  }

  /** The handle of a message that is durable. */
  handle(item: OutboxItem): SentMessage {
    return this.#handles.of(item)
  }

  /** The handle of a message sent earlier, also by an earlier process; `undefined` when there is none. */
  async get(id: string): Promise<SentMessage | undefined> {
    this.#handles.watch(id)
    const item = await this.#options.state.commit((unit) => this.#item(unit, id))
    return item === undefined ? undefined : this.#handles.of(item)
  }

  /** The connection is ready for messages. */
  resume(connection: Connection): void {
    this.#sender.resume(connection)
  }

  /** The connection is gone. */
  suspend(): void {
    this.#sender.suspend()
  }

  /** Gives up what is not with the server: the device that would have sent it is not on the account any more. */
  async abandon(): Promise<void> {
    const { state } = this.#options
    await state.flush()
    let after = -1
    for (;;) {
      const rows = await state.store.listOutbox(state.account, {
        states: UNFINISHED_STATES,
        after,
        limit: PAGE,
      })
      const last = rows.at(-1)
      if (last === undefined) return
      await state.commit(async (unit) => {
        for (const { id } of rows) await this.#fail(unit, id, { code: 'WATON_SEND_UNLINKED' })
      })
      after = last.position
    }
  }

  /** The server took the message, or refused it with a code. Runs inside the unit of the `<ack>`. */
  async applyAck(unit: Unit, id: string, serverCode: number | undefined): Promise<void> {
    unit.onCommit(() => {
      this.#sender.answered(id)
    })
    if (serverCode === undefined) await this.#advance(unit, id, 'acknowledged')
    else await this.#fail(unit, id, { code: 'WATON_SEND_REFUSED', serverCode })
  }

  /** Somebody's receipt for messages of this account. Runs inside the unit of the `<receipt>`. */
  async applyReceipt(unit: Unit, ids: readonly string[], status: ReceiptStatus): Promise<void> {
    for (const id of ids) await this.#advance(unit, id, status === 'delivered' ? 'delivered' : 'read')
  }

  async #advance(unit: Unit, id: string, state: OutboxState): Promise<void> {
    const item = await this.#item(unit, id)
    if (item !== undefined && advances(item.state, state)) this.#put(unit, { ...item, state })
  }

  async #fail(unit: Unit, id: string, failure: { code: string; serverCode?: number }): Promise<void> {
    const item = await this.#item(unit, id)
    if (item === undefined) return
    if (!advances(item.state, 'failed') || advances('encrypted', item.state)) return
    this.#put(unit, { ...item, state: 'failed', body: { ...item.body, failure } })
    unit.event('send.failed', { id: item.id, chat: item.chat, ...failure }, item.chat)
  }

  /** The item of a row. One that cannot be read is set aside, so that it holds nothing up. */
  async #item(unit: Unit, id: string, read = outboxItem): Promise<OutboxItem | undefined> {
    const row = await unit.readOutbox(id)
    if (row === undefined) return undefined
    try {
      return read(row)
    } catch (error) {
      return this.#setAside(unit, row, error)
    }
  }

  #setAside(unit: Unit, row: OutboxRow, error: unknown): OutboxItem {
    const code = errorCode(error) ?? 'WATON_STORE_RECORD'
    const item = salvagedItem(row, code)
    unit.put(QUARANTINE, `outbox/${row.id}`, row.value)
    unit.onCommit(() => {
      this.#options.state.reportUnreadable('outbox', row.id, error)
    })
    this.#put(unit, item)
    if (item.state === 'failed' && row.state !== 'failed')
      unit.event('send.failed', { id: item.id, chat: item.chat, code }, item.chat)
    return item
  }

  #put(unit: Unit, item: OutboxItem): void {
    unit.putOutbox(outboxRow(item))
    unit.onCommit(() => {
      this.#handles.advance(item)
    })
  }

  /** Positions grow, also across restarts: the clock is used as long as it agrees. */
  #nextPosition(nowMs: number): number {
    this.#lastPosition = Math.max(this.#lastPosition + 1, nowMs * 1000)
    return this.#lastPosition
  }
}

/** A chat that this version can send to. @throws {UsageError} `WATON_SEND_CHAT` */
function chatJid(chat: string): string {
  const parsed = tryParseJid(chat)
  const isPerson = parsed?.server === SERVER_USER || parsed?.server === SERVER_LID
  if (isPerson && /^\d{1,32}$/.test(parsed.user)) return formatJid({ ...parsed, device: 0 })
  throw new UsageError(
    'WATON_SEND_CHAT',
    'this version sends to people only: a chat looks like 15550000001@s.whatsapp.net or 1234@lid',
    {
      details: { server: parsed?.server },
    },
  )
}
