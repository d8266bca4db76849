/**
 * The phone's connection: stanzas go through the codec as on the wire and arrive in a later microtask, so that a phone
 * never sees an answer inside its own call. Who the phone is was settled when its account was made.
 */
import { ClosedError } from '../../base/errors.ts'
import { decodeNode } from '../../protocol/binary/decode.ts'
import { encodeNode } from '../../protocol/binary/encode.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { DeviceLink, LinkListener } from '../link.ts'
import type { TraceDirection } from '../trace.ts'
import type { Account } from '../world/account.ts'
import type { World } from '../world/world.ts'
import type { Channel } from './channel.ts'
import { Session } from './session.ts'

/**
 * Connects the phone of an account.
 *
 * @throws {ClosedError} `WATON_SIMULATOR_NO_PHONE` when the account has no phone any more
 */
export function attachPhone(
  world: World,
  account: Account,
  connectionId: number,
  listener: LinkListener,
): DeviceLink {
  const device = account.devices.get(0)
  if (device === undefined) {
    throw new ClosedError(
      'WATON_SIMULATOR_NO_PHONE',
      'the account has no phone: make a new account with addPhone',
    )
  }
  const jid = account.jid('pn')
  let isOpen = true
  const record = (direction: TraceDirection, stanza: BinaryNode): void => {
    world.trace.stanza({ connectionId, device: jid }, direction, stanza)
  }
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    session.closed()
    queueMicrotask(() => {
      listener.onClose()
    })
  }
  const channel: Channel = {
    connectionId,
    identify: () => undefined,
    write(stanza) {
      if (!isOpen) return
      record('server-to-client', stanza)
      const copy = decodeNode(encodeNode(stanza))
      queueMicrotask(() => {
        listener.onNode(copy)
      })
    },
    end: close,
    cut: close,
  }
  const session = new Session(world, channel, { account, device }, { isPulled: false, pingIntervalMs: 0 })
  session.open()
  // Not in this call: the phone has no link yet to answer through.
  queueMicrotask(() => {
    if (isOpen) session.setActive(true)
  })
  return {
    jid,
    send(stanza) {
      if (!isOpen) return
      const copy = decodeNode(encodeNode(stanza))
      queueMicrotask(() => {
        if (!isOpen) return
        record('client-to-server', copy)
        session.receive(copy)
      })
    },
    close,
  }
}
