/**
 * Receipts that say that messages were read or played. They are durable when the call resolves, and go out again after a
 * reconnect until the server has acknowledged them: what was read is never shown as unread because a connection broke.
 *
 * One record for each chat and author holds the ids that are not acknowledged; a receipt carries up to 256 of them. Whether
 * the author is told, or only our own devices, is the account's privacy setting, which is asked for at each login and kept.
 */
import type { Clock } from '../../base/clock.ts'
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

/** Receipts on the wire at a time; what the server never acknowledges is sent again by the next connection. */
const MAX_ON_WIRE = 4_096

interface OnWire {
  readonly key: string
  readonly type: OutgoingReceiptType
  readonly ids: readonly string[]
}

/** See the file comment. */
export class ReceiptQueue {
  readonly #options: ReceiptQueueOptions
  #connection: Connection | undefined
  /** By the id and type that the server's ack repeats. */
  #onWire = new Map<string, OnWire>()
  readonly #unanswered: Unanswered

  constructor(options: ReceiptQueueOptions) {
    this.#options = options
    this.#unanswered = new Unanswered(options, (names) => {
      const { logger } = this.#options
      this.#repeat(names).catch((error: unknown) => {
        logger.debug({ reason: describeError(error) }, 'read receipts wait')
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
    this.#send(changed)
  }

  /** The connection is ready: what waits goes out once the privacy settings are known. */
  async resume(connection: Connection): Promise<void> {
    const { state } = this.#options
    this.#onWire = new Map()
    const settings = await connection.query(fetchPrivacy, undefined)
    await state.commit((unit) => {
      unit.put(PRIVACY_SETTINGS, SELF, Object.fromEntries(settings))
      return Promise.resolve()
    })
    if (!connection.isOpen) return
    this.#connection = connection
    this.#unanswered.begin(connection)
    this.#send(await state.listKeys(PENDING_RECEIPT, ''))
  }

  /** The connection is gone, or may not be written to. */
  suspend(): void {
    this.#connection = undefined
    this.#unanswered.stop()
  }

  /** The server has a receipt. Runs inside the unit of its ack. */
  async applyAck(unit: Unit, ack: ParsedAck): Promise<void> {
    const name = wireName(ack.id, ack.type)
    const sent = this.#onWire.get(name)
    if (sent === undefined) return
    const waiting = await unit.read(PENDING_RECEIPT, sent.key)
    unit.onCommit(() => {
      this.#onWire.delete(name)
      this.#unanswered.answered(name)
    })
    if (waiting === undefined) return
    const ids = waiting.ids.filter((id) => !sent.ids.includes(id))
    if (ids.length === 0) unit.delete(PENDING_RECEIPT, sent.key)
    else unit.put(PENDING_RECEIPT, sent.key, { ...waiting, ids })
  }

  #send(keys: readonly string[]): void {
    const connection = this.#connection
    if (connection === undefined || keys.length === 0) return
    this.#write(connection, keys).catch((error: unknown) => {
      // they are kept, and go out with the next connection
      this.#options.logger.debug({ reason: describeError(error) }, 'read receipts wait')
    })
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

  #writeOne(connection: Connection, waiting: PendingReceipt, sent: OnWire): void {
    const { to, participant, atSeconds } = waiting
    const { type, ids } = sent
    const name = wireName(ids[0] ?? '', type)
    this.#onWire.set(name, sent)
    this.#unanswered.add(name)
    const inGroup = participant === undefined ? {} : { participant }
    connection.send(buildReceipt({ ids, to, ...inGroup, type, atSeconds }))
  }

  async #write(connection: Connection, keys: readonly string[]): Promise<void> {
    const { state } = this.#options
    const settings = await state.read(PRIVACY_SETTINGS, SELF)
    const isTold = settings?.['readreceipts'] === 'all'
    for (const key of keys) {
      const waiting = await state.read(PENDING_RECEIPT, key)
      if (waiting === undefined || connection !== this.#connection || !connection.isOpen) continue
      const type = receiptType(waiting.status, isTold)
      const under = new Set([...this.#onWire.values()].flatMap((sent) => (sent.key === key ? sent.ids : [])))
      const ids = waiting.ids.filter((id) => !under.has(id))
      for (let start = 0; start < ids.length; start += MAX_IDS) {
        if (this.#onWire.size >= MAX_ON_WIRE) return
        this.#writeOne(connection, waiting, { key, type, ids: ids.slice(start, start + MAX_IDS) })
      }
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
