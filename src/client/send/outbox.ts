/**
 * The outbox: nothing sent is lost or shown twice (promise G4). A message is a durable row before `send` resolves; it
 * is encrypted once; what was encrypted is repeated unchanged until the server acknowledges it or refuses it for good.
 *
 * Stages, in order: validate -> row (durable) -> devices -> sessions -> encrypt -> commit -> wire -> server ack. The
 * states are in `outbox-item.ts`, what a refusal leads to in `outbox-fate.ts`; what users see of it is `../outbox.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import { equalBytes } from '../../base/bytes.ts'
import { errorCode } from '../../base/errors.ts'
import { seam } from '../../base/seams.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { Connection } from '../connection/connection.ts'
import type { OutgoingContent } from '../content.ts'
import type { ReceiptStatus } from '../events.ts'
import { beginTimer } from '../chat-timer.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import { canonicalJid, personOf } from '../identity/addresses.ts'
import { markStale } from '../identity/device-list.ts'
import type { Self } from '../identity/self.ts'
import type { UploadFile } from '../media/upload.ts'
import { messageRow } from '../message-record.ts'
import { DEFAULT_TIMING } from '../options.ts'
import type { PreviewLink, Timing } from '../options.ts'
import { outboxView } from '../outbox.ts'
import type { OutboxView } from '../outbox.ts'
import type { OutboxRow } from '../../persistence/contract/index.ts'
import type { AccountState } from '../state/account-state.ts'
import { QUARANTINE } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { Drafts } from './draft.ts'
import type { OutboxDraft, SendOptions } from './draft.ts'
import { adviceFor } from './failure.ts'
import { Handles } from './handle.ts'
import type { SentMessage } from './handle.ts'
import type { DeviceDirectory } from './devices.ts'
import type { NackRepair, RepairOutcome } from './nack.ts'
import { TOKEN_OR_RESTRICTED, refused, repaired, setBack } from './outbox-fate.ts'
import type { Fate, Refusal, Setback } from './outbox-fate.ts'
import { outboxItem, outboxRow, salvagedItem, sendableItem, withoutStanza } from './outbox-item.ts'
import type { OutboxFailure, OutboxItem } from './outbox-item.ts'
import { OutboxSender } from './sender.ts'
import type { SessionDirectory } from './sessions.ts'
import { UNFINISHED_STATES, advances, isUnfinished } from './states.ts'
import type { OutboxState } from './states.ts'
import { PrivacyTokens } from '../tokens/tokens.ts'
import { recordEdit, withdrawSetting } from './target.ts'

/** What the outbox works with. */
export interface OutboxOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Looks at a page that a text links to. */
  readonly previewLink?: PreviewLink | undefined
  /** How long a message may fail to be prepared before it is given up, and how long an answer may take. */
  readonly timing?: Partial<Timing>
  /** Which devices a message goes to. */
  readonly devices: DeviceDirectory
  /** Sessions with them. */
  readonly sessions: SessionDirectory
}

/** Rows read at once. */
const PAGE = 256

/** See the file comment. */
export class Outbox {
  /** Who repairs what a message is refused for, by the server's code; see `nack.ts`. */
  readonly repairs: Map<number, NackRepair> = new Map()
  /** What messages carry so that the server lets them through. */
  readonly tokens: PrivacyTokens
  /** What `client.outbox` is. */
  readonly view: OutboxView
  readonly #options: OutboxOptions
  readonly #handles: Handles
  readonly #sender: OutboxSender
  readonly #drafts: Drafts
  #lastPosition = 0

  private constructor(options: OutboxOptions) {
    this.#options = options
    this.#drafts = new Drafts(options)
    const { state } = options
    this.tokens = new PrivacyTokens(options)
    this.repairs.set(TOKEN_OR_RESTRICTED, this.tokens.repair)
    this.#sender = new OutboxSender({
      ...options,
      repairs: this.repairs,
      tokens: this.tokens,
      onAdvance: (item) => {
        this.#handles.advance(item)
      },
      onHopeless: async (item, code) => {
        await state.commit(async (unit) => {
          const present = await this.item(unit, item.id)
          if (present !== undefined && !isOnItsWay(present)) await this.#fail(unit, item.id, { code })
        })
      },
      onTooLarge: (id) =>
        state.commit(async (unit) => {
          await this.#fail(unit, id, { code: 'WATON_SEND_TOO_LARGE' })
          unit.onCommit(() => {
            this.#sender.failed(id)
          })
        }),
      onSetback: (id, setback) => state.commit((unit) => this.#setBack(unit, id, setback)),
      onRepaired: (id, outcome) => state.commit((unit) => this.#repaired(unit, id, outcome)),
      onUnreadable: async (id) => {
        await state.commit((unit) => this.item(unit, id, sendableItem))
      },
    })
    const sender = this.#sender
    this.#handles = new Handles({
      hasLeft: (id) => sender.hasLeft(id),
      waitOf: (id, chat) => sender.waitOf(id, chat),
      find: (id) => this.find(id),
    })
    this.view = outboxView({ state, outbox: this })
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
    const prepared = this.prepare(chat, content, options)
    const draft = (await this.#drafts.ready(prepared)) ?? prepared
    const item = await this.#options.state.commit(async (unit) => {
      const existing = await this.#existing(unit, draft)
      if (existing === undefined) return this.#accept(unit, draft)
      await this.#tellOther(unit, draft, existing)
      return existing
    })
    return this.handle(item)
  }

  /** From here on files of messages are uploaded with this. */
  uploadWith(upload: UploadFile): void {
    this.#drafts.upload = upload
  }

  /** Checks a message and builds it where it can, and changes nothing. @throws {UsageError} like {@link send} */
  prepare(chat: string, content: OutgoingContent, options: SendOptions = {}): OutboxDraft {
    return this.#drafts.prepare(chat, content, options)
  }

  /** The draft with all that it waits for, for those who want to hear at once that it cannot be. @throws {UsageError} */
  async complete(draft: OutboxDraft): Promise<OutboxDraft> {
    return this.#drafts.complete(draft)
  }

  /**
   * Adds a message to a unit, which may hold more: it is on its way when the unit is durable. A known id changes nothing,
   * whatever it stands for: a handler that runs again may have something else to say.
   *
   * @throws {UsageError} `WATON_CONTENT_...` when the draft is not complete and cannot be completed
   */
  async stage(unit: Unit, draft: OutboxDraft): Promise<OutboxItem> {
    return (await this.#existing(unit, draft)) ?? this.#accept(unit, draft)
  }

  async #existing(unit: Unit, { id }: OutboxDraft): Promise<OutboxItem | undefined> {
    this.#handles.watch(id)
    const existing = await this.item(unit, id)
    if (existing === undefined) return undefined
    unit.onCommit(() => {
      this.#sender.wake()
    })
    return existing
  }

  /** A known id stands for one message: whoever meant another hears of it in the log, and has the handle of the first. */
  async #tellOther(unit: Unit, { id, to, input }: OutboxDraft, existing: OutboxItem): Promise<void> {
    const before = existing.body.input
    // one of a former version, or something that cannot be compared
    if (before === undefined || input === undefined) return
    const isSameChat = (await canonicalJid(unit, to)) === (await canonicalJid(unit, existing.chat))
    if (isSameChat && equalBytes(before, input)) return
    const what = isSameChat ? 'with other content' : 'for another chat'
    this.#options.logger.warn(
      { id },
      `a message with this id was accepted before, ${what}: nothing was sent now; another message needs another id`,
    )
  }

  async #accept(unit: Unit, draft: OutboxDraft): Promise<OutboxItem> {
    const { id, to, input } = draft
    const chat = await canonicalJid(unit, to)
    const sender = await personOf(unit, this.#options.self.pn)
    const { message, stanzaType, extras, kind } = await this.#drafts.build(unit, draft)
    const previous = this.#lastPosition
    const position = this.#nextPosition(unit.nowMs)
    const at = unit.nowMs
    const item: OutboxItem = {
      id,
      chat,
      position,
      state: 'queued',
      at,
      body: { to, message, stanzaType, extras, ...(input === undefined ? {} : { input }) },
    }
    unit.putOutbox(outboxRow(item))
    if (kind === 'disappearing')
      await beginTimer(unit, { chat, message: decodeMessage(message), sentAtMs: at })
    unit.putMessage(
      messageRow({ id, chat, sender, fromMe: true, origin: 'own', sentAtMs: at, kind, message }, at),
    )
    seam('send:staged')
    unit.onCommit(() => {
      this.#sender.offer(item, previous)
    })
    return item
  }

  /** The handle of a message that is durable. */
  handle(item: OutboxItem): SentMessage {
    return this.#handles.of(item)
  }

  /** The item of a message sent earlier, also by an earlier process, whose handle misses nothing from here on. */
  async find(id: string): Promise<OutboxItem | undefined> {
    this.#handles.watch(id)
    return this.#options.state.commit((unit) => this.item(unit, id))
  }

  /** What handles say of an item, without watching it. */
  viewOf(item: OutboxItem): Pick<SentMessage, 'state' | 'waitingFor'> {
    return { state: this.#handles.stateOf(item), waitingFor: this.#handles.waitOf(item) }
  }

  /**
   * Keeps a message from going out. One whose ciphertext may have left stays as it is.
   *
   * @returns the item as it is then; `undefined` when there is none
   */
  async cancel(id: string): Promise<OutboxItem | undefined> {
    const sender = this.#sender
    try {
      return await this.#options.state.commit(async (unit) => {
        const item = await this.item(unit, id)
        if (item === undefined || !isUnfinished(item.state)) return item
        // from here on it is not written, also when the commit of its ciphertext is still under way
        if (item.state === 'encrypted' && !sender.holdBack(id)) return item
        const cancelled = withoutStanza(item, 'cancelled')
        this.#put(unit, cancelled)
        await withdrawSetting(unit, cancelled)
        unit.onCommit(() => {
          sender.release(id)
        })
        return cancelled
      })
    } catch (error) {
      // the row is as it was: what it holds goes out
      sender.letGo(id)
      sender.wake()
      throw error
    }
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
  async applyAck(
    unit: Unit,
    { id, errorCode, atSeconds }: Pick<ParsedAck, 'id' | 'errorCode' | 'atSeconds'>,
  ): Promise<void> {
    seam('send:answered')
    if (errorCode === undefined) {
      await this.#advance(unit, id, 'acknowledged')
      return
    }
    // a refusal that comes twice: what it was for is answered already
    if (!this.#sender.isOnWire(id)) return
    unit.onCommit(() => {
      this.#sender.answered(id, false)
    })
    await this.#refuse(unit, id, { serverCode: errorCode, atSeconds })
  }

  /**
   * Somebody's receipt for messages of this account. Runs inside the unit of the `<receipt>`.
   *
   * @returns what it may speak of: nobody says anything about messages of another chat than theirs
   */
  async applyReceipt(
    unit: Unit,
    {
      ids,
      chat,
      status,
    }: { readonly ids: readonly string[]; readonly chat: string; readonly status: ReceiptStatus },
  ): Promise<readonly string[]> {
    const theirs: string[] = []
    for (const id of ids) {
      const item = await this.item(unit, id)
      // the row may be older than the LID of its chat
      if (item !== undefined && (await canonicalJid(unit, item.chat)) !== chat) continue
      theirs.push(id)
      await this.#advance(unit, id, status === 'delivered' ? 'delivered' : 'read')
    }
    return theirs
  }

  async #advance(unit: Unit, id: string, state: OutboxState): Promise<void> {
    const item = await this.item(unit, id)
    if (item === undefined || !advances(item.state, state)) return
    // what the server has is not repeated: its ciphertext is of no use any more
    this.#put(unit, withoutStanza(item, state))
    if (!isUnfinished(item.state)) return
    // only now: an edit that is cancelled or refused has changed nothing
    if (item.body.extras?.edit !== undefined)
      await recordEdit(unit, item, await personOf(unit, this.#options.self.pn))
    unit.onCommit(() => {
      this.#sender.answered(id, true)
    })
  }

  async #refuse(unit: Unit, id: string, refusal: Refusal): Promise<void> {
    const item = await this.item(unit, id)
    const fate =
      item === undefined
        ? undefined
        : refused(item, refusal, unit.nowMs, this.repairs.has(refusal.serverCode))
    if (fate === undefined) return
    if (fate.forgetDevices === true) await this.#forgetDevices(unit, fate.item)
    const next = await this.#settle(unit, fate)
    unit.onCommit(() => {
      // what waits behind its answer waits no longer
      if (next === undefined) this.#sender.failed(id)
      else if (fate.pauses !== true) this.#sender.release(id)
      // a rejection is the store's, and it is told to everybody
      else void this.#sender.pause(next).catch(() => undefined)
    })
  }

  /** The next encryption asks for the devices of both sides. */
  async #forgetDevices(unit: Unit, { body }: OutboxItem): Promise<void> {
    for (const user of [body.to, this.#options.self.userLike(body.to)]) await markStale(unit, user)
  }

  /** @returns whether the message is still to be sent */
  async #setBack(unit: Unit, id: string, setback: Setback): Promise<boolean> {
    const item = await this.item(unit, id)
    if (item === undefined || !isUnfinished(item.state)) return false
    if (isOnItsWay(item)) return false
    const { sendTimeoutMs: patienceMs } = { ...DEFAULT_TIMING, ...this.#options.timing }
    return (await this.#settle(unit, setBack(item, setback, { nowMs: unit.nowMs, patienceMs }))) !== undefined
  }

  async #repaired(unit: Unit, id: string, outcome: RepairOutcome): Promise<OutboxItem | undefined> {
    const item = await this.item(unit, id)
    if (item === undefined || !isUnfinished(item.state)) return item
    return this.#settle(unit, repaired(item, outcome))
  }

  /** Records what follows. @returns the item, unless it has failed */
  async #settle(unit: Unit, { item, failure }: Fate): Promise<OutboxItem | undefined> {
    if (failure === undefined) {
      this.#put(unit, item)
      return item
    }
    await this.#give(unit, item, failure)
    return undefined
  }

  async #fail(unit: Unit, id: string, failure: OutboxFailure): Promise<void> {
    const item = await this.item(unit, id)
    if (item !== undefined && isUnfinished(item.state)) await this.#give(unit, item, failure)
  }

  /** Gives a message up, and says so. */
  async #give(unit: Unit, item: OutboxItem, failure: OutboxFailure): Promise<void> {
    await withdrawSetting(unit, item)
    const failed = withoutStanza(item, 'failed')
    this.#put(unit, { ...failed, body: { ...failed.body, failure } })
    this.#tellFailed(unit, item, failure)
  }

  #tellFailed(unit: Unit, { id, chat }: OutboxItem, failure: OutboxFailure): void {
    unit.event('send.failed', { id, chat, ...failure, ...adviceFor(failure) }, chat)
  }

  /** The item of a row. One that cannot be read is set aside, so that it holds nothing up. */
  async item(unit: Unit, id: string, read: typeof outboxItem = outboxItem): Promise<OutboxItem | undefined> {
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
    if (item.state === 'failed' && row.state !== 'failed') this.#tellFailed(unit, item, { code })
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

/** Another attempt has brought it to the wire, so that only the server can refuse it now. */
function isOnItsWay({ state, body }: OutboxItem): boolean {
  return state === 'encrypted' && body.trouble?.isRepairDue !== true
}
