/**
 * A WhatsApp of one's own on loopback: a strict server with real accounts, each with a simulated phone. Clients pair by
 * QR code, write to each other and to the phones; everything is in the trace.
 */
import { checkArgument, checkOptions, NAME, objectWith, TEXT, wholeNumber } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { ClosedError } from '../base/errors.ts'
import { redacted, silentLogger } from '../base/logger.ts'
import type { Logger } from '../base/logger.ts'
import { seededRandom, systemRandom } from '../base/random.ts'
import type { RandomSource } from '../base/random.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { deliverStanza } from './deliver.ts'
import type { DeliverOptions, DeliveryResult } from './deliver.ts'
import type { Faults } from './faults.ts'
import { createPhone } from './peer/phone.ts'
import type { SimulatedPhone } from './peer/phone.ts'
import { ROOT_SERIAL } from './server/certificate-authority.ts'
import { SimulatedServer } from './server/server.ts'
import { createMemoryConnection } from './server/wire.ts'
import type { MemorySocket } from './server/wire.ts'
import type { Trace } from './trace.ts'
import type { Profile } from './world/profile.ts'

/** How a simulator is started; everything has a default. */
export interface SimulatorOptions {
  /** Makes every key, id and number the same in each run. @default random */
  readonly seed?: string | number
  /** @default 0, a free port */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default the machine's time */
  readonly clock?: Clock
  /** @default silent */
  readonly logger?: Logger
  /** Between the server's pings to each client; 0 sends none. @default 60,000 */
  readonly pingIntervalMs?: number
  /** Entries that the trace keeps. @default 50,000 */
  readonly traceCapacity?: number
}

/** What a client needs to connect. */
export interface SimulatorEndpoint {
  /** `ws://127.0.0.1:PORT/ws/chat` */
  readonly url: string
  /** The root of the server's certificate chain, 32 bytes. */
  readonly rootKey: Uint8Array
  /** The serial number of that root. */
  readonly rootSerial: number
  /** Where media is uploaded to and fetched from, over HTTPS: `localhost:PORT`. Messages name it in their URLs. */
  readonly mediaHost: string
  /** The certificate to trust there, PEM: it is valid for `localhost` and `127.0.0.1`. */
  readonly mediaCertificate: string
  /** Connects without a network: the same seed and calls give the same bytes in the same order. */
  readonly connect: () => Promise<MemorySocket>
}

/** A person to add. */
export interface PhoneRequest {
  /** Digits with country code, e.g. `15550000001`. */
  readonly phoneNumber: string
  /** The name others see. */
  readonly name: string
  /** What others find when they ask for it. @default nothing */
  readonly profile?: Profile
}

/** A running simulator. Made by {@link startSimulator}. */
export interface Simulator {
  /** What a client needs to connect: pass it as its `endpoint`. */
  readonly endpoint: SimulatorEndpoint
  /** The phones that were added, in order. */
  readonly phones: readonly SimulatedPhone[]
  /** Every stanza and everything else that happened. */
  readonly trace: Trace
  /** What can go wrong on purpose. */
  readonly faults: Faults
  /** The clock that everything here goes by. */
  readonly clock: Clock
  /** Makes an account with its phone. Resolves when others can write to it. */
  addPhone(request: PhoneRequest): Promise<SimulatedPhone>
  /**
   * Delivers any stanza, as it is, to a linked device: in order with everything else, again at each login until it was
   * answered when its class asks for that. `stanzas` of `waton/simulator` builds the common kinds.
   *
   * @param jid - of a linked device, with its number: `15550000001:1@s.whatsapp.net`
   * @returns `sent`, `waiting` (the device is away, or empties its backlog first), or `lost`
   * @throws {UsageError} `WATON_SIMULATOR_NO_DEVICE` when the JID names no linked device
   */
  deliver(jid: string, stanza: BinaryNode, options?: DeliverOptions): DeliveryResult
  /** The stanzas that the server sent, or will send, to a device and that the device has not answered. */
  unanswered(jid: string): readonly BinaryNode[]
  /** Cuts every connection and stops. */
  close(): Promise<void>
}

const OPTIONS: Readonly<Record<string, Expectation>> = {
  seed: { expected: 'text or a number', accepts: (value) => TEXT.accepts(value) || Number.isFinite(value) },
  port: wholeNumber(0, 65_535),
  host: NAME,
  clock: objectWith('a clock', 'nowMs', 'schedule'),
  logger: objectWith('a logger', 'debug', 'info', 'child'),
  pingIntervalMs: wholeNumber(0),
  traceCapacity: wholeNumber(1),
}

const PROFILE: Readonly<Record<keyof Profile, Expectation>> = {
  about: TEXT,
  pictureId: TEXT,
  verifiedName: TEXT,
  username: TEXT,
  disappearingSeconds: wholeNumber(0),
}

const DEFAULT_PING_INTERVAL_MS = 60_000
const DEFAULT_TRACE_CAPACITY = 50_000

/**
 * Starts a simulated WhatsApp server.
 *
 * @throws {TransportError} `WATON_SIMULATOR_LISTEN` when the port cannot be taken
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  checkOptions('startSimulator(options)', options, OPTIONS)
  const { seed, clock = systemClock } = options
  const logger = redacted(options.logger ?? silentLogger)
  const randomFor = (purpose: string): RandomSource =>
    seed === undefined ? systemRandom : seededRandom(`${String(seed)} ${purpose}`)
  const server = new SimulatedServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    clock,
    random: randomFor('server'),
    pingIntervalMs: options.pingIntervalMs ?? DEFAULT_PING_INTERVAL_MS,
    traceCapacity: options.traceCapacity ?? DEFAULT_TRACE_CAPACITY,
  })
  server.trace.subscribe((entry) => {
    if ('kind' in entry)
      logger.debug({ kind: entry.kind, device: entry.device, note: entry.text }, 'simulator note')
  })
  const url = await server.start()
  logger.info({ url }, 'simulator is listening')
  return new RunningSimulator(server, url, (phoneNumber) => ({
    random: randomFor(`phone ${phoneNumber}`),
    logger,
  }))
}

class RunningSimulator implements Simulator {
  readonly endpoint: SimulatorEndpoint
  readonly #server: SimulatedServer
  readonly #phones: SimulatedPhone[] = []
  readonly #equipmentFor: (phoneNumber: string) => { random: RandomSource; logger: Logger }
  #isClosed = false

  constructor(
    server: SimulatedServer,
    url: string,
    equipmentFor: (phoneNumber: string) => { random: RandomSource; logger: Logger },
  ) {
    this.#server = server
    this.#equipmentFor = equipmentFor
    this.endpoint = {
      url,
      rootKey: server.authority.rootKey,
      rootSerial: ROOT_SERIAL,
      mediaHost: server.world.media.host,
      // made when somebody looks at it
      get mediaCertificate() {
        return server.media.certificate
      },
      connect: () => this.#connect(),
    }
  }

  get phones(): readonly SimulatedPhone[] {
    return this.#phones
  }

  get trace(): Trace {
    return this.#server.trace
  }

  get faults(): Faults {
    return this.#server.faults
  }

  get clock(): Clock {
    return this.#server.clock
  }

  async addPhone(request: PhoneRequest): Promise<SimulatedPhone> {
    checkOptions('addPhone({ phoneNumber, name })', request, {})
    const { phoneNumber, name, profile } = request
    checkArgument('phoneNumber in addPhone({ phoneNumber, name })', phoneNumber, TEXT)
    checkArgument('name in addPhone({ phoneNumber, name })', name, TEXT)
    if (this.#isClosed) {
      throw new ClosedError(
        'WATON_SIMULATOR_CLOSED',
        'the simulator is closed: start a new one to add phones',
      )
    }
    if (profile !== undefined) checkOptions('profile in addPhone({ profile })', profile, PROFILE)
    const account = this.#server.world.createAccount(phoneNumber, name)
    if (profile !== undefined) account.profile = profile
    const phone = await createPhone({
      phoneNumber,
      name,
      lid: account.jid('lid'),
      clock: this.#server.clock,
      services: this.#server.servicesFor(account),
      ...this.#equipmentFor(phoneNumber),
    })
    this.#phones.push(phone)
    return phone
  }

  deliver(jid: string, stanza: BinaryNode, options?: DeliverOptions): DeliveryResult {
    return deliverStanza(this.#server.world, jid, stanza, options)
  }

  unanswered(jid: string): readonly BinaryNode[] {
    const device = this.#server.world.deviceOf(jid)
    return device === undefined ? [] : device.mailbox.after(0).map((entry) => entry.stanza)
  }

  #connect(): Promise<MemorySocket> {
    if (this.#isClosed)
      return Promise.reject(new ClosedError('WATON_SIMULATOR_CLOSED', 'the simulator is closed'))
    const { wire, socket } = createMemoryConnection()
    this.#server.accept(wire)
    return Promise.resolve(socket)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const phone of this.#phones) phone.close()
    await this.#server.close()
  }
}
