/**
 * Linking a device, the server's part: a companion waits with its refs, the phone approves one of them, the companion
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
import { announceDevice } from '../handlers/fan-out.ts'
import { iqResult } from '../stanza/iq.ts'
import {
  checkPairSign,
  pairDevice,
  PAIR_SIGN_SHAPE,
  pairSuccess,
  readIssuedIdentity,
} from '../stanza/pairing.ts'
import { readPairRefusal } from '../stanza/pairing.ts'
import { findViolation } from '../stanza/shape.ts'
import { streamErrorCode, streamNotWellFormed } from '../stanza/stream.ts'
import type { PairingApproval } from '../link.ts'
import type { Account } from '../world/account.ts'
import type { World } from '../world/world.ts'
import type { Channel, StanzaListener } from './channel.ts'
import type { RegistrationPayload } from './client-payload.ts'

const REF_COUNT = 6
const REF_BYTES = 33
const FIRST_REF_MS = 60_000
const NEXT_REF_MS = 20_000
const SIGN_DEADLINE_MS = 60_000
/** Companions waiting at a time. */
const MAX_WAITING = 1_000
/** "Connect again": how a fresh companion is sent into its first login. */
const RESTART_REQUIRED = 515
/** The platform of every simulated phone, as `pair-success` names it. */
const PHONE_PLATFORM = 'android'

/** Companions that wait to be approved, by ref. */
export class PairingDesk {
  readonly #byRef = new Map<string, WaitingCompanion>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Seats a new companion: it gets its refs at once. */
  seat(channel: Channel, registration: RegistrationPayload, noiseKey: Uint8Array): StanzaListener {
    const companion = new WaitingCompanion(this.#world, channel, { registration, noiseKey }, (refs) => {
      for (const ref of refs) this.#byRef.delete(ref)
    })
    if (this.#byRef.size < MAX_WAITING * REF_COUNT) {
      for (const ref of companion.refs) this.#byRef.set(ref, companion)
    }
    companion.offer()
    return companion
  }

  /**
   * The phone approves. Resolves when the device is linked.
   *
   * @throws {UsageError} `WATON_SIMULATOR_QR_UNKNOWN`, `WATON_SIMULATOR_QR_EXPIRED`
   * @throws {QueryError} `WATON_SIMULATOR_PAIRING_REFUSED` when the companion answers with an error
   * @throws {ProtocolError} `WATON_SIMULATOR_PAIRING_SIGNATURE` when the companion signs wrongly
   */
  async approve(account: Account, approval: PairingApproval): Promise<void> {
    const companion = this.#byRef.get(approval.ref)
    if (companion === undefined) {
      throw new UsageError(
        'WATON_SIMULATOR_QR_UNKNOWN',
        'no client waits with this QR code: it was used, its client left, or it belongs to another server',
      )
    }
    await companion.approve(account, approval)
  }
}

/** What is known of a companion before it has an account. */
interface CompanionFacts {
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

/** One companion on one connection, before it has an account. */
class WaitingCompanion implements StanzaListener {
  readonly refs: readonly string[]
  readonly #world: World
  readonly #channel: Channel
  readonly #facts: CompanionFacts
  readonly #release: (refs: readonly string[]) => void
  readonly #seatedAtMs: number
  readonly #offerId: string
  readonly #expiry: Timer
  #pending: PendingApproval | undefined
  #isClosed = false

  constructor(
    world: World,
    channel: Channel,
    facts: CompanionFacts,
    release: (refs: readonly string[]) => void,
  ) {
    this.#world = world
    this.#channel = channel
    this.#facts = facts
    this.#release = release
    this.#seatedAtMs = world.clock.nowMs()
    this.#offerId = world.nextStanzaId()
    this.refs = Array.from({ length: REF_COUNT }, () => `2@${toBase64(world.random.bytes(REF_BYTES))}`)
    this.#expiry = world.clock.schedule(this.#lifetimeMs(REF_COUNT - 1), () => {
      if (this.#pending !== undefined) return
      this.#note('every QR code expired')
      this.#leave()
    })
  }

  offer(): void {
    this.#note(`a companion "${this.#facts.registration.os}" waits to be linked`)
    this.#channel.write(pairDevice(this.#offerId, this.refs))
  }

  async approve(account: Account, approval: PairingApproval): Promise<void> {
    const ageMs = this.#world.clock.nowMs() - this.#seatedAtMs
    if (ageMs > this.#lifetimeMs(this.refs.indexOf(approval.ref))) {
      throw new UsageError(
        'WATON_SIMULATOR_QR_EXPIRED',
        'the QR code expired: scan the one that is shown now',
      )
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
        jid: account.jid('pn', approval.deviceId),
        lid: account.jid('lid', approval.deviceId),
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
    this.#release(this.refs)
    const message = 'the companion closed its connection before it was linked'
    this.#fail(new ClosedError('WATON_SIMULATOR_PAIRING_CLOSED', message))
  }

  #receiveIq(query: BinaryNode): void {
    const { id, type, xmlns } = query.attrs
    const pending = this.#pending
    if (type === 'get' && xmlns === 'w:p') this.#channel.write(iqResult(query))
    else if (type !== 'result' && type !== 'error')
      this.violation('an unlinked companion asks only for pings')
    else if (pending !== undefined && id === pending.stanzaId) this.#handleSign(query, pending)
    else if (id !== this.#offerId)
      this.#note(`an answer to nothing that the server asked: <iq id="${id ?? ''}">`)
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
    const { keys } = this.#facts.registration
    const issued = readIssuedIdentity(approval.deviceIdentity)
    const deviceIdentity = checkPairSign(answer, issued, keys.identityKey)
    const device = this.#world.addDevice(account, {
      id: approval.deviceId,
      keyIndex: issued.keyIndex,
      platform: approval.platform,
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

  #lifetimeMs(refIndex: number): number {
    return FIRST_REF_MS + refIndex * NEXT_REF_MS
  }

  #note(text: string): void {
    this.#world.trace.note('pairing', text, { connectionId: this.#channel.connectionId })
  }
}
