/** Somebody lets this account write to them: their token is kept under their canonical address. The newest wins. */
import { userJid } from '../../../protocol/jid.ts'
import { parsePrivacyTokens } from '../../../protocol/stanza/notifications/privacy-token.ts'
import { canonicalJid } from '../../identity/addresses.ts'
import { PRIVACY_TOKEN as PRIVACY_TOKEN_RECORD } from '../../state/records.ts'
import { notificationKind } from './kind.ts'
import type { NotificationKind } from './kind.ts'

const TRUSTED = 'trusted_contact'

/** See the file comment. */
export const PRIVACY_TOKEN: NotificationKind = notificationKind({
  type: 'privacy_token',
  parse: parsePrivacyTokens,
  async apply(unit, tokens, { from }, { self, unknowns }) {
    // what our own devices hand out is for others
    if (self.isOwn(from)) return
    const key = await canonicalJid(unit, userJid(from))
    for (const { type, token, atSeconds } of tokens) {
      if (type !== TRUSTED) {
        unknowns.count('notification', `privacy_token/${type}`)
        continue
      }
      const known = await unit.read(PRIVACY_TOKEN_RECORD, key)
      if (known?.atSeconds !== undefined && known.atSeconds > (atSeconds ?? 0)) continue
      unit.put(PRIVACY_TOKEN_RECORD, key, { token, ...(atSeconds === undefined ? {} : { atSeconds }) })
    }
  },
})
