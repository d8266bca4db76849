/**
 * Messages that go out once more, for one device each: orders are taken inside the units of receipts and acks, and carried
 * out here while there is a connection, one at a time for each device.
 *
 * ```
 * order -> its turn -> keys of the device (only when its session is gone or in doubt) -> encrypt -> commit { session, stanza } -> wire -> server ack
 * ```
 *
 * What was encrypted is repeated unchanged until the server has it, also by the next process. Orders are for a device and
 * a message, whatever kind of chat it is in: what a kind of chat needs beside the copy is its own file.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { StorageError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { userJid } from '../../protocol/jid.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import { fetchPreKeys } from '../../protocol/stanza/iq/pre-keys.ts'
import type { PreKeyAnswer } from '../../protocol/stanza/iq/pre-keys.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { requireVouching } from '../identity/vouching.ts'
import { Lanes } from '../lanes.ts'
import type { Timing } from '../options.ts'
import type { DeviceDirectory } from '../send/devices.ts'
import { MAX_REPEATS, nackRule } from '../send/nack.ts'
import { Pauses } from '../send/pauses.ts'
import { Unanswered } from '../send/unanswered.ts'
import type { AccountState } from '../state/account-state.ts'
import type { Unit } from '../state/unit.ts'
import { ResendDrops } from './drops.ts'
import { encryptOrder, planFacts } from './encrypt-order.ts'
import type { Fetched } from './encrypt-order.ts'
import { FanOuts } from './fan-outs.ts'
import { orderResends } from './orders.ts'
import { FAN_OUT_CHECK, RESEND_ORDER, SEPARATOR, orderName } from './records.ts'
import type { ResendOrder } from './records.ts'
import { sentMessage } from './sent-message.ts'
import { sessionPlan } from './session-plan.ts'
import { TokenBuckets } from './token-buckets.ts'
import { WaitingOrders } from './waiting-orders.ts'

/** What sending again works with. */
export interface ResendsOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** Who has which devices. */
  readonly devices: DeviceDirectory
  /** How long an answer may take. */
  readonly timing?: Partial<Timing>
}

/** How long an order that could not be carried out waits on the same connection; twice as long each time, up to the second. */
const RETRY_DELAY_MS = 5_000
const MAX_RETRY_DELAY_MS = 300_000

/** Messages with orders that are known by id; with more of them the store is asked at each ack. */
const MAX_OPEN = 16_384

/** Orders written to one connection whose ack is remembered to be outstanding. Beyond it nothing is lost: see `#write`. */
const MAX_ON_WIRE = 16_384

/** See the file comment. */
export class Resends {
  readonly #options: ResendsOptions
  readonly #verifying = new TokenBuckets()
  readonly #waiting: WaitingOrders
  /** Whether what waits in the store is in line here. */
  #isSeeded = false
  readonly #lanes: Lanes<string>
  readonly #fanOuts: FanOuts
  /** What was dropped, by reason. */
  readonly drops: ResendDrops
  /** Messages that have orders, and perhaps others: what is not among them has none. */
  readonly #open = new Set<string>()
  #knowsOpen = false
  /** Names written to the present connection. */
  readonly #onWire: Unanswered
  /** Names that the server refused for now. */
  readonly #pauses: Pauses
  #connection: Connection | undefined
  #retry: Timer | undefined
  /** Failures in a row. */
  #failures = 0

  constructor(options: ResendsOptions) {
    this.#options = options
    this.drops = new ResendDrops(options.logger)
    this.#lanes = new Lanes((name) => this.#process(name))
    this.#waiting = new WaitingOrders(options.clock, (name) => {
      this.#offer(name)
    })
    this.#fanOuts = new FanOuts(options)
    const wake = (): void => {
      this.wake()
    }
    this.#onWire = new Unanswered(options, wake)
    this.#pauses = new Pauses(options.clock, options.random, wake)
  }

  /** The connection is ready for messages: orders that are not with the server are carried out. */
  resume(connection: Connection): void {
    this.#connection = connection
    this.#onWire.begin(connection)
    this.#pauses.forgive()
    this.#failures = 0
    this.wake()
  }

  /** The connection is gone; what was not acknowledged waits for {@link resume}. */
  suspend(): void {
    this.#connection = undefined
    this.#retry?.cancel()
    this.#retry = undefined
    this.#waiting.stop()
    this.#onWire.stop()
    this.#pauses.stop()
    this.#lanes.clear()
  }

  /** Looks for orders that are not known here: after a restart, or when a commit failed. */
  wake(): void {
    if (this.#connection === undefined) return
    this.#lanes.clear()
    this.#load().catch((error: unknown) => {
      this.#options.logger.warn(
        { reason: describeError(error) },
        'what is to be sent again could not be read',
      )
      this.#retryLater()
    })
  }

  /** Somebody's device asks for messages again. Runs inside the unit of the `<receipt>`. @throws {ProtocolError} */
  async order(unit: Unit, stanza: BinaryNode): Promise<void> {
    // how many there may be counts what the process before has left
    if (!this.#isSeeded) await this.#line(unit)
    const orders = await orderResends(unit, stanza, {
      ...this.#options,
      waiting: this.#waiting,
      verifying: this.#verifying,
      drops: this.drops,
    })
    this.#ordered(orders.map(({ name }) => name))
    unit.onCommit(() => {
      for (const order of orders) {
        // what was written before was for the request before
        this.#onWire.answered(order.name)
        this.#pauses.over(order.name)
        this.#waiting.lookAt(order)
      }
    })
  }

  /**
   * The server has answered a message. Runs inside the unit of the `<ack>`.
   *
   * @returns whether it was a message that went out once more: then the answer says nothing about the first time
   */
  async applyAck(unit: Unit, ack: ParsedAck): Promise<boolean> {
    const name = await this.#acknowledged(unit, ack)
    if (name === undefined) {
      if (await this.#fanOuts.noteAck(unit, ack)) this.#checkAfter(unit, ack.id)
      return false
    }
    const order = await unit.read(RESEND_ORDER, name)
    if (ack.errorCode !== undefined && order !== undefined) {
      // a refusal that comes twice: what it was for waits already
      if (!this.#onWire.has(name)) return true
      if (this.#refuse(unit, { name, order, serverCode: ack.errorCode })) return true
    }
    unit.delete(RESEND_ORDER, name)
    const others = await unit.listKeys(RESEND_ORDER, orderName(ack.id, ''))
    unit.onCommit(() => {
      this.#onWire.answered(name)
      this.#pauses.over(name)
      if (others.length === 0) this.#open.delete(ack.id)
    })
    if (ack.errorCode !== undefined)
      this.drops.drop('refused', { id: ack.id, device: order?.device, serverCode: ack.errorCode })
    return true
  }

  /**
   * The server does not take a copy: when it cannot now, the copy waits, longer each time. All else is final, because no
   * repair of what the first delivery may be refused for makes another stanza for one device.
   *
   * @returns whether the order is kept
   */
  #refuse(
    unit: Unit,
    { name, order, serverCode }: { name: string; order: ResendOrder; serverCode: number },
  ): boolean {
    const refusals = (order.refusals ?? 0) + 1
    if (nackRule(serverCode).remedy !== 'repeat' || refusals > MAX_REPEATS) return false
    unit.put(RESEND_ORDER, name, { ...order, refusals })
    unit.onCommit(() => {
      this.#onWire.answered(name)
      if (this.#connection !== undefined)
        this.#pauses.wait(name, { id: name, chat: order.chat ?? '', reason: 'server' })
    })
    return true
  }

  /** The order that an ack is about: by the address it went to, or by its id when the server leaves the device out. */
  async #acknowledged(unit: Unit, { id, from }: ParsedAck): Promise<string | undefined> {
    if (this.#knowsOpen && !this.#open.has(id)) return undefined
    const written = await this.#written(unit, id)
    if (written.size === 0) return undefined
    const about = from === undefined ? undefined : await canonicalJid(unit, from)
    const isToDevice = about !== undefined && about !== userJid(about)
    // while the first delivery is not acknowledged, an ack without a device is its ack
    if (!isToDevice && (await sentMessage(unit, id, this.#options.self))?.state === 'encrypted')
      return undefined
    const devices = [...written.keys()]
    const found =
      devices.find((device) => device === about) ??
      devices.find((device) => about === undefined || userJid(device) === userJid(about))
    return found === undefined ? undefined : written.get(found)
  }

  /** The names of the orders for a message that were encrypted, by device. */
  async #written(unit: Unit, id: string): Promise<ReadonlyMap<string, string>> {
    const names = await unit.listKeys(RESEND_ORDER, orderName(id, ''))
    if (names.length === 0) this.#open.delete(id)
    const written = new Map<string, string>()
    for (const name of names) {
      const order = await unit.read(RESEND_ORDER, name)
      if (order?.stanza !== undefined) written.set(await canonicalJid(unit, order.device), name)
    }
    return written
  }

  #offer(name: string): void {
    if (this.#connection === undefined || this.#pauses.isHeld(name)) return
    // several orders of one device keep their order: the first may begin the session that the others need
    this.#lanes.add(name.slice(name.indexOf(SEPARATOR) + 1), name)
  }

  #checkAfter(unit: Unit, id: string): void {
    unit.onCommit(() => {
      if (this.#connection !== undefined) this.#lanes.add(`check ${id}`, id)
    })
  }

  async #load(): Promise<void> {
    const { state } = this.#options
    const connection = this.#connection
    for (const id of await state.listKeys(FAN_OUT_CHECK, '')) this.#lanes.add(`check ${id}`, id)
    const names = await this.#line(state)
    this.#knowsOpen = true
    for (const name of names) {
      await this.#lanes.room()
      this.#offer(name)
    }
    // behind those, which were first
    if (connection === this.#connection) this.#waiting.start()
  }

  /** Puts what waits in the store in line. Returns the names of the others, the oldest first. */
  async #line(reader: Pick<AccountState, 'read' | 'listKeys'>): Promise<readonly string[]> {
    const names = await reader.listKeys(RESEND_ORDER, '')
    this.#ordered(names)
    const ready: { name: string; orderedAtMs: number }[] = []
    for (const name of names) {
      const order = await reader.read(RESEND_ORDER, name)
      if (order === undefined) continue
      const { orderedAtMs, chat } = order
      if (needsTurn(order)) this.#waiting.add({ name, chat, orderedAtMs }, !this.#isSeeded)
      else ready.push({ name, orderedAtMs })
    }
    this.#isSeeded = true
    return ready.toSorted((one, other) => one.orderedAtMs - other.orderedAtMs).map(({ name }) => name)
  }

  #ordered(names: readonly string[]): void {
    for (const name of names) this.#open.add(name.slice(0, name.indexOf(SEPARATOR)))
    if (this.#open.size > MAX_OPEN) this.#knowsOpen = false
  }

  async #process(name: string): Promise<void> {
    const connection = this.#connection
    if (connection?.isOpen !== true) return
    try {
      if (name.includes(SEPARATOR)) await this.#carryOut(connection, name)
      else await this.#check(connection, name)
    } catch (error) {
      if (await this.#isOver(name, error)) return
      const { logger } = this.#options
      logger.warn(
        { code: errorCode(error), reason: describeError(error) },
        'a message could not be sent again yet',
      )
      // a store that fails tells when it is well again
      if (!(error instanceof StorageError)) this.#retryLater()
    }
  }

  /** Whoever has no devices any more has missed nothing. */
  async #isOver(name: string, error: unknown): Promise<boolean> {
    if (name.includes(SEPARATOR) || errorCode(error) !== 'WATON_SEND_NO_DEVICES') return false
    const { state, logger } = this.#options
    const forgotten = state.commit((unit) => {
      unit.delete(FAN_OUT_CHECK, name)
      return Promise.resolve()
    })
    await forgotten.catch((failure: unknown) => {
      logger.debug({ reason: describeError(failure) }, 'a look at devices is still noted')
    })
    return true
  }

  async #check(connection: Connection, id: string): Promise<void> {
    const names = await this.#fanOuts.check(connection, id)
    this.#ordered(names)
    for (const name of names) this.#offer(name)
  }

  async #carryOut(connection: Connection, name: string): Promise<void> {
    const { state } = this.#options
    const order = await state.read(RESEND_ORDER, name)
    if (this.#onWire.has(name) || this.#pauses.isHeld(name)) return
    if (order === undefined) {
      if (this.#waiting.mayGo(name)) await this.#forget(name)
      return
    }
    // asked for since it was offered: it comes again when it is its turn
    if (needsTurn(order) && !this.#waiting.mayGo(name)) return
    const fetched = await this.#keysFor(connection, name, order)
    if (fetched === 'later') return
    const staged = await state.transact(async (unit) => {
      const stanza = await encryptOrder(unit, { name, fetched }, { ...this.#options, drops: this.drops })
      if (stanza === 'ask') {
        unit.onCommit(() => {
          this.#offer(name)
        })
        return
      }
      // within the unit, so that a request from now on takes another order
      this.#waiting.done(name)
      if (stanza === undefined) return
      unit.onCommit(() => {
        this.#write(connection, name, stanza)
      })
    })
    await staged.committed
    this.#failures = 0
  }

  /** The keys of its device, when its plan wants them; `later` when the server does not hand them out for now. */
  async #keysFor(
    connection: Connection,
    name: string,
    order: ResendOrder,
  ): Promise<Fetched | 'later' | undefined> {
    if (order.stanza !== undefined) return undefined
    const { state, clock } = this.#options
    const facts = await planFacts(state, name, order, clock.nowMs())
    if (sessionPlan(facts) !== 'fetch') return undefined
    const fetched = await this.#fetch(connection, order)
    return fetched.isRefusedForNow === true && (await this.#waitForKeys(name)) ? 'later' : fetched
  }

  /** The order waits, longer each time, also over a restart. @returns whether it does: it has not waited often enough */
  async #waitForKeys(name: string): Promise<boolean> {
    return this.#options.state.commit(async (unit) => {
      const order = await unit.read(RESEND_ORDER, name)
      // asked for anew, or forgotten: what is there now is carried out
      if (order === undefined || order.stanza !== undefined || order.bundle !== undefined) return false
      const keyRefusals = (order.keyRefusals ?? 0) + 1
      if (keyRefusals > MAX_REPEATS) return false
      unit.put(RESEND_ORDER, name, { ...order, keyRefusals })
      unit.onCommit(() => {
        if (this.#connection !== undefined)
          this.#pauses.wait(name, { id: name, chat: order.chat ?? '', reason: 'keys' })
      })
      return true
    })
  }

  /** An order that is not in the store (any more) waits for nothing. */
  async #forget(name: string): Promise<void> {
    await this.#options.state.transact(async (unit) => {
      if ((await unit.read(RESEND_ORDER, name)) === undefined) this.#waiting.done(name)
    })
  }

  /** The keys of a device as the server has them now. */
  async #fetch(connection: Connection, { device }: ResendOrder): Promise<Fetched> {
    const canonical = await canonicalJid(this.#options.state, device)
    const answers = await connection.query(fetchPreKeys, { devices: [canonical], identityChanged: true })
    const named = await Promise.all(answers.map(({ jid }) => canonicalJid(this.#options.state, jid)))
    // nobody else's keys, whatever came first
    const answer = answers[named.indexOf(await canonicalJid(this.#options.state, device))]
    if (answer !== undefined && 'bundle' in answer)
      return (await this.#isVouchedFor(canonical, answer)) ? { bundle: answer.bundle } : {}
    this.#options.logger.warn({ device, serverCode: answer?.errorCode }, 'no keys for a device')
    return answer === undefined || isForNow(answer.errorCode) ? { isRefusedForNow: true } : {}
  }

  /** Whether the account stands behind the keys of a linked device. */
  async #isVouchedFor(
    device: string,
    { bundle: { identityKey }, deviceIdentity }: Extract<PreKeyAnswer, { bundle: unknown }>,
  ): Promise<boolean> {
    const { state, self } = this.#options
    try {
      await requireVouching(state, self, { device, identityKey, deviceIdentity })
      return true
    } catch (error) {
      return this.drops.drop('bad-keys', { device, reason: describeError(error) })
    }
  }

  /** Writes a stanza once to a connection. A repetition is harmless: it is the same ciphertext. */
  #write(connection: Connection, name: string, stanza: Uint8Array): void {
    if (!connection.isOpen || connection !== this.#connection || this.#onWire.has(name)) return
    if (this.#onWire.size >= MAX_ON_WIRE) this.#onWire.clear()
    this.#onWire.add(name)
    try {
      connection.send(decodeNode(stanza))
    } catch (error) {
      this.#options.logger.debug(
        { reason: describeError(error) },
        'what is sent again waits for a connection',
      )
    }
  }

  #retryLater(): void {
    if (this.#connection === undefined) return
    if (this.#retry !== undefined) return
    const delayMs = Math.min(RETRY_DELAY_MS * 2 ** this.#failures, MAX_RETRY_DELAY_MS)
    this.#failures += 1
    this.#retry = this.#options.clock.schedule(delayMs, () => {
      this.#retry = undefined
      this.wake()
    })
  }
}

/** The server cannot say now, or wants to be left alone for a while. */
function isForNow(serverCode: number): boolean {
  return serverCode >= 500 || serverCode === 429
}

/** Whether it waits for its turn: what devices ask for does, what is encrypted or was never sent does not. */
function needsTurn({ reason, stanza }: ResendOrder): boolean {
  return reason === 'asked' && stanza === undefined
}
