/**
 * The simulated server without its phones: it listens, decides who connects, and gives each account what its phone
 * needs. `simulator.ts` adds the phones.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { WatonError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { toBase64 } from '../../base/bytes.ts'
import { formatJid, SERVER_USER } from '../../protocol/jid.ts'
import { FaultInjector } from '../fault-plan/injector.ts'
import { Faults } from '../faults.ts'
import type { MediaDesk, PrimaryServices } from '../link.ts'
import { dirty, edgeRouting, failure, success } from '../stanza/stream.ts'
import { MediaServer } from '../media/media-server.ts'
import { Trace } from '../trace.ts'
import type { Account } from '../world/account.ts'
import type { Device } from '../world/device.ts'
import { World } from '../world/world.ts'
import { CertificateAuthority } from './certificate-authority.ts'
import type { Channel, StanzaListener } from './channel.ts'
import { readClientPayload } from './client-payload.ts'
import type { LoginPayload } from './client-payload.ts'
import { Connection } from './connection.ts'
import type { ConnectionHost, Resumption } from './connection.ts'
import { LoginPlans } from './login-plans.ts'
import type { LoginRefusal } from './login-plans.ts'
import { attachPhone } from './memory-link.ts'
import type { HandshakeResult } from './noise-responder.ts'
import { PairingDesk } from './pairing.ts'
import { Session } from './session.ts'
import { listen } from './socket-server.ts'
import type { ListenOptions, SocketServer } from './socket-server.ts'
import type { Wire } from './wire.ts'

/** What a server is made of. */
export interface ServerOptions extends ListenOptions {
  readonly clock: Clock
  readonly random: RandomSource
  /** Between pings to each client; 0 sends none. */
  readonly pingIntervalMs: number
  /** Entries that the trace keeps. */
  readonly traceCapacity: number
}

const LOGGED_OUT = 401
const BAD_PAYLOAD = 400
const OUTDATED = 405
const MAX_CONNECTIONS = 1_000

/** See the file comment. */
export class SimulatedServer implements ConnectionHost {
  readonly clock: Clock
  readonly random: RandomSource
  readonly trace: Trace
  readonly world: World
  readonly faults: Faults
  readonly injector: FaultInjector
  readonly authority: CertificateAuthority
  readonly media: MediaServer
  readonly #options: ServerOptions
  readonly #desk: PairingDesk
  readonly #plans: LoginPlans
  #socketServer: SocketServer | undefined
  readonly #connections = new Set<Connection>()
  #nextConnectionId = 1

  constructor(options: ServerOptions) {
    this.#options = options
    this.clock = options.clock
    this.random = options.random
    this.trace = new Trace(options.clock, options.traceCapacity)
    this.world = new World(options.clock, options.random, this.trace)
    const { media: store, mediaPlans: plans } = this.world
    this.media = new MediaServer({ store, plans, trace: this.trace })
    this.injector = new FaultInjector({
      clock: options.clock,
      trace: this.trace,
      restart: () => {
        this.restart()
      },
      nameOf: (jid) => deviceName(this.world, jid),
    })
    this.authority = new CertificateAuthority(options.clock, options.random)
    this.#plans = new LoginPlans(this.trace)
    this.#desk = new PairingDesk(this.world, {
      refuseCode: (phoneNumber) => this.#plans.takeLinkCodeRefusal(phoneNumber),
      demandPasskey: (phoneNumber) => this.#plans.takePasskeyDemand(phoneNumber),
    })
    this.faults = new Faults(this.world, {
      injector: this.injector,
      keyOwner: this.authority,
      companions: this.#desk,
      logins: this.#plans,
    })
  }

  /** Starts to listen. @returns the URL that clients connect to */
  async start(): Promise<string> {
    const [socketServer] = await Promise.all([
      listen(this.#options, (wire) => {
        this.accept(wire)
      }),
      this.media.listen(this.#options.host),
    ])
    this.#socketServer = socketServer
    return socketServer.url
  }

  /** Serves a connection, however its bytes travel. */
  accept(wire: Wire): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      this.trace.note('refusal', `more than ${String(MAX_CONNECTIONS)} connections at a time`)
      wire.cut()
    } else if (this.injector.isRefusing) {
      this.trace.note('refusal', 'a connection is refused: planned fault')
      wire.cut()
    } else {
      this.#connections.add(new Connection(this, wire, this.#nextConnectionId++))
    }
  }

  takeResumption(): Resumption {
    return this.#plans.takeResumption()
  }

  left(connection: Connection): void {
    this.#connections.delete(connection)
  }

  /** Cuts every connection, phones included, and keeps everything else. */
  restart(): void {
    for (const connection of this.#connections) connection.cut()
    for (const account of this.world.accounts) {
      for (const device of account.devices.values()) device.outlet?.cut()
    }
  }

  /** Cuts every connection, phones included, and stops listening. */
  async close(): Promise<void> {
    this.restart()
    await Promise.all([this.#socketServer?.close(), this.media.close()])
  }

  /** What the phone of an account needs of the server. */
  servicesFor(account: Account): PrimaryServices {
    return {
      attach: (listener) => attachPhone(this.world, account, this.#nextConnectionId++, listener),
      publishKeyIndexList: (list) => {
        account.keyIndexList = list
      },
      reserveDeviceId: () => account.reserveDeviceId(),
      approvePairing: (approval) => this.#desk.approve(account, approval),
      linkCodes: {
        announced: () => this.#desk.announcedTo(account),
        answer: (answer) => this.#desk.answerCode(account, answer),
      },
      linkedDevices: () =>
        account.devicesExcept(0).map(({ id, facts, isOnline }) => ({
          deviceId: id,
          platform: facts.platform,
          online: isOnline,
          deviceProps: facts.deviceProps,
        })),
      media: this.#mediaDeskFor(account),
      history: this.world.historyPlans,
      noteFault: (text) => {
        this.trace.note('fault', text, { device: account.jid('pn') })
      },
    }
  }

  #mediaDeskFor(account: Account): MediaDesk {
    const { media, mediaPlans } = this.world
    const device = account.jid('pn')
    return {
      upload: (kind, sealed) => media.put(kind, sealed),
      fetch: (directPath) => {
        const found = media.readDirect(directPath)
        return found.kind === 'found' ? found.body : undefined
      },
      forget: (directPath) => {
        media.forget(directPath)
      },
      takeRetryFault: (messageId) => {
        const planned = mediaPlans.takeRetry()
        if (planned !== undefined)
          this.trace.note('fault', `the phone answers the request for ${messageId} with ${planned.as}`, {
            device,
          })
        return planned
      },
      answerRetry: (deviceId, notification) => {
        const asking = account.devices.get(deviceId)
        if (asking !== undefined) this.world.post(asking, notification, 'ack')
      },
    }
  }

  admit(channel: Channel, handshake: HandshakeResult, routingInfo: Uint8Array | undefined): StanzaListener {
    try {
      const payload = readClientPayload(handshake.payload)
      const device = payload.kind === 'login' ? jidOf(payload) : undefined
      this.trace.payload({ connectionId: channel.connectionId, device }, handshake.payload)
      if (this.#plans.isOutdated(payload.version))
        return this.#refuse(channel, { reason: OUTDATED }, 'the client is too old')
      if (payload.kind === 'registration') return this.#desk.seat(channel, payload, handshake.clientKey)
      return this.#login(channel, payload, { noiseKey: handshake.clientKey, routingInfo })
    } catch (error) {
      if (!(error instanceof WatonError)) throw error
      return this.#refuse(channel, { reason: BAD_PAYLOAD }, error.message)
    }
  }

  #login(
    channel: Channel,
    payload: LoginPayload,
    proof: { noiseKey: Uint8Array; routingInfo: Uint8Array | undefined },
  ): StanzaListener {
    const account = this.world.accountOf(payload.phoneNumber)
    const device = account?.devices.get(payload.deviceId)
    const name = `device ${String(payload.deviceId)} of ${payload.phoneNumber}`
    if (account === undefined || device === undefined || payload.deviceId === 0) {
      return this.#refuse(channel, { reason: LOGGED_OUT }, `${name} is not linked`)
    }
    const planned = this.#plans.takeRefusal(account.jid('pn', device.id))
    if (planned !== undefined) return this.#refuse(channel, planned, `${name}: planned fault`)
    const { noiseKey, routingInfo } = proof
    if (device.facts.noiseKey !== undefined && !equalBytes(device.facts.noiseKey, noiseKey)) {
      return this.#refuse(
        channel,
        { reason: LOGGED_OUT },
        `${name} comes with another Noise key than it was linked with`,
      )
    }
    if (routingInfo !== undefined && !equalBytes(routingInfo, device.routingInfo)) {
      this.trace.note('warning', `${name} presents routing info of somebody else`, {
        connectionId: channel.connectionId,
      })
    }
    return this.#open(channel, payload, { account, device })
  }

  #open(channel: Channel, payload: LoginPayload, owner: { account: Account; device: Device }): Session {
    const { account, device } = owner
    const { pingIntervalMs } = this.#options
    const session = new Session(this.world, channel, owner, { isPulled: payload.isPulled, pingIntervalMs })
    session.open()
    session.send(
      success({
        nowSeconds: this.world.nowSeconds(),
        createdAtSeconds: account.facts.createdAtSeconds,
        lid: account.jid('lid', device.id),
        displayName: account.facts.name,
        serverStatic: toBase64(this.authority.serverKey.publicKey),
      }),
    )
    session.send(edgeRouting(device.routingInfo))
    for (const [type, atSeconds] of device.dirty) session.send(dirty(type, atSeconds))
    if (!payload.isPassive) session.setActive(true)
    return session
  }

  /** Says why and closes; what the client still sends is not looked at. */
  #refuse(channel: Channel, refusal: LoginRefusal, why: string): StanzaListener {
    this.trace.note('refusal', why, { connectionId: channel.connectionId })
    channel.write(failure(refusal.reason, refusal))
    channel.end()
    const ignore = (): void => undefined
    return { receive: ignore, closed: ignore, violation: ignore }
  }
}

function jidOf({ phoneNumber, deviceId }: LoginPayload): string {
  return formatJid({ user: phoneNumber, server: SERVER_USER, device: deviceId })
}

/** The name under which connections of a device are known; a JID that is not known yet is taken as it is. */
function deviceName(world: World, jid: string): string {
  const found = world.resolve(jid)
  return found === undefined ? jid : found.account.jid('pn', found.deviceId)
}
