/**
 * Linking, from the server's refs and their QR codes to the signed answer; codes that are typed are in `code-pairing.ts`. Everything that the phone and the server claim is
 * verified before anything is believed or written; a refusal is answered to the server and leaves no trace.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { CryptoError, ProtocolError, describeError, errorCode } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { requireAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import {
  SERVER_HOSTED,
  SERVER_HOSTED_LID,
  SERVER_LID,
  SERVER_USER,
  formatJid,
  parseJid,
} from '../../protocol/jid.ts'
import type { DeviceDescription } from '../../protocol/noise/client-payload.ts'
import { acceptPairSuccess, pairingRefusal } from '../../protocol/pairing/device-identity.ts'
import { buildQr, clientTypeOf } from '../../protocol/pairing/qr.ts'
import {
  buildPairDeviceResult,
  buildPairDeviceSign,
  buildPairError,
  parsePairDevice,
  parsePairSuccess,
} from '../../protocol/stanza/iq/pairing.ts'
import type { PairSuccess } from '../../protocol/stanza/iq/pairing.ts'
import { buildUnifiedSession } from '../../protocol/stanza/info-bulletin.ts'
import type { EphemeralEvents } from '../events.ts'
import { learnMapping } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { putLink } from '../identity/unconfirmed-link.ts'
import type { AccountState } from '../state/account-state.ts'
import type { LinkedAccount } from '../state/records.ts'
import type { Connection } from './connection.ts'

/** What every way of linking works with. */
export interface PairingBasics {
  readonly state: AccountState
  readonly self: Self
  readonly device: DeviceDescription
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

/** What pairing works with. */
export interface PairingOptions extends PairingBasics {
  /** How long the first code is shown, then each later one, in milliseconds. */
  readonly qrMs: readonly [number, number]
  readonly onQr: (event: EphemeralEvents['pairing.qr']) => void
  readonly onFailed: (event: EphemeralEvents['pairing.failed']) => void
  /** Asked when codes are shown: how long they may be, in milliseconds; for as long as there are any when `undefined`. */
  readonly codesMs: () => number | undefined
  /** How long another way of linking may still be under way, in milliseconds: the connection must not go before. */
  readonly leftMs: () => number
  /** Every code has been shown, or for long enough, and none was scanned. */
  readonly onExpired: () => void
}

/** See the file comment. One per connection. */
export class Pairing {
  readonly #options: PairingOptions
  #timer: Timer | undefined
  #limitTimer: Timer | undefined
  #shown: { readonly ref: string; readonly expiresAtMs: number } | undefined
  #isAccepted = false
  #hasAnswered = false

  constructor(options: PairingOptions) {
    this.#options = options
  }

  /** Our answer to pair-success was sent. */
  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  /** Stops showing codes. */
  stop(): void {
    this.#timer?.cancel()
    this.#limitTimer?.cancel()
    this.#shown = undefined
  }

  /** Shows the code again, with the secret that holds now. */
  refresh(): void {
    if (this.#shown !== undefined) this.#draw(this.#shown)
  }

  /** The server offers refs: acknowledge them and show the first code. @throws {ProtocolError} when it offers none */
  offerRefs(connection: Connection, stanza: BinaryNode): void {
    const { id, refs } = parsePairDevice(stanza)
    this.stop()
    connection.send(buildPairDeviceResult(id))
    const codesMs = this.#options.codesMs()
    // first: the code that would be shown in the moment of the end is not
    if (codesMs !== undefined) this.#limit(codesMs)
    this.#show([...refs], 0)
  }

  /**
   * The phone has scanned a code: verify, write, then answer. A forged approval is refused and nothing is changed; when we
   * fail ourselves, the connection ends without an answer, and the next one shows new codes. Whether the answer arrives
   * is not known here: the link stays unconfirmed until the first login.
   *
   * @throws {ClosedError} `WATON_TRANSPORT_CLOSED` when the refusal cannot be sent any more
   */
  async accept(connection: Connection, stanza: BinaryNode): Promise<void> {
    const { clock, logger, onFailed } = this.#options
    try {
      const success = parsePairSuccess(stanza)
      const { answer, linked } = this.#verify(success)
      this.#isAccepted = true
      // not before: after a refusal the next code is shown as if nothing had happened
      this.stop()
      await this.#remember(linked)
      const nowMs = success.sentAtSeconds === undefined ? clock.nowMs() : success.sentAtSeconds * 1000
      connection.send(answer, buildUnifiedSession(nowMs))
      this.#hasAnswered = true
    } catch (error) {
      const isTheirFault = error instanceof CryptoError || error instanceof ProtocolError
      const what = isTheirFault ? 'pairing was refused' : 'pairing was interrupted'
      logger.error({ code: errorCode(error), reason: describeError(error) }, what)
      if (!isTheirFault) {
        connection.close(error)
        return
      }
      connection.send(buildPairError(requireAttribute(stanza, 'id'), pairingRefusal(error)))
      onFailed({ code: error.code, message: error.message })
    }
  }

  #show(refs: string[], shown: number): void {
    const { clock, qrMs } = this.#options
    const ref = refs.shift()
    if (ref === undefined) {
      this.#expire()
      return
    }
    const shownMs = shown === 0 ? qrMs[0] : qrMs[1]
    this.#shown = { ref, expiresAtMs: clock.nowMs() + shownMs }
    this.#draw(this.#shown)
    this.#timer = clock.schedule(shownMs, () => {
      this.#show(refs, shown + 1)
    })
  }

  #draw({ ref, expiresAtMs }: { readonly ref: string; readonly expiresAtMs: number }): void {
    const { self, device, onQr } = this.#options
    const { noiseKey, identityKey, advSecret } = self.credentials
    const qr = buildQr({
      ref,
      noisePublicKey: noiseKey.publicKey,
      identityPublicKey: identityKey.publicKey,
      advSecret,
      clientType: clientTypeOf(device),
    })
    onQr({ qr, expiresAtMs })
  }

  /** The connection goes, and with it every code; but not while somebody may be typing one. */
  #expire(): void {
    const { clock, leftMs: stillMs, onExpired, logger } = this.#options
    this.#shown = undefined
    const leftMs = stillMs()
    if (leftMs > 0) {
      this.#timer = clock.schedule(leftMs, () => {
        this.#expire()
      })
      return
    }
    logger.warn({}, 'no qr code was scanned in time')
    onExpired()
  }

  /** Every code goes at once, later than that only while somebody may be typing one. */
  #limit(codesMs: number): void {
    const { clock, leftMs: stillMs, onExpired } = this.#options
    this.#limitTimer = clock.schedule(codesMs, () => {
      const leftMs = stillMs()
      if (leftMs > 0) {
        this.#limit(leftMs)
        return
      }
      this.stop()
      onExpired()
    })
  }

  #verify(success: PairSuccess): { answer: BinaryNode; linked: LinkedAccount } {
    const { self, random } = this.#options
    const { credentials } = self
    if (this.#isAccepted) throw wrongAccount('it has accepted another approval already')
    const account = readAccount(success)
    const accepted = acceptPairSuccess({
      deviceIdentity: success.deviceIdentity,
      advSecret: credentials.advSecret,
      identity: credentials.identityKey,
      random,
    })
    const { platform, businessName } = success
    const linked = {
      ...account,
      deviceIdentity: accepted.stored,
      ...(platform === undefined ? {} : { platform }),
      ...(businessName === undefined ? {} : { name: businessName }),
      isUnconfirmed: true,
    }
    const answer = buildPairDeviceSign(success.id, accepted)
    return { answer, linked }
  }

  async #remember(linked: LinkedAccount): Promise<void> {
    const { state, self } = this.#options
    const credentials = await state.commit(async (unit) => {
      if (linked.lid !== undefined) await learnMapping(unit, linked.pn, linked.lid)
      return putLink(unit, self.credentials, linked)
    })
    self.update(credentials)
  }
}

/** Where a provider hosts the account, its addresses say so; the person behind them is the same. */
const PN_SERVERS: ReadonlySet<string> = new Set([SERVER_USER, SERVER_HOSTED])
const LID_SERVERS: ReadonlySet<string> = new Set([SERVER_LID, SERVER_HOSTED_LID])

/**
 * Who this device becomes. Device 0 is the phone.
 *
 * @throws {ProtocolError} `WATON_JID_INVALID`; `WATON_PAIRING_ACCOUNT` when it is no linked device of a person
 */
function readAccount({ jid, lid }: PairSuccess): {
  readonly pn: string
  readonly deviceId: number
  readonly lid?: string
} {
  const { user, server, device } = parseJid(jid)
  if (!PN_SERVERS.has(server) || user === '' || device === 0) throw wrongAccount('it names no linked device')
  const pn = formatJid({ user, server: SERVER_USER, device: 0 })
  if (lid === undefined) return { pn, deviceId: device }
  const other = parseJid(lid)
  if (!LID_SERVERS.has(other.server) || other.user === '') throw wrongAccount('its LID is none')
  return { pn, deviceId: device, lid: formatJid({ user: other.user, server: SERVER_LID, device: 0 }) }
}

function wrongAccount(why: string): ProtocolError {
  return new ProtocolError(
    'WATON_PAIRING_ACCOUNT',
    `the server cannot give this account to this device: ${why}; link again`,
  )
}
