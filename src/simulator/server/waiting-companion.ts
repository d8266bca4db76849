/**
 * One companion on one connection, before it has an account: it shows its refs, the phone approves one, the companion
 * signs, and only then the account has one device more. Stanza shapes are in `stanza/pairing.ts`.
 *
 * @source timing of the QR codes: Baileys 7.0.0-rc14 `lib/Socket/socket.js`: the first lives 60 s, each next one 20 s
 */
import { toBase64 } from '../../base/bytes.ts'
import type { Timer } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Deferred } from '../../base/deferred.ts'
import {
  ClosedError,
  errorCode,
  ProtocolError,
  QueryError,
  TimeoutError,
  UsageError,
} from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { formatJid, parseJid, SERVER_HOSTED, SERVER_HOSTED_LID } from '../../protocol/jid.ts'
import { announceDevice } from '../handlers/fan-out.ts'
import type { PairingApproval } from '../link.ts'
import { iqResult } from '../stanza/iq.ts'
import { isLinkCodeQuery } from '../stanza/link-code.ts'
import {
  checkPairSign,
  pairDevice,
  PAIR_SIGN_SHAPE,
  pairSuccess,
  readIssuedIdentity,
  readPairRefusal,
} from '../stanza/pairing.ts'
import { findViolation } from '../stanza/shape.ts'
import { streamErrorCode, streamNotWellFormed } from '../stanza/stream.ts'
import type { Account } from '../world/account.ts'
import type { World } from '../world/world.ts'
import type { Channel, StanzaListener } from './channel.ts'
import type { RegistrationPayload } from './client-payload.ts'
import { CodeLinking } from './code-linking.ts'
import type { LinkCodeRefusal } from './code-linking.ts'
import { CompanionNotices } from './companion-notices.ts'

/** QR codes that a companion can show. */
export const REF_COUNT = 6
const REF_BYTES = 33
const FIRST_REF_MS = 60_000
const NEXT_REF_MS = 20_000
const SIGN_DEADLINE_MS = 60_000
/** "Connect again": how a fresh companion is sent into its first login. */
const RESTART_REQUIRED = 515
/** The platform of every simulated phone, as `pair-success` names it. */
const PHONE_PLATFORM = 'android'

/** What a companion needs of the desk. */
export interface Seat {
  readonly refuseCode: (phoneNumber: string) => LinkCodeRefusal | undefined
  readonly announce: (phoneNumber: string) => void
  /** The companion is gone. */
  readonly release: (refs: readonly string[]) => void
}

/** What is known of a companion before it has an account. */
export interface CompanionFacts {
  readonly registration: RegistrationPayload
  readonly noiseKey: Uint8Array
}

/** An approval on its way to the companion and back. */
interface PendingApproval {
  readonly account: Account
  readonly approval: PairingApproval
  readonly stanzaId: string
  readonly done: Deferred<undefined>
  readonly timer: Timer
}

/** See the file comment. */
export class WaitingCompanion implements StanzaListener {
  readonly refs: readonly string[]
  readonly #world: World
  readonly #channel: Channel
  readonly #facts: CompanionFacts
  readonly #seat: Seat
  readonly codes: CodeLinking
  readonly notices: CompanionNotices
  readonly #seatedAtMs: number
  #hasExpiredRefs = false
  readonly #offerId: string
  #expiry: Timer
  #pending: PendingApproval | undefined
  #isClosed = false

  constructor(world: World, channel: Channel, facts: CompanionFacts, seat: Seat) {
    this.#world = world
    this.#channel = channel
    this.#facts = facts
    this.#seat = seat
    this.notices = new CompanionNotices(world, channel)
    this.codes = new CodeLinking(world, channel, {
      identityKey: facts.registration.keys.identityKey,
      noiseKey: facts.noiseKey,
      refuse: seat.refuseCode,
      announce: seat.announce,
      notify: (notification) => {
        this.notices.send(notification)
      },
    })
    this.#seatedAtMs = world.clock.nowMs()
    this.#offerId = world.nextStanzaId()
    this.refs = Array.from({ length: REF_COUNT }, () => `2@${toBase64(world.random.bytes(REF_BYTES))}`)
    this.#expiry = this.#expireIn(this.#lifetimeMs(REF_COUNT - 1))
  }

  offer(): void {
    this.#note(`a companion "${this.#facts.registration.os}" waits to be linked`)
    this.#channel.write(pairDevice(this.#offerId, this.refs))
  }

  /** Every QR code so far is an expired one. */
  expireRefs(): void {
    this.#note('the refs are taken for expired')
    this.#hasExpiredRefs = true
  }

  async approve(account: Account, approval: PairingApproval): Promise<void> {
    const expiryMs = this.codes.expiryOf(approval.ref) ?? this.#expiryOfRef(approval.ref)
    if (this.#world.clock.nowMs() > expiryMs) {
      throw new UsageError('WATON_SIMULATOR_QR_EXPIRED', 'the code expired: use the one that is shown now')
    }
    if (this.#pending !== undefined || this.#isClosed) {
      throw new UsageError(
        'WATON_SIMULATOR_QR_UNKNOWN',
        'the client that showed this QR code is being linked already',
      )
    }
    const done = deferred<undefined>()
    const timer = this.#world.clock.schedule(SIGN_DEADLINE_MS, () => {
      const message = 'the companion did not answer pair-success within a minute'
      this.#fail(new TimeoutError('WATON_SIMULATOR_PAIRING_TIMEOUT', message))
    })
    const stanzaId = this.#world.nextStanzaId()
    this.#pending = { account, approval, stanzaId, done, timer }
    this.#channel.write(
      pairSuccess({
        id: stanzaId,
        nowSeconds: this.#world.nowSeconds(),
        deviceIdentity: approval.deviceIdentity,
        platform: PHONE_PLATFORM,
        ...addressesOf(account, approval),
        businessName: undefined,
      }),
    )
    await done.promise
  }

  receive(stanza: BinaryNode): void {
    if (this.#isClosed) return
    if (stanza.tag === 'iq') this.#receiveIq(stanza)
    else if (stanza.tag === 'ib' || stanza.tag === 'presence')
      this.#note(`<${stanza.tag}> before login is ignored`)
    else if (stanza.tag === 'ack')
      this.#obey(() => {
        this.notices.receiveAck(stanza)
      })
    else this.violation(`<${stanza.tag}> is not a stanza that an unlinked companion sends`)
  }

  violation(text: string): void {
    this.#world.trace.note('violation', text, { connectionId: this.#channel.connectionId })
    this.#channel.write(streamNotWellFormed())
    this.#fail(
      new ProtocolError('WATON_SIMULATOR_PAIRING_VIOLATION', `the companion broke the protocol: ${text}`),
    )
    this.#leave()
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#expiry.cancel()
    this.codes.close()
    this.#seat.release(this.refs)
    const message = 'the companion closed its connection before it was linked'
    this.#fail(new ClosedError('WATON_SIMULATOR_PAIRING_CLOSED', message))
  }

  #receiveIq(query: BinaryNode): void {
    const { id, type, xmlns } = query.attrs
    const pending = this.#pending
    if (type === 'get' && xmlns === 'w:p') this.#channel.write(iqResult(query))
    else if (isLinkCodeQuery(query))
      this.#obey(() => {
        this.codes.receive(query)
      })
    else if (type !== 'result' && type !== 'error')
      this.violation('an unlinked companion asks only for pings and announces pairing codes')
    else if (pending !== undefined && id === pending.stanzaId) this.#handleSign(query, pending)
    else if (id !== this.#offerId)
      this.#note(`an answer to nothing that the server asked: <iq id="${id ?? ''}">`)
  }

  /** What breaks the protocol ends the connection. */
  #obey(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.violation(error.message)
    }
  }

  #expireIn(delayMs: number): Timer {
    return this.#world.clock.schedule(delayMs, () => {
      if (this.#pending !== undefined) return
      const leftMs = this.codes.leftMs
      if (leftMs > 0) {
        this.#expiry = this.#expireIn(leftMs)
        return
      }
      this.#note('every code expired')
      this.#leave()
    })
  }

  #handleSign(answer: BinaryNode, pending: PendingApproval): void {
    const refusal = readPairRefusal(answer)
    if (refusal !== undefined) {
      const message = `the companion refused to be linked: ${refusal.code} ${refusal.text}`
      this.#fail(new QueryError('WATON_SIMULATOR_PAIRING_REFUSED', message, { details: refusal }))
      this.#leave()
      return
    }
    const violation = findViolation(answer, PAIR_SIGN_SHAPE)
    if (violation !== undefined) {
      this.violation(violation)
      return
    }
    try {
      this.#link(answer, pending)
    } catch (error) {
      if (errorCode(error) === undefined) throw error
      this.#fail(error)
      this.violation(error instanceof Error ? error.message : '')
    }
  }

  #link(answer: BinaryNode, pending: PendingApproval): void {
    const { account, approval, done, timer } = pending
    const { keys, deviceProps } = this.#facts.registration
    const issued = readIssuedIdentity(approval.deviceIdentity)
    const deviceIdentity = checkPairSign(answer, issued, keys.identityKey)
    const device = this.#world.addDevice(account, {
      id: approval.deviceId,
      keyIndex: issued.keyIndex,
      platform: approval.platform,
      deviceProps,
      deviceIdentity,
      noiseKey: this.#facts.noiseKey,
      linkedAtSeconds: this.#world.nowSeconds(),
    })
    device.directory.register(keys)
    account.keyIndexList = approval.keyIndexList ?? account.keyIndexList
    device.dirty.set('account_sync', this.#world.nowSeconds())
    timer.cancel()
    this.#pending = undefined
    this.#note(`device ${String(approval.deviceId)} of ${account.facts.phoneNumber} is linked`)
    done.resolve(undefined)
    this.#channel.write(streamErrorCode(RESTART_REQUIRED))
    this.#leave()
    announceDevice(this.#world, account, device, 'add')
  }

  #fail(error: unknown): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    pending.timer.cancel()
    pending.done.reject(error)
  }

  #leave(): void {
    this.closed()
    this.#channel.end()
  }

  #expiryOfRef(ref: string): number {
    return this.#hasExpiredRefs ? 0 : this.#seatedAtMs + this.#lifetimeMs(this.refs.indexOf(ref))
  }

  #lifetimeMs(refIndex: number): number {
    return FIRST_REF_MS + refIndex * NEXT_REF_MS
  }

  #note(text: string): void {
    this.#world.trace.note('pairing', text, { connectionId: this.#channel.connectionId })
  }
}

/** What the new device is called. */
function addressesOf(
  account: Account,
  { deviceId, claimedDeviceId = deviceId, isHosted = false }: PairingApproval,
): { readonly jid: string; readonly lid: string } {
  const [jid, lid] = [account.jid('pn', claimedDeviceId), account.jid('lid', claimedDeviceId)]
  if (!isHosted) return { jid, lid }
  return {
    jid: formatJid({ ...parseJid(jid), server: SERVER_HOSTED }),
    lid: formatJid({ ...parseJid(lid), server: SERVER_HOSTED_LID }),
  }
}
