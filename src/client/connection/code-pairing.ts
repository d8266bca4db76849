/**
 * Linking by code on one connection: announces a code to a phone, and answers the phone when its owner has entered it.
 * From there on it is the same as with a QR code (`pairing.ts`), under the secret that both sides agreed on here.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import {
  ClosedError,
  CryptoError,
  ProtocolError,
  UsageError,
  describeError,
  errorCode,
} from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import type { KeyPair } from '../../protocol/crypto/index.ts'
import type { DeviceDescription } from '../../protocol/noise/client-payload.ts'
import { agreeByLinkCode, unwrapEphemeral, wrapEphemeral } from '../../protocol/pairing/link-code.ts'
import { clientTypeOf } from '../../protocol/pairing/qr.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { linkCodeFinish, linkCodeHello } from '../../protocol/stanza/iq/link-code.ts'
import { parseLinkCodeNotification } from '../../protocol/stanza/link-code-notification.ts'
import type { LinkCodeNotification } from '../../protocol/stanza/link-code-notification.ts'
import type { EphemeralEvents } from '../events.ts'
import type { Self } from '../identity/self.ts'
import type { AccountState } from '../state/account-state.ts'
import { CREDENTIALS, SELF } from '../state/records.ts'
import type { Connection } from './connection.ts'

/** What linking by code works with. */
export interface CodePairingOptions {
  readonly connection: Connection
  readonly state: AccountState
  readonly self: Self
  readonly device: DeviceDescription
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
  /** The secret of QR codes is another one now. */
  readonly onNewSecret: () => void
  readonly onFailed: (event: EphemeralEvents['pairing.failed']) => void
}

/** How long a phone takes a code. @source whatsapp-rust: pairing codes are valid for 180 seconds */
const CODE_LIFETIME_MS = 180_000

/** Answers taken per code: each is one guess for a server that would like to know the code. */
const MAX_ANSWERS = 5

/** A code that was asked for. */
interface Attempt {
  readonly code: string
  readonly phoneJid: string
  readonly ephemeral: KeyPair
  readonly expiresAtMs: number
  /** Settled by the server's answer; the phone's answer may come in the same moment. */
  readonly ref: Deferred<Uint8Array>
  answers: number
}

type PrimaryHello = Extract<LinkCodeNotification, { type: 'primary-hello' }>

/** See the file comment. One per connection; nothing of it is kept beyond but the new secret. */
export class CodePairing {
  readonly #options: CodePairingOptions
  #attempt: Attempt | undefined
  /** The phone's answers, one after the other: the secret that is durable belongs to what was sent last. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: CodePairingOptions) {
    this.#options = options
  }

  /** How long the phone still takes the code, in milliseconds; 0 when there is none. */
  get leftMs(): number {
    return Math.max(0, (this.#attempt?.expiresAtMs ?? 0) - this.#options.clock.nowMs())
  }

  /**
   * Announces a code. Resolves when the server has taken it; a code asked for later takes its place.
   *
   * @throws {QueryError} `WATON_QUERY_REFUSED` when the server does not, e.g. because the number has no account
   * @throws {ClosedError} `WATON_PAIRING_CODE_REPLACED`, `WATON_QUERY_DISCONNECTED` @throws {TimeoutError} `WATON_QUERY_TIMEOUT`
   */
  async request(phoneJid: string, code: string): Promise<string> {
    const { clock, random } = this.#options
    const attempt: Attempt = {
      code,
      phoneJid,
      ephemeral: generateKeyPair(random),
      expiresAtMs: clock.nowMs() + CODE_LIFETIME_MS,
      ref: deferred(),
      answers: 0,
    }
    attempt.ref.promise.catch(ignore)
    this.#attempt = attempt
    try {
      attempt.ref.resolve(await this.#announce(attempt))
      this.#requireCurrent(attempt)
      return code
    } catch (error) {
      attempt.ref.reject(error)
      if (this.#attempt === attempt) this.#attempt = undefined
      throw error
    }
  }

  /** Takes the phone's answer. Resolves when everything about it is done; rejects when the connection cannot go on. */
  receive(stanza: BinaryNode): Promise<void> {
    this.#work = this.#work.then(() => this.#receive(stanza))
    return this.#work
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

  async #receive(stanza: BinaryNode): Promise<void> {
    const { connection, self, logger, onFailed } = this.#options
    try {
      await this.#answer(stanza)
    } catch (error) {
      if (self.isLinked || !connection.isOpen) return
      if (!isRefusal(error)) throw error
      const code = errorCode(error) ?? 'WATON_UNKNOWN'
      logger.warn({ code, reason: describeError(error) }, 'linking by code went no further')
      onFailed({ code, message: error instanceof Error ? error.message : '' })
    }
  }

  async #answer(stanza: BinaryNode): Promise<void> {
    const { connection, self, onNewSecret } = this.#options
    const agreed = await this.#agree(stanza).catch((error: unknown) => {
      // what is refused is refused for good: the server need not deliver it again
      if (isRefusal(error)) connection.send(buildAck(stanza))
      throw error
    })
    await this.#remember(agreed.advSecret)
    connection.send(buildAck(stanza))
    onNewSecret()
    const { phoneJid, wrappedKeyBundle, ref } = agreed
    const identityPublicKey = self.credentials.identityKey.publicKey
    await connection.query(linkCodeFinish, { phoneJid, wrappedKeyBundle, identityPublicKey, ref })
  }

  async #agree(stanza: BinaryNode): Promise<{
    readonly phoneJid: string
    readonly ref: Uint8Array
    readonly wrappedKeyBundle: Uint8Array
    readonly advSecret: Uint8Array
  }> {
    const { self, random } = this.#options
    const notification = parseLinkCodeNotification(stanza)
    if (notification.type === 'passkey') throw passkeyNeeded()
    const attempt = await this.#attemptFor(notification)
    const primaryEphemeral = await unwrapEphemeral(notification.wrappedPrimaryEphemeral, attempt.code)
    const { ephemeral, phoneJid } = attempt
    const { ref, primaryIdentity } = notification
    const identity = self.credentials.identityKey
    const agreed = agreeByLinkCode({ ephemeral, identity, primaryEphemeral, primaryIdentity, random })
    return { phoneJid, ref, ...agreed }
  }

  /** The code that the phone answers to. @throws {ProtocolError} `WATON_PAIRING_CODE_UNKNOWN` */
  async #attemptFor({ ref }: PrimaryHello): Promise<Attempt> {
    const attempt = this.#attempt
    const announced = await attempt?.ref.promise.catch(ignore)
    const isAnnounced = announced !== undefined && equalBytes(announced, ref)
    if (attempt === undefined || attempt !== this.#attempt || !isAnnounced || this.leftMs === 0)
      throw unknownCode()
    attempt.answers += 1
    if (attempt.answers > MAX_ANSWERS) throw unknownCode()
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
  const isOurs = error instanceof CryptoError || error instanceof ProtocolError || error instanceof UsageError
  const code = errorCode(error)
  return isOurs || code === 'WATON_QUERY_REFUSED' || code === 'WATON_QUERY_TIMEOUT'
}

function passkeyNeeded(): UsageError {
  return new UsageError(
    'WATON_PAIRING_PASSKEY',
    'a passkey protects this account, so a code alone does not link it: scan the QR code instead',
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
