/**
 * Any stanza on request: what a test wants a linked device to get, whether or not the simulator knows how such a stanza
 * comes about. It travels as every other one does: behind what waits already, through the mailbox and the planned faults,
 * and again at each login until it was answered. Nothing of it is checked: a server that misbehaves is what this is for.
 *
 * @source which classes a server keeps until they are answered: whatsapp-rust #647, #648, #1101; reference of the acks
 *   in `world/mailbox.ts`
 */
import { checkArgument, checkOptions, NAME } from '../base/check.ts'
import type { Expectation } from '../base/check.ts'
import { UsageError } from '../base/errors.ts'
import { encodeNode } from '../protocol/binary/encode.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { sameUser } from '../protocol/jid.ts'
import type { Account } from './world/account.ts'
import type { Device } from './world/device.ts'
import type { Clearance } from './world/mailbox.ts'
import type { World } from './world/world.ts'

/**
 * How long the server keeps a stanza: `until-answered` at each login until the device answered it, `once` until it was
 * written to the device one time, `now` not at all (a device that is away never sees it).
 */
export type DeliveryPersistence = 'until-answered' | 'once' | 'now'

/** How a stanza is delivered; everything has a default. */
export interface DeliverOptions {
  /**
   * How long the server keeps it.
   *
   * @default 'until-answered' for messages, receipts, notifications, calls and statuses; 'now' for everything else
   */
  readonly keep?: DeliveryPersistence
}

/** What became of a stanza: written to the device, in its mailbox behind others or until it comes, or gone. */
export type DeliveryResult = 'sent' | 'waiting' | 'lost'

const OPTIONS: Readonly<Record<string, Expectation>> = {
  keep: {
    expected: "'until-answered', 'once' or 'now'",
    accepts: (value) => value === 'until-answered' || value === 'once' || value === 'now',
  },
}

const STANZA: Expectation = {
  expected: 'a stanza: { tag, attrs, content }',
  accepts: (value) => typeof value === 'object' && value !== null && 'tag' in value && 'attrs' in value,
}

/** Classes that a server keeps until they are answered. */
const ANSWERED: ReadonlySet<string> = new Set(['message', 'receipt', 'notification', 'call', 'status'])

/**
 * Delivers a stanza to a linked device.
 *
 * @throws {UsageError} `WATON_SIMULATOR_NO_DEVICE` when the JID names no linked device
 * @throws {ProtocolError} when the stanza cannot be encoded
 */
export function deliverStanza(
  world: World,
  jid: string,
  stanza: BinaryNode,
  options: DeliverOptions = {},
): DeliveryResult {
  checkArgument('jid in deliver(jid, stanza)', jid, NAME)
  checkArgument('stanza in deliver(jid, stanza)', stanza, STANZA)
  checkOptions('deliver(jid, stanza, options)', options, OPTIONS)
  encodeNode(stanza)
  const { account, device } = linkedDevice(world, jid)
  const keep = options.keep ?? (ANSWERED.has(stanza.tag) ? 'until-answered' : 'now')
  if (keep !== 'now')
    return world.post(device, stanza, clearanceOf(account, stanza, keep)) ? 'sent' : 'waiting'
  if (device.outlet === undefined) return 'lost'
  device.outlet.sendTransient(stanza)
  return 'sent'
}

function linkedDevice(world: World, jid: string): { account: Account; device: Device } {
  const found = world.resolve(jid)
  const device = found?.account.devices.get(found.deviceId)
  if (found !== undefined && device !== undefined && device.id !== 0)
    return { account: found.account, device }
  throw new UsageError(
    'WATON_SIMULATOR_NO_DEVICE',
    'the simulator cannot deliver a stanza: the JID names no linked device; link one first, and give its JID with ' +
      'the device number (15550000001:1@s.whatsapp.net)',
    { details: { jid } },
  )
}

/** What takes the stanza out of the mailbox: a copy of what another own device sent needs more than an ack. */
function clearanceOf(
  account: Account,
  { tag, attrs }: BinaryNode,
  keep: 'until-answered' | 'once',
): Clearance {
  if (keep === 'once') return 'sending'
  if (tag !== 'message') return 'ack'
  const { from = '', category, participant = from } = attrs
  const isOwn = [account.jid('pn'), account.jid('lid')].some((own) => sameUser(own, participant))
  return isOwn && category !== 'peer' ? 'sender-receipt' : 'receipt'
}
