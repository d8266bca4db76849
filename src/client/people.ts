/**
 * What the client knows of other people and asks about them, made together: which devices they have, sessions with those,
 * and who is on WhatsApp.
 */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { RandomSource } from '../base/random.ts'
import { ContactDirectory } from './contacts/lookup.ts'
import type { Self } from './identity/self.ts'
import { DeviceDirectory } from './send/devices.ts'
import { SessionDirectory } from './send/sessions.ts'
import type { AccountState } from './state/account-state.ts'
import { Unknowns } from './unknowns.ts'

/** See the file comment. */
export interface People {
  /** Which devices a message goes to. */
  readonly devices: DeviceDirectory
  /** Sessions with them. */
  readonly sessions: SessionDirectory
  /** Who is on WhatsApp. */
  readonly contacts: ContactDirectory
  /** What came and nobody knew. */
  readonly unknowns: Unknowns
}

/** Makes all of it for one account. */
export function makePeople(options: {
  readonly state: AccountState
  readonly self: Self
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}): People {
  const unknowns = new Unknowns()
  const devices = new DeviceDirectory({ ...options, unknowns })
  const sessions = new SessionDirectory({ ...options, unknowns })
  const contacts = new ContactDirectory({ ...options, devices, unknowns })
  return { devices, sessions, contacts, unknowns }
}
