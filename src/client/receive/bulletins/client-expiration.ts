/** The server will refuse this version soon: the user is told. */
import { parseClientExpiration } from '../../../protocol/stanza/bulletins/client-expiration.ts'
import { bulletinKind } from './kind.ts'
import type { BulletinKind } from './kind.ts'

/** See the file comment. */
export const CLIENT_EXPIRATION: BulletinKind = bulletinKind({
  tag: 'client_expiration',
  parse: (bulletin) => ({ atSeconds: parseClientExpiration(bulletin) }),
  apply: (unit, { atSeconds }, { effects }) => {
    unit.onCommit(() => {
      effects.versionExpires(atSeconds)
    })
    return undefined
  },
})
