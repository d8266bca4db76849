/**
 * The check of events before they are staged. A payload that breaks its contract is a mistake of this library, and the
 * stanza behind it must not pay for it: what it changed besides is sound, and an answer has to be given once it is durable.
 * So what broke the contract is left out where the rest keeps it; where nothing whole remains, the event is recorded as it
 * is, given to nobody, and reported as set aside: a later version can still read it. Refusing the unit would make the
 * server deliver the stanza for ever, and dropping the event would lose it in silence.
 */
import { StorageError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { loadContract } from '../events/load-contract.ts'
import type { DurablePayloads, DurableType } from '../events.ts'
import { fromJson, toJson } from './record-kind.ts'
import type { EventDraft } from './unit.ts'

/** The drafts as they may be staged. Never rejects because of a payload. */
export async function checkedEvents(drafts: readonly EventDraft[], logger: Logger): Promise<EventDraft[]> {
  const contract = await loadContract()
  return drafts.map((draft) => {
    const { payload, faults, isSound } = contract.check(draft.type, draft.payload)
    if (faults.length > 0)
      logger.error(
        { type: draft.type, code: 'WATON_EVENT_INVALID', faults, kept: isSound ? 'in part' : 'set aside' },
        'an event broke its contract: please report this',
      )
    return isSound
      ? { ...draft, payload: payload as DurablePayloads[DurableType] }
      : { ...draft, payload: recordable(draft.payload), fault: invalid(draft.type, faults) }
  })
}

/** JSON can hold what is recorded, whatever it was meant to be. */
function recordable(payload: DurablePayloads[DurableType]): DurablePayloads[DurableType] {
  try {
    return fromJson(toJson(payload)) as DurablePayloads[DurableType]
  } catch {
    return {} as DurablePayloads[DurableType]
  }
}

function invalid(type: DurableType, faults: readonly string[]): StorageError {
  return new StorageError(
    'WATON_EVENT_INVALID',
    'an event broke its contract and is kept in the log for a later version: please report the type and the faults',
    { details: { type, faults: faults.join('; ') }, action: 'report' },
  )
}
