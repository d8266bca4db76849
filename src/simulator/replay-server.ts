/**
 * A server that says what it is told to: one linked device logs in, its queries are answered with as little as it needs, and
 * then it gets the given stanzas. Connection, handshake and codec are the simulator's own, so what reaches the client are
 * real bytes. Nobody else exists here: it replays what was recorded elsewhere.
 */
import { toBase64 } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { ClosedError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import { childrenOf, node } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { CertificateAuthority, ROOT_SERIAL } from './server/certificate-authority.ts'
import type { Channel } from './server/channel.ts'
import { Connection } from './server/connection.ts'
import { createMemoryConnection } from './server/wire.ts'
import type { MemorySocket } from './server/wire.ts'
import type { SimulatorEndpoint } from './simulator.ts'
import { iqError, iqResult, REFUSAL } from './stanza/iq.ts'
import { success } from './stanza/stream.ts'
import { Trace } from './trace.ts'

/** How a {@link ReplayServer} is made. */
export interface ReplayServerOptions {
  /** The time that the server goes by. */
  readonly clock: Clock
  /** Makes its keys the same in each run. */
  readonly seed: string
  /** The device's LID JID, with its number. */
  readonly lid: string
  /** The account's name. */
  readonly name: string
}

/** Stanzas of the client that are kept. */
const MAX_STANZAS = 10_000
/** One-time pre-keys that the server claims to have: enough that none are uploaded. */
const PRE_KEYS = 812

/** The privacy settings of an account that has changed none. */
const PRIVACY = node('privacy', {}, [node('category', { name: 'readreceipts', value: 'all' })])

/** See the file comment. */
export class ReplayServer {
  readonly #options: ReplayServerOptions
  readonly #trace: Trace
  readonly #authority: CertificateAuthority
  readonly #random = seededRandom('replay server')
  readonly #stanzas: BinaryNode[] = []
  #channel: Channel | undefined
  #connections = 0

  constructor(options: ReplayServerOptions) {
    this.#options = options
    this.#trace = new Trace(options.clock)
    this.#authority = new CertificateAuthority(options.clock, seededRandom(`${options.seed} authority`))
  }

  /** What a client needs to connect. */
  get endpoint(): Omit<SimulatorEndpoint, 'mediaHost' | 'mediaCertificate'> {
    return {
      url: 'ws://127.0.0.1:1/ws/chat',
      rootKey: this.#authority.rootKey,
      rootSerial: ROOT_SERIAL,
      connect: () => Promise.resolve(this.#connect()),
    }
  }

  /** What the client sent since it logged in, in order. */
  get stanzas(): readonly BinaryNode[] {
    return this.#stanzas
  }

  /** How often a client has connected. */
  get connections(): number {
    return this.#connections
  }

  /** Sends a stanza. @throws {ClosedError} `WATON_SIMULATOR_NOT_CONNECTED` when no client is connected */
  send(stanza: BinaryNode): void {
    if (this.#channel === undefined)
      throw new ClosedError(
        'WATON_SIMULATOR_NOT_CONNECTED',
        'the replayed stanza cannot be sent: the client is not connected',
      )
    this.#channel.write(stanza)
  }

  /** Cuts the connection. */
  close(): void {
    this.#channel?.cut()
    this.#channel = undefined
  }

  #connect(): MemorySocket {
    const { wire, socket } = createMemoryConnection()
    this.#connections += 1
    const host = { clock: this.#options.clock, random: this.#random, trace: this.#trace }
    const admit = (
      channel: Channel,
    ): { receive: (stanza: BinaryNode) => void; closed: () => void; violation: () => void } => {
      this.#admit(channel)
      return {
        receive: (stanza) => {
          this.#receive(channel, stanza)
        },
        closed: () => {
          if (this.#channel === channel) this.#channel = undefined
        },
        violation: () => undefined,
      }
    }
    new Connection(
      { ...host, authority: this.#authority, admit, left: () => undefined },
      wire,
      this.#connections,
    )
    return socket
  }

  #admit(channel: Channel): void {
    this.#channel = channel
    const { clock, lid, name } = this.#options
    const nowSeconds = Math.floor(clock.nowMs() / 1000)
    const serverStatic = toBase64(this.#authority.serverKey.publicKey)
    channel.write(success({ nowSeconds, createdAtSeconds: nowSeconds, lid, displayName: name, serverStatic }))
  }

  #receive(channel: Channel, stanza: BinaryNode): void {
    if (this.#stanzas.length < MAX_STANZAS) this.#stanzas.push(stanza)
    const { type, xmlns } = stanza.attrs
    if (stanza.tag !== 'iq' || (type !== 'get' && type !== 'set')) return
    if (xmlns === 'w:sync:app:state') channel.write(iqResult(stanza, [nothingNew(stanza)]))
    else if (type === 'set' || xmlns === 'w:p') channel.write(iqResult(stanza))
    else if (childrenOf(stanza)[0]?.tag === 'count')
      channel.write(iqResult(stanza, [node('count', { value: PRE_KEYS })]))
    // asked again until it is told
    else if (xmlns === 'privacy') channel.write(iqResult(stanza, [PRIVACY]))
    else channel.write(iqError(stanza, REFUSAL.unavailable))
  }
}

/** To a question about app state: every collection is as the device has it. */
function nothingNew(question: BinaryNode): BinaryNode {
  const asked = childrenOf(childrenOf(question)[0] ?? question, 'collection')
  const collections = asked.map(({ attrs: { name, version } }) => node('collection', { name, version }))
  return node('sync', {}, collections)
}
