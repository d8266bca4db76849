/**
 * What can go wrong on purpose. Every fault that happens leaves a line in the trace. What is planned for logins waits in
 * `server/login-plans.ts`, and what is planned for stanzas and bytes in `fault-plan/`.
 */
import { UsageError } from '../base/errors.ts'
import { AppStateFaults } from './app-state-faults.ts'
import type { FaultInjector } from './fault-plan/injector.ts'
import type { FaultPlan } from './fault-plan/plan.ts'
import type { FaultRun } from './fault-plan/run.ts'
import { HistoryFaults } from './history-faults.ts'
import { MediaFaults } from './media/media-faults.ts'
import { postRetryStorm } from './retry-storm.ts'
import type { RetryStorm } from './retry-storm.ts'
import type { LoginPlans, LoginRefusalOptions } from './server/login-plans.ts'
import type { CompanionFaults } from './server/pairing.ts'
import type { PasskeyStep, RefreshChild } from './stanza/companion.ts'
import { node } from '../protocol/binary/node.ts'
import { clientExpiration } from './stanza/stream.ts'
import type { Device } from './world/device.ts'
import type { CorruptKey, KeyQuery } from './world/key-directory.ts'
import type { OfflineHabits } from './world/offline.ts'
import type { StrangerHabits } from './world/strangers.ts'
import type { DirectoryFault, World } from './world/world.ts'

/** What a stream error says; everything is optional, as on the wire. */
export interface StreamErrorOptions {
  /** E.g. 515 (come back), 516 (removed), 503 (try later), 429 (too many). */
  readonly code?: number
  /** Words for the user. */
  readonly text?: string
  /** The child that names the cause, e.g. `{ tag: 'conflict', attrs: { type: 'replaced' } }`. */
  readonly cause?: { readonly tag: string; readonly attrs?: Readonly<Record<string, string>> }
}

/** The part of the server that has a static key. */
interface KeyOwner {
  rotate(): void
}

const ACK = {
  direction: 'server-to-client',
  stanza: 1,
  tags: ['ack'],
  attributes: { class: 'message' },
} as const
/** Of others: an own device answers with another type. */
const RECEIPT = {
  direction: 'server-to-client',
  stanza: 1,
  tags: ['receipt'],
  attributes: { type: ['', 'read', 'played', 'inactive'] },
} as const

/** See the file comment. Devices are named by JID, e.g. `15550000001:1@s.whatsapp.net`. */
export class Faults {
  /** What goes wrong with the settings that devices of an account share. */
  readonly appState: AppStateFaults
  /** What goes wrong with uploads, downloads and the servers for them. */
  readonly media: MediaFaults
  /** What goes wrong with the history that phones give. */
  readonly history: HistoryFaults
  readonly #world: World
  readonly #injector: FaultInjector
  readonly #companions: CompanionFaults
  readonly #logins: LoginPlans
  readonly #keyOwner: KeyOwner

  constructor(
    world: World,
    parts: {
      readonly injector: FaultInjector
      readonly keyOwner: KeyOwner
      readonly companions: CompanionFaults
      readonly logins: LoginPlans
    },
  ) {
    this.appState = new AppStateFaults(world)
    this.media = new MediaFaults(world)
    this.history = new HistoryFaults(world.historyPlans)
    this.#world = world
    this.#companions = parts.companions
    this.#logins = parts.logins
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

  /**
   * Gives the server bad habits with what waits for devices that are away; what is left out stays as it was.
   *
   * ```ts
   * simulator.faults.offline({ endMarker: false, lostPulls: 2 })
   * ```
   */
  offline(habits: Partial<OfflineHabits>): void {
    this.#world.offline = { ...this.#world.offline, ...habits }
  }

  /**
   * Makes the server strict with those who write to people they do not know: `needToken` wants a token of the other side
   * (`phone.giveToken` hands one out), `locked` names phone numbers that may write to nobody new. Both are refused with
   * 463; who was written to by the other side first is no stranger. What is left out stays as it was.
   */
  strangers(habits: Partial<StrangerHabits>): void {
    this.#world.strangers.habits = { ...this.#world.strangers.habits, ...habits }
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
    const { times = 1, ...told } = options
    this.#logins.refuseLogin(this.#keyOf(jid), { ...told, reason }, times)
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
    this.#logins.requireVersion(version)
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
   * @param options - `times`: announcements that are refused, 1 by default; `backoffSeconds`: how long the server says that it
   *   wants to be left alone
   */
  refuseLinkCode(
    phoneNumber: string,
    code: number,
    options: { readonly times?: number; readonly backoffSeconds?: number } = {},
  ): void {
    const { times = 1, backoffSeconds } = options
    const what = { code, ...(backoffSeconds === undefined ? {} : { backoffSeconds }) }
    this.#logins.refuseLinkCode(phoneNumber, what, times)
  }

  /** Tells the companion that announced a code for this number that the code is over. @returns whether there was one */
  refreshLinkCode(phoneNumber: string, options: { readonly isManual?: boolean } = {}): boolean {
    return this.#companions.refreshCode(phoneNumber, options.isManual ?? false)
  }

  /**
   * Tells every companion that waits to be linked that its QR codes need another secret.
   *
   * @param child - the two spellings of it. @default 'companion_reg_refresh'
   * @returns how many wait
   */
  refreshCompanions(child: RefreshChild = 'companion_reg_refresh'): number {
    return this.#companions.refresh(child)
  }

  /** Makes every QR code that was shown so far an expired one. @returns how many companions wait */
  expireQrCodes(): number {
    return this.#companions.expireRefs()
  }

  /**
   * Protects an account with a passkey: instead of `pair-success` the next companions are asked for it.
   *
   * @param step - which of the two notifications they get. @default 'request'
   * @param times - companions that are asked. @default 1
   */
  demandPasskey(phoneNumber: string, step: PasskeyStep = 'request', times: number = 1): void {
    this.#logins.demandPasskey(phoneNumber, step, times)
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
    this.#logins.refuseResume(as, times)
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

  /** Keeps the LIDs that belong to phone numbers to itself, or tells them again. */
  hideLids(isHidden: boolean = true): void {
    this.#world.hidesLids = isHidden
    this.#world.trace.note('fault', isHidden ? 'LIDs are hidden' : 'LIDs are told again')
  }

  /**
   * Spoils the next answers of the directory of people (usync).
   *
   * @param as - `empty`: device lists without a device; `silence`: nobody is in the answer; `error`: everybody has an error;
   *   `refusal`: the device lists are refused for all
   * @param code - of the errors. @default 429
   * @param times - answers that are spoilt. @default 1
   */
  spoilDirectory(
    as: DirectoryFault['as'],
    { code = 429, times = 1 }: { code?: number; times?: number } = {},
  ): void {
    this.#world.directoryFault = { as, code, times }
  }

  /**
   * Makes the server forget every key of a device, as if its directory had been lost.
   *
   * @param deviceIdentity - what the account has signed for the identity with which the device comes back, a serialised
   *   complete `ADVSignedDeviceIdentity` (see `phone.vouchAnew`). @default what it signed when the device was linked
   */
  loseKeys(jid: string, deviceIdentity?: Uint8Array): void {
    const device = this.#deviceOf(jid)
    device.directory.lose()
    if (deviceIdentity !== undefined) device.facts = { ...device.facts, deviceIdentity }
    this.#note(jid, 'the keys of the device are lost')
  }

  /** Changes a public key of a device in the directory. @returns whether there was one */
  corruptKeys(jid: string, what: CorruptKey): boolean {
    const isDone = this.#deviceOf(jid).directory.corrupt(what)
    if (isDone) this.#note(jid, `a ${what} of the device is corrupted`)
    return isDone
  }

  /**
   * Refuses the next queries of a device about keys.
   *
   * @param query - about its own, e.g. `upload`; `fetch`, for those of others, as a whole; `bundle`: its own keys to whoever
   *   asks for them, in an answer that is good otherwise
   * @param code - e.g. 406 (not acceptable), 409 (conflict), 503 (try later)
   * @param times - queries that are refused. @default 1
   */
  refuseKeys(jid: string, query: KeyQuery, code: number, times: number = 1): void {
    this.#deviceOf(jid).directory.planRefusal(query, code, times)
  }

  /**
   * Refuses the next messages of a device with an error in their ack; nobody gets them.
   *
   * @param code - the server's number, e.g. 463 (token missing, or a restricted account), 475, 479
   * @param which - `times`: messages that are refused, 1 by default; `chat` or `id`: only those to a chat, or with an id
   */
  refuseMessages(
    jid: string,
    code: number,
    which: { readonly times?: number; readonly chat?: string; readonly id?: string } = {},
  ): void {
    const { times: count = 1, chat, id } = which
    const to = chat === undefined ? {} : { to: this.#addressesOf(chat) }
    const attributes = { ...to, ...(id === undefined ? {} : { id }) }
    const at = { direction: 'client-to-server', stanza: 1, attributes } as const
    this.#injector.request({ fault: 'refuse', at, code, count, device: this.#keyOf(jid) })
  }

  /** The server takes the next messages of a device and its acks get lost; the connection stays. @param times - @default 1 */
  loseAcks(jid: string, times: number = 1): void {
    this.#injector.request({ fault: 'lose', at: ACK, count: times, device: this.#keyOf(jid) })
  }

  /** The acks of the next messages of a device come twice. @param times - acks that do. @default 1 */
  repeatAcks(jid: string, times: number = 1): void {
    this.#injector.request({ fault: 'duplicate', at: ACK, count: times, device: this.#keyOf(jid) })
  }

  /** The next receipts of others come to a device twice. @param times - receipts that do. @default 1 */
  repeatReceipts(jid: string, times: number = 1): void {
    this.#injector.request({ fault: 'duplicate', at: RECEIPT, count: times, device: this.#keyOf(jid) })
  }

  /** The next receipt of others comes to a device behind the ones after it. @param behind - how many. @default 1 */
  reorderReceipts(jid: string, behind: number = 1): void {
    this.#injector.request({ fault: 'reorder', at: RECEIPT, behind, device: this.#keyOf(jid) })
  }

  /**
   * Devices ask a sender for a message again and again, as they do when they have lost their sessions: every one of them
   * `times` times, from the second time on with fresh keys that they can really be written to with.
   *
   * @returns how many requests went out
   */
  retryStorm(storm: RetryStorm): number {
    for (const jid of [storm.to, ...storm.from]) this.#deviceOf(jid)
    const sent = postRetryStorm(this.#world, storm)
    this.#note(storm.to, `${String(sent)} requests for message ${storm.id} at once`)
    return sent
  }

  #deviceOf(jid: string): Device {
    const device = this.#world.deviceOf(jid)
    if (device !== undefined) return device
    throw new UsageError('WATON_SIMULATOR_DEVICE', 'the simulator knows no such device', { details: { jid } })
  }

  /** Both addresses of a person: clients write to either. */
  #addressesOf(jid: string): readonly string[] {
    const found = this.#world.resolve(jid)
    return found === undefined ? [jid] : [found.account.jid('pn'), found.account.jid('lid')]
  }

  #keyOf(jid: string): string {
    const found = this.#world.resolve(jid)
    return found === undefined ? jid : found.account.jid('pn', found.deviceId)
  }

  #note(jid: string, text: string): void {
    this.#world.trace.note('fault', text, { device: this.#keyOf(jid) })
  }
}
