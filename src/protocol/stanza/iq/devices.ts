/** Unlinking this device. */
import { defineIq, type IqQuery } from '../iq.ts'
import { node } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** What {@link removeCompanionDevice} takes away. */
export interface CompanionDevice {
  /** This device's own phone-number JID, with device number. */
  readonly jid: string
}

/**
 * Unlinks this device from its account; the server then ends the connection with 401.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="md"><remove-companion-device jid="15550000001:3@s.whatsapp.net" reason="user_initiated"/></iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` logout
 */
export const removeCompanionDevice: IqQuery<CompanionDevice, void> = defineIq({
  name: 'devices.remove',
  build: ({ jid }) =>
    serverIq('set', 'md', [node('remove-companion-device', { jid, reason: 'user_initiated' })]),
  parse: () => undefined,
})
