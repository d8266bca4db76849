/**
 * Calls: what other devices and the server say about one, and how we decline. Sound and pictures are not part of waton.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` handleCall, rejectCall, `Utils/generics.js` getCallStatusFromNode;
 *   whatsmeow `call.go` for `media`, `type`, `reason` and `caller_lid`
 */
import {
  childOf,
  childrenOf,
  node,
  numberAttribute,
  requireAttribute,
  type BinaryNode,
} from '../binary/node.ts'

/** What happened to a call; a `terminate` with the reason `timeout` says that nobody answered. */
export type KnownCallStep =
  'offer' | 'offer_notice' | 'preaccept' | 'transport' | 'relaylatency' | 'accept' | 'reject' | 'terminate'

/** A step that this version knows, or that it is none of them. */
export type CallStep = KnownCallStep | 'unknown'

/** One step of one call. */
export interface ParsedCall {
  readonly callId: string
  readonly step: CallStep
  /** The child's name: tells steps apart that are `unknown`. */
  readonly tag: string
  /** The chat or device that the stanza comes from. */
  readonly from: string
  /** The device that began the call, as on the wire. */
  readonly creator: string
  /** On offers: whether it is with pictures. */
  readonly isVideo?: boolean
  /** On offers: whether it is for a group. */
  readonly isGroup?: boolean
  readonly group?: string
  /** On a `terminate`. */
  readonly reason?: string
  /** On a `relaylatency`, in milliseconds. */
  readonly latencyMs?: number
  readonly pushName?: string
  readonly atSeconds?: number
  readonly isOffline: boolean
}

/** What a step says beside its name. */
type CallDetails = Pick<ParsedCall, 'isVideo' | 'isGroup' | 'group' | 'latencyMs'>

const nothing = (): CallDetails => ({})

/** Every step that this version knows, with the reader of what only it says. */
const STEPS: Readonly<Record<KnownCallStep, (child: BinaryNode) => CallDetails>> = {
  offer: offered,
  offer_notice: offered,
  preaccept: nothing,
  transport: nothing,
  relaylatency: latency,
  accept: nothing,
  reject: nothing,
  terminate: nothing,
}

const LATENCIES = ['latency', 'latency_ms', 'latency-ms'] as const

/**
 * `undefined` when the stanza says nothing about a call.
 *
 * ```xml
 * <call from="100000000002@lid" id="..." t="1700000000" notify="Bob" offline="0">
 *   <offer call-id="..." call-creator="100000000002:3@lid" caller_pn="15550000002@s.whatsapp.net"><audio/><video/></offer></call>
 * <call ...><offer_notice call-id="..." call-creator="..." media="video" type="group" group-jid="...@g.us"/></call>
 * <call ...><terminate call-id="..." call-creator="..." reason="timeout"/></call>
 * ```
 */
export function parseCall(stanza: BinaryNode): ParsedCall | undefined {
  const [child] = childrenOf(stanza)
  if (child === undefined) return undefined
  const from = requireAttribute(stanza, 'from')
  const { notify, offline } = stanza.attrs
  const { reason } = child.attrs
  const atSeconds = numberAttribute(stanza, 't')
  const step = isKnown(child.tag) ? child.tag : 'unknown'
  return {
    callId: requireAttribute(child, 'call-id'),
    step,
    tag: child.tag,
    from,
    creator: child.attrs.from ?? child.attrs['call-creator'] ?? from,
    ...(step === 'unknown' ? {} : STEPS[step](child)),
    ...(reason === undefined ? {} : { reason }),
    ...(notify === undefined ? {} : { pushName: notify }),
    ...(atSeconds === undefined ? {} : { atSeconds }),
    isOffline: offline !== undefined,
  }
}

function isKnown(tag: string): tag is KnownCallStep {
  return Object.hasOwn(STEPS, tag)
}

function offered(child: BinaryNode): CallDetails {
  const { media, type, 'group-jid': group } = child.attrs
  return {
    isVideo: media === 'video' || childOf(child, 'video') !== undefined,
    isGroup: type === 'group' || group !== undefined,
    ...(group === undefined ? {} : { group }),
  }
}

function latency(child: BinaryNode): CallDetails {
  const text = LATENCIES.map((name) => child.attrs[name]).find((value) => value !== undefined)
  const latencyMs = Number(text)
  return text !== undefined && text !== '' && Number.isFinite(latencyMs) ? { latencyMs } : {}
}

/** A call to decline. */
export interface CallRejection {
  readonly callId: string
  /** The device that began it, as on the wire. */
  readonly creator: string
  /** This device's own JID. */
  readonly self: string
}

/**
 * Declines a call; the caller's phone stops ringing here. The server answers with an `<ack>` of the same id.
 *
 * ```xml
 * <call from="15550000001:3@s.whatsapp.net" to="100000000002:3@lid" id="...">
 *   <reject call-id="..." call-creator="100000000002:3@lid" count="0"/></call>
 * ```
 */
export function buildCallRejection({ callId, creator, self }: CallRejection): BinaryNode {
  const reject = node('reject', { 'call-id': callId, 'call-creator': creator, count: 0 })
  return node('call', { from: self, to: creator }, [reject])
}
