/** What the simulator's record says of a kill run, noted as it happens: a long run outgrows what the record keeps. */
import type { BinaryNode } from 'waton/protocol'
import type { Baileys } from '../helpers/baileys.ts'
import { childrenOf } from '../../src/protocol/binary/node.ts'
import { parseSignalMessage, readPreKeySignal } from '../../src/protocol/signal/message.ts'
import type { Simulator, TracedStanza } from 'waton/simulator'

/** A request to send a message again. */
export interface RetryRequest {
  readonly device: string | undefined
  readonly id: string
}

/** See the file comment. */
export class Ledger {
  readonly #device: string
  readonly #waiting: { left: number; action: () => void }[] = []
  readonly #arrived = new Set<string>()
  readonly retries: RetryRequest[] = []
  readonly #sent = new Set<string>()
  /** The ratchet keys, base64, of the chains in which a message reached the device. */
  readonly #chains = new Map<string, Set<string>>()
  #hasKilled = false
  /** Queries for keys by the device after the first kill. */
  keyFetches = 0
  /** Messages of the device that it wrote again. */
  repeatedSends = 0

  /** @param device - the device that is killed */
  constructor(simulator: Simulator, device: string) {
    this.#device = device
    simulator.trace.subscribe((entry) => {
      if ('node' in entry) this.#take(entry)
    })
  }

  /** The ids of all messages that others sent, in the order in which they reached the server. */
  get arrived(): readonly string[] {
    return [...this.#arrived]
  }

  /** Which of these messages reached the device in a chain that the Baileys which wrote them had broken itself. */
  brokenBy({ brokenChains }: Pick<Baileys, 'brokenChains'>, ids: readonly string[]): string[] {
    return ids.filter((id) => [...(this.#chains.get(id) ?? [])].some((chain) => brokenChains.has(chain)))
  }

  /** From now on nobody needs keys. */
  firstKill(): void {
    this.#hasKilled = true
  }

  /** Runs `action` once, when the device has exchanged so many more stanzas. */
  onStanzaOfDevice(nth: number, action: () => void): void {
    this.#waiting.push({ left: nth, action })
  }

  #take({ device, direction, node }: TracedStanza): void {
    const isOwn = device === this.#device
    if (isOwn) this.#count()
    if (isOwn && node.tag === 'message' && direction === 'server-to-client') this.#delivered(node)
    if (direction !== 'client-to-server') return
    const { id = '', type, xmlns } = node.attrs
    if (node.tag === 'receipt' && type === 'retry') this.retries.push({ device, id })
    if (node.tag === 'message') this.#message(id, isOwn)
    if (isOwn && this.#hasKilled && xmlns === 'encrypt' && asksForKeys(node)) this.keyFetches += 1
  }

  #message(id: string, isOwn: boolean): void {
    if (!isOwn) this.#arrived.add(id)
    else if (this.#sent.has(id)) this.repeatedSends += 1
    else this.#sent.add(id)
  }

  #delivered(message: BinaryNode): void {
    const chains = this.#chains.get(message.attrs['id'] ?? '') ?? new Set()
    this.#chains.set(message.attrs['id'] ?? '', chains)
    for (const { attrs, content } of childrenOf(message, 'enc')) {
      const body = content as Uint8Array
      const inner = attrs['type'] === 'pkmsg' ? readPreKeySignal(body).message : body
      chains.add(Buffer.from(parseSignalMessage(inner).ratchetKey).toString('base64'))
    }
  }

  #count(): void {
    for (const waiting of [...this.#waiting]) {
      waiting.left -= 1
      if (waiting.left > 0) continue
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      waiting.action()
    }
  }
}

function asksForKeys({ content }: BinaryNode): boolean {
  return Array.isArray(content) && content.some((child: { tag: string }) => child.tag === 'key')
}
