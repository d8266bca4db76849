/** App state has news. Which collections is remembered until they are fetched, so that no news is lost on the way. */
import { parseServerSync } from '../../../protocol/stanza/notifications/server-sync.ts'
import { DIRTY_COLLECTION } from '../../state/records.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** Collections that there are. Others are counted: names from outside must not fill the store. */
const COLLECTIONS: ReadonlySet<string> = new Set([
  'critical_block',
  'critical_unblock_low',
  'regular_high',
  'regular',
  'regular_low',
])

/** See the file comment. */
export const SERVER_SYNC: NotificationKind = notificationKind({
  type: 'server_sync',
  parse: parseServerSync,
  async apply(unit, collections, { atMs }, { unknowns }) {
    for (const { name, version } of collections) {
      if (!COLLECTIONS.has(name)) {
        unknowns.count('notification', `server_sync/${name}`)
        continue
      }
      const known = await unit.read(DIRTY_COLLECTION, name)
      const newest = Math.max(version ?? 0, known?.version ?? 0)
      unit.put(DIRTY_COLLECTION, name, { atMs, ...(newest === 0 ? {} : { version: newest }) })
    }
  },
})
