/** Leaving an account: the device removes itself, or one that was removed makes room for another. */
import { ClosedError, UsageError } from '../base/errors.ts'
import type { RandomSource } from '../base/random.ts'
import type { HistoryPolicy } from '../protocol/noise/client-payload.ts'
import { removeCompanionDevice } from '../protocol/stanza/iq/devices.ts'
import type { Connection } from './connection/connection.ts'
import { closeReason, endingFor } from './connection/ending.ts'
import type { Supervisor } from './connection/supervisor.ts'
import type { Verdicts } from './connection/verdicts.ts'
import { retireDevice } from './identity/retire.ts'
import type { Self } from './identity/self.ts'
import type { Outbox } from './send/outbox.ts'
import type { AccountState } from './state/account-state.ts'
import { SELF, STANDING } from './state/records.ts'

/** What leaving works with. */
export interface Leaving {
  readonly state: AccountState
  readonly self: Self
  readonly outbox: Outbox
  readonly supervisor: Supervisor
  readonly verdicts: Verdicts
  readonly random: RandomSource
  readonly history: HistoryPolicy
}

/** See `Client.logout`. @param leaving - with the open connection, when there is one */
export async function leaveAccount(
  leaving: Leaving & { readonly connection: Connection | undefined },
): Promise<void> {
  const { self, supervisor, verdicts, connection } = leaving
  self.requireLinked()
  if (connection === undefined) {
    throw new ClosedError(
      'WATON_LOGOUT_OFFLINE',
      'the server cannot be told without a connection: await client.connect() first, or remove the device on the phone',
      { retryable: true },
    )
  }
  verdicts.leave()
  try {
    await connection.query(removeCompanionDevice, { jid: self.devicePn })
  } catch (error) {
    // the server may end the stream before its answer is read
    if (!verdicts.stay()) throw error
  }
  await supervisor.stop(closeReason(endingFor('unlinked')))
  verdicts.stay()
  await retire(leaving)
}

/** See `Client.relink`. */
export async function relinkAccount(leaving: Leaving): Promise<void> {
  const { state, self } = leaving
  if (!self.isLinked) return
  const standing = await state.read(STANDING, SELF)
  if (standing?.quarantine === undefined) {
    throw new UsageError(
      'WATON_RELINK_LINKED',
      'this account is linked and nothing is wrong with it: call client.logout() first to link it anew',
    )
  }
  await retire(leaving)
}

/** The next connection links a new device. */
async function retire({ state, self, outbox, supervisor, random, history }: Leaving): Promise<void> {
  await outbox.abandon()
  await retireDevice({ state, self, random, history })
  supervisor.forgive()
}
