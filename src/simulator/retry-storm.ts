/**
 * Requests for a message, made by the server in the name of devices: what a sender meets when many devices have lost their
 * sessions, and what it must not answer without measure. Only the requests are made up; the keys in them are those that
 * the devices published, so an answer can be read.
 */
import { uint32Bytes } from '../base/bytes.ts'
import { node } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import { bundleChildren } from './stanza/keys.ts'
import type { Device } from './world/device.ts'
import type { Resolved, World } from './world/world.ts'

/** Who asks whom for what, how often. */
export interface RetryStorm {
  /** The device that sent the message: `15550000001:1@s.whatsapp.net`. */
  readonly to: string
  /** The devices that ask, by phone number or LID, whichever the sender shall see. */
  readonly from: readonly string[]
  /** The message. */
  readonly id: string
  /** How often each of them asks. @default 1 */
  readonly times?: number
  /** The number of their first request: larger when they have asked before. @default 1 */
  readonly first?: number
}

/** Keys come with this request and later ones. */
const KEYS_FROM = 2
const KEY_CHILDREN: readonly string[] = ['type', 'identity', 'key', 'skey', 'device-identity']

/** See the file comment. @returns how many requests went out */
export function postRetryStorm(world: World, { to, from, id, times = 1, first = 1 }: RetryStorm): number {
  const sender = world.deviceOf(to)
  if (sender === undefined) return 0
  let sent = 0
  for (let count = first; count < first + times; count += 1) {
    for (const jid of from) {
      const found = world.resolve(jid)
      const device = world.deviceOf(jid)
      if (found === undefined || device === undefined) continue
      world.post(sender, request(world, { found, device, id, count }), 'ack')
      sent += 1
    }
  }
  return sent
}

function request(
  world: World,
  { found, device, id, count }: { found: Resolved; device: Device; id: string; count: number },
): BinaryNode {
  const t = world.nowSeconds()
  const { keys } = device.directory
  const from = found.account.jid(found.addressing, device.id)
  const registration = uint32Bytes(keys?.registrationId ?? 0)
  const content = [node('retry', { count, id, t, v: 1 }), node('registration', {}, registration)]
  if (count >= KEYS_FROM && keys !== undefined) {
    const bundle = {
      ...keys,
      preKey: device.directory.take(),
      deviceIdentity: device.facts.deviceIdentity,
    }
    content.push(
      node(
        'keys',
        {},
        bundleChildren(bundle).filter(({ tag }) => KEY_CHILDREN.includes(tag)),
      ),
    )
  }
  return node('receipt', { from, id, type: 'retry', t }, content)
}
