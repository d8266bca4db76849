/** The companion's side is the pairing code of an unmodified Baileys; the phone's side signs as the simulated phone does. */
import { configureSuccessfulPairing, initAuthCreds, proto } from '@whiskeysockets/baileys'
import type { AuthenticationCreds, BinaryNode as BaileysNode } from '@whiskeysockets/baileys'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { fromBase64, utf8Text } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../../protocol/crypto/index.ts'
import { childrenOf, node, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { signDeviceIdentity } from '../peer/adv.ts'
import { Trace } from '../trace.ts'
import type { Account } from '../world/account.ts'
import { World } from '../world/world.ts'
import type { StanzaListener } from './channel.ts'
import { PairingDesk } from './pairing.ts'

/** Time that moves when a test says so. */
class StillClock implements Clock {
  #nowMs = 1_700_000_000_000
  readonly #timers = new Set<{ dueMs: number; callback: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, callback: () => void): { cancel: () => void } {
    const timer = { dueMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  advance(byMs: number): void {
    this.#nowMs += byMs
    for (const timer of this.#timers) {
      if (timer.dueMs > this.#nowMs) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

const random = seededRandom('pairing')

describe('pairing desk', () => {
  let clock: StillClock
  let world: World
  let desk: PairingDesk
  let account: Account
  let creds: AuthenticationCreds
  let written: BinaryNode[]
  let hasEnded: boolean
  let companion: StanzaListener
  let seat: () => void

  beforeEach(() => {
    clock = new StillClock()
    world = new World(clock, random, new Trace(clock))
    desk = new PairingDesk(world)
    account = world.createAccount('15550000001', 'Alice')
    creds = initAuthCreds()
    written = []
    hasEnded = false
    const channel = {
      connectionId: 1,
      identify: () => undefined,
      write: (stanza: BinaryNode) => written.push(stanza),
      end: () => {
        hasEnded = true
      },
      cut: () => undefined,
    }
    const { signedPreKey, signedIdentityKey, registrationId } = creds
    const keys = {
      registrationId,
      identityKey: new Uint8Array(signedIdentityKey.public),
      signedPreKey: {
        id: signedPreKey.keyId,
        publicKey: new Uint8Array(signedPreKey.keyPair.public),
        signature: new Uint8Array(signedPreKey.signature),
      },
    }
    seat = () => {
      written = []
      companion = desk.seat(
        channel,
        { kind: 'registration', version: [2, 3000, 1], keys, os: 'Mac OS', deviceProps: new Uint8Array() },
        new Uint8Array(creds.noiseKey.public),
      )
    }
    seat()
  })

  const refs = (): string[] =>
    childrenOf(requireChild(written[0] ?? node('none'), 'pair-device')).map((ref) =>
      utf8Text(requireBytes(ref)),
    )
  const identity = generateKeyPair(random)
  const approve = (ref: string, isHosted = false): Promise<void> => {
    const deviceId = account.reserveDeviceId()
    const deviceIdentity = signDeviceIdentity({
      account: identity,
      companionKey: new Uint8Array(creds.signedIdentityKey.public),
      advSecret: fromBase64(creds.advSecretKey),
      rawId: 1,
      keyIndex: deviceId,
      atSeconds: 1_700_000_000,
      random,
      isHosted,
    })
    return desk.approve(account, { ref, deviceIdentity, deviceId, platform: 'chrome', isHosted })
  }
  /** Baileys' answer to the pair-success it was sent. */
  const baileysAnswer = (): BinaryNode => {
    const { reply } = configureSuccessfulPairing(written.at(-1) as BaileysNode, creds)
    return plain(reply)
  }
  /** The same answer with its ADVSignedDeviceIdentity changed. */
  const changedAnswer = (change: (identity: proto.IADVSignedDeviceIdentity) => void): BinaryNode => {
    const answer = baileysAnswer()
    const child = requireChild(requireChild(answer, 'pair-device-sign'), 'device-identity')
    const signed = proto.ADVSignedDeviceIdentity.decode(requireBytes(child))
    change(signed)
    const bytes = new Uint8Array(proto.ADVSignedDeviceIdentity.encode(signed).finish())
    return {
      ...answer,
      content: [node('pair-device-sign', {}, [node('device-identity', child.attrs, bytes)])],
    }
  }

  it('refuses a ref that nobody showed', async () => {
    await expect(approve('2@unheard')).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_UNKNOWN' })
  })

  it('refuses a ref whose time is over, and takes the next one', async () => {
    const [first = '', second = ''] = refs()
    clock.advance(60_001)
    await expect(approve(first)).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_EXPIRED' })
    const approved = approve(second)
    companion.receive(baileysAnswer())
    await approved
  })

  it('closes when all refs expired', async () => {
    const [first = ''] = refs()
    clock.advance(160_001)
    expect(hasEnded).toBe(true)
    await expect(approve(first)).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_UNKNOWN' })
  })

  it('gives up on a companion that does not answer', async () => {
    const approved = approve(refs()[0] ?? '')
    clock.advance(60_000)
    await expect(approved).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PAIRING_TIMEOUT' })
    expect(account.devices.size).toBe(1)
  })

  it('hands the refusal of the companion to the phone', async () => {
    const approved = approve(refs()[0] ?? '')
    const { id } = (written.at(-1) ?? node('none')).attrs
    companion.receive(
      node('iq', { id, type: 'error' }, [node('error', { code: '401', text: 'hmac-mismatch' })]),
    )
    await expect(approved).rejects.toMatchObject({
      code: 'WATON_SIMULATOR_PAIRING_REFUSED',
      details: { code: '401', text: 'hmac-mismatch' },
    })
  })

  it.each<[string, (signed: proto.IADVSignedDeviceIdentity) => void]>([
    ['is for another identity', (signed) => (signed.details = Uint8Array.of(8, 1))],
    ['lacks the account signature', (signed) => (signed.accountSignature = null)],
    ['carries the account signature key', (signed) => (signed.accountSignatureKey = identity.publicKey)],
    ['lacks the device signature', (signed) => (signed.deviceSignature = null)],
    ['has a device signature of somebody else', (signed) => (signed.deviceSignature = random.bytes(64))],
  ])('refuses an answer that %s', async (_name, change) => {
    const approved = approve(refs()[0] ?? '')
    companion.receive(changedAnswer(change))
    await expect(approved).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PAIRING_SIGNATURE' })
    expect([hasEnded, account.devices.size]).toEqual([true, 1])
  })

  it('refuses an answer with another key index', async () => {
    const approved = approve(refs()[0] ?? '')
    const answer = baileysAnswer()
    const child = requireChild(requireChild(answer, 'pair-device-sign'), 'device-identity')
    const renumbered = node('device-identity', { 'key-index': 77 }, requireBytes(child))
    companion.receive({ ...answer, content: [node('pair-device-sign', {}, [renumbered])] })
    await expect(approved).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PAIRING_SIGNATURE' })
  })

  it('takes every ref for expired when that is planned', async () => {
    expect(desk.expireRefs()).toBe(1)
    for (const ref of refs())
      await expect(approve(ref)).rejects.toMatchObject({ code: 'WATON_SIMULATOR_QR_EXPIRED' })
  })

  it('asks for a passkey in place of pair-success when that is planned', async () => {
    desk = new PairingDesk(world, { demandPasskey: () => 'request' })
    seat()
    await expect(approve(refs()[0] ?? '')).rejects.toMatchObject({ code: 'WATON_SIMULATOR_PASSKEY' })
    expect(written.at(-1)).toMatchObject({ tag: 'notification', attrs: { type: 'passkey_prologue_request' } })
    expect(account.devices.size).toBe(1)
  })

  it('has every notification acknowledged once, by its id and type', () => {
    expect(desk.refresh('pair-device-rotate-qr')).toBe(1)
    const { id = '', type = '' } = (written.at(-1) ?? node('none')).attrs
    const ack = { id, type, class: 'notification', to: '@s.whatsapp.net' }
    companion.receive(node('ack', ack))
    expect(hasEnded).toBe(false)
    companion.receive(node('ack', ack))
    expect(hasEnded).toBe(true)
  })

  it.each([
    ['another id', { id: 'unheard' }],
    ['another type', { type: 'devices' }],
    ['another class', { class: 'receipt' }],
    ['more than it has', { participant: 'x' }],
  ])('ends a companion that acknowledges with %s', (_name, change) => {
    desk.refresh('companion_reg_refresh')
    const { id = '', type = '' } = (written.at(-1) ?? node('none')).attrs
    companion.receive(node('ack', { id, type, class: 'notification', to: '@s.whatsapp.net', ...change }))
    expect(hasEnded).toBe(true)
  })

  it('links a device of a hosted account that Baileys has checked and signed', async () => {
    const approved = approve(refs()[0] ?? '', true)
    const success = requireChild(written.at(-1) ?? node('none'), 'pair-success')
    expect(requireChild(success, 'device').attrs['jid']).toBe('15550000001:1@hosted')
    companion.receive(baileysAnswer())
    await approved
    expect(account.devices.size).toBe(2)
  })

  it('links a device that Baileys signed, and sends it into its first login', async () => {
    const approved = approve(refs()[0] ?? '')
    companion.receive(baileysAnswer())
    await approved
    const device = account.devices.get(1)
    expect(device?.directory.keys?.registrationId).toBe(creds.registrationId)
    const complete = proto.ADVSignedDeviceIdentity.decode(device?.facts.deviceIdentity ?? new Uint8Array(0))
    expect(new Uint8Array(complete.accountSignatureKey ?? [])).toEqual(identity.publicKey)
    expect(written.at(-1)).toEqual(node('stream:error', { code: 515 }))
    expect(hasEnded).toBe(true)
  })
})

function plain({ tag, attrs, content }: BaileysNode): BinaryNode {
  if (Array.isArray(content)) return node(tag, attrs, content.map(plain))
  return content instanceof Uint8Array ? node(tag, attrs, new Uint8Array(content)) : node(tag, attrs)
}
