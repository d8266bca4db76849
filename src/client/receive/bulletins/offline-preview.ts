/** What waits in the server's offline queue: the first batch of it is asked for. */
import { parseOfflinePreview } from '../../../protocol/stanza/bulletins/offline-preview.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** See the file comment. */
export const OFFLINE_PREVIEW: BulletinKind = bulletinKind({
  tag: 'offline_preview',
  parse: parseOfflinePreview,
  apply: (_unit, _preview, { offline }) => offline.begin(),
})
