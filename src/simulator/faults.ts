/**
 * What can go wrong on purpose. Every fault that happens leaves a line in the trace.
 */
import { UsageError } from '../base/errors.ts'
import { BoundedMap } from '../base/bounded-map.ts'
import type { FaultInjector } from './fault-plan/injector.ts'
import type { FaultPlan } from './fault-plan/plan.ts'
import type { FaultRun } from './fault-plan/run.ts'
import type { Device } from './world/device.ts'
import type { CorruptKey, KeyQuery } from './world/key-directory.ts'
import type { World } from './world/world.ts'

/** The part of the server that has a static key. */
interface KeyOwner {
  rotate(): void
}

interface PlannedRefusal {
  readonly reason: number
  readonly times: number
}

/** Devices with planned refusals at a time. */
const MAX_PLANS = 1_000

/** See the file comment. Devices are named by JID, e.g. `15550000001:1@s.whatsapp.net`. */
export class Faults {
  readonly #world: World
  readonly #injector: FaultInjector
  readonly #refusals = new BoundedMap<string, PlannedRefusal>(MAX_PLANS)
  readonly #codeRefusals = new BoundedMap<string, PlannedRefusal>(MAX_PLANS)
  readonly #keyOwner: KeyOwner
  #resumptions: { readonly as: 'fall-back' | 'forge'; readonly times: number } | undefined

  constructor(world: World, parts: { readonly injector: FaultInjector; readonly keyOwner: KeyOwner }) {
    this.#world = world
    this.#injector = parts.injector
    this.#keyOwner = parts.keyOwner
  }

  /**
   * Starts a plan: from now on connections break where it says, and each fault that happens is a line in the trace. One
   * plan runs at a time; `stop()` what this returns before the next.
   *
   * @throws {UsageError} `WATON_SIMULATOR_FAULT_PLAN` when it cannot be followed, `WATON_SIMULATOR_FAULT_PLAN_RUNNING`
   */
  plan(plan: FaultPlan): FaultRun {
    return this.#injector.start(plan)
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
   * @param reason - e.g. 401 (logged out), 403 (locked), 405 (client too old), 503 (try later)
   * @param times - logins that are refused. @default 1
   */
  refuseLogin(jid: string, reason: number, times: number = 1): void {
    this.#refusals.set(this.#keyOf(jid), { reason, times })
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

  /** Gives the server another static key, certified like the first: resuming with the old one leads to a fallback. */
  rotateServerKey(): void {
    this.#world.trace.note('fault', 'the server has a new static key')
    this.#keyOwner.rotate()
  }

  /**
   * Spoils the next handshakes that resume. Others are not touched.
   *
   * @param as - `fall-back`: the server introduces itself again; `forge`: its answer proves nothing
   * @param times - handshakes that are spoilt. @default 1
   */
  refuseResume(as: 'fall-back' | 'forge', times: number = 1): void {
    this.#resumptions = { as, times }
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
    outlet.cutAfter(stanzas)
  }

  /** Marks a kind of data as changed while the device was away; it hears of it at its next login. */
  markDirty(jid: string, type: 'account_sync' | 'groups' | 'newsletter_metadata' | 'syncd_app_state'): void {
    this.#deviceOf(jid).dirty.set(type, this.#world.nowSeconds())
  }

  /** Makes the server forget every key of a device, as if its directory had been lost. */
  loseKeys(jid: string): void {
    this.#deviceOf(jid).directory.lose()
    this.#note(jid, 'the keys of the device are lost')
  }

  /** Changes a public key of a device in the directory. @returns whether there was one */
  corruptKeys(jid: string, what: CorruptKey): boolean {
    const isDone = this.#deviceOf(jid).directory.corrupt(what)
    if (isDone) this.#note(jid, `a ${what} of the device is corrupted`)
    return isDone
  }

  /**
   * Refuses the next queries of a device about its own keys.
   *
   * @param code - e.g. 406 (not acceptable), 409 (conflict), 503 (try later)
   * @param times - queries that are refused. @default 1
   */
  refuseKeys(jid: string, query: KeyQuery, code: number, times: number = 1): void {
    this.#deviceOf(jid).directory.planRefusal(query, code, times)
  }

  /** The refusal planned for a login, used up by asking. For the server. */
  takeRefusal(jid: string): number | undefined {
    const reason = takePlan(this.#refusals, jid)
    if (reason !== undefined) this.#note(jid, `the login is refused with ${String(reason)}`)
    return reason
  }

  /** What is planned for a handshake that resumes, used up by asking. For the server. */
  takeResumption(): 'resume' | 'fall-back' | 'forge' {
    const planned = this.#resumptions
    if (planned === undefined) return 'resume'
    this.#resumptions = planned.times <= 1 ? undefined : { ...planned, times: planned.times - 1 }
    this.#world.trace.note('fault', `resuming is answered with: ${planned.as}`)
    return planned.as
  }

  /** The refusal planned for a pairing code, used up by asking. For the server. */
  takeLinkCodeRefusal(phoneNumber: string): number | undefined {
    const code = takePlan(this.#codeRefusals, phoneNumber)
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
function takePlan(plans: BoundedMap<string, PlannedRefusal>, key: string): number | undefined {
  const planned = plans.get(key)
  if (planned === undefined) return undefined
  if (planned.times <= 1) plans.delete(key)
  else plans.set(key, { ...planned, times: planned.times - 1 })
  return planned.reason
}
