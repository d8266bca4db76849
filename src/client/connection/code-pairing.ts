/**
 * Linking by code on one connection: announces a code to a phone, and answers the phone when its owner has entered it.
 * From there on it is the same as with a QR code (`pairing.ts`), under the secret that both sides agreed on here.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import {
  ClosedError,
  CryptoError,
  ProtocolError,
  QueryError,
  describeError,
  errorCode,
} from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { parseJid } from '../../protocol/jid.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import {
  agreeByLinkCode,
  makeLinkCode,
  unwrapEphemeral,
  wrapEphemeral,
} from '../../protocol/pairing/link-code.ts'
import { clientTypeOf } from '../../protocol/pairing/qr.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { linkCodeFinish, linkCodeHello } from '../../protocol/stanza/iq/link-code.ts'
import { parseLinkCodeNotification } from '../../protocol/stanza/link-code-notification.ts'
import type { LinkCodeNotification } from '../../protocol/stanza/link-code-notification.ts'
import type { EphemeralEvents } from '../events.ts'
import { CREDENTIALS, SELF } from '../state/records.ts'
import type { Connection } from './connection.ts'
import type { PairingBasics } from './pairing.ts'

/** What linking by code works with. */
export interface CodePairingOptions extends PairingBasics {
  readonly connection: Connection
  /** A code can be entered. */
  readonly onCode: (event: EphemeralEvents['pairing.code']) => void
  /** The secret of QR codes is another one now. */
  readonly onNewSecret: () => void
  /** What was agreed with a phone came to nothing. */
  readonly onReleased: () => void
  /** The phone answered that a passkey is needed. */
  readonly onPasskey: () => void
  readonly onFailed: (event: EphemeralEvents['pairing.failed']) => void
}

/** How long a phone takes a code. @source whatsapp-rust: pairing codes are valid for 180 seconds */
const CODE_LIFETIME_MS = 180_000

/** Answers taken per code: each is one guess for a server that would like to know the code. */
const MAX_ANSWERS = 5

/** How long a phone takes to be content with our keys. One that had another code says nothing. @source WhatsApp Web: one minute */
const VERDICT_MS = 60_000

/** New codes that the server may ask for before a person has to. */
const MAX_REFRESHES = 5

/** A code to announce. */
export interface CodeRequest {
  readonly code: string
  /** Whether somebody chose it: then the next one is the same. */
  readonly isChosen: boolean
  readonly phoneJid: string
}

/** A code that was asked for. */
interface Attempt extends CodeRequest {
  readonly ephemeral: KeyPair
  readonly expiresAtMs: number
  /** Settled by the server's answer; the phone's answer may come in the same moment. */
  readonly ref: Deferred<Uint8Array>
  /** How many codes the server has asked for since a person did. */
  readonly refreshes: number
  answers: number
  /** Runs from when the phone has our keys. */
  verdict?: Timer
}

type PrimaryHello = Extract<LinkCodeNotification, { type: 'primary-hello' }>
type Refresh = Extract<LinkCodeNotification, { type: 'refresh' }>

/** What both sides hold now. */
interface Agreed {
  readonly type: 'agreed'
  readonly attempt: Attempt
  readonly ref: Uint8Array
  readonly wrappedKeyBundle: Uint8Array
  readonly advSecret: Uint8Array
}

/** A code whose time is over. */
interface Refreshed {
  readonly type: 'refresh'
  readonly attempt: Attempt
  readonly isManual: boolean
}

/** See the file comment. One per connection; nothing of it is kept beyond but the new secret. */
export class CodePairing {
  readonly #options: CodePairingOptions
  #attempt: Attempt | undefined

  constructor(options: CodePairingOptions) {
    this.#options = options
  }

  /** How long the phone still takes the code, in milliseconds; 0 when there is none. */
  get leftMs(): number {
    return Math.max(0, (this.#attempt?.expiresAtMs ?? 0) - this.#options.clock.nowMs())
  }

  /** Whether a phone has what it needs to link, and nothing shows yet that it does. */
  get isAgreed(): boolean {
    return this.#attempt?.verdict !== undefined
  }

  /**
   * Announces a code. Resolves when the server has taken it; a code asked for later takes its place.
   *
   * @throws {QueryError} `WATON_PAIRING_CODE_REFUSED` when the server does not, e.g. because the number has no account
   * @throws {ClosedError} `WATON_PAIRING_CODE_REPLACED`, `WATON_QUERY_DISCONNECTED` @throws {TimeoutError} `WATON_QUERY_TIMEOUT`
   */
  async request(request: CodeRequest): Promise<string> {
    return this.#request(request, 0)
  }

  /** The connection is over. */
  stop(): void {
    this.#attempt?.verdict?.cancel()
    this.#attempt = undefined
  }

  /**
   * Takes what the server says of a code, one stanza at a time: the secret that is durable belongs to what was sent last.
   * Resolves when everything about it is done; rejects when the connection cannot go on.
   */
  async receive(stanza: BinaryNode): Promise<void> {
    const { connection, self, logger, onFailed } = this.#options
    try {
      await this.#take(stanza)
    } catch (error) {
      if (self.isLinked || !connection.isOpen) return
      if (!isRefusal(error)) throw error
      const code = errorCode(error) ?? 'WATON_UNKNOWN'
      logger.warn({ code, reason: describeError(error) }, 'linking by code went no further')
      onFailed({ code, message: error instanceof Error ? error.message : '' })
    }
  }

  async #request(request: CodeRequest, refreshes: number): Promise<string> {
    const { clock, random, onCode } = this.#options
    const attempt: Attempt = {
      ...request,
      ephemeral: generateKeyPair(random),
      expiresAtMs: clock.nowMs() + CODE_LIFETIME_MS,
      ref: deferred(),
      refreshes,
      answers: 0,
    }
    attempt.ref.promise.catch(ignore)
    this.#replace(attempt)
    try {
      attempt.ref.resolve(await this.#announce(attempt))
      this.#requireCurrent(attempt)
    } catch (error) {
      attempt.ref.reject(error)
      if (this.#attempt === attempt) this.#replace(undefined)
      throw isQueryRefusal(error) ? asCodeRefusal(error) : error
    }
    const { code, expiresAtMs } = attempt
    onCode({ code, phoneNumber: parseJid(request.phoneJid).user, expiresAtMs })
    return code
  }

  #replace(attempt: Attempt | undefined): void {
    const wasAgreed = this.isAgreed
    this.#attempt?.verdict?.cancel()
    this.#attempt = attempt
    if (wasAgreed) this.#options.onReleased()
  }

  async #announce(attempt: Attempt): Promise<Uint8Array> {
    const { connection, self, device, random } = this.#options
    const { code, ephemeral, phoneJid } = attempt
    const wrappedEphemeral = await wrapEphemeral({ code, publicKey: ephemeral.publicKey, random })
    this.#requireCurrent(attempt)
    const { ref } = await connection.query(linkCodeHello, {
      phoneJid,
      wrappedEphemeral,
      noisePublicKey: self.credentials.noiseKey.publicKey,
      clientType: clientTypeOf(device),
      displayName: `${device.browser} (${device.os})`,
    })
    return ref
  }

  async #take(stanza: BinaryNode): Promise<void> {
    const { connection, onPasskey } = this.#options
    const work = await this.#read(stanza).catch((error: unknown) => {
      // what is refused is refused for good: the server need not deliver it again
      if (isRefusal(error)) connection.send(buildAck(stanza))
      throw error
    })
    if (work.type === 'agreed') {
      await this.#answer(stanza, work)
      return
    }
    connection.send(buildAck(stanza))
    if (work.type === 'passkey') onPasskey()
    else await this.#refresh(work)
  }

  async #read(stanza: BinaryNode): Promise<Agreed | Refreshed | { readonly type: 'passkey' }> {
    const notification = parseLinkCodeNotification(stanza)
    switch (notification.type) {
      case 'passkey':
        return notification
      case 'refresh':
        return {
          type: 'refresh',
          attempt: await this.#attemptFor(notification),
          isManual: notification.isManual,
        }
      case 'primary-hello':
        return this.#agree(notification)
    }
  }

  async #refresh({ attempt, isManual }: Refreshed): Promise<void> {
    const { random } = this.#options
    if (isManual || attempt.refreshes >= MAX_REFRESHES) {
      this.#replace(undefined)
      throw codeOver()
    }
    const { phoneJid, isChosen, refreshes } = attempt
    const code = isChosen ? attempt.code : makeLinkCode(random)
    await this.#request({ code, isChosen, phoneJid }, refreshes + 1)
  }

  async #answer(stanza: BinaryNode, agreed: Agreed): Promise<void> {
    const { connection, self, onNewSecret } = this.#options
    const { attempt, wrappedKeyBundle, ref } = agreed
    await this.#remember(agreed.advSecret)
    connection.send(buildAck(stanza))
    onNewSecret()
    this.#awaitVerdict(attempt)
    const { phoneJid } = attempt
    const identityPublicKey = self.credentials.identityKey.publicKey
    await connection.query(linkCodeFinish, { phoneJid, wrappedKeyBundle, identityPublicKey, ref })
  }

  #awaitVerdict(attempt: Attempt): void {
    const { clock, self, logger, onFailed } = this.#options
    if (this.#attempt !== attempt) return
    attempt.verdict?.cancel()
    attempt.verdict = clock.schedule(VERDICT_MS, () => {
      if (self.isLinked) return
      const { code, message } = unanswered()
      logger.warn({ code }, 'linking by code went no further')
      this.#replace(undefined)
      onFailed({ code, message })
    })
  }

  async #agree(notification: PrimaryHello): Promise<Agreed> {
    const { self, random } = this.#options
    const attempt = await this.#attemptFor(notification)
    attempt.answers += 1
    if (attempt.answers > MAX_ANSWERS || this.leftMs === 0) throw unknownCode()
    const primaryEphemeral = await unwrapEphemeral(notification.wrappedPrimaryEphemeral, attempt.code)
    const { ephemeral } = attempt
    const { ref, primaryIdentity } = notification
    const identity = self.credentials.identityKey
    const keys = agreeByLinkCode({ ephemeral, identity, primaryEphemeral, primaryIdentity, random })
    return { type: 'agreed', attempt, ref, ...keys }
  }

  /** The code that a notification is about. @throws {ProtocolError} `WATON_PAIRING_CODE_UNKNOWN` */
  async #attemptFor({ ref }: PrimaryHello | Refresh): Promise<Attempt> {
    const attempt = this.#attempt
    const announced = await attempt?.ref.promise.catch(ignore)
    const isAnnounced = announced !== undefined && equalBytes(announced, ref)
    if (attempt === undefined || attempt !== this.#attempt || !isAnnounced) throw unknownCode()
    return attempt
  }

  /** The secret is durable before the phone learns what it needs to use it. */
  async #remember(advSecret: Uint8Array): Promise<void> {
    const { state, self } = this.#options
    const changed = await state.commit(async (unit) => {
      const stored = await unit.read(CREDENTIALS, SELF)
      // somebody scanned the QR code in the same moment: that link stands
      if (stored === undefined || stored.linked !== undefined) return undefined
      const credentials = { ...stored, advSecret }
      unit.put(CREDENTIALS, SELF, credentials)
      return credentials
    })
    if (changed === undefined || self.isLinked) throw unknownCode()
    self.update(changed)
  }

  #requireCurrent(attempt: Attempt): void {
    if (this.#attempt === attempt) return
    throw new ClosedError(
      'WATON_PAIRING_CODE_REPLACED',
      'another pairing code was asked for in the meantime: show that one',
      { action: 'discard' },
    )
  }
}

/** Whether something was refused, by us or by the server, on a connection that can go on. */
function isRefusal(error: unknown): boolean {
  const isOurs = error instanceof CryptoError || error instanceof ProtocolError
  return isOurs || REFUSALS.has(errorCode(error))
}

const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'WATON_QUERY_REFUSED',
  'WATON_QUERY_TIMEOUT',
  'WATON_PAIRING_CODE_REFUSED',
  'WATON_PAIRING_CODE_REPLACED',
  'WATON_PAIRING_CODE_OVER',
])

/** What the server's refusal of a code means for whoever asked for it. */
function isQueryRefusal(error: unknown): error is QueryError {
  return error instanceof QueryError && error.code === 'WATON_QUERY_REFUSED'
}

function asCodeRefusal(error: QueryError): QueryError {
  const { serverCode } = error.details
  return new QueryError(
    'WATON_PAIRING_CODE_REFUSED',
    `the server does not take a pairing code: ${REASONS.get(serverCode) ?? 'scan the QR code instead, or try again later'}`,
    { details: error.details, retryable: error.retryable, cause: error },
  )
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  [
    400,
    'there is no account with this phone number, or the device is named in a way that the server does not know',
  ],
  [404, 'there is no account with this phone number'],
  [
    429,
    'too many codes were asked for; wait as long as backoffSeconds says, or some hours, and scan the QR code meanwhile',
  ],
])

function codeOver(): ClosedError {
  return new ClosedError(
    'WATON_PAIRING_CODE_OVER',
    'the server wants a new pairing code, and somebody to ask for it: call requestPairingCode again',
  )
}

function unanswered(): ProtocolError {
  return new ProtocolError(
    'WATON_PAIRING_CODE_UNANSWERED',
    'the phone took an answer to its code and did not link: most likely another code was typed; ask for a new one',
  )
}

function unknownCode(): ProtocolError {
  return new ProtocolError(
    'WATON_PAIRING_CODE_UNKNOWN',
    'the phone answered to a code that is not asked for now: it expired, was replaced or was tried too often; ask for a new one',
    { action: 'retry' },
  )
}

function ignore(): undefined {
  return undefined
}
