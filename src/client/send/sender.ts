/**
 * Takes unfinished outbox rows to the wire while there is a connection: lanes per chat, in order, each row encrypted
 * once. It only moves rows forward; accepting messages and hearing of their fate is the business of `outbox.ts`.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { ClosedError, WatonError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { OutboxRow } from '../../persistence/contract/index.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { userJid } from '../../protocol/jid.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid, phoneJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import type { DeviceDirectory } from './devices.ts'
import { encryptItem } from './encrypt.ts'
import { Lanes } from '../lanes.ts'
import { UNFINISHED_STATES, outboxItem, outboxRow, sendableItem } from './outbox-item.ts'
import type { OutboxItem } from './outbox-item.ts'
import type { SessionDirectory } from './sessions.ts'

/** What the sender works with. */
export interface SenderOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Which devices a message goes to. */
  readonly devices: DeviceDirectory
  /** Sessions with them. */
  readonly sessions: SessionDirectory
  /** A row reached a new state and is durable. */
  readonly onAdvance: (item: OutboxItem) => void
  /** A row can never be sent. */
  readonly onHopeless: (item: OutboxItem, code: string) => Promise<void>
  /** A row cannot be read. */
  readonly onUnreadable: (id: string) => Promise<void>
}

/** Rows read from the store at once. */
const PAGE = 256

/** Messages handed over and not begun, at most; when there are more, they are read from the store again. */
const MAX_OFFERED = 1024

/** A message that became durable a moment ago, and the position of the one accepted before it. */
interface Offer {
  readonly item: OutboxItem
  readonly previous: number
}

/** How long a chat whose message could not be prepared waits before it is tried again on the same connection. */
const RETRY_DELAY_MS = 5_000

/** See the file comment. */
export class OutboxSender {
  readonly #options: SenderOptions
  readonly #lanes: Lanes<OutboxItem>
  /** Ids written to the present connection and not answered yet. */
  #onWire = new Set<string>()
  #connection: Connection | undefined
  /** The one that {@link #onWire} belongs to. */
  #wire: Connection | undefined
  #loadedUpTo = -1
  /** What comes right behind {@link #loadedUpTo}, so that rows just written are not read back. */
  #offered: Offer[] = []
  /** Stanzas whose commit is done, on their way to one write. */
  #outgoing: BinaryNode[] = []
  /** Counts how often reading began anew: what an older reading found is dropped. */
  #starts = 0
  #retry: Timer | undefined
  #isLoading = false
  #loadAgain = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#lanes = new Lanes((item) => this.#process(item))
  }

  /** The connection is ready for messages: unfinished ones go out, in order. */
  resume(connection: Connection): void {
    this.#connection = connection
    // after a pause of the same connection the server still has what was written to it
    if (connection !== this.#wire) this.#onWire = new Set()
    this.#wire = connection
    this.#restart()
  }

  /** The connection is gone, or may not be written to for now: what was not acknowledged waits for {@link resume}. */
  suspend(): void {
    this.#connection = undefined
    this.#retry?.cancel()
    this.#retry = undefined
    this.#lanes.clear()
  }

  /**
   * A new row is in the store.
   *
   * @param previous - the position of the row accepted before it: when that one is not known here, the store is read
   */
  offer(item: OutboxItem, previous: number): void {
    if (this.#connection === undefined) return
    if (this.#offered.length >= MAX_OFFERED) this.#offered = []
    this.#offered.push({ item, previous })
    if (!this.#isLoading) this.wake()
  }

  /** Rows may be in the store that are not known here. */
  wake(): void {
    if (this.#connection === undefined) return
    if (this.#isLoading) {
      this.#loadAgain = true
      return
    }
    this.#isLoading = true
    void this.#load()
      .catch((error: unknown) => {
        this.#options.logger.error({ reason: describeError(error) }, 'the outbox could not be read')
        this.#retryLater()
      })
      .finally(() => {
        this.#isLoading = false
        if (!this.#loadAgain && this.#offered.length === 0) return
        this.#loadAgain = false
        this.wake()
      })
  }

  /** The server has answered for this id. */
  answered(id: string): void {
    this.#onWire.delete(id)
  }

  /** Begins anew after a pause, unless the connection is gone by then. */
  #retryLater(): void {
    if (this.#connection === undefined) return
    this.#retry ??= this.#options.clock.schedule(RETRY_DELAY_MS, () => {
      this.#retry = undefined
      this.#restart()
    })
  }

  #restart(): void {
    this.#lanes.clear()
    this.#starts += 1
    this.#loadedUpTo = -1
    this.#offered = []
    this.wake()
  }

  async #load(): Promise<void> {
    while (this.#connection !== undefined) {
      const start = this.#starts
      const offered = this.#takeOffered()
      const rows = offered.length > 0 ? [] : await this.#read()
      const items = offered.length > 0 ? offered : await this.#itemsOf(rows)
      const lanes = await Promise.all(items.map((item) => this.#laneOf(item)))
      // another connection, or a retry, starts over from the first unfinished row
      if (start !== this.#starts) continue
      const last = rows.at(-1) ?? offered.at(-1)
      if (last === undefined) return
      this.#loadedUpTo = last.position
      for (const [index, item] of items.entries()) {
        if (!this.#onWire.has(item.id)) this.#lanes.add(lanes[index] ?? item.chat, item)
      }
      await this.#lanes.room()
      if (offered.length > 0 && this.#offered.length === 0) return
    }
  }

  #read(): Promise<readonly OutboxRow[]> {
    const { store, account } = this.#options.state
    return store.listOutbox(account, { states: UNFINISHED_STATES, after: this.#loadedUpTo, limit: PAGE })
  }

  /** The offers that follow what is loaded without a gap; behind a gap only the store knows. */
  #takeOffered(): readonly OutboxItem[] {
    const taken: OutboxItem[] = []
    let known = this.#loadedUpTo
    for (const { item, previous } of this.#offered) {
      if (item.position <= known) continue
      if (previous !== known) {
        if (taken.length > 0) this.#loadAgain = true
        break
      }
      taken.push(item)
      known = item.position
    }
    this.#offered = []
    return taken
  }

  /** The items of the rows that can be read; the others are set aside. */
  async #itemsOf(rows: readonly OutboxRow[]): Promise<readonly OutboxItem[]> {
    const items: OutboxItem[] = []
    for (const row of rows) {
      try {
        items.push(sendableItem(row))
      } catch {
        await this.#options.onUnreadable(row.id)
      }
    }
    return items
  }

  /**
   * The lane of a message: one per person, also when their other address becomes known while messages wait under the
   * first one.
   */
  async #laneOf({ chat, body }: OutboxItem): Promise<string> {
    const { state } = this.#options
    const canonical = await canonicalJid(state, body.to)
    const phone = await phoneJid(state, canonical)
    return [chat, canonical, phone].find((key) => key !== undefined && this.#lanes.isOpen(key)) ?? canonical
  }

  async #process(item: OutboxItem): Promise<void> {
    const connection = this.#connection
    if (connection?.isOpen !== true || this.#onWire.has(item.id)) return
    try {
      if (item.body.stanza === undefined) await this.#encrypt(connection, item)
      else await this.#repeat(connection, item.id, item.body.stanza)
    } catch (error) {
      await this.#failed(connection, item, error).catch((second: unknown) => {
        // the store fails, too: the row is as it was, and the next connection begins with it
        const reason = describeError(second)
        this.#options.logger.warn({ id: item.id, reason }, 'what became of a message could not be recorded')
      })
    }
  }

  /** What was encrypted before goes out again, behind earlier messages of the chat whose commits are under way. */
  async #repeat(connection: Connection, id: string, stanza: Uint8Array): Promise<void> {
    const staged = await this.#options.state.transact((unit) => {
      unit.onCommit(() => {
        this.#write(connection, id, stanza)
      })
      return Promise.resolve()
    })
    staged.committed.catch(() => undefined)
  }

  #write(connection: Connection, id: string, stanza: Uint8Array): void {
    if (!connection.isOpen || connection !== this.#connection || this.#onWire.has(id)) return
    this.#onWire.add(id)
    this.#outgoing.push(decodeNode(stanza))
    // all that one commit made durable leaves with one write
    if (this.#outgoing.length > 1) return
    void Promise.resolve().then(() => {
      this.#flush(connection)
    })
  }

  #flush(connection: Connection): void {
    const stanzas = this.#outgoing
    this.#outgoing = []
    // what did not leave is repeated by the next connection, or when this one goes on
    if (!connection.isOpen || connection !== this.#connection) {
      if (connection === this.#wire) for (const { attrs } of stanzas) this.#onWire.delete(attrs.id ?? '')
      return
    }
    try {
      connection.send(...stanzas)
    } catch (error) {
      this.#options.logger.debug({ reason: describeError(error) }, 'messages wait for the next connection')
    }
  }

  async #failed(connection: Connection, item: OutboxItem, error: unknown): Promise<void> {
    const code = errorCode(error)
    this.#options.logger.warn(
      { id: item.id, code, reason: describeError(error) },
      'a message could not be sent yet',
    )
    if (error instanceof WatonError && isHopeless(error, item)) {
      await this.#options.onHopeless(item, error.code)
      return
    }
    if (connection !== this.#connection || !connection.isOpen) return
    // what comes after it in the chat must not overtake it
    this.#lanes.block(await this.#laneOf(item))
    this.#retryLater()
  }

  async #encrypt(connection: Connection, item: OutboxItem): Promise<void> {
    const { state, self, random, logger, devices: directory, sessions } = this.#options
    const { to } = item.body
    const ownUser = self.userLike(to)
    const users = userJid(to) === ownUser ? [ownUser] : [ownUser, to]
    const devices = await directory.devicesOf(connection, users)
    const selfDevice = self.deviceLike(to)
    const own = (devices.get(ownUser) ?? []).filter((device) => device !== selfDevice)
    const other = users.length === 1 ? [] : (devices.get(to) ?? [])
    await sessions.ensure(connection, [...own, ...other])
    const staged = await state.transact(async (unit) => {
      // whatever is encrypted now could only be repeated later, behind messages that it must not overtake
      requireOpen(connection, item.id)
      const row = await unit.readOutbox(item.id)
      const present = row === undefined ? item : outboxItem(row)
      const { stanza } = present.body
      if (stanza !== undefined) {
        // an attempt of an earlier connection came first: its ciphertext is the one that goes out
        unit.onCommit(() => {
          this.#write(connection, item.id, stanza)
        })
        return
      }
      if (present.state !== 'queued') return
      const sender = { local: self.local, deviceIdentity: self.deviceIdentity, self: selfDevice }
      const bytes = await encryptItem(unit, present, { own, other }, { sender, random })
      // many devices take a while
      requireOpen(connection, item.id)
      const next: OutboxItem = { ...present, state: 'encrypted', body: { ...present.body, stanza: bytes } }
      unit.putOutbox(outboxRow(next))
      unit.onCommit(() => {
        this.#options.onAdvance(next)
        // the chains are durable now: only from here may anybody see the ciphertext
        this.#write(connection, item.id, bytes)
      })
    })
    // the lane goes on: units are committed, and so written, in this order; after a failed commit all begin anew
    staged.committed.catch((error: unknown) => {
      if (error instanceof WatonError)
        logger.debug({ id: item.id, code: error.code }, 'a send was dropped with its commit')
    })
  }
}

/** Trying again cannot mend it: the server knows nobody at the address that the message goes to. */
function isHopeless(error: WatonError, item: OutboxItem): boolean {
  return error.code === 'WATON_SEND_NO_DEVICES' && error.details.user === item.body.to
}

function requireOpen(connection: Connection, id: string): void {
  if (connection.isOpen) return
  throw new ClosedError(
    'WATON_SEND_DISCONNECTED',
    'the connection ended; the message goes out on the next one',
    {
      details: { id },
      retryable: true,
    },
  )
}
