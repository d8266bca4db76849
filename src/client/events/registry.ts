/**
 * Every durable event by its name. A type that has no line here does not compile, and an event that is not here does not
 * exist: filters, documents, schemas and the contract test all begin with this table.
 */
import type { EventDefinition } from './definition.ts'
import type { DurablePayloads, DurableType } from './index.ts'
import { MESSAGE, MESSAGE_RECEIPT, MESSAGE_UNDECRYPTABLE } from './message.ts'
import { SEND_FAILED } from './send.ts'

/** The type of {@link EVENTS}. */
export type EventRegistry = { readonly [Type in DurableType]: EventDefinition<Type, DurablePayloads[Type]> }

/** The definitions. */
export const EVENTS: EventRegistry = {
  message: MESSAGE,
  'message.undecryptable': MESSAGE_UNDECRYPTABLE,
  'message.receipt': MESSAGE_RECEIPT,
  'send.failed': SEND_FAILED,
}

/** The names of all durable events. */
export const DURABLE_TYPES: readonly DurableType[] = Object.keys(EVENTS).filter(isDurableType)

/** Whether this version knows durable events of that name. */
export function isDurableType(type: string): type is DurableType {
  return Object.hasOwn(EVENTS, type)
}

/** The version that each durable event is written with. */
export const DURABLE_VERSIONS: Readonly<Record<DurableType, number>> = versions()

function versions(): Readonly<Record<DurableType, number>> {
  const entries = DURABLE_TYPES.map((type) => [type, EVENTS[type].version] as const)
  return Object.fromEntries(entries) as Record<DurableType, number>
}
