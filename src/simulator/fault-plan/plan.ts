/**
 * What a fault plan is: data that says which faults happen where, so that a run under it can be repeated, printed and kept.
 * Plans are checked strictly when they start. Doing it is the business of `run.ts`.
 */
import { UsageError } from '../../base/errors.ts'
import type { TraceDirection } from '../trace.ts'

/** Behind the n-th frame of a direction, or in front of it. Counted from 1, from the start of the plan. */
export interface AtFrame {
  /** Which way, seen from the wire. */
  readonly direction: TraceDirection
  /** Which frame, from 1. */
  readonly frame: number
}

/** Behind the n-th byte of a direction, which may be inside of a frame. */
export interface AtByte {
  /** Which way, seen from the wire. */
  readonly direction: TraceDirection
  /** Which byte, from 1. */
  readonly byte: number
}

/** So many milliseconds after the start of the plan, by the simulator's clock. */
export interface AtTime {
  /** Milliseconds after the start of the plan. */
  readonly afterMs: number
}

/** The n-th of the stanzas with one of these tags. */
export interface AtStanza {
  /** Which way, seen from the wire. */
  readonly direction: TraceDirection
  /** Which stanza, from 1. */
  readonly stanza: number
  /** @default message, receipt and notification: what is also repeated and reordered by a real server */
  readonly tags?: readonly string[]
  /** Only stanzas with these attributes count, e.g. `{ class: 'message' }` of acks; a list says: one of these, and `''`: none. */
  readonly attributes?: Readonly<Record<string, string | readonly string[]>>
}

/** Whose connections are meant. */
interface Target {
  /**
   * A device's JID, e.g. `15550000001:1@s.whatsapp.net`: only what passes on its connections, from login on, is
   * counted. Without it everything counts that passes on any connection of a client, handshakes included. A simulated
   * phone has no network that could break.
   */
  readonly device?: string
}

/** The connection is cut behind this frame, byte or time. */
export interface CutFault extends Target {
  /** What happens. */
  readonly fault: 'cut'
  /** Where it happens. */
  readonly at: AtFrame | AtByte | AtTime
}

/** This frame and everything behind it, in its direction, is swallowed; the connection is cut a while later. */
export interface DropFault extends Target {
  /** What happens. */
  readonly fault: 'drop'
  /** Where it happens. */
  readonly at: AtFrame
  /** @default 1,000 */
  readonly cutAfterMs?: number
}

/** This frame and everything behind it, in its direction, arrives late. */
export interface DelayFault extends Target {
  /** What happens. */
  readonly fault: 'delay'
  /** Where it happens. */
  readonly at: AtFrame
  /** For how long, in milliseconds. */
  readonly forMs: number
}

/** One byte of this frame is changed; which and how is drawn from the seed. */
export interface CorruptFault extends Target {
  /** What happens. */
  readonly fault: 'corrupt'
  /** Where it happens. */
  readonly at: AtFrame
}

/** The stanza arrives twice. */
export interface DuplicateFault extends Target {
  /** What happens. */
  readonly fault: 'duplicate'
  /** Where it happens. */
  readonly at: AtStanza
  /** To how many such stanzas, one after the other. @default 1 */
  readonly count?: number
}

/**
 * The stanza does not arrive; the connection stays. With `{ direction: 'server-to-client', tags: ['ack'] }` the server has
 * what the client sent and the client does not hear of it.
 */
export interface LoseFault extends Target {
  /** What happens. */
  readonly fault: 'lose'
  /** Where it happens. */
  readonly at: AtStanza
  /** How many such stanzas, one after the other. @default 1 */
  readonly count?: number
}

/** The server refuses a message: the sender gets an ack with an error, and nobody gets the message. */
export interface RefuseFault extends Target {
  /** What happens. */
  readonly fault: 'refuse'
  /** Where it happens; the direction is always `client-to-server`. @default for `tags`: message */
  readonly at: AtStanza
  /** The server's number, e.g. 463, 475 or 479. */
  readonly code: number
  /** How many such messages, one after the other. @default 1 */
  readonly count?: number
}

/** The stanza arrives behind the next such stanzas of its connection, or a second later when there are none. */
export interface ReorderFault extends Target {
  /** What happens. */
  readonly fault: 'reorder'
  /** Where it happens. */
  readonly at: AtStanza
  /** How many stanzas overtake it. @default 1 */
  readonly behind?: number
}

/** The server's answers to queries do not come; the connection stays. */
export interface HoldAnswersFault extends Target {
  /** What happens. */
  readonly fault: 'hold-answers'
  /** The first answer that does not come, counted from 1. */
  readonly at: { readonly answer: number }
  /** How many do not come. @default 1 */
  readonly count?: number
}

/** New connections are refused for a while. Those that exist stay. */
export interface RefuseConnectionsFault extends Target {
  /** What happens. */
  readonly fault: 'refuse-connections'
  /** Where it happens. */
  readonly at: AtFrame | AtByte | AtTime
  /** For how long, in milliseconds. */
  readonly forMs: number
}

/** The server restarts: every connection is gone, those of the phones too, and everything it knew is kept. */
export interface RestartFault extends Target {
  /** What happens. */
  readonly fault: 'restart'
  /** Where it happens. */
  readonly at: AtFrame | AtByte | AtTime
}

/** One thing that will go wrong. */
export type PlannedFault =
  | CutFault
  | DropFault
  | DelayFault
  | CorruptFault
  | DuplicateFault
  | ReorderFault
  | LoseFault
  | RefuseFault
  | HoldAnswersFault
  | RefuseConnectionsFault
  | RestartFault

/** What can go wrong. */
export type FaultName = PlannedFault['fault']

/** Everything that will go wrong. Each fault happens once. */
export interface FaultPlan {
  /** What chance decides in a fault is drawn from it. */
  readonly seed: string | number
  /** In any order: each says itself where it happens. */
  readonly faults: readonly PlannedFault[]
}

/** Faults of one plan at most. */
export const MAX_FAULTS = 1_000

const DIRECTIONS: readonly unknown[] = ['client-to-server', 'server-to-client']
type Place = 'frame' | 'byte' | 'afterMs' | 'stanza' | 'answer'

/** Where a fault can happen, and the numbers that it has besides: whether each is needed. */
interface Shape {
  readonly places: readonly Place[]
  readonly numbers: Readonly<Record<string, boolean>>
}

const SHAPES: Readonly<Record<FaultName, Shape>> = {
  cut: { places: ['frame', 'byte', 'afterMs'], numbers: {} },
  drop: { places: ['frame'], numbers: { cutAfterMs: false } },
  delay: { places: ['frame'], numbers: { forMs: true } },
  corrupt: { places: ['frame'], numbers: {} },
  duplicate: { places: ['stanza'], numbers: { count: false } },
  reorder: { places: ['stanza'], numbers: { behind: false } },
  lose: { places: ['stanza'], numbers: { count: false } },
  refuse: { places: ['stanza'], numbers: { code: true, count: false } },
  'hold-answers': { places: ['answer'], numbers: { count: false } },
  'refuse-connections': { places: ['frame', 'byte', 'afterMs'], numbers: { forMs: true } },
  restart: { places: ['frame', 'byte', 'afterMs'], numbers: {} },
}

/**
 * Refuses a plan that cannot be meant as it is written: unknown faults and fields, places a fault cannot happen at,
 * numbers that are no positive whole numbers.
 *
 * @throws {UsageError} `WATON_SIMULATOR_FAULT_PLAN`
 */
export function checkPlan(plan: FaultPlan): void {
  const { seed, faults, ...rest } = plan
  if (typeof seed !== 'string' && !Number.isFinite(seed)) refuse('seed must be a text or a number')
  if (Object.keys(rest).length > 0) refuse(`unknown field ${Object.keys(rest).join(', ')}`)
  const list: readonly unknown[] = faults
  if (!Array.isArray(list) || list.length > MAX_FAULTS) {
    refuse(`faults must be a list of at most ${String(MAX_FAULTS)}`)
  }
  for (const [index, fault] of list.entries()) {
    const mistake = mistakeIn(fault)
    if (mistake !== undefined) refuse(`fault ${String(index + 1)}: ${mistake}`)
  }
}

/** A fault in words: for the trace, and for names of tests. */
export function describeFault(fault: PlannedFault): string {
  const { fault: name, at, device, ...numbers } = fault
  const more = Object.entries(numbers).map(([key, value]) => `${key} ${String(value)}`)
  return [name, describePlace(at), ...more, ...(device === undefined ? [] : [`of ${device}`])].join(', ')
}

function describePlace(at: PlannedFault['at']): string {
  if ('afterMs' in at) return `after ${String(at.afterMs)} ms`
  if ('answer' in at) return `answer ${String(at.answer)}`
  if ('frame' in at) return `frame ${String(at.frame)} ${at.direction}`
  if ('byte' in at) return `byte ${String(at.byte)} ${at.direction}`
  return `stanza ${String(at.stanza)} ${at.direction}`
}

/** Plans come from JavaScript and JSON as well, so the types are not believed. */
function mistakeIn(planned: unknown): string | undefined {
  if (typeof planned !== 'object' || planned === null) return 'it is no object'
  const { fault, at, device, ...numbers } = planned as Record<string, unknown>
  const shape =
    typeof fault === 'string' && Object.hasOwn(SHAPES, fault) ? SHAPES[fault as FaultName] : undefined
  if (shape === undefined)
    return `there is no fault "${String(fault)}"; there are ${Object.keys(SHAPES).join(', ')}`
  if (device !== undefined && (typeof device !== 'string' || !device.includes('@')))
    return 'device must be a JID'
  return mistakeInNumbers(numbers, shape) ?? mistakeInPlace(at, shape.places) ?? mistakeInRefusal(planned)
}

/** The server refuses what clients send, never the other way round. */
function mistakeInRefusal(planned: object): string | undefined {
  const { fault, at } = planned as Partial<RefuseFault>
  return fault === 'refuse' && at?.direction !== 'client-to-server'
    ? 'only what goes client-to-server can be refused'
    : undefined
}

function mistakeInNumbers(values: Readonly<Record<string, unknown>>, { numbers }: Shape): string | undefined {
  for (const [key, value] of Object.entries(values)) {
    if (!Object.hasOwn(numbers, key)) return `it has no ${key}`
    if (!isCount(value)) return `${key} must be a whole number from 1`
  }
  const missing = Object.keys(numbers).find((key) => numbers[key] === true && values[key] === undefined)
  return missing === undefined ? undefined : `${missing} is missing`
}

function mistakeInPlace(at: unknown, places: readonly Place[]): string | undefined {
  if (typeof at !== 'object' || at === null) return `at is missing: one of ${places.join(', ')}`
  const { direction, tags, attributes, ...rest } = at as Record<string, unknown>
  const [key, ...others] = Object.keys(rest)
  const place = others.length > 0 ? undefined : places.find((one) => one === key)
  if (place === undefined) return `it can happen only at ${places.join(' or ')}`
  const smallest = place === 'afterMs' ? 0 : 1
  if (!isCount(rest[place], smallest)) return `${place} must be a whole number from ${String(smallest)}`
  return (
    mistakeInDirection(place, direction) ??
    mistakeInTags(place, tags) ??
    mistakeInAttributes(place, attributes)
  )
}

function mistakeInDirection(place: Place, direction: unknown): string | undefined {
  if (place === 'afterMs' || place === 'answer') {
    return direction === undefined ? undefined : `${place} has no direction`
  }
  if (DIRECTIONS.includes(direction)) return undefined
  return `direction must be ${DIRECTIONS.join(' or ')}`
}

function mistakeInTags(place: Place, tags: unknown): string | undefined {
  if (tags === undefined) return undefined
  const isList = place === 'stanza' && Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')
  return isList ? undefined : 'tags must be a list of texts, and belong to a stanza'
}

function mistakeInAttributes(place: Place, attributes: unknown): string | undefined {
  if (attributes === undefined) return undefined
  const isRecord = place === 'stanza' && typeof attributes === 'object' && attributes !== null
  const isText = (value: unknown): boolean => typeof value === 'string'
  const areRight =
    isRecord &&
    Object.values(attributes).every((value) => (Array.isArray(value) ? value.every(isText) : isText(value)))
  return areRight ? undefined : 'attributes must be texts or lists of texts by name, and belong to a stanza'
}

function isCount(value: unknown, smallest = 1): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= smallest
}

function refuse(mistake: string): never {
  throw new UsageError('WATON_SIMULATOR_FAULT_PLAN', `the fault plan cannot be followed: ${mistake}`)
}
