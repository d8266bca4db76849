/** The end of the server's offline queue: said when everything before it is recorded. */
import { parseOfflineEnd } from '../../../protocol/stanza/bulletins/offline-end.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** See the file comment. */
export const OFFLINE_END: BulletinKind = bulletinKind({
  tag: 'offline',
  parse: (bulletin) => ({ total: parseOfflineEnd(bulletin) }),
  apply: (unit, { total }, { effects }) => {
    unit.onCommit(() => {
      effects.offlineDone(total)
    })
    return undefined
  },
})
