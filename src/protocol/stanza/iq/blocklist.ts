/** Who the account has blocked. Changing the list is a later part. */
import { defineIq, type IqQuery } from '../iq.ts'
import { childOf, childrenOf, requireAttribute } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/**
 * Asks for the blocked users.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="blocklist"/>
 * <iq type="result"><list dhash="..."><item jid="100000000002@lid"/></list></iq>
 * ```
 *
 * @returns user JIDs
 * @source Baileys 7.0.0-rc14 `Socket/chats.js` fetchBlocklist
 */
export const fetchBlocklist: IqQuery<void, readonly string[]> = defineIq({
  name: 'blocklist.fetch',
  build: () => serverIq('get', 'blocklist'),
  parse: (answer) => {
    const list = childOf(answer, 'list')
    return list === undefined ? [] : childrenOf(list, 'item').map((item) => requireAttribute(item, 'jid'))
  },
})
