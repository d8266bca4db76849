/** Every kind of information bulletin that this version knows, by tag. A new kind is one file and one line here. */
import { CLIENT_EXPIRATION } from './client-expiration.ts'
import { DIRTY } from './dirty.ts'
import { EDGE_ROUTING } from './edge-routing.ts'
import type { BulletinKind } from './kind.ts'
import { OFFLINE_END } from './offline-end.ts'
import { OFFLINE_PREVIEW } from './offline-preview.ts'
import { PASSED_OVER } from './passed-over.ts'

const KINDS: readonly BulletinKind[] = [
  CLIENT_EXPIRATION,
  DIRTY,
  EDGE_ROUTING,
  OFFLINE_END,
  OFFLINE_PREVIEW,
  ...PASSED_OVER,
]

/** See the file comment. A map, because tags come from outside. */
export const BULLETINS: ReadonlyMap<string, BulletinKind> = new Map(KINDS.map((kind) => [kind.tag, kind]))
