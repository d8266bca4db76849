/** App state has news. Which collections is remembered until they are fetched, so that no news is lost on the way. */
import { parseServerSync } from '../../../protocol/stanza/notifications/server-sync.ts'
import { isCollection, markDirty } from '../../app-state/collections.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

/** See the file comment. */
export const SERVER_SYNC: NotificationKind = notificationKind({
  type: 'server_sync',
  parse: parseServerSync,
  async apply(unit, collections, { atMs }, { effects, unknowns }) {
    for (const { name, version } of collections) {
      if (isCollection(name))
        await markDirty(unit, name, { atMs, ...(version === undefined ? {} : { version }) })
      else unknowns.count('notification', `server_sync/${name}`)
    }
    unit.onCommit(() => {
      effects.appState()
    })
  },
})
