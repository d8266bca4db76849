/**
 * What the tests of the client share: a simulated world whose server can be made to send any stanza, clients on it, and
 * stores that hold commits back. Everything travels in memory, so that a test waits for events and never for a network.
 */
import { onTestFinished } from 'vitest'
import { Client, MemoryStore } from 'waton'
import type { ClientOptions, DurableEvent } from 'waton'
import type { Change, Claim, CommitResult } from 'waton/persistence'
import { StoreWrapper } from 'waton/testing'
import { silentLogger } from '../../src/base/logger.ts'
import type { LogFields, Logger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock, Timer } from '../../src/base/clock.ts'
import type { Endpoint } from '../../src/client/options.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { createPhone } from '../../src/simulator/peer/phone.ts'
import type { SimulatedPhone } from '../../src/simulator/peer/phone.ts'
import { CertificateAuthority, ROOT_SERIAL } from '../../src/simulator/server/certificate-authority.ts'
import { Connection as ServerConnection } from '../../src/simulator/server/connection.ts'
import type { Channel } from '../../src/simulator/server/channel.ts'
import { SimulatedServer } from '../../src/simulator/server/server.ts'
import { createMemoryConnection } from '../../src/simulator/server/wire.ts'
import { Trace } from '../../src/simulator/trace.ts'
import type { TraceFilter } from '../../src/simulator/trace.ts'
import type { Device } from '../../src/simulator/world/device.ts'
import { until } from '../helpers/until.ts'

/** The device that the first client of an account becomes. */
export const DEVICE = '15550000001:1@s.whatsapp.net'
export const ALICE = '15550000001@s.whatsapp.net'
export const BOB = '15550000002@s.whatsapp.net'

/** A simulated server with its inside in reach. */
export class World {
  readonly server: SimulatedServer
  readonly endpoint: Endpoint
  readonly #seed: string
  readonly #phones: SimulatedPhone[] = []
  /** How often a client opened a socket. */
  sockets = 0

  constructor(seed: string | number, clock: Clock = systemClock) {
    this.#seed = String(seed)
    this.server = new SimulatedServer({
      host: '127.0.0.1',
      port: 0,
      clock,
      random: seededRandom(`server ${this.#seed}`),
      pingIntervalMs: 0,
      traceCapacity: 50_000,
    })
    this.endpoint = {
      url: 'ws://127.0.0.1:1/ws/chat',
      rootKey: this.server.authority.rootKey,
      rootSerial: ROOT_SERIAL,
      connect: () => {
        this.sockets += 1
        const { wire, socket } = createMemoryConnection()
        this.server.accept(wire)
        return Promise.resolve(socket)
      },
    }
    onTestFinished(async () => {
      for (const phone of this.#phones) phone.close()
      await this.server.close()
    })
  }

  get phones(): readonly SimulatedPhone[] {
    return this.#phones
  }

  addPhone(phoneNumber: string, name: string): Promise<SimulatedPhone> {
    this.server.world.createAccount(phoneNumber, name)
    return this.switchOn(phoneNumber, name)
  }

  /** The phone of an account that exists: from now on it has keys. */
  async switchOn(phoneNumber: string, name: string): Promise<SimulatedPhone> {
    const account = this.server.world.resolve(`${phoneNumber}@s.whatsapp.net`)?.account
    if (account === undefined) throw new Error(`no such account: ${phoneNumber}`)
    const phone = await createPhone({
      phoneNumber,
      name,
      lid: account.jid('lid'),
      clock: this.server.clock,
      services: this.server.servicesFor(account),
      random: seededRandom(`phone ${phoneNumber} ${this.#seed}`),
      logger: silentLogger,
    })
    this.#phones.push(phone)
    return phone
  }

  /** Alice, whose account the client joins, and Bob, who writes to her. */
  async addPair(): Promise<{ alice: SimulatedPhone; bob: SimulatedPhone }> {
    const alice = await this.addPhone('15550000001', 'Alice')
    return { alice, bob: await this.addPhone('15550000002', 'Bob') }
  }

  device(jid: string = DEVICE): Device {
    const device = this.server.world.deviceOf(jid)
    if (device === undefined) throw new Error(`no such device: ${jid}`)
    return device
  }

  /** Sends the client a stanza as it is, now and once. */
  inject(stanza: BinaryNode): void {
    const { outlet } = this.device()
    if (outlet === undefined) throw new Error('the client is not connected')
    outlet.sendTransient(stanza)
  }

  /** The stanzas that the client sent. */
  sent(filter: TraceFilter = {}): readonly BinaryNode[] {
    return this.server.trace
      .stanzas({ direction: 'client-to-server', device: DEVICE, ...filter })
      .map(({ node }) => node)
  }

  /** The stanzas that the client was sent. */
  received(filter: TraceFilter = {}): readonly BinaryNode[] {
    return this.server.trace
      .stanzas({ direction: 'server-to-client', device: DEVICE, ...filter })
      .map(({ node }) => node)
  }

  /** What the client answered to a stanza id: receipts (also inside a list) and acks, in order. */
  answersTo(id: string, after = -1): readonly BinaryNode[] {
    return this.sent({ after }).filter(
      ({ tag, attrs, content }) =>
        (tag === 'receipt' || tag === 'ack') &&
        (attrs.id === id || JSON.stringify(content ?? '').includes(`"${id}"`)),
    )
  }

  /** Everything that the server complains of. */
  get violations(): readonly string[] {
    return this.server.trace.notes.filter(({ kind }) => kind === 'violation').map(({ text }) => text)
  }
}

/** A server whose only habit is the handshake: what it says afterwards is up to the test. */
export interface ScriptedServer {
  readonly endpoint: Endpoint
  /** One for each connection whose handshake is done. */
  readonly channels: Channel[]
  /** What clients sent, in order. */
  readonly stanzas: BinaryNode[]
  /** Connections that are gone. */
  closed: number
}

/** Starts a server that calls `greet` when a client has shaken hands, and `answer` for each of its stanzas. */
export function scriptedServer(
  clock: Clock,
  greet: (channel: Channel, count: number) => void,
  answer: (channel: Channel, stanza: BinaryNode) => void = () => undefined,
): ScriptedServer {
  const random = seededRandom('scripted server')
  const authority = new CertificateAuthority(clock, random)
  const host = { clock, random, authority, trace: new Trace(clock) }
  const server: ScriptedServer = {
    channels: [],
    stanzas: [],
    closed: 0,
    endpoint: {
      url: 'ws://127.0.0.1:1/ws/chat',
      rootKey: authority.rootKey,
      rootSerial: ROOT_SERIAL,
      connect: () => {
        const { wire, socket } = createMemoryConnection()
        new ServerConnection(
          {
            ...host,
            left: () => {
              server.closed += 1
            },
            admit: (channel) => {
              const count = server.channels.push(channel)
              greet(channel, count)
              return {
                receive: (stanza) => {
                  server.stanzas.push(stanza)
                  answer(channel, stanza)
                },
                closed: () => undefined,
                violation: () => undefined,
              }
            },
          },
          wire,
          server.channels.length + 1,
        )
        return Promise.resolve(socket)
      },
    },
  }
  return server
}

/** A client on the world; closed when the test is over. */
export function newClient(world: World, options: Partial<ClientOptions> = {}): Client {
  const client = new Client({ store: new MemoryStore(), endpoint: world.endpoint, ...options })
  onTestFinished(() => client.close())
  return client
}

/** A client that a phone has linked, open. */
export async function linkedClient(
  world: World,
  phone: SimulatedPhone,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const client = newClient(world, options)
  client.once('pairing.qr', async ({ qr }) => {
    await phone.linkDevice(qr)
  })
  await client.connect()
  return client
}

/** Waits until the client has taken in what its phone hands over after linking: what comes later is all that comes. */
export async function untilSettledIn(world: World): Promise<void> {
  const isTaken = ({ attrs }: BinaryNode): boolean => attrs.type === 'hist_sync'
  await until('the history of the phone', () => world.sent({ tag: 'receipt' }).some(isTaken))
}

/** The whole event log. */
export async function log(client: Client): Promise<DurableEvent[]> {
  const events: DurableEvent[] = []
  for await (const event of client.events.read()) events.push(event)
  return events
}

/** The messages of others in the log, by id. */
export async function messageIds(client: Client): Promise<string[]> {
  const ids: string[] = []
  for (const event of await log(client))
    if (event.type === 'message' && !event.payload.fromMe) ids.push(event.payload.id)
  return ids
}

/** Waits until the log has a message with this id. */
export function untilLogged(client: Client, id: string): Promise<true> {
  return until(`message ${id} in the log`, async () => (await messageIds(client)).includes(id) || undefined)
}

/** Lets everything that needs no timer and no network happen. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
}

/** The machine's clock, `speed` times faster, that knows which timers are still to run. */
export class FastClock implements Clock {
  readonly #speed: number
  readonly #startMs = systemClock.nowMs()
  readonly #running = new Set<object>()

  constructor(speed = 1) {
    this.#speed = speed
  }

  /** Timers that were started and have neither run nor been cancelled. */
  get pending(): number {
    return this.#running.size
  }

  nowMs(): number {
    return Math.floor(this.#startMs + (systemClock.nowMs() - this.#startMs) * this.#speed)
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const running = {}
    const timer = systemClock.schedule(delayMs / this.#speed, () => {
      this.#running.delete(running)
      callback()
    })
    this.#running.add(running)
    return {
      cancel: () => {
        this.#running.delete(running)
        timer.cancel()
      },
    }
  }
}

/** A store with the latency of a disk, in turns of the event loop. */
export class SlowStore extends StoreWrapper {
  override async commit(claim: Claim, changes: readonly Change[]): Promise<CommitResult> {
    await settle(3)
    return super.commit(claim, changes)
  }

  protected override async read<T>(work: () => Promise<T>): Promise<T> {
    await settle(1)
    return super.read(work)
  }
}

/** Log lines of a test. */
export interface Line {
  readonly level: string
  readonly fields: LogFields
  readonly message: string
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: Line[], bound: LogFields = {}): Logger {
  const write =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, fields: { ...bound, ...fields }, message })
    }
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => keepingLogger(lines, { ...bound, ...fields }),
  }
}

/** Remembers what nobody caught, while the test runs. Vitest fails a run for it, but cannot say which test it was. */
export function uncaught(): unknown[] {
  const seen: unknown[] = []
  const keep = (error: unknown): void => {
    seen.push(error)
  }
  const before = {
    unhandledRejection: process.listeners('unhandledRejection'),
    uncaughtException: process.listeners('uncaughtException'),
  }
  process.removeAllListeners('unhandledRejection').removeAllListeners('uncaughtException')
  process.on('unhandledRejection', keep).on('uncaughtException', keep)
  onTestFinished(() => {
    process.off('unhandledRejection', keep).off('uncaughtException', keep)
    for (const listener of before.unhandledRejection) process.on('unhandledRejection', listener)
    for (const listener of before.uncaughtException) process.on('uncaughtException', listener)
  })
  return seen
}
