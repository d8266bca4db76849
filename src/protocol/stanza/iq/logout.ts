/** Takes a linked device off its account: what "log out" on the device does. */
import { defineIq, type IqQuery } from '../iq.ts'
import { node } from '../../binary/node.ts'
import { serverIq } from './server-iq.ts'

/** Which device. */
export interface RemovedDevice {
  /** The device's own phone-number JID, e.g. `15550000001:3@s.whatsapp.net`. */
  readonly jid: string
}

/**
 * Removes this device from the account. The server answers, and ends the stream with `conflict type="device_removed"`.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="set" xmlns="md">
 *   <remove-companion-device jid="15550000001:3@s.whatsapp.net" reason="user_initiated"/>
 * </iq>
 * ```
 * @source Baileys 7.0.0-rc14 `Socket/socket.js` logout
 */
export const removeCompanionDevice: IqQuery<RemovedDevice, void> = defineIq({
  name: 'device.remove',
  build: ({ jid }) =>
    serverIq('set', 'md', [node('remove-companion-device', { jid, reason: 'user_initiated' })]),
  parse: () => undefined,
})
