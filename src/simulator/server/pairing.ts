/**
 * Linking a device, the server's part: companions wait with their refs until a phone approves one of them. What one
 * companion then goes through is in `waiting-companion.ts`.
 */
import { UsageError } from '../../base/errors.ts'
import type { AnnouncedCode, CodeAnswer, CompanionKeys, PairingApproval } from '../link.ts'
import type { PasskeyStep, RefreshChild } from '../stanza/companion.ts'
import type { Account } from '../world/account.ts'
import type { World } from '../world/world.ts'
import type { Channel, StanzaListener } from './channel.ts'
import type { RegistrationPayload } from './client-payload.ts'
import { passkeyNeeded, unknownCode } from './code-linking.ts'
import type { CodeLinking, LinkCodeRefusal } from './code-linking.ts'
import { REF_COUNT, WaitingCompanion } from './waiting-companion.ts'

/** Companions waiting at a time. */
const MAX_WAITING = 1_000

/** What goes wrong on purpose while a device is linked; each is used up by asking. */
export interface PairingPlans {
  /** A refusal for the next pairing code of a phone number. */
  readonly refuseCode: (phoneNumber: string) => LinkCodeRefusal | undefined
  /** The passkey notification that takes the place of the next `pair-success` of a phone number. */
  readonly demandPasskey: (phoneNumber: string) => PasskeyStep | undefined
}

/** What can be done to companions that wait to be linked. */
export interface CompanionFaults {
  /** Tells each that its codes need another secret. @returns how many wait */
  refresh(child: RefreshChild): number
  /** Makes every QR code so far an expired one. @returns how many companions wait */
  expireRefs(): number
  /** Tells the companion with the code for this number that it is over. @returns whether there is one */
  refreshCode(phoneNumber: string, isManual: boolean): boolean
}

/** Companions that wait to be approved, by ref, and the codes that they announced, by phone number. */
export class PairingDesk implements CompanionFaults {
  readonly #byRef = new Map<string, WaitingCompanion>()
  readonly #byNumber = new Map<string, WaitingCompanion>()
  readonly #world: World
  readonly #plans: PairingPlans

  constructor(world: World, plans: Partial<PairingPlans> = {}) {
    this.#world = world
    this.#plans = { refuseCode: () => undefined, demandPasskey: () => undefined, ...plans }
  }

  /** Seats a new companion: it gets its refs at once. */
  seat(channel: Channel, registration: RegistrationPayload, noiseKey: Uint8Array): StanzaListener {
    const companion: WaitingCompanion = new WaitingCompanion(
      this.#world,
      channel,
      { registration, noiseKey },
      {
        refuseCode: this.#plans.refuseCode,
        // the code announced last is the one that a phone asks for
        announce: (phoneNumber) => this.#byNumber.set(phoneNumber, companion),
        release: (refs) => {
          for (const ref of refs) this.#byRef.delete(ref)
          for (const [number, owner] of this.#byNumber) if (owner === companion) this.#byNumber.delete(number)
        },
      },
    )
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
    const byCode = this.#byNumber.get(account.facts.phoneNumber)
    const companion =
      byCode?.codes.expiryOf(approval.ref) === undefined ? this.#byRef.get(approval.ref) : byCode
    if (companion === undefined) {
      throw new UsageError(
        'WATON_SIMULATOR_QR_UNKNOWN',
        'no client waits with this QR code: it was used, its client left, or it belongs to another server',
      )
    }
    const step = this.#plans.demandPasskey(account.facts.phoneNumber)
    if (step !== undefined) {
      companion.notices.passkey(step)
      throw passkeyNeeded()
    }
    await companion.approve(account, approval)
  }

  refresh(child: RefreshChild): number {
    const waiting = this.#waiting
    for (const companion of waiting) companion.notices.refresh(child)
    return waiting.length
  }

  expireRefs(): number {
    const waiting = this.#waiting
    for (const companion of waiting) companion.expireRefs()
    return waiting.length
  }

  refreshCode(phoneNumber: string, isManual: boolean): boolean {
    return this.#byNumber.get(phoneNumber)?.codes.refresh(isManual) ?? false
  }

  get #waiting(): readonly WaitingCompanion[] {
    return [...new Set(this.#byRef.values())]
  }

  /** See `LinkCodeServices`. */
  announcedTo(account: Account): AnnouncedCode {
    return this.#codesOf(account).announcedTo(account)
  }

  /** See `LinkCodeServices`. */
  async answerCode(account: Account, answer: CodeAnswer): Promise<CompanionKeys> {
    return this.#codesOf(account).answer(account, answer)
  }

  #codesOf(account: Account): CodeLinking {
    const companion = this.#byNumber.get(account.facts.phoneNumber)
    if (companion === undefined) throw unknownCode()
    return companion.codes
  }
}
