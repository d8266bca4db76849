/** Tells the server that this connection is ready for messages: until then it holds them back. */
import { defineIq, type IqQuery } from '../iq.ts'
import { node } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/**
 * Ends the passive mode that a login begins in.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="passive"><active/></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` sendPassiveIq
 */
export const becomeActive: IqQuery<void, void> = defineIq({
  name: 'passive.active',
  build: () => serverIq('set', 'passive', [node('active')]),
  parse: () => undefined,
})
