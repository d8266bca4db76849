import { initAuthCreds, encodeWAMessage, proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import { downloadAndProcessHistorySyncNotification } from '@whiskeysockets/baileys/lib/Utils/history.js'
import {
  configureSuccessfulPairing,
  encodeSignedDeviceIdentity,
} from '@whiskeysockets/baileys/lib/Utils/validate-connection.js'
import { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord } from 'libsignal'
import type { SignalStorage } from 'libsignal'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { toBase64, uintFromBytes, uint24Bytes, uint32Bytes } from '../../base/bytes.ts'
import { systemClock } from '../../base/clock.ts'
import type { Timer } from '../../base/clock.ts'
import { UsageError, errorCode } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { childOf, childrenOf, node, requireBytes, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { parseJid, signalAddress, userJid } from '../../protocol/jid.ts'
import type { DeviceLink, LinkListener, PairingApproval, PrimaryServices } from '../link.ts'
import { createPhone } from './phone.ts'
import type { PhoneOptions, SimulatedPhone } from './phone.ts'

/*
 * The other side of every conversation here is unmodified: sessions are libsignal's, content and padding are Baileys',
 * the companion's device identity is made by Baileys' own pairing. Only the server in between is a fake of this file.
 */

const ALICE = '15550000001@s.whatsapp.net'
const ALICE_LID = '100000000000001@lid'
const BOB = '15550000002@s.whatsapp.net'
const BOB_LID = '100000000000002@lid'
const ALICE_WEB = '15550000001:1@s.whatsapp.net'
const BOB_WEB = '15550000002:1@s.whatsapp.net'

type Creds = ReturnType<typeof initAuthCreds>
interface Pair {
  readonly privKey: Buffer
  readonly pubKey: Buffer
}

function typed(publicKey: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(5), publicKey])
}

/** A device whose keys are Baileys' and whose sessions are libsignal's. */
class LibsignalDevice {
  readonly jid: string
  readonly lid: string
  creds: Creds = initAuthCreds()
  /** What the device understood, in order. */
  readonly received: {
    readonly from: string
    readonly id: string
    readonly message: proto.IMessage
    readonly stanza: BinaryNode
  }[] = []
  /** Stanzas other than messages. */
  readonly others: BinaryNode[] = []
  readonly #sessions = new Map<string, SessionRecord>()
  readonly #preKeys = new Map<number, Pair>()
  nextPreKey = 1

  constructor(jid: string, lid: string) {
    this.jid = jid
    this.lid = lid
  }

  /** The bundle as the server hands it out, with a new one-time pre-key. */
  bundle(): BinaryNode[] {
    const { registrationId, signedIdentityKey, signedPreKey } = this.creds
    const id = this.nextPreKey++
    const pair = initAuthCreds().signedPreKey.keyPair
    this.#preKeys.set(id, { privKey: Buffer.from(pair.private), pubKey: Buffer.from(pair.public) })
    return [
      node('registration', {}, uint32Bytes(registrationId)),
      node('type', {}, Uint8Array.of(5)),
      node('identity', {}, new Uint8Array(signedIdentityKey.public)),
      node('skey', {}, [
        node('id', {}, uint24Bytes(signedPreKey.keyId)),
        node('value', {}, new Uint8Array(signedPreKey.keyPair.public)),
        node('signature', {}, new Uint8Array(signedPreKey.signature)),
      ]),
      node('key', {}, [node('id', {}, uint24Bytes(id)), node('value', {}, new Uint8Array(pair.public))]),
    ]
  }

  deviceIdentity(): Uint8Array | undefined {
    return this.creds.account === undefined
      ? undefined
      : new Uint8Array(encodeSignedDeviceIdentity(this.creds.account, true))
  }

  forgetSessions(): void {
    this.#sessions.clear()
  }

  async startSession(owner: BinaryNode, jid: string): Promise<void> {
    const number = (parent: BinaryNode): number => uintFromBytes(requireBytes(requireChild(parent, 'id')))
    const value = (parent: BinaryNode): Buffer => typed(requireBytes(requireChild(parent, 'value')))
    const skey = requireChild(owner, 'skey')
    const key = requireChild(owner, 'key')
    await new SessionBuilder(this.#storage(), this.#address(jid)).initOutgoing({
      registrationId: uintFromBytes(requireBytes(requireChild(owner, 'registration'))),
      identityKey: typed(requireBytes(requireChild(owner, 'identity'))),
      signedPreKey: {
        keyId: number(skey),
        publicKey: value(skey),
        signature: Buffer.from(requireBytes(requireChild(skey, 'signature'))),
      },
      preKey: { keyId: number(key), publicKey: value(key) },
    })
  }

  async encrypt(jid: string, content: proto.IMessage): Promise<BinaryNode> {
    const { type, body } = await new SessionCipher(this.#storage(), this.#address(jid)).encrypt(
      encodeWAMessage(content),
    )
    return node(
      'enc',
      { v: '2', type: type === 3 ? 'pkmsg' : 'msg' },
      new Uint8Array(Buffer.from(body, 'binary')),
    )
  }

  async decrypt(from: string, enc: BinaryNode): Promise<proto.IMessage> {
    const cipher = new SessionCipher(this.#storage(), this.#address(from))
    const body = Buffer.from(requireBytes(enc))
    const padded =
      enc.attrs['type'] === 'pkmsg'
        ? await cipher.decryptPreKeyWhisperMessage(body)
        : await cipher.decryptWhisperMessage(body)
    return proto.Message.decode(unpadRandomMax16(padded))
  }

  #address(jid: string): ProtocolAddress {
    const [name = '', device = '0'] = signalAddress(jid).split('.')
    return new ProtocolAddress(name, Number(device))
  }

  #storage(): SignalStorage {
    const { signedIdentityKey, signedPreKey, registrationId } = this.creds
    return {
      loadSession: (id) => Promise.resolve(this.#sessions.get(id)),
      storeSession: (id, session) => {
        this.#sessions.set(id, SessionRecord.deserialize(session.serialize()))
        return Promise.resolve()
      },
      isTrustedIdentity: () => true,
      loadPreKey: (id) => Promise.resolve(this.#preKeys.get(Number(id))),
      removePreKey: (id) => {
        this.#preKeys.delete(id)
      },
      loadSignedPreKey: () => ({
        privKey: Buffer.from(signedPreKey.keyPair.private),
        pubKey: Buffer.from(signedPreKey.keyPair.public),
      }),
      getOurRegistrationId: () => registrationId,
      getOurIdentity: () => ({
        privKey: Buffer.from(signedIdentityKey.private),
        pubKey: typed(signedIdentityKey.public),
      }),
    }
  }
}

/** Routes key fetches and messages between one phone and libsignal devices; the least that a server must do. */
class FakeServer implements PrimaryServices {
  readonly devices = new Map<string, LibsignalDevice>()
  readonly fromPhone: BinaryNode[] = []
  /** What the companion that waits for its pairing is. */
  companion: LibsignalDevice | undefined
  companionIsOnline = true
  silent = false
  /** The companion publishes its keys just after the phone was told that it has none. */
  publishesLate = false
  /** The next device query is answered after all others that are asked meanwhile. */
  isFirstQuerySlow = false
  refuseMessagesWith: string | undefined
  listener: LinkListener | undefined
  onReady: (deviceId: number) => void = () => undefined
  attached = 0
  readonly phoneKeys = new Map<number, Uint8Array>()
  #upload: BinaryNode | undefined
  #work: Promise<void> = Promise.resolve()
  #lidOf = new Map([
    [ALICE, ALICE_LID],
    [BOB, BOB_LID],
  ])

  attach(listener: LinkListener): DeviceLink {
    this.listener = listener
    this.attached += 1
    return {
      jid: ALICE,
      send: (stanza) => {
        this.fromPhone.push(stanza)
        if (!this.silent) this.#receive(stanza)
      },
      close: () => {
        this.listener = undefined
        listener.onClose()
      },
    }
  }

  onDeviceReady(listener: (deviceId: number) => void): void {
    this.onReady = listener
  }

  reserveDeviceId(): number {
    return 1
  }

  approvePairing(approval: PairingApproval): Promise<void> {
    const { companion } = this
    if (companion === undefined) return Promise.reject(new UsageError('TEST_NOBODY', 'nobody waits'))
    const stanza = {
      tag: 'iq',
      attrs: { id: '1', type: 'set', from: '@s.whatsapp.net' },
      content: [
        {
          tag: 'pair-success',
          attrs: {},
          content: [
            { tag: 'device-identity', attrs: {}, content: approval.deviceIdentity },
            { tag: 'device', attrs: { jid: companion.jid, lid: companion.lid } },
          ],
        },
      ],
    }
    try {
      Object.assign(companion.creds, configureSuccessfulPairing(stanza, companion.creds).creds)
    } catch (cause) {
      return Promise.reject(new UsageError('TEST_REFUSED', 'the companion refused', { cause }))
    }
    this.devices.set(companion.jid, companion)
    return Promise.resolve()
  }

  linkedDevices(): readonly {
    readonly deviceId: number
    readonly platform: string
    readonly online: boolean
  }[] {
    return this.devices.has(ALICE_WEB)
      ? [{ deviceId: 1, platform: 'chrome', online: this.companionIsOnline }]
      : []
  }

  push(stanza: BinaryNode): void {
    this.listener?.onNode(stanza)
  }

  /** Everything that arrived for devices so far has been read by them. */
  async settled(): Promise<void> {
    for (let before; before !== this.#work;) {
      before = this.#work
      await before
    }
  }

  /** One of the phone's one-time bundles, as another device fetches it. */
  phoneBundle(): BinaryNode {
    const upload = this.#upload ?? node('iq')
    const [key, ...left] = childrenOf(requireChild(upload, 'list'))
    this.#upload = {
      ...upload,
      content: childrenOf(upload).map((child) => (child.tag === 'list' ? node('list', {}, left) : child)),
    }
    return node('user', { jid: ALICE }, [
      ...childrenOf(upload).filter((child) => child.tag !== 'list'),
      ...(key === undefined ? [] : [key]),
    ])
  }

  #receive(stanza: BinaryNode): void {
    const { id, type, xmlns, to } = stanza.attrs
    const answer = (content?: BinaryNode[]): void => {
      this.push(node('iq', { id, type: 'result', from: '@s.whatsapp.net' }, content))
    }
    if (stanza.tag === 'iq' && xmlns === 'usync') {
      const work = (): void => {
        answer([this.#usync(stanza)])
      }
      if (this.isFirstQuerySlow) systemClock.schedule(20, work)
      else work()
      this.isFirstQuerySlow = false
    } else if (stanza.tag === 'iq' && xmlns === 'encrypt' && type === 'get') answer([this.#bundles(stanza)])
    else if (stanza.tag === 'iq' && xmlns === 'encrypt') {
      this.#upload = stanza
      answer()
    } else if (stanza.tag === 'message') {
      if (this.refuseMessagesWith === undefined) this.#route(stanza)
      this.push(node('ack', { class: 'message', id, from: to, error: this.refuseMessagesWith }))
    } else if (stanza.tag === 'receipt') {
      for (const device of this.devices.values())
        if (userJid(device.jid) !== ALICE) device.others.push(stanza)
    }
  }

  #usync(query: BinaryNode): BinaryNode {
    const users = childrenOf(requireChild(requireChild(query, 'usync'), 'list')).map((user) => {
      const jid = user.attrs['jid'] ?? ''
      const ids = [...this.devices.keys()]
        .filter((device) => userJid(device) === jid)
        .map((device) => parseJid(device).device)
      const known = jid === ALICE ? [0, ...ids] : ids
      const list = known.map((id) => node('device', { id, 'key-index': id === 0 ? undefined : id }))
      return node('user', { jid }, [
        node('devices', {}, [node('device-list', {}, list)]),
        node('lid', { val: this.#lidOf.get(jid) }),
      ])
    })
    return node('usync', {}, [node('list', {}, users)])
  }

  #bundles(query: BinaryNode): BinaryNode {
    const users = childrenOf(requireChild(query, 'key')).map((user) => {
      const jid = user.attrs['jid'] ?? ''
      const device = this.publishesLate ? undefined : this.#find(jid)
      if (this.publishesLate) this.onReady(1)
      this.publishesLate = false
      if (device === undefined) return node('user', { jid }, [node('error', { code: 404 })])
      const identity = device.deviceIdentity()
      return node('user', { jid }, [
        ...device.bundle(),
        ...(identity === undefined ? [] : [node('device-identity', {}, identity)]),
      ])
    })
    return node('list', {}, users)
  }

  #find(jid: string): LibsignalDevice | undefined {
    return [...this.devices.values()].find((device) => device.jid === jid || device.lid === jid)
  }

  #route(stanza: BinaryNode): void {
    const participants = childOf(stanza, 'participants')
    const copies =
      participants === undefined
        ? [node('to', { jid: stanza.attrs['to'] }, childrenOf(stanza, 'enc'))]
        : childrenOf(participants)
    this.#work = this.#work.then(async () => {
      for (const copy of copies) {
        const device = this.#find(copy.attrs['jid'] ?? '')
        const enc = childOf(copy, 'enc')
        if (device === undefined || enc === undefined) continue
        const message = await device.decrypt(ALICE, enc)
        device.received.push({ from: ALICE, id: stanza.attrs['id'] ?? '', message, stanza })
      }
    })
  }
}

let server: FakeServer
let phone: SimulatedPhone
const bob = (): LibsignalDevice => {
  const device = server.devices.get(BOB)
  if (device === undefined) throw new TypeError('bob is gone')
  return device
}

async function start(options: Partial<PhoneOptions> = {}): Promise<void> {
  server = new FakeServer()
  server.devices.set(BOB, new LibsignalDevice(BOB, BOB_LID))
  phone = await createPhone({
    phoneNumber: '15550000001',
    name: 'Alice',
    lid: ALICE_LID,
    random: seededRandom('phone test'),
    clock: systemClock,
    services: server,
    answerTimeoutMs: 2_000,
    ...options,
  })
}

async function linkCompanion(): Promise<LibsignalDevice> {
  const companion = new LibsignalDevice(ALICE_WEB, ALICE_LID.replace('@', ':1@'))
  server.companion = companion
  const { noiseKey, signedIdentityKey, advSecretKey } = companion.creds
  const keys = [toBase64(noiseKey.public), toBase64(signedIdentityKey.public), advSecretKey]
  await phone.linkDevice(`https://wa.me/settings/linked_devices#ref,${keys.join(',')},1`)
  await phone.idle()
  await server.settled()
  return companion
}

/** A message from a libsignal device, as the server would deliver it. */
async function deliver(
  device: LibsignalDevice,
  content: proto.IMessage,
  attributes: Record<string, string> = {},
): Promise<BinaryNode> {
  const enc = await device.encrypt(ALICE, content)
  const identity = device.deviceIdentity()
  const children = identity === undefined ? [enc] : [enc, node('device-identity', {}, identity)]
  const stanza = node(
    'message',
    { from: device.jid, id: 'M1', t: '1700000000', type: 'text', notify: 'Bob', ...attributes },
    children,
  )
  server.push(stanza)
  return stanza
}

function answers(tag: string, type?: string): BinaryNode[] {
  return server.fromPhone.filter((stanza) => stanza.tag === tag && stanza.attrs['type'] === type)
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

beforeAll(() => {
  // libsignal prints whole sessions when it closes one
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
})
beforeEach(async () => {
  await start()
})
afterEach(() => {
  phone.close()
})

describe('the phone refuses', () => {
  it.each([
    ['a chat that is no JID', 'bob', 'hi', 'WATON_PHONE_CHAT'],
    ['a group', '1203@g.us', 'hi', 'WATON_PHONE_CHAT'],
    ['a single device', BOB_WEB, 'hi', 'WATON_PHONE_CHAT'],
    ['an empty text', BOB, '', 'WATON_PHONE_TEXT'],
    ['a number that nobody has', '15559999999@s.whatsapp.net', 'hi', 'WATON_PHONE_NO_DEVICES'],
  ])('to write to %s', async (_what, chat, text, code) => {
    expect(await codeOf(phone.send(chat, { text }))).toBe(code)
  })

  it('to use a message id twice', async () => {
    await phone.send(BOB, { text: 'one' }, { id: 'SAME' })
    expect(await codeOf(phone.send(BOB, { text: 'two' }, { id: 'SAME' }))).toBe('WATON_PHONE_MESSAGE_ID')
  })

  it('to keep quiet about a message that the server refused', async () => {
    server.refuseMessagesWith = '479'
    expect(await codeOf(phone.send(BOB, { text: 'hi' }, { id: 'X' }))).toBe('WATON_PHONE_SEND_REFUSED')
    expect(phone.receiptsFor('X')).toMatchObject({ server: false, failed: 'WATON_PHONE_SEND_REFUSED' })
  })

  it('to wait for ever for an answer', async () => {
    await start({ answerTimeoutMs: 20 })
    server.silent = true
    expect(await codeOf(phone.send(BOB, { text: 'hi' }))).toBe('WATON_PHONE_NO_ANSWER')
  })

  it('to link a device whose QR code it cannot read, or that refuses its approval', async () => {
    expect(await codeOf(phone.linkDevice('hello'))).toBe('WATON_PHONE_QR')
    server.companion = new LibsignalDevice(ALICE_WEB, ALICE_LID.replace('@', ':1@'))
    const { noiseKey, signedIdentityKey, advSecretKey } = server.companion.creds
    const qr = ['ref', toBase64(noiseKey.public), toBase64(signedIdentityKey.public), advSecretKey].join(',')
    expect(await codeOf(phone.linkDevice(qr, { forge: 'hmac' }))).toBe('TEST_REFUSED')
    expect(phone.devices).toEqual([])
  })

  it('to show a message of a companion that its account does not vouch for', async () => {
    const web = new LibsignalDevice(BOB_WEB, BOB_LID.replace('@', ':1@'))
    await web.startSession(server.phoneBundle(), ALICE)
    await deliver(web, { conversation: 'trust me' })
    expect(phone.messages).toEqual([])
    expect(phone.undecryptable).toMatchObject([{ code: 'WATON_PHONE_DEVICE_IDENTITY', retries: 1 }])
  })

  it('to show a message of somebody else that claims to be sent by itself', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    await deliver(bob(), {
      deviceSentMessage: { destinationJid: ALICE, message: { conversation: 'I owe Bob money' } },
    })
    expect(phone.messages).toEqual([])
    expect(phone.undecryptable).toMatchObject([{ code: 'WATON_PHONE_DEVICE_SENT', retries: 0 }])
  })

  it('to wait longer than asked for a message', async () => {
    expect(await codeOf(phone.waitForMessage(() => true, { timeoutMs: 10 }))).toBe('WATON_PHONE_WAIT')
  })

  it('to let a listener or a predicate that throws stop the others', async () => {
    const seen: string[] = []
    phone.onMessage(() => {
      throw new TypeError('a bug of the test')
    })
    const stop = phone.onMessage(({ id }) => seen.push(id))
    const failing = phone.waitForMessage(() => {
      throw new TypeError('a bug of the test')
    })
    const waiting = phone.waitForMessage(({ id }) => id === 'A1')
    await Promise.all([
      phone.send(BOB, { text: 'hi' }, { id: 'A1' }),
      expect(failing).rejects.toThrow('a bug of the test'),
    ])
    stop()
    await phone.send(BOB, { text: 'hi' }, { id: 'A2' })
    expect(await waiting).toMatchObject({ id: 'A1' })
    expect(seen).toEqual(['A1'])
  })

  it('to leave anybody waiting when it is closed', async () => {
    const waiting = codeOf(phone.waitForMessage(() => true))
    phone.close()
    expect(await waiting).toBe('WATON_PHONE_CLOSED')
    expect(await codeOf(phone.send(BOB, { text: 'hi' }))).toBe('WATON_PHONE_CLOSED')
  })
})

describe('writing', () => {
  it('reaches a libsignal device, first as a pkmsg and after its answer as a msg', async () => {
    await phone.send(BOB, { text: 'hello' }, { id: 'A1' })
    await server.settled()
    await deliver(bob(), { conversation: 'hi' })
    await phone.send(BOB, { text: 'how are you' }, { id: 'A2' })
    await server.settled()
    expect(bob().received.map(({ id, message }) => [id, message.conversation])).toEqual([
      ['A1', 'hello'],
      ['A2', 'how are you'],
    ])
    const types = bob().received.map(
      ({ stanza }) =>
        childOf(childrenOf(requireChild(stanza, 'participants'))[0] ?? node('x'), 'enc')?.attrs['type'],
    )
    expect(types).toEqual(['pkmsg', 'msg'])
  })

  it('keeps the order of messages that are written at once', async () => {
    server.isFirstQuerySlow = true
    const texts = Array.from({ length: 20 }, (_, index) => `message ${String(index)}`)
    await Promise.all(texts.map((text) => phone.send(BOB, { text })))
    await server.settled()
    expect(bob().received.map(({ message }) => message.conversation)).toEqual(texts)
    expect(phone.messages.map(({ text }) => text)).toEqual(texts)
  })

  it('gives linked devices a copy that says where it was sent', async () => {
    const companion = await linkCompanion()
    await phone.send(BOB, { text: 'so that his LID is known' })
    await server.settled()
    companion.received.length = 0
    bob().received.length = 0
    await phone.send(BOB_LID, { text: 'hello' }, { id: 'A1' })
    await server.settled()
    expect(companion.received.map(({ message }) => message.deviceSentMessage)).toMatchObject([
      { destinationJid: BOB, message: { conversation: 'hello' } },
    ])
    expect(bob().received).toHaveLength(1)
  })

  it('shows the ticks as they come', async () => {
    await phone.send(BOB, { text: 'hello' }, { id: 'A1' })
    expect(phone.receiptsFor('A1')).toEqual({ server: true, failed: undefined, delivered: [], read: [] })
    server.push(node('receipt', { from: BOB_LID, id: 'A1', t: '1' }))
    expect(phone.receiptsFor('A1')).toMatchObject({ delivered: [BOB], read: [] })
    server.push(
      node('receipt', { from: BOB, id: 'A0', type: 'read', t: '1' }, [
        node('list', {}, [node('item', { id: 'A1' })]),
      ]),
    )
    expect(phone.receiptsFor('A1')).toMatchObject({ delivered: [BOB], read: [BOB] })
    expect(
      server.fromPhone.filter(({ tag, attrs }) => tag === 'ack' && attrs['class'] === 'receipt'),
    ).toHaveLength(2)
  })

  it('repeats a message for a device that lost its session, with the keys from its retry receipt', async () => {
    await phone.send(BOB, { text: 'hello' }, { id: 'A1' })
    await server.settled()
    bob().forgetSessions()
    const [registration, type, identity, skey, key] = bob().bundle()
    const keys = [type, identity, key, skey].filter((child) => child !== undefined)
    const retry = node('retry', { count: '2', id: 'A1', t: '1', v: '1' })
    server.push(
      node('receipt', { from: BOB, id: 'A1', type: 'retry', t: '1' }, [
        retry,
        registration ?? retry,
        node('keys', {}, keys),
      ]),
    )
    await phone.idle()
    await server.settled()
    const [, second] = bob().received
    expect(second?.message.conversation).toBe('hello')
    expect(second?.stanza.attrs).toMatchObject({ id: 'A1', to: BOB, device_fanout: 'false' })
    expect(childOf(second?.stanza ?? node('x'), 'enc')?.attrs).toMatchObject({ type: 'pkmsg', count: '2' })
  })

  it('repeats a message with freshly fetched keys when the retry receipt has none, five times at most', async () => {
    await phone.send(BOB, { text: 'hello' }, { id: 'A1' })
    await server.settled()
    for (let count = 1; count <= 8; count += 1) {
      bob().forgetSessions()
      server.push(
        node('receipt', { from: BOB, id: 'A1', type: 'retry', t: '1' }, [
          node('retry', { count, id: 'A1', t: '1', v: '1' }),
        ]),
      )
      await phone.idle()
      await server.settled()
    }
    expect(bob().received.map(({ message }) => message.conversation)).toEqual(Array(6).fill('hello'))
  })
})

describe('receiving', () => {
  it('shows a libsignal message under the phone number, answers with a delivery receipt and spends one pre-key', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    const stock = phone.preKeyStock
    await deliver(bob(), { extendedTextMessage: { text: 'hello' } }, { from: BOB_LID, sender_pn: BOB })
    expect(phone.messages).toMatchObject([
      { id: 'M1', chat: BOB, sender: BOB, fromMe: false, text: 'hello', sentAtMs: 1_700_000_000_000 },
    ])
    expect(phone.chats).toMatchObject([{ jid: BOB, name: 'Bob', unreadCount: 1 }])
    expect(phone.preKeyStock).toBe(stock - 1)
    expect(answers('receipt')).toMatchObject([{ attrs: { id: 'M1', to: BOB_LID } }])
  })

  it('shows a message once and counts what comes again', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    const first = await deliver(bob(), { conversation: 'hello' })
    server.push(first)
    await deliver(bob(), { conversation: 'hello' })
    expect(phone.messages).toHaveLength(1)
    expect(phone.duplicates).toEqual([
      { id: 'M1', chat: BOB, sender: BOB, kind: 'same-ciphertext' },
      { id: 'M1', chat: BOB, sender: BOB, kind: 'new-ciphertext' },
    ])
    expect(answers('receipt')).toHaveLength(3)
  })

  it('asks again for what it cannot read, with keys from the second time on, and shows it when it comes', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    const broken = node('message', { from: BOB, id: 'M1', t: '5', type: 'text' }, [
      node('enc', { v: '2', type: 'msg' }, Uint8Array.of(51, 1, 2)),
    ])
    server.push(broken)
    server.push(broken)
    const asked = answers('receipt', 'retry')
    expect(asked.map((receipt) => childOf(receipt, 'retry')?.attrs)).toMatchObject([
      { count: '1', id: 'M1', t: '5', v: '1' },
      { count: '2', id: 'M1' },
    ])
    expect(asked.map((receipt) => childOf(receipt, 'keys') !== undefined)).toEqual([false, true])
    expect(phone.undecryptable).toMatchObject([{ id: 'M1', chat: BOB, retries: 2, recovered: false }])
    const [, second] = asked
    const bundle = [
      ...childrenOf(requireChild(second ?? broken, 'keys')),
      requireChild(second ?? broken, 'registration'),
    ]
    await bob().startSession(node('user', {}, bundle), ALICE)
    await deliver(bob(), { conversation: 'hello' })
    expect(phone.messages.map(({ text }) => text)).toEqual(['hello'])
    expect(phone.undecryptable).toMatchObject([{ recovered: true }])
    expect(phone.duplicates).toEqual([])
  })

  it('shows what a linked device sent as its own message and answers as the sender', async () => {
    const companion = await linkCompanion()
    const message = {
      deviceSentMessage: { destinationJid: BOB_LID, message: { conversation: 'from my laptop' } },
    }
    await phone.send(BOB, { text: 'warm up' })
    await deliver(companion, message, { recipient: BOB_LID, peer_recipient_pn: BOB })
    expect(phone.messages.at(-1)).toMatchObject({
      id: 'M1',
      chat: BOB,
      sender: ALICE,
      fromMe: true,
      text: 'from my laptop',
      device: ALICE_WEB,
    })
    expect(answers('receipt', 'sender')).toMatchObject([
      { attrs: { id: 'M1', to: ALICE_WEB, recipient: BOB_LID } },
    ])
  })

  it('shows one chat when a LID turns out to be a known phone number', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    await deliver(bob(), { conversation: 'hidden' }, { from: BOB_LID })
    expect(phone.messages).toMatchObject([{ chat: BOB_LID, sender: BOB_LID }])
    await deliver(bob(), { conversation: 'known' }, { id: 'M2', from: BOB_LID, sender_pn: BOB })
    expect(phone.messages).toMatchObject([
      { chat: BOB, sender: BOB },
      { chat: BOB, sender: BOB },
    ])
    expect(phone.chats).toMatchObject([{ jid: BOB, unreadCount: 2 }])
  })

  it('leaves an unreadable copy of a linked device with the server until it came again, then clears it', async () => {
    const companion = await linkCompanion()
    const content = { deviceSentMessage: { destinationJid: BOB, message: { conversation: 'again' } } }
    const broken = node('enc', { v: '2', type: 'msg' }, Uint8Array.of(51, 1, 2))
    server.push(
      node('message', { from: ALICE_WEB, recipient: BOB, id: 'M1', t: '5', type: 'text' }, [broken]),
    )
    expect(answers('receipt', 'retry')).toHaveLength(1)
    expect(server.fromPhone.filter(({ attrs }) => attrs['class'] === 'message')).toEqual([])
    expect(answers('receipt', 'sender')).toEqual([])
    await deliver(companion, content, { recipient: BOB })
    expect(answers('receipt', 'sender')).toHaveLength(1)
    expect(phone.messages.at(-1)).toMatchObject({ text: 'again', fromMe: true })
  })

  it('sends read receipts for what the human read, one per writer', async () => {
    await bob().startSession(server.phoneBundle(), ALICE)
    for (const id of ['M1', 'M2', 'M3']) await deliver(bob(), { conversation: id }, { id })
    phone.markRead(['M1', 'M2', 'M3', 'unknown'])
    const [read] = answers('receipt', 'read')
    expect(read?.attrs).toMatchObject({ id: 'M1', to: BOB })
    expect(childrenOf(requireChild(read ?? node('x'), 'list')).map(({ attrs }) => attrs['id'])).toEqual([
      'M2',
      'M3',
    ])
    expect(phone.chats).toMatchObject([{ unreadCount: 0 }])
  })

  it('reports a stanza that no server should send and goes on', async () => {
    server.push(node('message', { id: 'nobody' }))
    server.push(node('nonsense', { id: 'n' }))
    await bob().startSession(server.phoneBundle(), ALICE)
    await deliver(bob(), { conversation: 'still here' })
    expect(phone.problems.map(({ code, tag }) => [code, tag])).toEqual([
      ['WATON_STANZA_ATTRIBUTE', 'message'],
      ['WATON_PHONE_STANZA', 'nonsense'],
    ])
    expect(phone.messages).toHaveLength(1)
  })

  it('wakes those who wait for a message', async () => {
    const waiting = phone.waitForMessage((message) => message.text === 'hello')
    await bob().startSession(server.phoneBundle(), ALICE)
    await deliver(bob(), { conversation: 'hello' })
    expect(await waiting).toMatchObject({ id: 'M1' })
    expect(await phone.waitForMessage((message) => message.text === 'hello')).toMatchObject({ id: 'M1' })
  })
})

describe('linking', () => {
  it('hands the new device its app-state keys and the history, which Baileys reads', async () => {
    await phone.send(BOB, { text: 'before linking' }, { id: 'H1' })
    const companion = await linkCompanion()
    const [share, history] = companion.received.map(({ message }) => message.protocolMessage)
    expect(share?.type).toBe(proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE)
    expect(share?.appStateSyncKeyShare?.keys?.[0]?.keyData?.keyData).toHaveLength(32)
    expect(companion.received.map(({ stanza }) => stanza.attrs['category'])).toEqual(['peer', 'peer'])
    const read = await downloadAndProcessHistorySyncNotification(history?.historySyncNotification ?? {}, {})
    expect(read.syncType).toBe(proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP)
    expect(read.lidPnMappings).toContainEqual({ lid: BOB_LID, pn: BOB })
    expect(read.messages).toMatchObject([
      { key: { id: 'H1', remoteJid: BOB, fromMe: true }, message: { conversation: 'before linking' } },
    ])
    expect(phone.devices).toMatchObject([
      { deviceId: 1, jid: ALICE_WEB, platform: 'chrome', isWelcomed: true },
    ])
  })

  it('waits with it until the device has logged in', async () => {
    server.companionIsOnline = false
    const companion = await linkCompanion()
    expect(companion.received).toEqual([])
    server.companionIsOnline = true
    server.push(node('notification', { from: ALICE, id: '1', type: 'devices', t: '1' }))
    await phone.idle()
    await server.settled()
    expect(companion.received).toHaveLength(2)
  })

  it('hands it over as soon as a server says that the device is ready', async () => {
    server.companionIsOnline = false
    const companion = await linkCompanion()
    server.companionIsOnline = true
    server.onReady(1)
    await phone.idle()
    await server.settled()
    expect(companion.received).toHaveLength(2)
  })

  it('hands it over to a device that becomes ready while it looks, without waiting for a timer', async () => {
    await start({
      clock: { nowMs: () => systemClock.nowMs(), schedule: () => ({ cancel: () => undefined }) },
    })
    server.publishesLate = true
    expect((await linkCompanion()).received).toHaveLength(2)
  })

  it('keeps the history to itself when told so', async () => {
    await start({ history: 'none' })
    const companion = await linkCompanion()
    expect(companion.received).toHaveLength(1)
  })

  it('gives a device the keys that it asks for', async () => {
    const companion = await linkCompanion()
    const [share] = companion.received
    const keyId = share?.message.protocolMessage?.appStateSyncKeyShare?.keys?.[0]?.keyId
    companion.received.length = 0
    const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_REQUEST
    const keyIds = [keyId ?? {}, { keyId: Buffer.from('unknown') }]
    await deliver(
      companion,
      { protocolMessage: { type, appStateSyncKeyRequest: { keyIds } } },
      { category: 'peer' },
    )
    await phone.idle()
    await server.settled()
    const keys = companion.received[0]?.message.protocolMessage?.appStateSyncKeyShare?.keys ?? []
    expect(keys.map((key) => key.keyData?.keyData?.length)).toEqual([32, undefined])
    expect(answers('receipt', 'peer_msg')).toMatchObject([{ attrs: { id: 'M1', to: ALICE_WEB } }])
    expect(phone.messages).toEqual([])
  })
})

describe('staying connected', () => {
  it('publishes new pre-keys when the server says that few are left', async () => {
    const stock = phone.preKeyStock
    server.push(
      node('notification', { from: '@s.whatsapp.net', id: '1', type: 'encrypt' }, [
        node('count', { value: '3' }),
      ]),
    )
    await phone.idle()
    expect(phone.preKeyStock).toBe(stock + 100)
    expect(server.fromPhone.filter(({ attrs }) => attrs['class'] === 'notification')).toHaveLength(1)
  })

  it('sends what was written offline when it comes back', async () => {
    phone.goOffline()
    const sending = phone.send(BOB, { text: 'from the tunnel' })
    expect(phone.isOnline).toBe(false)
    phone.goOnline()
    await sending
    await server.settled()
    expect(bob().received.map(({ message }) => message.conversation)).toEqual(['from the tunnel'])
  })

  it('comes back by itself and repeats an unanswered message unchanged', async () => {
    await phone.send(BOB, { text: 'warm up' })
    server.silent = true
    const sending = phone.send(BOB, { text: 'lost?' }, { id: 'A1' })
    server.silent = false
    server.listener?.onClose()
    await sending
    await server.settled()
    expect(server.attached).toBe(2)
    expect(bob().received.map(({ message }) => message.conversation)).toEqual(['warm up', 'lost?'])
  })

  it.each([
    ['stays away when another connection of it took over', [node('conflict', { type: 'replaced' })], 0],
    ['plans to come back when the server broke off for another reason', [node('xml-not-well-formed')], 1],
  ])('%s, and says why', async (_what, reason, returns) => {
    const scheduled: number[] = []
    const schedule = (delayMs: number, callback: () => void): Timer => {
      scheduled.push(delayMs)
      return systemClock.schedule(delayMs, callback)
    }
    await start({ clock: { nowMs: () => systemClock.nowMs(), schedule } })
    scheduled.length = 0
    server.push(node('stream:error', {}, reason))
    server.listener?.onClose()
    expect(phone.isOnline).toBe(false)
    expect(scheduled).toHaveLength(returns)
    expect(phone.problems).toMatchObject([{ code: 'WATON_PHONE_STREAM_ERROR' }])
  })

  it('does the same again with the same seed', async () => {
    const run = async (): Promise<string> => {
      await start({ clock: { ...systemClock, nowMs: () => 1_700_000_000_000 } })
      server.devices.clear()
      await codeOf(phone.send(BOB, { text: 'hello' }))
      return JSON.stringify(server.fromPhone, (_key, value: unknown) =>
        value instanceof Uint8Array ? toBase64(value) : value,
      )
    }
    const first = await run()
    phone.close()
    expect(await run()).toBe(first)
  })
})
