/** What a kind of notification is: how it is read, and what it changes. One file declares one; `registry.ts` lists them. */
import type { BinaryNode } from '../../../protocol/binary/node.ts'
import type { ParsedNotification } from '../../../protocol/stanza/notification.ts'
import type { Unit } from '../../state/unit.ts'
import type { ReceiveContext } from '../context.ts'

/** A notification with its time. */
export interface Notification extends ParsedNotification {
  /** When it happened: by the server, or now. */
  readonly atMs: number
}

/** One kind, whatever it reads. */
export interface NotificationKind {
  /** The stanza's `type`. */
  readonly type: string
  /** @throws {ProtocolError} when the stanza breaks the rules of its kind: it is refused then */
  readonly receive: (unit: Unit, notification: Notification, context: ReceiveContext) => Promise<void>
}

/** Declares a kind: `parse` is pure, `apply` stages what follows from it. Addresses are learned before. */
export function notificationKind<Said>(kind: {
  readonly type: string
  readonly parse: (stanza: BinaryNode) => Said
  readonly apply: (
    unit: Unit,
    said: Said,
    notification: Notification,
    context: ReceiveContext,
  ) => Promise<void>
}): NotificationKind {
  return {
    type: kind.type,
    receive: (unit, notification, context) =>
      kind.apply(unit, kind.parse(notification.raw), notification, context),
  }
}
