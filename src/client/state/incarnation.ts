/**
 * Backups, and what opening one means. A copy that `client.backup` makes carries a stamp; the original goes on and may use
 * its ratchets, so whoever opens the copy must not continue them (promise G3): every session is kept for reading only, and
 * the first message to each device begins a new one. Nor may it give the ids of one-time pre-keys to other keys than the
 * original has. Until that is done and durable, nothing else is.
 *
 * Finished ciphertexts that wait in the outbox of a copy may leave as they are: the original's are the same bytes.
 */
import { UsageError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import type { Store } from '../../persistence/contract/index.ts'
import { asCopy } from '../../protocol/signal/index.ts'
import { leaveIdsToOriginal } from '../keys/pre-key-stock.ts'
import type { AccountState } from './account-state.ts'
import { BACKUP_STAMP, DEVICE_LIST, SELF, SESSION } from './records.ts'

/** Options of `Client.backup`. */
export interface BackupOptions {
  /** Replaces a file that exists. @default false: an existing file is refused and left as it is */
  readonly overwrite?: boolean
}

/** Sessions rewritten with one commit. */
const PAGE = 250

/** Writes a stamped copy of a store. @throws what `Store.backup` throws, and {@link UsageError} `WATON_BACKUP_UNSUPPORTED` */
export async function backUpStore(
  store: Store,
  path: string,
  { overwrite = false, nowMs }: BackupOptions & { readonly nowMs: number },
): Promise<void> {
  if (store.backup === undefined) {
    throw new UsageError(
      'WATON_BACKUP_UNSUPPORTED',
      'this store cannot be copied to a file: keep the account in a SQLite file (openSqlite), or back up the database itself',
    )
  }
  const value = BACKUP_STAMP.encode({ madeAtMs: nowMs })
  await store.backup(path, { stamp: { kind: BACKUP_STAMP.kind, key: SELF, value, at: nowMs }, overwrite })
}

/**
 * Makes an account that was opened from a backup a new incarnation; does nothing for any other. Interrupted, it begins
 * again with the next start: the stamp goes last.
 */
export async function beginIncarnation(
  state: AccountState,
  { random, logger }: { readonly random: RandomSource; readonly logger: Logger },
): Promise<void> {
  const stamp = await state.read(BACKUP_STAMP, SELF)
  if (stamp === undefined) return
  let sessions = 0
  let after: string | undefined
  for (;;) {
    const rows = await state.store.listRecords(state.account, SESSION.kind, after, PAGE)
    const last = rows.at(-1)
    if (last === undefined) break
    await state.commit(async (unit) => {
      for (const { key } of rows) {
        const record = await unit.read(SESSION, key)
        if (record !== undefined) unit.put(SESSION, key, asCopy(record, unit.nowMs))
      }
    })
    sessions += rows.length
    after = last.key
  }
  await state.commit(async (unit) => {
    await leaveIdsToOriginal(unit, random)
    // devices may have come and gone without a word to the copy
    unit.changes.push({ op: 'expire-records', kind: DEVICE_LIST.kind, before: Number.MAX_SAFE_INTEGER })
    unit.delete(BACKUP_STAMP, SELF)
  })
  logger.warn(
    { madeAtMs: stamp.madeAtMs, sessions },
    'this store is a backup: sessions begin anew, and what was received after the copy was made is not in it',
  )
}
