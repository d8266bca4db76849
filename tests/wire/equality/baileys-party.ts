/** Baileys as the device under test, in a process of its own. */
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { node } from '../../../src/protocol/binary/node.ts'
import { Baileys } from '../../helpers/baileys.ts'
import { until } from '../../helpers/until.ts'
import { DEVICE } from './party.ts'
import type { Addition, Party, SharedCredentials } from './party.ts'

/** Longer than any scenario runs: Baileys pings by the machine's clock. */
const NO_KEEP_ALIVE_MS = 600_000
/** Short enough to see a ping. */
const CHATTY_KEEP_ALIVE_MS = 100

/** See the file comment. */
export class BaileysParty implements Party {
  readonly name = 'baileys'
  readonly #simulator: Simulator
  readonly #baileys: Baileys

  private constructor(simulator: Simulator, baileys: Baileys) {
    this.#simulator = simulator
    this.#baileys = baileys
  }

  /** Starts the process; it connects when it is told to. */
  static async start(simulator: Simulator, credentials: SharedCredentials): Promise<BaileysParty> {
    // the third element, the version of the system, is never sent
    const settings = { browser: [DEVICE.os, DEVICE.browser, ''], syncFullHistory: false } as const
    return new BaileysParty(simulator, await Baileys.start(simulator.endpoint.url, settings, credentials))
  }

  get qrs(): readonly string[] {
    return this.#baileys.qrs
  }

  get texts(): readonly string[] {
    return this.#baileys.messages.flatMap(({ text }) => text ?? [])
  }

  get opened(): number {
    return this.#baileys.opened
  }

  async connect({ isChatty }: { isChatty: boolean } = { isChatty: false }): Promise<void> {
    await this.#baileys.connect({ keepAliveIntervalMs: isChatty ? CHATTY_KEEP_ALIVE_MS : NO_KEEP_ALIVE_MS })
  }

  async disconnect(): Promise<void> {
    await this.#baileys.disconnect()
  }

  requestCode(phone: SimulatedPhone): Promise<string> {
    return this.#baileys.requestCode(this.#simulator, phone)
  }

  async send(chat: string, text: string, id?: string): Promise<string> {
    const sent = await this.#baileys.send(chat, text, id)
    return sent.id
  }

  async rejectCall(id: string, creator: string): Promise<void> {
    await this.#baileys.rejectCall(id, creator)
  }

  async add(chat: string, { baileys }: Addition, id: string): Promise<void> {
    await this.#baileys.sendContent(chat, baileys, { messageId: id })
  }

  async mark(id: string): Promise<void> {
    // a query with an id of its own, so that the record can be cut where its answer came
    const attrs = { id, to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }
    await this.#baileys.query(node('iq', attrs, [node('ping')]))
  }

  async reconnectAndRotate(): Promise<void> {
    const before = this.opened
    await this.disconnect()
    await this.connect()
    await until('Baileys to be open again', () => this.opened > before)
    await this.#baileys.rotateSignedPreKey()
  }

  logout(): Promise<void> {
    return this.#baileys.logout()
  }

  async quit(): Promise<void> {
    await this.#baileys.quit()
  }
}
