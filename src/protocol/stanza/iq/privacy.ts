/** The account's privacy settings. Changing them is a later part. */
import { defineIq, type IqQuery } from '../iq.ts'
import { childrenOf, node, requireAttribute, requireChild } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/**
 * Asks for the privacy settings.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="privacy"><privacy/></iq>
 * <iq type="result"><privacy><category name="readreceipts" value="all"/>...</privacy></iq>
 * ```
 *
 * @returns value by category, e.g. `readreceipts` -> `all` or `none`
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` fetchPrivacySettings
 */
export const fetchPrivacy: IqQuery<void, ReadonlyMap<string, string>> = defineIq({
  name: 'privacy.fetch',
  build: () => serverIq('get', 'privacy', [node('privacy')]),
  parse: (answer) => {
    const categories = childrenOf(requireChild(answer, 'privacy'), 'category')
    return new Map(
      categories.map((category) => [requireAttribute(category, 'name'), requireAttribute(category, 'value')]),
    )
  },
})
