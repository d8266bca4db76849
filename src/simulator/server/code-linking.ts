/**
 * Linking by code, the server's part for one companion: it announces a code to a phone number, the phone answers, the
 * companion finishes; then `pairing.ts` goes on as after a QR code. Stanza shapes are in `stanza/link-code.ts`.
 */
import { equalBytes, toBase64, utf8Bytes } from '../../base/bytes.ts'
import type { Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { ClosedError, ProtocolError, TimeoutError, UsageError } from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { AnnouncedCode, CodeAnswer, CompanionKeys } from '../link.ts'
import { iqError, iqResult, REFUSAL } from '../stanza/iq.ts'
import { helloAccepted, primaryHello, readLinkCodeQuery, refreshCode } from '../stanza/link-code.ts'
import type { CompanionFinish, CompanionHello } from '../stanza/link-code.ts'
import type { Account } from '../world/account.ts'
import type { World } from '../world/world.ts'
import type { Channel } from './channel.ts'

/** How long a code can be entered. @source whatsapp-rust: pairing codes are valid for 180 seconds */
const CODE_LIFETIME_MS = 180_000
/** How often a phone may answer one code: more would be guessing. */
const MAX_ANSWERS = 3
const FINISH_DEADLINE_MS = 60_000
const REF_BYTES = 33

/** What the server knows of the companion, and what it does with its codes. */
export interface CodeLinkingOptions {
  /** From the registration, 32 bytes. */
  readonly identityKey: Uint8Array
  /** From the handshake, 32 bytes. */
  readonly noiseKey: Uint8Array
  /** The refusal of the next code of a phone number, when one is planned. */
  readonly refuse: (phoneNumber: string) => LinkCodeRefusal | undefined
  /** A code for this number can be entered now. */
  readonly announce: (phoneNumber: string) => void
  /** Sends a notification that the companion must acknowledge. */
  readonly notify: (notification: BinaryNode) => void
}

/** How a code is refused on purpose. */
export interface LinkCodeRefusal {
  readonly code: number
  /** How long the server wants to be left alone. */
  readonly backoffSeconds?: number
}

/** A code that was announced. */
interface Offer {
  readonly account: Account
  readonly hello: CompanionHello
  readonly ref: string
  readonly expiresAtMs: number
  answers: number
}

interface PendingAnswer {
  readonly keys: Deferred<CompanionKeys>
  readonly timer: Timer
}

/** See the file comment. One per companion. */
export class CodeLinking {
  readonly #world: World
  readonly #channel: Channel
  readonly #options: CodeLinkingOptions
  #offer: Offer | undefined
  #pending: PendingAnswer | undefined

  constructor(world: World, channel: Channel, options: CodeLinkingOptions) {
    this.#world = world
    this.#channel = channel
    this.#options = options
  }

  /** How long a code can still be entered, in milliseconds; 0 when there is none. */
  get leftMs(): number {
    return Math.max(0, (this.#offer?.expiresAtMs ?? 0) - this.#world.clock.nowMs())
  }

  /** When a code expires, `undefined` when it is not the one that is announced now. */
  expiryOf(ref: string): number | undefined {
    return this.#offer?.ref === ref ? this.#offer.expiresAtMs : undefined
  }

  /** Takes one of the companion's two queries. @throws {ProtocolError} when it breaks the protocol */
  receive(query: BinaryNode): void {
    const stage = readLinkCodeQuery(query)
    if (stage.stage === 'companion_hello') this.#hello(query, stage)
    else this.#finish(query, stage)
  }

  /** Tells the companion that its code is over. @returns whether there was one */
  refresh(isManual: boolean): boolean {
    const offer = this.#offer
    if (offer === undefined) return false
    const facts = { id: this.#world.nextStanzaId(), nowSeconds: this.#world.nowSeconds() }
    this.#options.notify(refreshCode({ ...facts, ref: utf8Bytes(offer.ref), isManual }))
    this.#fail(unknownCode())
    this.#offer = undefined
    return true
  }

  /** What the owner of the phone is asked to enter. @throws {UsageError} see `LinkCodeServices` */
  announcedTo(account: Account): AnnouncedCode {
    const { ref, hello } = this.#offerTo(account)
    return { ref, wrappedEphemeral: hello.wrappedEphemeral, platformId: hello.platformId }
  }

  /**
   * The phone answers. Resolves with what the companion says to it.
   *
   * @throws {UsageError} see `LinkCodeServices`; `WATON_SIMULATOR_PASSKEY` @throws {TimeoutError} `WATON_SIMULATOR_PAIRING_TIMEOUT`
   * @throws {ClosedError} `WATON_SIMULATOR_PAIRING_CLOSED`
   */
  answer(account: Account, answer: CodeAnswer): Promise<CompanionKeys> {
    const offer = this.#offerTo(account)
    if (offer.ref !== answer.ref || this.#pending !== undefined) throw unknownCode()
    offer.answers += 1
    const { primaryIdentity, wrappedPrimaryEphemeral } = answer
    const id = this.#world.nextStanzaId()
    const facts = { id, nowSeconds: this.#world.nowSeconds(), ref: utf8Bytes(offer.ref), primaryIdentity }
    this.#options.notify(primaryHello({ ...facts, wrappedPrimaryEphemeral }))
    if (wrappedPrimaryEphemeral === undefined) return Promise.reject(passkeyNeeded())
    return this.#untilFinished()
  }

  /** The companion is gone. */
  close(): void {
    this.#offer = undefined
    const message = 'the companion closed its connection before it was linked'
    this.#fail(new ClosedError('WATON_SIMULATOR_PAIRING_CLOSED', message))
  }

  #untilFinished(): Promise<CompanionKeys> {
    const timer = this.#world.clock.schedule(FINISH_DEADLINE_MS, () => {
      const message = 'the companion did not finish linking by code within a minute'
      this.#fail(new TimeoutError('WATON_SIMULATOR_PAIRING_TIMEOUT', message))
    })
    const keys = deferred<CompanionKeys>()
    this.#pending = { keys, timer }
    return keys.promise
  }

  #hello(query: BinaryNode, hello: CompanionHello): void {
    if (!equalBytes(hello.noiseKey, this.#options.noiseKey))
      throw broken('<companion_server_auth_key_pub> is not the key of the handshake')
    const found = this.#world.resolve(hello.jid)
    const phoneNumber = found?.account.facts.phoneNumber ?? hello.jid.replace(/@.*$/u, '')
    const planned = this.#options.refuse(phoneNumber)
    if (planned !== undefined) {
      this.#channel.write(iqError(query, { ...planned, text: 'planned fault' }))
    } else if (found?.addressing !== 'pn' || found.deviceId !== 0) {
      this.#note(`no account has the number of a pairing code: ${hello.jid}`)
      this.#channel.write(iqError(query, REFUSAL.badRequest))
    } else {
      this.#announce(query, hello, found.account)
    }
  }

  #announce(query: BinaryNode, hello: CompanionHello, account: Account): void {
    const { clock, random } = this.#world
    this.#fail(unknownCode())
    const ref = `3@${toBase64(random.bytes(REF_BYTES))}`
    this.#offer = { account, hello, ref, expiresAtMs: clock.nowMs() + CODE_LIFETIME_MS, answers: 0 }
    this.#options.announce(account.facts.phoneNumber)
    this.#note(`a pairing code for ${account.facts.phoneNumber} can be entered`)
    this.#channel.write(helloAccepted(query, utf8Bytes(ref)))
  }

  #finish(query: BinaryNode, finish: CompanionFinish): void {
    const offer = this.#offer
    const pending = this.#pending
    if (offer === undefined || pending === undefined || !equalBytes(finish.ref, utf8Bytes(offer.ref))) {
      this.#channel.write(iqError(query, REFUSAL.badRequest))
      return
    }
    if (finish.jid !== offer.hello.jid)
      throw broken('companion_finish names another phone than companion_hello')
    if (!equalBytes(finish.identityKey, this.#options.identityKey))
      throw broken('<companion_identity_public> is not the identity key of the registration')
    this.#pending = undefined
    pending.timer.cancel()
    this.#channel.write(iqResult(query))
    pending.keys.resolve({ wrappedKeyBundle: finish.wrappedKeyBundle, identityKey: finish.identityKey })
  }

  #offerTo(account: Account): Offer {
    const offer = this.#offer
    if (offer?.account !== account || offer.answers >= MAX_ANSWERS) throw unknownCode()
    if (this.#world.clock.nowMs() <= offer.expiresAtMs) return offer
    throw new UsageError(
      'WATON_SIMULATOR_CODE_EXPIRED',
      'the pairing code expired: let the client ask for a new one',
    )
  }

  #fail(error: unknown): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    pending.timer.cancel()
    pending.keys.reject(error)
  }

  #note(text: string): void {
    this.#world.trace.note('pairing', text, { connectionId: this.#channel.connectionId })
  }
}

/** No code can be entered. */
export function unknownCode(): UsageError {
  return new UsageError(
    'WATON_SIMULATOR_CODE_UNKNOWN',
    'no client waits with a pairing code for this phone number: it was replaced, tried too often, or its client left',
  )
}

/** The account wants a passkey. */
export function passkeyNeeded(): UsageError {
  return new UsageError(
    'WATON_SIMULATOR_PASSKEY',
    'a passkey protects this account: the companion was told so, and is not linked without it',
  )
}

function broken(text: string): ProtocolError {
  return new ProtocolError('WATON_SIMULATOR_LINK_CODE', text)
}
