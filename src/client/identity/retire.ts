/**
 * Gives up a device that is not on its account any more, so that the next connection links a new one. Its credentials stay
 * in the store under a key of their own (promise G8); what only that device could use is removed.
 */
import type { RandomSource } from '../../base/random.ts'
import type { HistoryPolicy } from '../../protocol/noise/client-payload.ts'
import type { AccountState } from '../state/account-state.ts'
import type { RecordKind } from '../state/record-kind.ts'
import {
  APP_STATE_COLLECTION,
  APP_STATE_ENTRY,
  APP_STATE_KEY,
  APP_STATE_KEY_REQUEST,
  CONNECTION_HINTS,
  CREDENTIALS,
  DIRTY_COLLECTION,
  PRE_KEY_STATE,
  SELF,
  SESSION,
  SIGNED_PRE_KEY,
  SIGNED_PRE_KEY_STATE,
  STANDING,
} from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import { makeCredentials } from './credentials.ts'
import type { Self } from './self.ts'

/**
 * Kinds of records that a new device cannot use: others agreed on them with the old one, or they are of an account that the
 * new one may not be of. The phone shares its keys, and with them all of app state, with each device that it links.
 */
const BOUND_TO_THE_DEVICE = [
  SESSION,
  APP_STATE_COLLECTION,
  APP_STATE_ENTRY,
  DIRTY_COLLECTION,
  APP_STATE_KEY_REQUEST,
  APP_STATE_KEY,
] as readonly RecordKind<unknown>[]

/** Records removed with one commit. */
const PAGE = 500

/** What a new device is made with. */
export interface RetireOptions {
  readonly state: AccountState
  readonly self: Self
  readonly random: RandomSource
  readonly history: HistoryPolicy
}

/** See the file comment. Interrupted, it leaves the account as it was, perhaps with fewer sessions. */
export async function retireDevice({ state, self, random, history }: RetireOptions): Promise<void> {
  await state.flush()
  for (const kind of BOUND_TO_THE_DEVICE) await removeAll(state, kind)
  await state.commit(async (unit) => {
    const old = (await unit.read(CREDENTIALS, SELF)) ?? self.credentials
    const made = makeCredentials(random, history, await freeSignedPreKeyId(unit, old.signedPreKeyId))
    unit.put(CREDENTIALS, `retired.${String(unit.nowMs)}`, old)
    unit.put(CREDENTIALS, SELF, made.credentials)
    unit.put(SIGNED_PRE_KEY, String(made.signedPreKey.id), { ...made.signedPreKey, createdAtMs: unit.nowMs })
    // a rotation under way is over: its key is signed by the old identity
    unit.delete(SIGNED_PRE_KEY_STATE, SELF)
    // ids go on: those of the old device stay spent
    const { nextId } = (await unit.read(PRE_KEY_STATE, SELF)) ?? { nextId: 1 }
    unit.put(PRE_KEY_STATE, SELF, { nextId, firstUnuploadedId: nextId, uploaded: false })
    const { webVersion } = (await unit.read(CONNECTION_HINTS, SELF)) ?? {}
    unit.put(CONNECTION_HINTS, SELF, webVersion === undefined ? {} : { webVersion })
    unit.delete(STANDING, SELF)
    unit.onCommit(() => {
      self.update(made.credentials)
    })
  })
}

async function removeAll(state: AccountState, kind: RecordKind<unknown>): Promise<void> {
  let after: string | undefined
  for (;;) {
    const rows = await state.store.listRecords(state.account, kind.kind, after, PAGE)
    if (rows.length === 0) return
    await state.commit((unit) => {
      for (const { key } of rows) unit.delete(kind, key)
      return Promise.resolve()
    })
    after = rows.at(-1)?.key
  }
}

async function freeSignedPreKeyId(unit: Unit, last: number): Promise<number> {
  let id = last + 1
  while ((await unit.read(SIGNED_PRE_KEY, String(id))) !== undefined) id += 1
  return id
}
