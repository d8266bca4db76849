/** Stanzas about the connection itself: login accepted or refused, stream errors and `<ib>` bulletins. */
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER } from './iq.ts'

/** What `<success>` tells a device that logged in. */
export interface SuccessFacts {
  readonly nowSeconds: number
  readonly createdAtSeconds: number
  /** The device's LID JID with its device number. */
  readonly lid: string
  readonly displayName: string
  /** Base64 of the server's static key, which a client may use to resume. */
  readonly serverStatic: string
}

/** `<success .../>`: the device is logged in. @source attribute names: whatsmeow `connectionevents.go` handleConnectSuccess */
export function success(facts: SuccessFacts): BinaryNode {
  return node('success', {
    t: facts.nowSeconds,
    props: 27,
    companion_enc_static: facts.serverStatic,
    lid: facts.lid,
    display_name: facts.displayName,
    abprops: 5,
    group_abprops: 5,
    location: 'frc',
    creation: facts.createdAtSeconds,
  })
}

/** What a refusal says besides its reason. */
export interface FailureFacts {
  /** Why an account is banned for a while (402). */
  readonly code?: number | undefined
  /** For how many seconds (402). */
  readonly expire?: number | undefined
  readonly message?: string | undefined
}

/**
 * `<failure reason location/>`: the login is refused with a code such as 401, 403 or 405.
 *
 * @source attribute names: whatsmeow `connectionevents.go` handleConnectFailure
 */
export function failure(reason: number, { code, expire, message }: FailureFacts = {}): BinaryNode {
  return node('failure', { reason, location: 'frc', code, expire, message })
}

/** `<stream:error code="515"/>` and its like. */
export function streamErrorCode(code: number): BinaryNode {
  return node('stream:error', { code })
}

/** Another connection of the same device took over, or the device was removed. */
export function streamConflict(type: 'replaced' | 'device_removed'): BinaryNode {
  return node('stream:error', type === 'device_removed' ? { code: 401 } : {}, [node('conflict', { type })])
}

/** The client sent something that the protocol does not allow. */
export function streamNotWellFormed(): BinaryNode {
  return node('stream:error', {}, [node('xml-not-well-formed')])
}

/** `<ib><edge_routing><routing_info/></edge_routing></ib>`: bytes to present at the next connect. */
export function edgeRouting(routingInfo: Uint8Array): BinaryNode {
  return bulletin(node('edge_routing', {}, [node('routing_info', {}, routingInfo)]))
}

/** `<ib><dirty type timestamp/></ib>`: something changed while the device was away. */
export function dirty(type: string, timestampSeconds: number): BinaryNode {
  return bulletin(node('dirty', { type, timestamp: timestampSeconds }))
}

/** `<ib><client_expiration t/></ib>`: the version will be refused from then on. */
export function clientExpiration(atSeconds: number | undefined): BinaryNode {
  return bulletin(node('client_expiration', { t: atSeconds }))
}

/** How many stanzas wait, of each kind and together. */
export interface OfflineCounts {
  readonly count: number
  readonly message: number
  readonly receipt: number
  readonly notification: number
  readonly call: number
  readonly status: number
}

/** `<ib><offline_preview .../></ib>`: what waits, before any of it is sent. */
export function offlinePreview(counts: OfflineCounts): BinaryNode {
  return bulletin(node('offline_preview', { ...counts, appdata: 0 }))
}

/** `<ib><offline count/></ib>`: everything that waited was sent. */
export function offlineEnd(count: number): BinaryNode {
  return bulletin(node('offline', { count }))
}

function bulletin(child: BinaryNode): BinaryNode {
  return node('ib', { from: SERVER }, [child])
}
