/**
 * One connection from opening to its end: handshake, then pairing or login, then the stanzas of an open client. Returns
 * what the end means; the supervisor decides what comes next.
 */
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { StorageError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import {
  DEFAULT_DEVICE,
  buildLoginPayload,
  buildRegistrationPayload,
} from '../../protocol/noise/client-payload.ts'
import type { DeviceDescription } from '../../protocol/noise/client-payload.ts'
import type { StreamFailure, StreamSuccess } from '../../protocol/stanza/stream.ts'
import type { ClientState, EphemeralEvents } from '../events.ts'
import type { Self } from '../identity/self.ts'
import type { Endpoint, Timing } from '../options.ts'
import type { KeyUpkeep } from '../keys/key-upkeep.ts'
import type { ReceiptQueue } from '../reading/receipt-queue.ts'
import type { DeviceDirectory } from '../send/devices.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONNECTION_HINTS, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import { applySuccess, finishLogin, prepare } from './after-success.ts'
import { Connection } from './connection.ts'
import { endingFor, endingOfError } from './ending.ts'
import type { Ending } from './ending.ts'
import { takeOffFormerDevices } from './former-devices.ts'
import { forgetServer, recallServer, rememberServer } from './known-server.ts'
import { Linking } from './linking.ts'
import type { LinkingListener } from './linking.ts'
import { NodeStream } from './node-stream.ts'
import { openSecureSocket } from './secure-socket.ts'
import type { ConnectionHost } from './stanzas/kind.ts'
import { CONNECTION_STANZAS } from './stanzas/registry.ts'
import type { Verdicts } from './verdicts.ts'

/** What the rest of the client does with a connection. */
export interface LoginListener extends LinkingListener {
  /** Every QR code of a connection was shown in vain. @returns whether to connect for more */
  onQrExpired(): boolean
  /** The server has let a freshly linked device in for the first time. */
  onLinked(event: EphemeralEvents['pairing.success']): void
  /** The server has let the device in, at this time by its clock. */
  onServerTime(atSeconds: number): void
  /** Messages can be sent now. */
  onOpen(connection: Connection): void
  /** Everything that is not connection business, in arrival order. */
  onStanza(connection: Connection, stanza: BinaryNode): void
  /** Called once for each connection that was opened. */
  onEnd(connection: Connection): void
}

/** What a login works with. */
export interface LoginContext {
  readonly state: AccountState
  readonly self: Self
  readonly preKeys: KeyUpkeep
  readonly devices: DeviceDirectory
  readonly verdicts: Verdicts
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly timing: Timing
  readonly endpoint: Endpoint
  readonly device: DeviceDescription | undefined
  readonly markOnline: boolean
  readonly receipts: ReceiptQueue
  readonly listener: LoginListener
}

/** Runs one connection to its end, if there is a point in opening one. Rejects when it could not even be opened. */
export async function runConnection(
  context: LoginContext,
  run: { readonly signal: AbortSignal; readonly move: (state: ClientState) => void },
): Promise<Ending> {
  const { state, self, clock, random, logger, timing, endpoint } = context
  const standing = await context.verdicts.standing()
  if (standing !== undefined) return standing
  await context.verdicts.doubt.prepare()
  const hints = (await state.read(CONNECTION_HINTS, SELF)) ?? {}
  const secure = await openSecureSocket({
    endpoint,
    clock,
    random,
    noiseKey: self.credentials.noiseKey,
    payload: await clientPayload(context),
    routingInfo: hints.routingInfo,
    timeoutMs: timing.connectTimeoutMs,
    signal: run.signal,
    knownServer: await recallServer(context),
    onSocketOpen: () => {
      run.move('handshaking')
    },
    onResumeFailed: (error) => {
      logger.info({ code: errorCode(error) }, 'the handshake could not be resumed')
      return forgetServer(context)
    },
  })
  logger.debug({ pattern: secure.pattern }, 'handshake done')
  const stream = new NodeStream(secure)
  try {
    if (secure.certificate !== undefined) await rememberServer(context, secure.certificate)
  } catch (error) {
    stream.close(error)
    throw error
  }
  const connection = new Connection({ stream, clock, random, logger, timing })
  run.move(self.isLinked ? 'authenticating' : 'pairing')
  return new LoginRun(context, connection, run).untilEnd()
}

async function clientPayload(context: LoginContext): Promise<Uint8Array> {
  const { state, self, verdicts, device = DEFAULT_DEVICE } = context
  const { credentials } = self
  const options = { device, history: credentials.history, version: await verdicts.webVersion() }
  if (self.isLinked) return buildLoginPayload(self.devicePn, options)
  const signedPreKey = await state.read(SIGNED_PRE_KEY, String(credentials.signedPreKeyId))
  if (signedPreKey === undefined)
    throw new StorageError(
      'WATON_STORE_RECORD',
      'the signed pre-key of this device is missing from the store; restore it from a backup',
    )
  return buildRegistrationPayload(
    {
      registrationId: credentials.registrationId,
      identityPublicKey: credentials.identityKey.publicKey,
      signedPreKey: {
        id: signedPreKey.id,
        publicKey: signedPreKey.keyPair.publicKey,
        signature: signedPreKey.signature,
      },
    },
    options,
  )
}

class LoginRun {
  readonly #context: LoginContext
  readonly #connection: Connection
  readonly #move: (state: ClientState) => void
  readonly #signal: AbortSignal
  readonly #linking: Linking
  readonly #host: ConnectionHost
  readonly #ending: Deferred<Ending> = deferred()
  #isOver = false
  #isAccepted = false

  constructor(
    context: LoginContext,
    connection: Connection,
    run: { readonly signal: AbortSignal; readonly move: (state: ClientState) => void },
  ) {
    const { state, self, clock, random, logger, timing, device = DEFAULT_DEVICE, listener } = context
    const { doubt } = context.verdicts
    this.#context = context
    this.#connection = connection
    this.#move = run.move
    this.#signal = run.signal
    const linking = new Linking({
      ...{ state, self, device, clock, random, logger, connection, listener },
      qrMs: timing.qrMs,
      codesMs: () => doubt.codesShown(),
      onExpired: () => {
        this.#end(doubt.giveUpCodes() ?? this.#endOfCodes())
      },
    })
    this.#linking = linking
    this.#host = {
      connection,
      linking,
      accepted: (success) => {
        this.#accepted(success)
      },
      failed: (failure) => {
        this.#failed(failure)
      },
      attempt: (work) => {
        this.#attempt(work)
      },
    }
  }

  async untilEnd(): Promise<Ending> {
    const { listener } = this.#context
    const connection = this.#connection
    const abort = (): void => {
      this.#end(endingFor('closed'))
    }
    this.#signal.addEventListener('abort', abort, { once: true })
    if (this.#signal.aborted) abort()
    void connection.ended.then(({ error }) => {
      this.#end(endingOfError(error))
    })
    try {
      connection.start((stanza) => {
        this.#take(stanza)
      })
    } catch (error) {
      // one of the stanzas that were waiting
      connection.close(error)
    }
    const ending = await this.#ending.promise
    this.#signal.removeEventListener('abort', abort)
    this.#linking.stop()
    connection.closeInOrder()
    listener.onEnd(connection)
    await this.#linking.settled
    return this.#context.verdicts.doubt.ended(ending)
  }

  #endOfCodes(): Ending {
    return endingFor('qr-expired', this.#context.listener.onQrExpired() ? {} : { pace: 'never' })
  }

  /** The first end counts. */
  #end(ending: Ending | Promise<Ending>): void {
    if (this.#isOver) return
    this.#isOver = true
    void Promise.resolve(ending).then(this.#ending.resolve)
  }

  #take(stanza: BinaryNode): void {
    // what follows the end is delivered again
    if (this.#isOver) return
    for (const take of CONNECTION_STANZAS) if (take(stanza, this.#host)) return
    this.#context.listener.onStanza(this.#connection, stanza)
  }

  #accepted(success: StreamSuccess): void {
    this.#isAccepted = true
    this.#context.verdicts.accepted()
    this.#attempt(this.#open(success))
  }

  #failed(failure: StreamFailure): void {
    const { reason, serverCode } = failure
    this.#context.logger.warn({ reason, serverCode }, 'the server ended the stream')
    const { hasAnswered } = this.#linking
    const run = { isAccepted: this.#isAccepted, hasAnswered, signal: this.#signal }
    this.#end(this.#context.verdicts.judge(failure, run))
  }

  #attempt(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#connection.close(error)
    })
  }

  async #open(success: StreamSuccess): Promise<void> {
    const connection = this.#connection
    const duties = this.#context
    const { self, listener } = duties
    const isFirst = self.isUnconfirmed
    if (success.serverTimeSeconds !== undefined) listener.onServerTime(success.serverTimeSeconds)
    await applySuccess(duties, success)
    if (isFirst && self.me !== undefined) listener.onLinked({ me: self.me })
    if (this.#hasEnded()) return
    this.#move('preparing')
    await prepare(duties, connection)
    if (this.#hasEnded()) return
    this.#move('open')
    this.#context.listener.onOpen(connection)
    await finishLogin(duties, connection)
    await takeOffFormerDevices(duties, connection)
  }

  #hasEnded(): boolean {
    return this.#isOver
  }
}
