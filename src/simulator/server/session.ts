/**
 * One logged-in device on one connection: its stanzas go to the handlers, its mailbox is emptied, it is pinged. The
 * connection underneath is a `Channel`; what a stanza means is in `handlers/`.
 */
import type { Timer } from '../../base/clock.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { handleStanza } from '../handlers/index.ts'
import type { Sender } from '../handlers/handler.ts'
import { serverPing } from '../stanza/iq.ts'
import { streamConflict, streamNotWellFormed } from '../stanza/stream.ts'
import type { TraceNoteKind } from '../trace.ts'
import type { Account } from '../world/account.ts'
import type { Device, DeviceOutlet } from '../world/device.ts'
import type { MailboxEntry } from '../world/mailbox.ts'
import type { World } from '../world/world.ts'
import type { Channel, StanzaListener } from './channel.ts'
import { Delivery } from './delivery.ts'

/** How a session treats its device. */
export interface SessionOptions {
  /** Whether the client pulls its backlog in batches. */
  readonly isPulled: boolean
  /** Between pings to the client; 0 sends none. */
  readonly pingIntervalMs: number
}

/** Pings of the server that may be unanswered at a time before the oldest is forgotten. */
const MAX_OPEN_PINGS = 16

/** See the file comment. */
export class Session implements Sender, StanzaListener, DeviceOutlet {
  readonly account: Account
  readonly device: Device
  readonly jid: string
  readonly #world: World
  readonly #channel: Channel
  readonly #delivery: Delivery
  readonly #options: SessionOptions
  readonly #openPings = new Set<string>()
  #pingTimer: Timer | undefined
  #isClosed = false
  #stanzasUntilCut: number | undefined

  constructor(
    world: World,
    channel: Channel,
    owner: { account: Account; device: Device },
    options: SessionOptions,
  ) {
    this.#world = world
    this.#channel = channel
    this.account = owner.account
    this.device = owner.device
    this.jid = owner.account.jid('pn', owner.device.id)
    this.#options = options
    this.#delivery = new Delivery(owner.device.mailbox, options.isPulled, (stanza) => {
      this.send(stanza)
    })
  }

  /** Takes the device over: a connection it had before is thrown off. */
  open(): void {
    this.#channel.identify(this.jid)
    this.device.outlet?.replace()
    this.device.outlet = this
    this.device.isAvailable = false
    this.note('login', `device ${String(this.device.id)} of ${this.account.facts.phoneNumber} is connected`)
    this.#schedulePing()
  }

  receive(stanza: BinaryNode): void {
    if (!this.#isClosed) handleStanza(stanza, { world: this.#world, sender: this })
  }

  send(stanza: BinaryNode): void {
    if (this.#isClosed) return
    if (this.#stanzasUntilCut === 0) {
      this.note('fault', `the connection is cut before <${stanza.tag}> ${stanza.attrs['id'] ?? ''} is sent`)
      this.cut()
      return
    }
    if (this.#stanzasUntilCut !== undefined) this.#stanzasUntilCut -= 1
    this.#channel.write(stanza)
  }

  note(kind: TraceNoteKind, text: string): void {
    this.#world.trace.note(kind, text, { connectionId: this.#channel.connectionId, device: this.jid })
  }

  violation(text: string): void {
    this.note('violation', text)
    this.endWith(streamNotWellFormed())
  }

  setActive(isActive: boolean): void {
    if (isActive) this.#delivery.activate()
    else this.#delivery.hold()
  }

  pullOffline(count: number): void {
    this.#delivery.pull(count)
  }

  answered(answer: BinaryNode): void {
    const id = answer.attrs['id'] ?? ''
    if (!this.#openPings.delete(id))
      this.note('warning', `an answer to nothing that the server asked: <iq id="${id}">`)
  }

  deliver(entry: MailboxEntry): boolean {
    return !this.#isClosed && this.#delivery.deliver(entry)
  }

  sendTransient(stanza: BinaryNode): void {
    this.send(stanza)
  }

  replace(): void {
    this.note('disconnect', 'another connection of the same device took over')
    this.endWith(streamConflict('replaced'))
  }

  remove(): void {
    this.note('disconnect', 'the device was removed from the account')
    this.endWith(streamConflict('device_removed'))
  }

  endWith(stanza: BinaryNode): void {
    this.#stanzasUntilCut = undefined
    this.send(stanza)
    this.closed()
    this.#channel.end()
  }

  cut(): void {
    this.closed()
    this.#channel.cut()
  }

  cutAfter(stanzas: number): void {
    this.#stanzasUntilCut = stanzas
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pingTimer?.cancel()
    if (this.device.outlet !== this) return
    this.device.outlet = undefined
    this.device.isAvailable = false
  }

  #schedulePing(): void {
    if (this.#options.pingIntervalMs <= 0) return
    this.#pingTimer = this.#world.clock.schedule(this.#options.pingIntervalMs, () => {
      this.#ping()
      this.#schedulePing()
    })
  }

  #ping(): void {
    const id = this.#world.nextStanzaId()
    const oldest = this.#openPings.values().next().value
    if (this.#openPings.size >= MAX_OPEN_PINGS && oldest !== undefined) this.#openPings.delete(oldest)
    this.#openPings.add(id)
    this.send(serverPing(id, this.#world.nowSeconds()))
  }
}
