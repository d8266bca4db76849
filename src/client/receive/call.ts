/** Calls: told as events, and always acknowledged. */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { isGroup as isGroupJid, userJid } from '../../protocol/jid.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { addressPairsWithin } from '../../protocol/stanza/address-pairs.ts'
import { parseCall } from '../../protocol/stanza/call.ts'
import type { KnownCallStep, ParsedCall } from '../../protocol/stanza/call.ts'
import type { CallPayload, CallStatus } from '../events.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'
import { isFirst } from './once.ts'

/** What each step says about the call; a new one is a line here and in `protocol/stanza/call.ts`. */
const STATUSES: Readonly<Record<KnownCallStep, CallStatus>> = {
  offer: 'offer',
  offer_notice: 'offer',
  preaccept: 'preaccept',
  transport: 'transport',
  relaylatency: 'relaylatency',
  accept: 'accept',
  reject: 'reject',
  terminate: 'terminate',
}

/** After these nothing comes any more. */
const ENDINGS: ReadonlySet<CallStatus> = new Set<CallStatus>(['accept', 'reject', 'missed', 'terminate'])

/** See the file comment. */
export const receiveCall: StanzaHandler = async (unit, stanza, context) => {
  const call = parseCall(stanza)
  if (call === undefined) context.unknowns.count('stanza', 'call/(empty)')
  else if (await isFirst(unit, stanza)) await record(unit, { call, stanza }, context)
  return [{ kind: 'stanza', stanza: buildAck(stanza) }]
}

async function record(
  unit: Unit,
  { call, stanza }: { call: ParsedCall; stanza: BinaryNode },
  { calls, unknowns }: ReceiveContext,
): Promise<void> {
  for (const { pn, lid } of addressPairsWithin(stanza)) await learnMapping(unit, pn, lid)
  const status = statusOf(call)
  if (status === undefined) {
    unknowns.count('stanza', `call/${call.tag}`)
    return
  }
  const id = call.callId
  const offer = offerOf(call) ?? calls.offerOf(id)
  if (offer !== undefined) calls.offered(id, offer)
  const group = offer?.group ?? (isGroupJid(call.from) ? call.from : undefined)
  const chat = await canonicalJid(unit, group ?? userJid(call.from))
  const payload = {
    id,
    chat,
    status,
    from: await personOf(unit, call.creator),
    ...(offer === undefined ? {} : { isVideo: offer.isVideo, isGroup: offer.isGroup }),
    ...(group === undefined ? {} : { group }),
    ...saidOf(call, unit.nowMs),
  }
  unit.event('call', payload, chat)
  if (ENDINGS.has(status))
    unit.onCommit(() => {
      calls.ended(id)
    })
}

/** What the step says by itself. */
function saidOf(
  { creator, reason, latencyMs, pushName, atSeconds, isOffline }: ParsedCall,
  nowMs: number,
): Pick<CallPayload, 'creator' | 'reason' | 'latencyMs' | 'pushName' | 'atMs' | 'offline'> {
  return {
    creator,
    ...(reason === undefined ? {} : { reason }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(pushName === undefined ? {} : { pushName }),
    atMs: atSeconds === undefined ? nowMs : atSeconds * 1000,
    offline: isOffline,
  }
}

function statusOf({ step, reason }: ParsedCall): CallStatus | undefined {
  if (step === 'unknown') return undefined
  return step === 'terminate' && reason === 'timeout' ? 'missed' : STATUSES[step]
}

function offerOf({
  isVideo,
  isGroup,
  group,
}: ParsedCall): { isVideo: boolean; isGroup: boolean; group?: string } | undefined {
  if (isVideo === undefined || isGroup === undefined) return undefined
  return { isVideo, isGroup, ...(group === undefined ? {} : { group }) }
}
