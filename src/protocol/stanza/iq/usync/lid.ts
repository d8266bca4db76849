/** USync protocol: the LID that belongs to a phone number. The server does not tell the number that belongs to a LID. */
import { node } from '../../../binary/node.ts'
import { parseJid, SERVER_LID, userJid } from '../../../jid.ts'
import { ProtocolError } from '../../../../base/errors.ts'
import type { UsyncProtocol } from './protocol.ts'

/**
 * ```xml
 * <lid/>
 * <user jid="..."><lid jid="100000000002@lid"/></user>
 * <lid val="100000000002@lid"/>
 * ```
 *
 * The value is a user JID; `undefined` where the server knows none.
 *
 * @source Baileys 7.0.0-rc14 `UsyncLIDProtocol.js`
 */
export const LID: UsyncProtocol<'lid', string | undefined> = {
  name: 'lid',
  tag: 'lid',
  query: () => node('lid'),
  target: ({ lid }) => (lid === undefined ? undefined : node('lid', { jid: lid })),
  parse({ attrs: { val } }) {
    if (val === undefined || val === '') return undefined
    if (parseJid(val).server === SERVER_LID) return userJid(val)
    throw new ProtocolError('WATON_USYNC_LID', 'the server gave something else where a LID must be', {
      details: { lid: val.slice(0, 64) },
    })
  },
}
