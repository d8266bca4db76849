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
import { isPairing } from '../../protocol/stanza/iq/pairing.ts'
import { buildPong, isServerPing } from '../../protocol/stanza/iq/ping.ts'
import { isLinkCodeNotification } from '../../protocol/stanza/link-code-notification.ts'
import { parseStreamFailure, parseSuccess } from '../../protocol/stanza/stream.ts'
import type { StreamFailure, StreamSuccess } from '../../protocol/stanza/stream.ts'
import type { ClientState, EphemeralEvents } from '../events.ts'
import { dropUnconfirmedLink } from '../identity/credentials.ts'
import type { Self } from '../identity/self.ts'
import type { Endpoint, Timing } from '../options.ts'
import type { KeyUpkeep } from '../keys/key-upkeep.ts'
import type { AccountState } from '../state/account-state.ts'
import { CONNECTION_HINTS, SELF, SIGNED_PRE_KEY } from '../state/records.ts'
import { applySuccess, finishLogin, prepare } from './after-success.ts'
import { Connection } from './connection.ts'
import { endingOfError, endingOfFailure, endingOfIncompleteLink, isUnknownDevice } from './ending.ts'
import type { Ending } from './ending.ts'
import { CodePairing } from './code-pairing.ts'
import { forgetServer, recallServer, rememberServer } from './known-server.ts'
import { NodeStream } from './node-stream.ts'
import { Pairing } from './pairing.ts'
import { openSecureSocket } from './secure-socket.ts'

/** What the rest of the client does with a connection. */
export interface LoginListener {
  onQr(event: EphemeralEvents['pairing.qr']): void
  /** The server has let a freshly linked device in for the first time. */
  onLinked(event: EphemeralEvents['pairing.success']): void
  onPairingFailed(event: EphemeralEvents['pairing.failed']): void
  /** Pairing codes can be asked for on this connection. */
  onCodes(codes: CodePairing): void
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
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  readonly timing: Timing
  readonly endpoint: Endpoint
  readonly device: DeviceDescription | undefined
  readonly markOnline: boolean
  readonly listener: LoginListener
}

/** Runs one connection to its end. Rejects when it could not even be opened. */
export async function runConnection(
  context: LoginContext,
  run: { readonly signal: AbortSignal; readonly move: (state: ClientState) => void },
): Promise<Ending> {
  const { state, self, clock, random, logger, timing, endpoint } = context
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

async function clientPayload({ state, self, device = DEFAULT_DEVICE }: LoginContext): Promise<Uint8Array> {
  const { credentials } = self
  const options = { device, history: credentials.history }
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
  readonly #pairing: Pairing
  readonly #codes: CodePairing
  readonly #ending: Deferred<Ending> = deferred()
  #isOver = false
  #isAccepted = false

  constructor(
    context: LoginContext,
    connection: Connection,
    run: { readonly signal: AbortSignal; readonly move: (state: ClientState) => void },
  ) {
    const { state, self, clock, random, logger, timing, device = DEFAULT_DEVICE, listener } = context
    this.#context = context
    this.#connection = connection
    this.#move = run.move
    this.#signal = run.signal
    const common = { state, self, device, clock, random, logger }
    this.#codes = new CodePairing({
      ...common,
      connection,
      onNewSecret: () => {
        this.#pairing.refresh()
      },
      onFailed: (event) => {
        listener.onPairingFailed(event)
      },
    })
    this.#pairing = new Pairing({
      ...common,
      codeLeftMs: () => this.#codes.leftMs,
      qrMs: timing.qrMs,
      onQr: (event) => {
        listener.onQr(event)
      },
      onExpired: () => {
        this.#end({ reason: 'qr-expired', retrying: true, immediate: true })
      },
    })
  }

  async untilEnd(): Promise<Ending> {
    const { listener } = this.#context
    const connection = this.#connection
    const abort = (): void => {
      this.#end({ reason: 'closed', retrying: false, immediate: false })
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
    this.#pairing.stop()
    connection.closeInOrder()
    listener.onEnd(connection)
    return ending
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
    const failure = parseStreamFailure(stanza)
    if (failure !== undefined) {
      const { reason, serverCode } = failure
      this.#context.logger.warn({ reason, serverCode }, 'the server ended the stream')
      this.#end(this.#endingOf(failure))
    } else if (stanza.tag === 'success') {
      this.#isAccepted = true
      this.#attempt(this.#open(parseSuccess(stanza)))
    } else if (stanza.tag === 'iq') {
      this.#takeIq(stanza)
    } else if (isLinkCodeNotification(stanza) && !this.#context.self.isLinked) {
      this.#attempt(this.#codes.receive(stanza))
    } else {
      this.#context.listener.onStanza(this.#connection, stanza)
    }
  }

  #endingOf(failure: StreamFailure): Ending | Promise<Ending> {
    const { state, self, random, logger } = this.#context
    if (this.#isAccepted || !self.isUnconfirmed || !isUnknownDevice(failure)) return endingOfFailure(failure)
    logger.warn({}, 'linking had not been completed: the server does not know this device; pairing again')
    return dropUnconfirmedLink(state, self, random).then(() => endingOfIncompleteLink(failure), endingOfError)
  }

  /** Work that takes longer than its stanza; when it fails, so does the connection. */
  #attempt(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#connection.close(error)
    })
  }

  #takeIq(stanza: BinaryNode): void {
    const step = isPairing(stanza)
    if (step === 'pair-device') {
      this.#pairing.offerRefs(this.#connection, stanza)
      this.#context.listener.onCodes(this.#codes)
    } else if (step === 'pair-success') this.#attempt(this.#pairing.accept(this.#connection, stanza))
    else if (isServerPing(stanza)) this.#connection.send(buildPong(stanza))
    else this.#context.listener.onStanza(this.#connection, stanza)
  }

  async #open(success: StreamSuccess): Promise<void> {
    const connection = this.#connection
    const duties = this.#context
    const { self, listener } = duties
    const isFirst = self.isUnconfirmed
    await applySuccess(duties, success)
    if (isFirst && self.me !== undefined) listener.onLinked({ me: self.me })
    if (this.#hasEnded()) return
    this.#move('preparing')
    await prepare(duties, connection)
    if (this.#hasEnded()) return
    this.#move('open')
    this.#context.listener.onOpen(connection)
    await finishLogin(duties, connection)
  }

  #hasEnded(): boolean {
    return this.#isOver
  }
}
