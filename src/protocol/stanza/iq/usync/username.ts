/** USync protocol: the username under which people can be found instead of by their number. */
import { contentText, node } from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/**
 * ```xml
 * <username/>
 * <username>bob</username>
 * ```
 *
 * The value is the name; `undefined` for whoever has none.
 *
 * @source Baileys 7.0.0-rc14 `USyncUsernameProtocol.js`
 */
export const USERNAME: UsyncProtocol<'username', string | undefined> = {
  name: 'username',
  tag: 'username',
  query: () => node('username'),
  parse(element) {
    const text = contentText(element)
    return text === '' ? undefined : text
  },
}
