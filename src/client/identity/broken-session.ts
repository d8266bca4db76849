/**
 * Sessions that decode and that nothing can be encrypted in, as a damaged store may hold them: whoever comes across one
 * sets it aside, so that the next message to its device begins a new one. What still arrives in it is read.
 */
import { WatonError } from '../../base/errors.ts'
import { encryptSignal, withoutCurrent } from '../../protocol/signal/index.ts'
import type { EncryptSignalOptions, EncryptedSignal, SessionRecord } from '../../protocol/signal/index.ts'
import type { AccountState } from '../state/account-state.ts'
import { QUARANTINE, SESSION } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** See the file comment. */
export interface BrokenSession {
  readonly address: string
  readonly record: SessionRecord
  readonly error: WatonError
}

/** Encrypts, or says that the session is broken. Neither changes anything. */
export function encryptOrBroken(
  address: string,
  options: EncryptSignalOptions,
): EncryptedSignal | BrokenSession {
  try {
    return encryptSignal(options)
  } catch (error) {
    // anything else is a fault of ours, and no session's
    if (!(error instanceof WatonError)) throw error
    return { address, record: options.record, error }
  }
}

/** Keeps the bytes of a broken session, tells of it, and leaves its device without one to write in. */
export function setSessionAside(
  unit: Unit,
  { address, record, error }: BrokenSession,
  state: Pick<AccountState, 'reportUnreadable'>,
): void {
  unit.put(QUARANTINE, `${SESSION.kind}/${address}`, SESSION.encode(record))
  unit.put(SESSION, address, withoutCurrent(record, unit.nowMs))
  unit.onCommit(() => {
    state.reportUnreadable(SESSION.kind, address, error)
  })
}
