/**
 * Which keys of a linked device are believed: those for which its account vouches, wherever they come from. The server
 * delivers keys and cannot make a signature; who takes keys without one writes to whomever the server likes.
 *
 * The server has the signed identity of every linked device since it was linked, and sends it with the keys; devices send
 * it with the keys in a request to send again. WhatsApp Web begins no session without it, whichever of the two the keys
 * come from, with any device but number 0, so that hosted devices (99) are no exception. whatsapp-rust takes such keys with
 * a warning, as whoever stands in between could leave the identity out: that is what refusing is for.
 *
 * @source WhatsApp Web `WAWebSignalSessionApi` createSignalSession ("expected device-identity in keyBundle for companion
 *   device"), `WAWebProcessRetryKeyBundle`, `WAWebAdvSignatureApi` validateADVwithIdentityKey (no account key: refused);
 *   Baileys 7.0.0-rc14 `Socket/messages-recv.js` sendRetryRequest, whatsmeow `retry.go`: what a linked device sends
 */
import { CryptoError } from '../../base/errors.ts'
import { parseJid } from '../../protocol/jid.ts'
import { accountKeyIn, verifyDeviceIdentity } from '../../protocol/pairing/vouched-device.ts'
import type { MappingReader } from './addresses.ts'
import { personJid } from './addresses.ts'
import { accountKeyOf } from './device-list.ts'
import type { Self } from './self.ts'

/** Keys of a device, with what came along. */
export interface OfferedKeys {
  /** Device JID. */
  readonly device: string
  /** 32 bytes. */
  readonly identityKey: Uint8Array
  /** Serialised `ADVSignedDeviceIdentity`. */
  readonly deviceIdentity?: Uint8Array | undefined
}

/**
 * Requires that the account of a device vouches for its keys. The phone speaks for itself.
 *
 * @throws {CryptoError} `WATON_DEVICE_UNVOUCHED` when nothing was signed, or there is no key to check it with,
 *   `WATON_DEVICE_IDENTITY` when it does not verify
 * @throws {ProtocolError} `WATON_PROTO_MALFORMED`
 */
export async function requireVouching(
  records: MappingReader,
  self: Self,
  { device, identityKey, deviceIdentity }: OfferedKeys,
): Promise<void> {
  if (parseJid(device).device === 0) return
  if (deviceIdentity === undefined) throw unvouched(device, 'nothing signed came with them')
  const accountKey = await accountKeyOf(records, self, personJid(device))
  if (accountKey === undefined && accountKeyIn(deviceIdentity) === undefined)
    throw unvouched(device, 'the key of its account is not known')
  verifyDeviceIdentity(deviceIdentity, { identityKey, accountKey })
}

function unvouched(device: string, why: string): CryptoError {
  return new CryptoError(
    'WATON_DEVICE_UNVOUCHED',
    `the account of a linked device does not vouch for its keys (${why}); nothing is sent to it until it does`,
    { details: { device }, action: 'wait' },
  )
}
