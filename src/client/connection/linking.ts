/**
 * Everything about linking on one connection: QR codes (`pairing.ts`), typed codes (`code-pairing.ts`), and what the server
 * tells a device that has no account yet. Whatever the server asks about linking is answered here, if only by a refusal.
 */
import { ProtocolError, describeError, errorCode } from '../../base/errors.ts'
import { requireAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import {
  isLinkingNotification,
  parseCompanionNotification,
} from '../../protocol/stanza/companion-notification.ts'
import { buildPairError, isLinkingRequest, isPairing } from '../../protocol/stanza/iq/pairing.ts'
import type { EphemeralEvents } from '../events.ts'
import { CREDENTIALS, SELF } from '../state/records.ts'
import { CodePairing } from './code-pairing.ts'
import type { Connection } from './connection.ts'
import { Pairing } from './pairing.ts'
import type { PairingBasics } from './pairing.ts'

/** Who hears of what happens while a device is linked. */
export interface LinkingListener {
  onQr(event: EphemeralEvents['pairing.qr']): void
  onCode(event: EphemeralEvents['pairing.code']): void
  onPasskey(event: EphemeralEvents['pairing.passkey']): void
  onPairingFailed(event: EphemeralEvents['pairing.failed']): void
  /** Pairing codes can be asked for on this connection. */
  onCodes(codes: CodePairing): void
}

/** What linking works with. */
export interface LinkingOptions extends PairingBasics {
  readonly connection: Connection
  /** How long the first code is shown, then each later one, in milliseconds. */
  readonly qrMs: readonly [number, number]
  /** How long codes may be shown from now on, in milliseconds, while a link that broke off may stand. */
  readonly codesMs: () => number | undefined
  readonly listener: LinkingListener
  /** Every code has been shown and none was used. */
  readonly onExpired: () => void
}

/** How long the socket stays for somebody who presents a passkey elsewhere. @source whatsmeow `pair-passkey.go`: five minutes */
const PASSKEY_MS = 300_000
/** Notifications under way at most: each may cost a write, and a server has no reason to send more. */
const MAX_UNDER_WAY = 32

const UNKNOWN_REQUEST = { code: 501, text: 'feature-not-implemented' } as const
const LINKED_ALREADY = { code: 409, text: 'conflict' } as const
const BAD_REQUEST = { code: 400, text: 'bad-request' } as const

/** See the file comment. */
export class Linking {
  readonly #options: LinkingOptions
  readonly #pairing: Pairing
  readonly #codes: CodePairing
  /** Notifications, one after the other: two of them may change the secret. */
  #work: Promise<void> = Promise.resolve()
  #underWay = 0
  #isRefreshDue = false
  #passkeyUntilMs = 0
  #isStopped = false
  #accepting: Promise<void> = Promise.resolve()

  constructor(options: LinkingOptions) {
    this.#options = options
    const { listener, qrMs, onExpired } = options
    this.#codes = new CodePairing({
      ...options,
      onCode: (event) => {
        listener.onCode({ ...event, ...this.#caution })
      },
      onNewSecret: () => {
        this.#pairing.refresh()
      },
      onReleased: () => {
        this.#catchUp()
      },
      onPasskey: () => {
        this.#passkey('code')
      },
      onFailed: (event) => {
        listener.onPairingFailed(event)
      },
    })
    this.#pairing = new Pairing({
      ...options,
      qrMs,
      leftMs: () => this.#leftMs(),
      onQr: (event) => {
        listener.onQr({ ...event, ...this.#caution })
      },
      onFailed: (event) => {
        listener.onPairingFailed(event)
      },
      onExpired,
    })
  }

  /** Whether the stanza is one for {@link receive}. A device that has its account leaves notifications to the pipeline. */
  concerns(stanza: BinaryNode): boolean {
    return isLinkingRequest(stanza) || (!this.#options.self.isLinked && isLinkingNotification(stanza))
  }

  /** Takes a stanza. Resolves when everything about it is done; rejects when the connection cannot go on. */
  async receive(stanza: BinaryNode): Promise<void> {
    if (stanza.tag === 'iq') await this.#request(stanza)
    else await this.#enqueue(() => this.#notified(stanza))
  }

  /** Our answer to pair-success was sent. */
  get hasAnswered(): boolean {
    return this.#pairing.hasAnswered
  }

  /** Resolves when no approval of a phone is being written any more. */
  get settled(): Promise<void> {
    return this.#accepting
  }

  /** The connection is over. */
  stop(): void {
    this.#isStopped = true
    this.#pairing.stop()
    this.#codes.stop()
  }

  async #request(stanza: BinaryNode): Promise<void> {
    const { connection, self, logger, listener } = this.#options
    const step = isPairing(stanza)
    if (step === 'pair-success' && !self.isLinked) {
      const accepting = this.#pairing.accept(connection, stanza)
      this.#accepting = accepting.catch(() => undefined)
      await accepting
      return
    }
    if (step === undefined || self.isLinked) {
      const refusal = step === undefined ? UNKNOWN_REQUEST : LINKED_ALREADY
      logger.warn({ step, ...refusal }, 'the server asked for something about linking that cannot be done')
      connection.send(buildPairError(requireAttribute(stanza, 'id'), refusal))
      return
    }
    try {
      this.#pairing.offerRefs(connection, stanza)
      listener.onCodes(this.#codes)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      connection.send(buildPairError(requireAttribute(stanza, 'id'), BAD_REQUEST))
      this.#failed(error)
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    if (this.#underWay >= MAX_UNDER_WAY) {
      return Promise.reject(
        new ProtocolError(
          'WATON_PAIRING_FLOOD',
          'the server sent more notifications about linking than can be taken; the connection ends',
        ),
      )
    }
    this.#underWay += 1
    this.#work = this.#work.then(work).finally(() => {
      this.#underWay -= 1
    })
    return this.#work
  }

  async #notified(stanza: BinaryNode): Promise<void> {
    const { connection, self } = this.#options
    try {
      const notification = parseCompanionNotification(stanza)
      if (notification === undefined) await this.#codes.receive(stanza)
      else if (notification.type === 'refresh') await this.#refresh(stanza)
      else {
        connection.send(buildAck(stanza))
        this.#passkey(notification.type === 'passkey-request' ? 'request' : 'continuation')
      }
    } catch (error) {
      // what comes after the end is delivered again, to whom it concerns then
      if (self.isLinked || !connection.isOpen) return
      if (!(error instanceof ProtocolError)) throw error
      connection.send(buildAck(stanza))
      this.#failed(error)
    }
  }

  /** The secret is replaced, unless a typed code has just agreed on the one that counts: then when that came to nothing. */
  async #refresh(stanza: BinaryNode): Promise<void> {
    const { connection, logger } = this.#options
    if (this.#codes.isAgreed) this.#isRefreshDue = true
    else await this.#renewSecret()
    connection.send(buildAck(stanza))
    logger.info({ isDeferred: this.#isRefreshDue }, 'the server asked for a new secret of the codes')
  }

  async #renewSecret(): Promise<void> {
    const { state, self, random } = this.#options
    const changed = await state.commit(async (unit) => {
      const stored = await unit.read(CREDENTIALS, SELF)
      // somebody used the code in the same moment: that link stands
      if (stored === undefined || stored.linked !== undefined) return undefined
      const credentials = { ...stored, advSecret: random.bytes(32) }
      unit.put(CREDENTIALS, SELF, credentials)
      return credentials
    })
    if (changed === undefined || self.isLinked) return
    self.update(changed)
    this.#pairing.refresh()
  }

  #catchUp(): void {
    if (!this.#isRefreshDue || this.#isStopped) return
    this.#isRefreshDue = false
    this.#enqueue(() => this.#renewSecret()).catch((error: unknown) => {
      this.#options.connection.close(error)
    })
  }

  #passkey(step: EphemeralEvents['pairing.passkey']['step']): void {
    const { clock, logger, listener } = this.#options
    this.#passkeyUntilMs = clock.nowMs() + PASSKEY_MS
    logger.warn({ step }, 'a passkey protects this account; waton cannot present one')
    listener.onPasskey({
      step,
      expiresAtMs: this.#passkeyUntilMs,
      message:
        'a passkey protects this account, and waton cannot present one yet: it cannot be linked while the phone asks for the passkey',
    })
  }

  /** What to tell with each code while a link that broke off may stand. */
  get #caution(): { readonly mayBeLinked?: true } {
    return this.#options.self.hasDoubtfulLink ? { mayBeLinked: true } : {}
  }

  #leftMs(): number {
    return Math.max(this.#codes.leftMs, this.#passkeyUntilMs - this.#options.clock.nowMs())
  }

  #failed(error: ProtocolError): void {
    const { logger, listener } = this.#options
    logger.warn({ code: errorCode(error), reason: describeError(error) }, 'linking went no further')
    listener.onPairingFailed({ code: error.code, message: error.message })
  }
}
