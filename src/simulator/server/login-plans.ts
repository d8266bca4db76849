/**
 * What clients are told on purpose before they are logged in: refused logins, old versions, spoilt resumptions, refused
 * pairing codes, passkeys. `faults.ts` plans it; the server asks here, and asking uses a plan up.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import { UsageError } from '../../base/errors.ts'
import type { PasskeyStep } from '../stanza/companion.ts'
import type { Trace } from '../trace.ts'
import type { LinkCodeRefusal } from './code-linking.ts'

/** What a refused login is told besides the reason. */
export interface LoginRefusalOptions {
  /** With 402: why, e.g. 101 (sent to too many people). */
  readonly code?: number
  /** With 402: for how many seconds. */
  readonly expire?: number
  /** Words for the user. */
  readonly message?: string
  /** Logins that are refused. @default 1 */
  readonly times?: number
}

/** A login that is to be refused. */
export interface LoginRefusal extends LoginRefusalOptions {
  readonly reason: number
}

/** `2.3000.1045601094` as numbers. */
export type VersionNumbers = readonly [primary: number, secondary: number, tertiary: number]

interface Plan<What> {
  readonly what: What
  readonly times: number
}

/** Plans of one kind at a time. */
const MAX_PLANS = 1_000

/** See the file comment. */
export class LoginPlans {
  readonly #trace: Trace
  readonly #refusals = new BoundedMap<string, Plan<LoginRefusal>>(MAX_PLANS)
  readonly #codeRefusals = new BoundedMap<string, Plan<LinkCodeRefusal>>(MAX_PLANS)
  readonly #passkeys = new BoundedMap<string, Plan<PasskeyStep>>(MAX_PLANS)
  #resumptions: { readonly as: 'fall-back' | 'forge'; readonly times: number } | undefined
  #oldestVersion: VersionNumbers | undefined

  constructor(trace: Trace) {
    this.#trace = trace
  }

  /** @param device - by phone number and device number */
  refuseLogin(device: string, what: LoginRefusal, times: number): void {
    this.#refusals.set(device, { what, times })
  }

  /** The refusal planned for a login. */
  takeRefusal(device: string): LoginRefusal | undefined {
    const planned = takePlan(this.#refusals, device)
    if (planned !== undefined)
      this.#trace.note('fault', `the login is refused with ${String(planned.reason)}`, { device })
    return planned
  }

  /** @throws {UsageError} `WATON_SIMULATOR_VERSION` */
  requireVersion(version: string | undefined): void {
    this.#oldestVersion = version === undefined ? undefined : versionNumbers(version)
  }

  /** Whether a client of this version is too old. */
  isOutdated(announced: VersionNumbers): boolean {
    const oldest = this.#oldestVersion
    if (oldest === undefined || !isOlder(announced, oldest)) return false
    this.#trace.note('fault', `version ${announced.join('.')} is refused: ${oldest.join('.')} is wanted`)
    return true
  }

  /** Spoils handshakes that resume. */
  refuseResume(as: 'fall-back' | 'forge', times: number): void {
    this.#resumptions = { as, times }
  }

  /** What is planned for a handshake that resumes. */
  takeResumption(): 'resume' | 'fall-back' | 'forge' {
    const planned = this.#resumptions
    if (planned === undefined) return 'resume'
    this.#resumptions = planned.times <= 1 ? undefined : { ...planned, times: planned.times - 1 }
    this.#trace.note('fault', `resuming is answered with: ${planned.as}`)
    return planned.as
  }

  /** Refuses pairing codes that are announced to a phone number. */
  refuseLinkCode(phoneNumber: string, what: LinkCodeRefusal, times: number): void {
    this.#codeRefusals.set(phoneNumber, { what, times })
  }

  /** The refusal planned for a pairing code. */
  takeLinkCodeRefusal(phoneNumber: string): LinkCodeRefusal | undefined {
    const refusal = takePlan(this.#codeRefusals, phoneNumber)
    if (refusal !== undefined)
      this.#trace.note('fault', `a pairing code for ${phoneNumber} is refused with ${String(refusal.code)}`)
    return refusal
  }

  /** Asks companions of a phone number for a passkey. */
  demandPasskey(phoneNumber: string, what: PasskeyStep, times: number): void {
    this.#passkeys.set(phoneNumber, { what, times })
  }

  /** The passkey notification planned for a number. */
  takePasskeyDemand(phoneNumber: string): PasskeyStep | undefined {
    const step = takePlan(this.#passkeys, phoneNumber)
    if (step !== undefined) this.#trace.note('fault', `a passkey of ${phoneNumber} is asked for (${step})`)
    return step
  }
}

/** What is planned next, once less. */
function takePlan<What>(plans: BoundedMap<string, Plan<What>>, key: string): What | undefined {
  const planned = plans.get(key)
  if (planned === undefined) return undefined
  if (planned.times <= 1) plans.delete(key)
  else plans.set(key, { ...planned, times: planned.times - 1 })
  return planned.what
}

function versionNumbers(text: string): VersionNumbers {
  const [primary, secondary, tertiary] = text.split('.').map(Number)
  if (
    !/^\d+\.\d+\.\d+$/.test(text) ||
    primary === undefined ||
    secondary === undefined ||
    tertiary === undefined
  )
    throw new UsageError('WATON_SIMULATOR_VERSION', 'a version looks like 2.3000.1045601094', {
      details: { text },
    })
  return [primary, secondary, tertiary]
}

function isOlder(version: VersionNumbers, than: VersionNumbers): boolean {
  const differing = than.findIndex((wanted, index) => wanted !== version[index])
  return differing !== -1 && (version[differing] ?? 0) < (than[differing] ?? 0)
}
