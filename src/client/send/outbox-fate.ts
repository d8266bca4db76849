/**
 * What becomes of a message that was refused or could not be sent: functions from an item and what happened to the item
 * that follows. They decide; `outbox.ts` records what they say.
 */
import { decodeNode } from '../../protocol/binary/decode.ts'
import { childOf } from '../../protocol/binary/node.ts'
import { MAX_REPEATS, nackRule } from './nack.ts'
import type { Remedy, RepairOutcome } from './nack.ts'
import { withoutStanza } from './outbox-item.ts'
import type { OutboxFailure, OutboxItem, OutboxTrouble } from './outbox-item.ts'

/** The server's code for a missing token, and for an account that may write to nobody new. */
export const TOKEN_OR_RESTRICTED = 463

/** What follows; with `failure` the item is to be failed with it. */
export interface Fate {
  readonly item: OutboxItem
  readonly failure?: OutboxFailure
  /** The devices of both sides have to be asked for again. */
  readonly forgetDevices?: boolean
  /** It goes on after a pause, and not at once. */
  readonly pauses?: boolean
}

/** A refusal of the server. */
export interface Refusal {
  readonly serverCode: number
  /** When, by the server's clock. */
  readonly atSeconds?: number | undefined
}

/** What an attempt says beyond that it has failed. */
type TroubleMore = Pick<OutboxTrouble, 'isRepairDue' | 'repaired' | 'refusedAtSeconds' | 'isDoubted'>

/** One more attempt that failed. */
function troubleOf(
  item: OutboxItem,
  failure: OutboxFailure,
  sinceMs: number,
  more: TroubleMore = {},
): OutboxTrouble {
  const { trouble } = item.body
  const { repaired, refusedAtSeconds, isDoubted } = trouble ?? {}
  return {
    ...failure,
    attempts: (trouble?.attempts ?? 0) + 1,
    sinceMs: trouble?.sinceMs ?? sinceMs,
    ...(repaired === undefined ? {} : { repaired }),
    ...(refusedAtSeconds === undefined ? {} : { refusedAtSeconds }),
    ...(isDoubted === true ? { isDoubted } : {}),
    ...more,
  }
}

function withTrouble(item: OutboxItem, trouble: OutboxTrouble): OutboxItem {
  return { ...item, body: { ...item.body, trouble } }
}

/**
 * The server refused the message.
 *
 * @param canRepair - whether somebody repairs what this code stands for
 * @returns `undefined` when it says nothing new, e.g. because it comes twice
 */
export function refused(
  item: OutboxItem,
  refusal: Refusal,
  nowMs: number,
  canRepair: boolean,
): Fate | undefined {
  const { serverCode } = refusal
  const { trouble } = item.body
  if (item.state !== 'encrypted' || trouble?.isRepairDue === true) return undefined
  const { remedy, code } = nackRule(serverCode)
  const failure = { code, serverCode }
  const before = trouble?.repaired ?? []
  const next = (more: TroubleMore = {}): OutboxItem =>
    withTrouble(item, troubleOf(item, failure, nowMs, { ...timeOf(refusal), ...more }))
  if (remedy === 'repeat') return repeatedFate(item, next(), failure)
  // the answer to the repeated ciphertext tells; it is the same bytes, so nothing is shown twice
  if (isPerhapsTheSame(trouble, refusal)) return { item: next({ isDoubted: true }) }
  if (before.includes(serverCode) || !helps(remedy, canRepair))
    return { item, failure: { serverCode, code: finalCode(item, serverCode) } }
  const repairs = [...before, serverCode]
  if (remedy === 'hook') return { item: next({ repaired: repairs, isRepairDue: true }) }
  return {
    item: withoutStanza(next({ repaired: repairs }), 'queued'),
    forgetDevices: remedy === 'devices',
  }
}

/** The same ciphertext goes out again after a pause, as often as that may be. */
function repeatedFate(item: OutboxItem, next: OutboxItem, failure: OutboxFailure): Fate {
  return isSpent(next) ? { item, failure } : { item: next, pauses: true }
}

function timeOf({ atSeconds }: Refusal): Pick<OutboxTrouble, 'refusedAtSeconds'> {
  return atSeconds === undefined ? {} : { refusedAtSeconds: atSeconds }
}

/** Whether a refusal after the repair may be the one before it, delivered a second time: asked about once. */
function isPerhapsTheSame(trouble: OutboxTrouble | undefined, { serverCode, atSeconds }: Refusal): boolean {
  if (trouble === undefined) return false
  const { repaired = [], refusedAtSeconds, isDoubted } = trouble
  const isKnown = trouble.serverCode === serverCode && repaired.includes(serverCode)
  return isKnown && isDoubted !== true && atSeconds !== undefined && refusedAtSeconds === atSeconds
}

function helps(remedy: Remedy, canRepair: boolean): boolean {
  return remedy === 'hook' ? canRepair : remedy !== 'none'
}

function isSpent({ body }: OutboxItem): boolean {
  return (body.trouble?.attempts ?? 0) > MAX_REPEATS
}

/** A repair has ended. Without `serverCode` there is none to end. */
export function repaired(item: OutboxItem, outcome: RepairOutcome): Fate {
  const { trouble } = item.body
  const serverCode = trouble?.serverCode
  if (trouble?.isRepairDue !== true || serverCode === undefined) return { item }
  if (outcome === 'restricted') return { item, failure: { code: 'WATON_SEND_RESTRICTED', serverCode } }
  if (outcome === 'impossible') return { item, failure: { code: finalCode(item, serverCode), serverCode } }
  const next = withTrouble(item, { ...trouble, isRepairDue: false })
  return { item: outcome === 'encrypt' ? withoutStanza(next, 'queued') : next }
}

/** What an attempt before the wire failed with. */
export interface Setback {
  readonly code: string
  /** Since when the chat of the message waits, when it has waited behind others. */
  readonly sinceMs: number
}

/** The message could not be prepared or repaired: it waits, or patience has ended. */
export function setBack(
  item: OutboxItem,
  setback: Setback,
  clock: { nowMs: number; patienceMs: number },
): Fate {
  const { isRepairDue } = item.body.trouble ?? {}
  const due = isRepairDue === true ? { isRepairDue } : {}
  const serverCode = isRepairDue === true ? item.body.trouble?.serverCode : undefined
  const failure = { code: setback.code, ...(serverCode === undefined ? {} : { serverCode }) }
  const trouble = troubleOf(item, failure, Math.max(item.at, setback.sinceMs), due)
  if (clock.nowMs - trouble.sinceMs >= clock.patienceMs)
    return { item, failure: { ...failure, code: 'WATON_SEND_GIVEN_UP' } }
  return { item: withTrouble(item, trouble), pauses: true }
}

/** One code of the server has two causes: a message that carried a token was not refused for want of one. */
function finalCode({ body }: OutboxItem, serverCode: number): string {
  if (serverCode !== TOKEN_OR_RESTRICTED) return nackRule(serverCode).code
  return carriesToken(body.stanza) ? 'WATON_SEND_RESTRICTED' : nackRule(serverCode).code
}

/** Whether the stanza proves that the other side knows this account. */
function carriesToken(stanza: Uint8Array | undefined): boolean {
  if (stanza === undefined) return false
  const message = decodeNode(stanza)
  return childOf(message, 'tctoken') !== undefined || childOf(message, 'cstoken') !== undefined
}
