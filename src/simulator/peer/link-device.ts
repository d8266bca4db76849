/**
 * Linking a device, as the human does it: scan or type the code, vouch for the companion, remember it, and once it has logged in
 * hand over what a new device needs. The signed structures are `adv.ts`, what is handed over is `first-login.ts`.
 */
import { UsageError, errorCode } from '../../base/errors.ts'
import type { Timer } from '../../base/clock.ts'
import { uintFromBytes } from '../../base/bytes.ts'
import { withDevice } from '../../protocol/jid.ts'
import { ADVSignedDeviceIdentityHMAC, decodeProto } from '../../protocol/proto/index.ts'
import type { PrimaryServices } from '../link.ts'
import { nowSeconds } from './account.ts'
import type { PhoneAccount } from './account.ts'
import { signDeviceIdentity, signKeyIndexList } from './adv.ts'
import type { PairingForgery } from './adv.ts'
import type { DeviceKeys } from './device-keys.ts'
import { enterCode, openKeyBundle } from './link-code.ts'
import { parsePairingQr, platformName } from './qr.ts'
import type { PairingQr } from './qr.ts'

/** A linked device as the phone remembers it. */
export interface LinkedDevice {
  readonly deviceId: number
  /** Phone-number JID of the device. */
  readonly jid: string
  readonly platform: string
  /** The identity key that the device was linked with, 32 bytes. */
  readonly identityKey: Uint8Array
  readonly linkedAtMs: number
  /** Whether it has what a new device needs. */
  readonly isWelcomed: boolean
}

/** Options of {@link LinkedDevices.link}. */
export interface LinkDeviceOptions {
  /** Makes an approval that the companion must refuse. For tests of refusals. */
  readonly forge?: PairingForgery
  /** Approves as the phone of an account that a provider hosts. @default false */
  readonly hosted?: boolean
}

/** Options of {@link LinkedDevices.linkByCode}. */
export interface LinkByCodeOptions extends LinkDeviceOptions {
  /** Answers as the phone of an account with a passkey does: without its key, so that linking goes no further. */
  readonly passkey?: boolean
}

/** Who is vouched for: from the QR code, or agreed on by a code. */
type Companion = Omit<PairingQr, 'noiseKey'>

/** What {@link LinkedDevices} are built from. */
export interface LinkedDevicesOptions {
  readonly account: PhoneAccount
  readonly keys: DeviceKeys
  readonly services: PrimaryServices
  /**
   * Gives a new device what it needs. Resolves false when the device cannot be written to yet (it has not published
   * its keys), rejects when it failed for another reason.
   */
  readonly welcome: (deviceJid: string) => Promise<boolean>
  /** Looks after work that nobody awaits. */
  readonly spawn: (work: Promise<void>) => void
}

/** Devices remembered at most; the server allows fewer. */
const MAX_DEVICES = 200
/** How often a device that is not ready yet is tried again, and how often at most. */
const WELCOME_INTERVAL_MS = 250
const MAX_WELCOME_ATTEMPTS = 2_400

/** See the file comment. */
export class LinkedDevices {
  readonly #options: LinkedDevicesOptions
  #rawId: number
  /** The newest key index that was ever given out. */
  #currentIndex = 0
  readonly #devices = new Map<number, LinkedDevice>()
  #isWelcoming = false
  #mustLookAgain = false
  #attempts = 0
  #timer: Timer | undefined
  #closed = false

  constructor(options: LinkedDevicesOptions) {
    this.#options = options
    this.#rawId = uintFromBytes(options.account.random.bytes(4))
    options.services.onDeviceReady?.(() => {
      this.welcomeNewDevices()
    })
  }

  /** The devices that are linked now, oldest first. */
  get all(): readonly LinkedDevice[] {
    const linked = new Set(this.#options.services.linkedDevices().map((device) => device.deviceId))
    for (const deviceId of this.#devices.keys()) if (!linked.has(deviceId)) this.#devices.delete(deviceId)
    return [...this.#devices.values()]
  }

  /**
   * Links the device that shows this QR code. Resolves when the companion has accepted.
   *
   * @throws {UsageError} `WATON_PHONE_QR`, `WATON_PHONE_TOO_MANY_DEVICES`; what the server says when the companion refuses
   */
  async link(qr: string, options: LinkDeviceOptions = {}): Promise<{ readonly deviceId: number }> {
    return this.#vouch(parsePairingQr(qr), options)
  }

  /**
   * Links the device that shows this code. Resolves when the companion has accepted.
   *
   * @throws {UsageError} `WATON_PHONE_LINK_CODE`, `WATON_SIMULATOR_CODE_UNKNOWN`, `WATON_SIMULATOR_CODE_EXPIRED`
   * @throws {CryptoError} `WATON_PHONE_LINK_CODE_WRONG`; what the server says when the companion does not answer
   */
  async linkByCode(code: string, options: LinkByCodeOptions = {}): Promise<{ readonly deviceId: number }> {
    const { account, keys, services } = this.#options
    const { linkCodes } = services
    if (linkCodes === undefined)
      throw new UsageError('WATON_PHONE_LINK_CODE', 'this server does not link by code; scan a QR code')
    const announced = linkCodes.announced()
    const { ref } = announced
    const entered = await enterCode(code, announced, account.random)
    const wrapped = options.passkey === true ? undefined : entered.wrappedEphemeral
    const companion = await linkCodes.answer({
      ref,
      primaryIdentity: keys.identity.publicKey,
      wrappedPrimaryEphemeral: wrapped,
    })
    const advSecret = openKeyBundle(entered, keys.identity, companion)
    const platform = platformName(announced.platformId)
    return this.#vouch({ ref, identityKey: companion.identityKey, advSecret, platform }, options)
  }

  async #vouch(companion: Companion, options: LinkDeviceOptions): Promise<{ readonly deviceId: number }> {
    const { account, keys, services } = this.#options
    const { ref, identityKey, advSecret, platform } = companion
    if (this.all.length >= MAX_DEVICES) {
      throw new UsageError(
        'WATON_PHONE_TOO_MANY_DEVICES',
        'the phone has too many linked devices; unlink one first',
      )
    }
    const deviceId = services.reserveDeviceId()
    const { forge, hosted: isHosted = false } = options
    const { clock, random } = account
    const deviceIdentity = signDeviceIdentity({
      account: keys.identity,
      companionKey: identityKey,
      advSecret,
      rawId: this.#rawId,
      keyIndex: deviceId,
      atSeconds: nowSeconds(clock),
      random,
      isHosted,
      ...(forge === undefined ? {} : { forge }),
    })
    const claim = forge === 'primary' ? { claimedDeviceId: 0 } : {}
    this.#currentIndex = Math.max(this.#currentIndex, deviceId)
    const keyIndexList = this.#keyIndexList([...this.all.map((device) => device.deviceId), deviceId])
    await services.approvePairing({
      ...{ ref, deviceIdentity, deviceId, platform, isHosted, keyIndexList },
      ...claim,
    })
    const jid = withDevice(account.pn, deviceId)
    this.#devices.set(deviceId, {
      deviceId,
      jid,
      platform,
      identityKey,
      linkedAtMs: clock.nowMs(),
      isWelcomed: false,
    })
    account.logger.info({ deviceId, platform }, 'phone linked a device')
    this.welcomeNewDevices()
    return { deviceId }
  }

  /**
   * Gives every new device that is online what it needs, one after the other. Called after linking and whenever
   * something about the devices changed; until all are served it looks again by itself, for up to ten minutes.
   */
  welcomeNewDevices(): void {
    this.#attempts = 0
    this.#look()
  }

  /** Signs another identity key of a linked device, 32 bytes; see `phone.vouchAnew`. */
  vouchAnew(deviceId: number, companionKey: Uint8Array): Uint8Array {
    const { account, keys } = this.#options
    const { clock, random } = account
    const wrapped = signDeviceIdentity({
      account: keys.identity,
      companionKey,
      advSecret: random.bytes(32),
      rawId: this.#rawId,
      keyIndex: deviceId,
      atSeconds: nowSeconds(clock),
      random,
    })
    const { details } = decodeProto(ADVSignedDeviceIdentityHMAC, wrapped, 'ADVSignedDeviceIdentityHMAC')
    return details ?? new Uint8Array(0)
  }

  /** Signs anew which devices are linked, without the one that is taken off. */
  publishWithout(deviceId: number): void {
    const left = this.all.map((device) => device.deviceId).filter((id) => id !== deviceId)
    this.#options.services.publishKeyIndexList?.(this.#keyIndexList(left))
  }

  /** The account begins anew: no device is linked, and what was signed before is worth nothing. */
  beginAnew(): void {
    this.#devices.clear()
    this.#rawId = uintFromBytes(this.#options.account.random.bytes(4))
  }

  #keyIndexList(indexes: readonly number[]): { readonly atSeconds: number; readonly signed: Uint8Array } {
    const { account, keys } = this.#options
    const atSeconds = nowSeconds(account.clock)
    const signed = signKeyIndexList({
      account: keys.identity,
      rawId: this.#rawId,
      indexes,
      currentIndex: this.#currentIndex,
      atSeconds,
      random: account.random,
    })
    return { atSeconds, signed }
  }

  /** Stops looking. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #look(): void {
    // Whoever became ready while another was served must not wait for the timer.
    this.#mustLookAgain = this.#isWelcoming
    if (this.#isWelcoming || this.#closed) return
    this.#timer?.cancel()
    const waiting = this.all.filter((device) => !device.isWelcomed)
    if (waiting.length === 0) return
    const online = new Set(
      this.#options.services
        .linkedDevices()
        .filter((device) => device.online)
        .map((device) => device.deviceId),
    )
    const ready = waiting.filter((device) => online.has(device.deviceId))
    this.#isWelcoming = true
    this.#options.spawn(this.#welcome(ready))
  }

  async #welcome(devices: readonly LinkedDevice[]): Promise<void> {
    const { account, welcome } = this.#options
    for (const device of devices) {
      try {
        if (await welcome(device.jid)) this.#devices.set(device.deviceId, { ...device, isWelcomed: true })
      } catch (error) {
        account.logger.warn(
          { code: errorCode(error), deviceId: device.deviceId },
          'phone could not serve a new device yet',
        )
      }
    }
    this.#isWelcoming = false
    this.#attempts += 1
    if (this.#mustLookAgain) this.#look()
    else this.#lookLater()
  }

  #lookLater(): void {
    const isDone = this.all.every((device) => device.isWelcomed)
    if (this.#closed || isDone || this.#attempts >= MAX_WELCOME_ATTEMPTS) return
    this.#timer = this.#options.account.clock.schedule(WELCOME_INTERVAL_MS, () => {
      this.#look()
    })
  }
}
