/** Handing out privacy tokens: whoever gets one may write to us, ask for our presence, and see our picture. */
import { node } from '../../binary/node.ts'
import { defineIq, type IqQuery } from '../iq.ts'
import { parsePrivacyTokens, type PrivacyToken } from '../notifications/privacy-token.ts'
import { serverIq } from './server-iq.ts'

/** To whom tokens are handed out. */
export interface TokenIssue {
  /** People, without device. */
  readonly jids: readonly string[]
  /** The time that the tokens carry. */
  readonly atSeconds: number
}

/**
 * Hands out tokens; the server makes them. What it returns are tokens of the others for us, where it has any.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="privacy"><tokens>
 *   <token jid="15550000002@s.whatsapp.net" t="1700000000" type="trusted_contact"/></tokens></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/messages-send.js` issuePrivacyTokens
 */
export const issuePrivacyTokens: IqQuery<TokenIssue, readonly PrivacyToken[]> = defineIq({
  name: 'privacy.issue-tokens',
  build: ({ jids, atSeconds }) =>
    serverIq('set', 'privacy', [
      node(
        'tokens',
        {},
        jids.map((jid) => node('token', { jid, t: atSeconds, type: 'trusted_contact' })),
      ),
    ]),
  parse: parsePrivacyTokens,
})
