/** Every kind of notification that this version knows, by `type`. A new kind is one file and one line here. */
import { ABOUT } from './about.ts'
import { ACCOUNT_SYNC } from './account-sync.ts'
import { BUSINESS } from './business.ts'
import { CONTACTS } from './contacts.ts'
import { DEVICES } from './devices.ts'
import { DISAPPEARING_MODE } from './disappearing-mode.ts'
import { ENCRYPT } from './encrypt.ts'
import { GROUP } from './group.ts'
import type { NotificationKind } from './kind.ts'
import { MEDIA_RETRY } from './media-retry.ts'
import { MEX } from './mex.ts'
import { NEWSLETTER } from './newsletter.ts'
import { PASSED_OVER } from './passed-over.ts'
import { PICTURE } from './picture.ts'
import { PRIVACY_TOKEN } from './privacy-token.ts'
import { SERVER_SYNC } from './server-sync.ts'

const KINDS: readonly NotificationKind[] = [
  ABOUT,
  ACCOUNT_SYNC,
  BUSINESS,
  CONTACTS,
  DEVICES,
  DISAPPEARING_MODE,
  ENCRYPT,
  GROUP,
  MEDIA_RETRY,
  MEX,
  NEWSLETTER,
  PICTURE,
  PRIVACY_TOKEN,
  SERVER_SYNC,
  ...PASSED_OVER,
]

/** See the file comment. A map, because types come from outside. */
export const NOTIFICATIONS: ReadonlyMap<string, NotificationKind> = new Map(
  KINDS.map((kind) => [kind.type, kind]),
)
