/**
 * What can go wrong on purpose. Every fault that happens leaves a line in the trace.
 */
import { UsageError } from '../base/errors.ts'
import { BoundedMap } from '../base/bounded-map.ts'
import { node } from '../protocol/binary/node.ts'
import { clientExpiration } from './stanza/stream.ts'
import type { Device } from './world/device.ts'
import type { World } from './world/world.ts'

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

/** What a stream error says; everything is optional, as on the wire. */
export interface StreamErrorOptions {
  /** E.g. 515 (come back), 516 (removed), 503 (try later), 429 (too many). */
  readonly code?: number
  readonly text?: string
  /** The child that names the cause, e.g. `{ tag: 'conflict', attrs: { type: 'replaced' } }`. */
  readonly cause?: { readonly tag: string; readonly attrs?: Readonly<Record<string, string>> }
}

/** `2.3000.1045601094` as numbers. */
type VersionNumbers = readonly [primary: number, secondary: number, tertiary: number]

interface PlannedRefusal {
  readonly reason: number
  readonly times: number
}

/** Devices with planned refusals at a time. */
const MAX_PLANS = 1_000

/** See the file comment. Devices are named by JID, e.g. `15550000001:1@s.whatsapp.net`. */
export class Faults {
  readonly #world: World
  readonly #refusals = new BoundedMap<string, LoginRefusal>(MAX_PLANS)
  #oldestVersion: VersionNumbers | undefined
  readonly #codeRefusals = new BoundedMap<string, PlannedRefusal>(MAX_PLANS)

  constructor(world: World) {
    this.#world = world
  }

  /** Cuts the connection of a device, as a broken network does. @returns whether it was connected */
  disconnect(jid: string): boolean {
    const { outlet } = this.#deviceOf(jid)
    if (outlet === undefined) return false
    this.#note(jid, 'the connection is cut')
    outlet.cut()
    return true
  }

  /**
   * Refuses the next logins of a device with `<failure reason>`.
   *
   * @param reason - e.g. 401 (logged out), 402 (banned for a while), 403 (locked), 405 (client too old), 503 (try later)
   */
  refuseLogin(jid: string, reason: number, options: LoginRefusalOptions = {}): void {
    this.#refusals.set(this.#keyOf(jid), { ...options, reason })
  }

  /** Ends the connection of a device with `<stream:error>`. @returns whether it was connected */
  streamError(jid: string, { code, text, cause }: StreamErrorOptions = {}): boolean {
    const { outlet } = this.#deviceOf(jid)
    if (outlet === undefined) return false
    const said = [code === undefined ? '' : ` ${String(code)}`, cause === undefined ? '' : ` <${cause.tag}>`]
    this.#note(jid, `the stream ends with an error${said.join('')}`)
    const children = cause === undefined ? [] : [node(cause.tag, cause.attrs ?? {})]
    outlet.endWith(node('stream:error', { code, text }, children))
    return true
  }

  /** Ends the connection of a device with `<xmlstreamend/>`, as the server does without a reason. @returns whether it was connected */
  endStream(jid: string): boolean {
    const { outlet } = this.#deviceOf(jid)
    if (outlet === undefined) return false
    this.#note(jid, 'the stream ends without a reason')
    outlet.endWith(node('xmlstreamend'))
    return true
  }

  /**
   * Refuses every client that announces an older version than this with 405, logins and new devices alike.
   *
   * @param version - e.g. `2.3000.1045601094`; `undefined` takes any version again
   * @throws {UsageError} `WATON_SIMULATOR_VERSION`
   */
  requireVersion(version: string | undefined): void {
    this.#oldestVersion = version === undefined ? undefined : versionNumbers(version)
  }

  /**
   * Tells a device that its version will be refused soon, with `<client_expiration>`.
   *
   * @param atSeconds - when, in seconds since the epoch; left out, the stanza does not say
   * @returns whether it was connected
   */
  expireClient(jid: string, atSeconds?: number): boolean {
    const { outlet } = this.#deviceOf(jid)
    if (outlet === undefined) return false
    this.#note(jid, 'the device is told that its version expires')
    outlet.sendTransient(clientExpiration(atSeconds))
    return true
  }

  /**
   * Refuses the next pairing codes that are announced to a phone number.
   *
   * @param phoneNumber - digits with country code; it needs no account
   * @param code - an error code of a query, e.g. 400 (bad request) or 429 (too many)
   * @param times - announcements that are refused. @default 1
   */
  refuseLinkCode(phoneNumber: string, code: number, times: number = 1): void {
    this.#codeRefusals.set(phoneNumber, { reason: code, times })
  }

  /** Cuts the connection of a device instead of sending it the stanza after the next `stanzas`. */
  dropAfter(jid: string, stanzas: number): void {
    const { outlet } = this.#deviceOf(jid)
    if (outlet === undefined) {
      throw new UsageError(
        'WATON_SIMULATOR_OFFLINE',
        'the device is not connected: connect it before planning this fault',
        {
          details: { jid },
        },
      )
    }
    this.#note(jid, `the connection will be cut after ${String(stanzas)} more stanzas`)
    outlet.cutAfter(stanzas)
  }

  /** Marks a kind of data as changed while the device was away; it hears of it at its next login. */
  markDirty(jid: string, type: 'account_sync' | 'groups' | 'newsletter_metadata' | 'syncd_app_state'): void {
    this.#deviceOf(jid).dirty.set(type, this.#world.nowSeconds())
  }

  /** The refusal planned for a login, used up by asking. For the server. */
  takeRefusal(jid: string): LoginRefusal | undefined {
    const planned = takePlan(this.#refusals, jid)
    if (planned !== undefined) this.#note(jid, `the login is refused with ${String(planned.reason)}`)
    return planned
  }

  /** Whether a client of this version is too old. For the server. */
  isOutdated(announced: VersionNumbers): boolean {
    const oldest = this.#oldestVersion
    if (oldest === undefined || !isOlder(announced, oldest)) return false
    this.#world.trace.note(
      'fault',
      `version ${announced.join('.')} is refused: ${oldest.join('.')} is wanted`,
    )
    return true
  }

  /** The refusal planned for a pairing code, used up by asking. For the server. */
  takeLinkCodeRefusal(phoneNumber: string): number | undefined {
    const code = takePlan(this.#codeRefusals, phoneNumber)?.reason
    if (code !== undefined)
      this.#world.trace.note('fault', `a pairing code for ${phoneNumber} is refused with ${String(code)}`)
    return code
  }

  #deviceOf(jid: string): Device {
    const device = this.#world.deviceOf(jid)
    if (device !== undefined) return device
    throw new UsageError('WATON_SIMULATOR_DEVICE', 'the simulator knows no such device', { details: { jid } })
  }

  #keyOf(jid: string): string {
    const found = this.#world.resolve(jid)
    return found === undefined ? jid : found.account.jid('pn', found.deviceId)
  }

  #note(jid: string, text: string): void {
    this.#world.trace.note('fault', text, { device: this.#keyOf(jid) })
  }
}

/** What is planned next, once less. */
function takePlan<Plan extends { readonly times?: number }>(
  plans: BoundedMap<string, Plan>,
  key: string,
): Plan | undefined {
  const planned = plans.get(key)
  if (planned === undefined) return undefined
  const { times = 1 } = planned
  if (times <= 1) plans.delete(key)
  else plans.set(key, { ...planned, times: times - 1 })
  return planned
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
