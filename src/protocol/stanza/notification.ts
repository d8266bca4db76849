/**
 * Notifications: what changed at the server, the phone or other people. This file reads the common attributes of all of
 * them; what each `type` says is read in `notifications/`, one file for each. Every notification is answered with an ack.
 *
 * @source Baileys 7.0.0-rc14 `Socket/messages-recv.js` processNotification; whatsmeow `notification.go`
 */
import { numberAttribute, requireAttribute, type BinaryNode } from '../binary/node.ts'
import { addressPairsWithin, type AddressPair } from './address-pairs.ts'

/** A notification. */
export interface ParsedNotification {
  /** The stanza's id: its ack has the same. */
  readonly id: string
  /** A person, a group, or the server. */
  readonly from: string
  /** The stanza's `type`, e.g. `encrypt`, `w:gp2`. */
  readonly kind: string
  /** Who did it. */
  readonly participant?: string
  /** The name that the person behind it gave themselves. */
  readonly pushName?: string
  /** When, in seconds since the epoch. */
  readonly atSeconds?: number
  /** Whether it waited in the server's offline queue. */
  readonly isOffline: boolean
  /** Phone numbers and LIDs that the stanza says belong together. */
  readonly addresses: readonly AddressPair[]
  /** The whole stanza, for the parser of its kind. */
  readonly raw: BinaryNode
}

/**
 * ```xml
 * <notification from="120363000000000001@g.us" id="..." t="1700000000" type="w:gp2" participant="100000000002@lid"
 *     participant_pn="15550000002@s.whatsapp.net" notify="Bob" offline="0">...</notification>
 * ```
 */
export function parseNotification(stanza: BinaryNode): ParsedNotification {
  const { participant, notify, offline } = stanza.attrs
  const atSeconds = numberAttribute(stanza, 't')
  return {
    id: requireAttribute(stanza, 'id'),
    from: requireAttribute(stanza, 'from'),
    kind: requireAttribute(stanza, 'type'),
    ...(participant === undefined ? {} : { participant }),
    ...(notify === undefined ? {} : { pushName: notify }),
    ...(atSeconds === undefined ? {} : { atSeconds }),
    isOffline: offline !== undefined,
    addresses: addressPairsWithin(stanza),
    raw: stanza,
  }
}
