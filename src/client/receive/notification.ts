/** Notifications: something changed on the server. Every one is acknowledged; those that concern messaging are acted on. */
import { childOf, childrenOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { userJid } from '../../protocol/jid.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { addressPairs } from '../../protocol/stanza/address-pairs.ts'
import { canonicalJid, learnMapping } from '../identity/addresses.ts'
import { DEVICE_LIST } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'

type NotificationHandler = (unit: Unit, stanza: BinaryNode, context: ReceiveContext) => Promise<void>

/** By `type`. A new one is one function and one line. */
const NOTIFICATIONS: ReadonlyMap<string, NotificationHandler> = new Map([
  ['encrypt', keysChanged],
  ['devices', devicesChanged],
])

/** See the file comment. */
export const receiveNotification: StanzaHandler = async (unit, stanza, context) => {
  for (const { pn, lid } of addressPairs(stanza)) await learnMapping(unit, pn, lid)
  await NOTIFICATIONS.get(stanza.attrs.type ?? '')?.(unit, stanza, context)
  return [{ kind: 'stanza', stanza: buildAck(stanza) }]
}

/** `<notification type="encrypt"><count value="3"/></notification>`: one-time pre-keys run low. */
function keysChanged(unit: Unit, stanza: BinaryNode, { effects }: ReceiveContext): Promise<void> {
  if (childOf(stanza, 'count') !== undefined)
    unit.onCommit(() => {
      effects.preKeysLow()
    })
  return Promise.resolve()
}

/** `<notification type="devices" from="user">`: the list that we hold is old; the next send asks for it again. */
async function devicesChanged(unit: Unit, stanza: BinaryNode): Promise<void> {
  const { from } = stanza.attrs
  if (from === undefined) return
  const users = new Set([userJid(from)])
  for (const change of childrenOf(stanza)) {
    for (const device of childrenOf(change, 'device'))
      if (device.attrs.jid !== undefined) users.add(userJid(device.attrs.jid))
  }
  for (const user of users) unit.delete(DEVICE_LIST, await canonicalJid(unit, user))
}
