/**
 * Messages that the server knows other devices for than those that got a copy: its ack says so with a hash. The device
 * lists are asked for anew, and who was missed becomes an order.
 *
 * The server's hash decides nothing but when to ask, because no one outside knows over which devices it takes it: a hash
 * that stays another although nobody was missed is remembered and asked about no more.
 *
 * @source whatsmeow `send.go`, whatsapp-rust `src/send.rs`: `phash` of an ack; both drop their lists and send nothing
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { userJid } from '../../protocol/jid.ts'
import type { ParsedAck } from '../../protocol/stanza/ack.ts'
import { participantHash, sameParticipants } from '../../protocol/stanza/participant-hash.ts'
import { copiedDevices } from '../../protocol/stanza/resent-message.ts'
import type { Connection } from '../connection/connection.ts'
import { canonicalJid } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { DeviceDirectory } from '../send/devices.ts'
import type { AccountState } from '../state/account-state.ts'
import { DEVICE_LIST } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { FAN_OUT_CHECK, RESEND_HISTORY, RESEND_ORDER, orderName } from './records.ts'
import { sentMessage } from './sent-message.ts'
import type { SentMessageRecord } from './sent-message.ts'

/** Chats whose other hash is remembered. */
const MAX_SETTLED = 4_096

/** What looking at fan-outs works with. */
export interface FanOutOptions {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly logger: Logger
}

/** See the file comment. */
export class FanOuts {
  readonly #options: FanOutOptions
  readonly #devices: DeviceDirectory
  /** By chat: the hashes, theirs and ours, between which nobody was missed. */
  readonly #settled = new BoundedMap<string, string>(MAX_SETTLED)

  constructor(options: FanOutOptions) {
    this.#options = options
    this.#devices = new DeviceDirectory(options.state, options.clock)
  }

  /** Looks at the ack of a message. Returns whether its devices have to be looked at, which is recorded with the unit. */
  async noteAck(unit: Unit, { id, errorCode, participantHash: theirs }: ParsedAck): Promise<boolean> {
    if (theirs === undefined || errorCode !== undefined) return false
    const sent = await sentMessage(unit, id, this.#options.self)
    const copies = sent?.body.stanza === undefined ? [] : copiedDevices(decodeNode(sent.body.stanza))
    // an ack that comes again finds no stanza
    if (sent === undefined || copies.length === 0) return false
    const ours = this.#hashes(sent.body.to, copies)
    if (ours.some((hash) => sameParticipants(hash, theirs))) return false
    if (this.#settled.get(sent.chat) === pairOf(theirs, ours)) return false
    this.#options.logger.info(
      { id, chat: sent.chat },
      'the server knows other devices than a message went to',
    )
    for (const user of this.#users(sent)) unit.delete(DEVICE_LIST, await canonicalJid(unit, user))
    unit.put(FAN_OUT_CHECK, id, { orderedAtMs: unit.nowMs, participantHash: theirs, copies })
    return true
  }

  /** Asks who has which devices now, and orders copies for those that got none. Returns the names of the orders. */
  async check(connection: Connection, id: string): Promise<readonly string[]> {
    const { state } = this.#options
    const sent = await state.commit(async (unit) => {
      const found = await sentMessage(unit, id, this.#options.self)
      if (found === undefined) unit.delete(FAN_OUT_CHECK, id)
      return found
    })
    if (sent === undefined) return []
    const lists = await this.#devices.devicesOf(connection, this.#users(sent))
    const devices = [...lists.values()].flat()
    return state.commit((unit) => this.#order(unit, sent, devices))
  }

  async #order(
    unit: Unit,
    { id, chat, body }: SentMessageRecord,
    devices: readonly string[],
  ): Promise<string[]> {
    const check = await unit.read(FAN_OUT_CHECK, id)
    if (check === undefined) return []
    unit.delete(FAN_OUT_CHECK, id)
    const { copies, participantHash: theirs } = check
    const reached = new Set<string>()
    for (const device of [...copies, this.#options.self.devicePn])
      reached.add(await canonicalJid(unit, device))
    const names: string[] = []
    for (const device of devices) {
      const canonical = await canonicalJid(unit, device)
      const name = orderName(id, canonical)
      // who has asked for it in the meantime is answered already
      if (reached.has(canonical) || (await unit.read(RESEND_HISTORY, name)) !== undefined) continue
      unit.put(RESEND_HISTORY, name, { answers: 0 })
      unit.put(RESEND_ORDER, name, { id, device, reason: 'missed', count: 0, orderedAtMs: unit.nowMs })
      names.push(name)
    }
    if (names.length === 0) this.#settled.set(chat, pairOf(theirs, this.#hashes(body.to, copies)))
    return names
  }

  /** Over the devices with a copy, and over those and the one that has sent. */
  #hashes(to: string, copies: readonly string[]): readonly string[] {
    return [participantHash([...copies, this.#options.self.deviceLike(to)]), participantHash(copies)]
  }

  #users({ body: { to } }: SentMessageRecord): readonly string[] {
    return [...new Set([this.#options.self.userLike(to), userJid(to)])]
  }
}

function pairOf(theirs: string, ours: readonly string[]): string {
  return [theirs, ...ours].join(' ')
}
