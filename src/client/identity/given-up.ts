/**
 * Devices that were given up before they ever logged in: a link was in doubt, and another one took its place. The server may
 * have them all the same, now or a little later; they are remembered until they are taken off the account or known not to be
 * on it (`connection/former-devices.ts`). See `docs/decisions/0011-unconfirmed-link.md`.
 */
import { keyIndexIn } from '../../protocol/pairing/key-index.ts'
import type { AccountState } from '../state/account-state.ts'
import { GIVEN_UP_DEVICES, SELF } from '../state/records.ts'
import type { Credentials, GivenUpDevice, LinkedAccount } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'

/** Devices remembered, the newest: WhatsApp links four. */
const MAX_GIVEN_UP = 4

/** Remembers the device of a link, with what it takes to log in as it. @param stored - the credentials that it was linked with */
export async function giveUp(unit: Unit, stored: Credentials, linked: LinkedAccount): Promise<void> {
  const { pn, deviceId, deviceIdentity } = linked
  const { noiseKey } = stored
  const keyIndex = keyIndexIn(deviceIdentity)
  const device = { pn, deviceId, keyIndex, noiseKey, givenUpAtMs: unit.nowMs, refusals: 0 }
  const others = (await read(unit)).filter((other) => !isSameDevice(other, device))
  unit.put(GIVEN_UP_DEVICES, SELF, { devices: [...others, device].slice(-MAX_GIVEN_UP) })
}

/** A device that was given up is this one now: the server has handed out its number again. */
export async function keepDevice(unit: Unit, linked: LinkedAccount): Promise<void> {
  const devices = await read(unit)
  const others = devices.filter((device) => !isSameDevice(device, linked))
  if (others.length < devices.length) unit.put(GIVEN_UP_DEVICES, SELF, { devices: others })
}

/** The devices that are remembered. */
export async function givenUpDevices(state: AccountState): Promise<readonly GivenUpDevice[]> {
  return read(state)
}

/** Remembers something else of a device, or forgets it. */
export async function settleGivenUp(
  state: AccountState,
  device: GivenUpDevice,
  next: GivenUpDevice | undefined,
): Promise<void> {
  await state.commit(async (unit) => {
    const devices = (await read(unit)).flatMap((other) => {
      if (!isSameDevice(other, device)) return [other]
      return next === undefined ? [] : [next]
    })
    if (devices.length === 0) unit.delete(GIVEN_UP_DEVICES, SELF)
    else unit.put(GIVEN_UP_DEVICES, SELF, { devices })
  })
}

/** Whether both are the same number of the same account. */
export function isSameDevice(
  one: Pick<GivenUpDevice, 'pn' | 'deviceId'>,
  other: Pick<GivenUpDevice, 'pn' | 'deviceId'>,
): boolean {
  return one.pn === other.pn && one.deviceId === other.deviceId
}

async function read(records: Pick<AccountState, 'read'> | Unit): Promise<readonly GivenUpDevice[]> {
  return (await records.read(GIVEN_UP_DEVICES, SELF))?.devices ?? []
}
