/**
 * Receipts that say that messages were read or played. They are durable when the call resolves, and go out again after a
 * reconnect until the server has acknowledged them: what was read is never shown as unread because a connection broke.
 *
 * One record for each chat and author holds the ids that are not acknowledged; a receipt carries up to 256 of them. Whether
 * the author is told, or only our own devices, is the account's privacy setting, which is asked for at each login and kept.
 * Nothing goes out before the server has told it: what an older setting would give away cannot be taken back.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { describeError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import { fetchPrivacy } from '../../protocol/stanza/iq/privacy.ts'
import { buildReceipt } from '../../protocol/stanza/receipt.ts'
import type { OutgoingReceiptType } from '../../protocol/stanza/receipt.ts'
import type { Connection } from '../connection/connection.ts'
import { phoneJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { Timing } from '../options.ts'
import { Unanswered } from '../send/unanswered.ts'
import type { AccountState } from '../state/account-state.ts'
import { PENDING_RECEIPT, PRIVACY_SETTINGS, SELF } from '../state/records.ts'
import type { PendingReceipt } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { groupKeys } from './message-keys.ts'
import type { ReceivedMessageKey } from './message-keys.ts'

/** What the queue works with. */
export interface ReceiptQueueOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** How long an answer may take. */
  readonly timing?: Partial<Timing>
}

/** Ids in one receipt. @source Baileys and whatsmeow: the server takes up to 256 */
const MAX_IDS = 256

/** Ids that one chat and author may have waiting; beyond it the oldest are given up. */
const MAX_WAITING_IDS = 8_192

/** Receipts on the wire at a time; the others follow when half of them are acknowledged. */
const MAX_ON_WIRE = 4_096
const ROOM_AGAIN = MAX_ON_WIRE / 2

/** Records that are known to have something to send; beyond it they are found in the store. */
const MAX_DUE = 16_384

/** The pause before the privacy settings are asked for again, doubled by each further failure up to the longest. */
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 10 * 60_000

interface OnWire {
  readonly key: string
  readonly type: OutgoingReceiptType
  readonly ids: readonly string[]
}

/** See the file comment. */
export class ReceiptQueue {
  readonly #options: ReceiptQueueOptions
  /** One that may be written to: open, and its privacy settings known. */
  #connection: Connection | undefined
  /** By the id and type that the server's ack repeats. */
  #onWire = new Map<string, OnWire>()
  /** The ids of each record that are on the wire. */
  #idsOnWire = new Map<string, Set<string>>()
  /** Records that may have something to send. */
  readonly #due = new Set<string>()
  /** Whether the store may have more of them. */
  #hasMore = false
  #isWanted = false
  #writing: Promise<void> | undefined
  #timer: Timer | undefined
  readonly #unanswered: Unanswered

  constructor(options: ReceiptQueueOptions) {
    this.#options = options
    this.#unanswered = new Unanswered(options, (names) => {
      this.#repeat(names).catch((error: unknown) => {
        options.logger.debug({ reason: describeError(error) }, 'read receipts wait')
      })
    })
  }

  /** Records that messages were read or played. @throws {UsageError} `WATON_READ_KEY`, `WATON_NOT_LINKED` */
  async mark(status: PendingReceipt['status'], keys: readonly ReceivedMessageKey[]): Promise<void> {
    const { state, self } = this.#options
    self.requireLinked()
    const groups = groupKeys(keys)
    if (groups.length === 0) return
    const changed = await state.commit(async (unit) => {
      const names: string[] = []
      for (const { to: chat, participant, ids } of groups) {
        // as messages are addressed by those whose number is known
        const to = (await phoneJid(unit, chat)) ?? chat
        const key = [status, to, participant ?? ''].join(' ')
        const waiting = await unit.read(PENDING_RECEIPT, key)
        unit.put(PENDING_RECEIPT, key, {
          status,
          to,
          ...(participant === undefined ? {} : { participant }),
          ids: [...new Set([...(waiting?.ids ?? []), ...ids])].slice(-MAX_WAITING_IDS),
          atSeconds: Math.floor(unit.nowMs / 1000),
        })
        names.push(key)
      }
      return names
    })
    // before the settings are known, all of them are found in the store
    if (this.#connection === undefined) return
    for (const key of changed) this.#makeDue(key)
    this.#wake()
  }

  /** The connection is ready: what waits goes out once the privacy settings are known. Rejects when they are not told yet. */
  async resume(connection: Connection): Promise<void> {
    this.suspend()
    this.#onWire = new Map()
    this.#idsOnWire = new Map()
    this.#due.clear()
    await this.#begin(connection, FIRST_PAUSE_MS)
  }

  /** The connection is gone, or may not be written to. */
  suspend(): void {
    this.#connection = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unanswered.stop()
  }

  /** The server has a receipt. Runs inside the unit of its ack. */
  async applyAck(unit: Unit, ack: ParsedAck): Promise<void> {
    const name = wireName(ack.id, ack.type)
    const sent = this.#onWire.get(name)
    if (sent === undefined) return
    const { key } = sent
    const waiting = await unit.read(PENDING_RECEIPT, key)
    const known = new Set(sent.ids)
    const ids = waiting?.ids.filter((id) => !known.has(id)) ?? []
    unit.onCommit(() => {
      this.#acknowledged(name, sent, ids.length)
    })
    if (waiting === undefined) return
    if (ids.length === 0) unit.delete(PENDING_RECEIPT, key)
    else unit.put(PENDING_RECEIPT, key, { ...waiting, ids })
  }

  /** @param left - ids of its record that are not acknowledged */
  #acknowledged(name: string, sent: OnWire, left: number): void {
    // a later connection may have sent others under the same name
    if (this.#onWire.get(name) !== sent) return
    this.#onWire.delete(name)
    this.#unanswered.answered(name)
    const under = this.#idsOnWire.get(sent.key)
    for (const id of sent.ids) under?.delete(id)
    if (under?.size === 0) this.#idsOnWire.delete(sent.key)
    if (left > (under?.size ?? 0)) this.#makeDue(sent.key)
    const isWaiting = this.#due.size > 0 || this.#hasMore
    if (isWaiting && this.#onWire.size <= ROOM_AGAIN) this.#wake()
  }

  /** Asks for the settings, after each failure a little later, for as long as the connection lasts. */
  async #begin(connection: Connection, pauseMs: number): Promise<void> {
    const { state, clock } = this.#options
    try {
      const settings = await connection.query(fetchPrivacy, undefined)
      await state.commit((unit) => {
        unit.put(PRIVACY_SETTINGS, SELF, Object.fromEntries(settings))
        return Promise.resolve()
      })
    } catch (error) {
      if (connection.isOpen)
        this.#timer = clock.schedule(pauseMs, () => {
          this.#beginAgain(connection, Math.min(2 * pauseMs, LONGEST_PAUSE_MS))
        })
      throw error
    }
    if (!connection.isOpen) return
    this.#connection = connection
    this.#unanswered.begin(connection)
    this.#hasMore = true
    this.#wake()
  }

  #beginAgain(connection: Connection, pauseMs: number): void {
    this.#begin(connection, pauseMs).catch((error: unknown) => {
      this.#options.logger.warn(
        { reason: describeError(error) },
        'read receipts wait: the server does not tell the privacy settings',
      )
    })
  }

  #makeDue(key: string): void {
    if (this.#due.size < MAX_DUE) this.#due.add(key)
    else this.#hasMore = true
  }

  /** There may be something to send. */
  #wake(): void {
    this.#isWanted = true
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  async #write(): Promise<void> {
    while (this.#isWanted && this.#connection !== undefined) {
      this.#isWanted = false
      await this.#writeDue(this.#connection).catch((error: unknown) => {
        // they are kept, and found again when there is more to send
        this.#hasMore = true
        this.#options.logger.debug({ reason: describeError(error) }, 'read receipts wait')
      })
    }
  }

  /** Sends what is due, until there is no more or the wire is full. */
  async #writeDue(connection: Connection): Promise<void> {
    const { state } = this.#options
    const settings = await state.read(PRIVACY_SETTINGS, SELF)
    const isTold = settings?.['readreceipts'] === 'all'
    for (;;) {
      if (this.#due.size === 0 && this.#hasMore) await this.#findDue()
      const [key] = this.#due
      if (key === undefined) return
      // before it is read: what is marked meanwhile makes it due again
      this.#due.delete(key)
      const waiting = await state.read(PENDING_RECEIPT, key)
      if (connection !== this.#connection || !connection.isOpen) return
      if (waiting === undefined) continue
      const type = receiptType(waiting.status, isTold)
      if (this.#writeAll(connection, { key, waiting, type })) continue
      this.#due.add(key)
      return
    }
  }

  async #findDue(): Promise<void> {
    this.#hasMore = false
    const keys = await this.#options.state.listKeys(PENDING_RECEIPT, '')
    // what is on the wire becomes due with its ack, if there is more of it
    for (const key of keys) if (!this.#idsOnWire.has(key)) this.#makeDue(key)
  }

  /** Sends what one chat and author have waiting. Returns whether all of it is on the wire. */
  #writeAll(
    connection: Connection,
    { key, waiting, type }: { key: string; waiting: PendingReceipt; type: OutgoingReceiptType },
  ): boolean {
    const under = this.#idsOnWire.get(key) ?? new Set()
    const ids = waiting.ids.filter((id) => !under.has(id))
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      if (this.#onWire.size >= MAX_ON_WIRE) return false
      const part = ids.slice(start, start + MAX_IDS)
      for (const id of part) under.add(id)
      this.#idsOnWire.set(key, under)
      this.#writeOne(connection, waiting, { key, type, ids: part })
    }
    return true
  }

  #writeOne(connection: Connection, { to, participant, atSeconds }: PendingReceipt, sent: OnWire): void {
    const { type, ids } = sent
    const name = wireName(ids[0] ?? '', type)
    this.#onWire.set(name, sent)
    this.#unanswered.add(name)
    const author = participant === undefined ? {} : { participant }
    connection.send(buildReceipt({ ids, to, ...author, type, atSeconds }))
  }

  /** Acks are late: their receipts are written once more, with the same ids, so that a late ack says the same. */
  async #repeat(names: readonly string[]): Promise<void> {
    const connection = this.#connection
    for (const name of names) {
      const sent = this.#onWire.get(name)
      const waiting = sent && (await this.#options.state.read(PENDING_RECEIPT, sent.key))
      if (connection === undefined || connection !== this.#connection || !connection.isOpen) return
      const isStill = sent !== undefined && this.#onWire.get(name) === sent
      if (isStill && waiting !== undefined) this.#writeOne(connection, waiting, sent)
    }
  }
}

/** Who hides what they read tells their own devices only. @source Baileys `Socket/messages-send.js` readMessages */
function receiptType(status: PendingReceipt['status'], isTold: boolean): OutgoingReceiptType {
  return isTold ? status : `${status}-self`
}

function wireName(id: string, type: string | undefined): string {
  return `${type ?? ''} ${id}`
}
