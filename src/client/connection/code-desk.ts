/**
 * Where users ask for pairing codes: checks what they ask for, waits until a connection shows codes, and hands the rest to
 * `code-pairing.ts`. It outlives connections; the codes do not.
 */
import type { Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import { ClosedError, TimeoutError, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { SERVER_USER, formatJid } from '../../protocol/jid.ts'
import { makeLinkCode, normaliseLinkCode } from '../../protocol/pairing/link-code.ts'
import type { ClientState } from '../events.ts'
import type { Self } from '../identity/self.ts'
import type { CodePairing } from './code-pairing.ts'

/** What the desk works with. */
export interface CodeDeskOptions {
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  /** How long to wait for a connection that shows codes. */
  readonly timeoutMs: number
  readonly state: () => ClientState
}

/** Digits with country code, as ITU-T E.164 bounds them. */
const PHONE_NUMBER = /^[1-9]\d{4,14}$/
/** Calls that wait for a connection at most. */
const MAX_WAITING = 16
/** Connections whose QR codes nobody scans, before the client stops: about half an hour. */
const MAX_ROUNDS = 10
/** What was shown in vain before these states does not count any more. */
const SETTLED: ReadonlySet<ClientState> = new Set(['closed', 'authenticating'])
/** In these states no connection will ever come. */
const STOPPED: ReadonlySet<ClientState> = new Set(['idle', 'closing', 'closed'])

/** See the file comment. */
export class CodeDesk {
  readonly #options: CodeDeskOptions
  readonly #waiting = new Set<Deferred<CodePairing>>()
  #codes: CodePairing | undefined
  #spent = 0

  constructor(options: CodeDeskOptions) {
    this.#options = options
  }

  /** A connection takes codes from now on. */
  open(codes: CodePairing): void {
    this.#codes = codes
    for (const waiting of this.#waiting) waiting.resolve(codes)
  }

  /** That connection is over. */
  close(): void {
    this.#codes = undefined
  }

  /**
   * A connection has shown every QR code in vain. @returns whether there should be another one: a server that hands out
   * codes to nobody for hours takes the client for a broken one
   */
  spend(): boolean {
    this.#spent += 1
    return this.#spent < MAX_ROUNDS
  }

  /** Follows the client: whoever waits for a code that will never come learns why. */
  moved(state: ClientState): void {
    if (SETTLED.has(state)) this.#spent = 0
    if (STOPPED.has(state)) this.#refuse(notConnected())
    else if (state === 'authenticating') this.#refuse(alreadyLinked())
  }

  /** See `Client.requestPairingCode`. */
  async request(phoneNumber: string, options: { readonly code?: string } = {}): Promise<string> {
    const { self, random, state } = this.#options
    if (!PHONE_NUMBER.test(phoneNumber)) {
      throw new UsageError(
        'WATON_PAIRING_PHONE_NUMBER',
        'give the phone number as 5 to 15 digits with country code and nothing else, e.g. 15550000001',
        { details: { length: phoneNumber.length } },
      )
    }
    const code = options.code === undefined ? makeLinkCode(random) : normaliseLinkCode(options.code)
    if (self.isLinked) throw alreadyLinked()
    if (STOPPED.has(state())) throw notConnected()
    // somebody is there
    this.#spent = 0
    const codes = this.#codes ?? (await this.#wait())
    const phoneJid = formatJid({ user: phoneNumber, server: SERVER_USER, device: 0 })
    return codes.request({ code, isChosen: options.code !== undefined, phoneJid })
  }

  async #wait(): Promise<CodePairing> {
    const { clock, timeoutMs } = this.#options
    if (this.#waiting.size >= MAX_WAITING) throw notReady(timeoutMs)
    const waiting = deferred<CodePairing>()
    this.#waiting.add(waiting)
    const timer = clock.schedule(timeoutMs, () => {
      waiting.reject(notReady(timeoutMs))
    })
    try {
      return await waiting.promise
    } finally {
      timer.cancel()
      this.#waiting.delete(waiting)
    }
  }

  #refuse(error: unknown): void {
    for (const waiting of this.#waiting) waiting.reject(error)
  }
}

function notConnected(): ClosedError {
  return new ClosedError(
    'WATON_NOT_CONNECTED',
    'a pairing code needs a connection: call client.connect() first, without waiting for it, then ask for the code',
    { retryable: true },
  )
}

function alreadyLinked(): UsageError {
  return new UsageError(
    'WATON_PAIRING_LINKED',
    'this account is linked already; use another store, or another account of it, to link one more device',
  )
}

function notReady(timeoutMs: number): TimeoutError {
  return new TimeoutError(
    'WATON_PAIRING_NOT_READY',
    'no connection was ready to show a pairing code in time; wait for the pairing.qr event and ask again',
    { details: { timeoutMs }, retryable: true },
  )
}
