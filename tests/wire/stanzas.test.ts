/**
 * Wire equality, function by function: where Baileys 7.0.0-rc14 exports what makes a stanza, ours must be the same after a
 * trip over the wire, each side's bytes read by the other side's codec. Whole conversations are compared elsewhere.
 */
import { describe, expect, it } from 'vitest'
import {
  Curve,
  S_WHATSAPP_NET,
  USyncQuery,
  USyncUser,
  configureSuccessfulPairing,
  decodeBinaryNode,
  encodeBinaryNode,
  encodeSignedDeviceIdentity,
  generateMessageIDV2,
  generateRegistrationNode,
  getNextPreKeysNode,
  hmacSign,
  initAuthCreds,
  proto,
  unpadRandomMax16,
} from '@whiskeysockets/baileys'
import type {
  AuthenticationCreds,
  BinaryNode as BaileysNode,
  KeyPair as BaileysKeyPair,
  SignalKeyStore,
  SocketConfig,
} from '@whiskeysockets/baileys'
import { buildAckStanza } from '@whiskeysockets/baileys/lib/Utils/stanza-ack.js'
import { getMessageReportingToken } from '@whiskeysockets/baileys/lib/Utils/reporting-utils.js'
import { concatBytes, fromBase64 } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { decodeNode } from '../../src/protocol/binary/decode.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { node, type BinaryNode } from '../../src/protocol/binary/node.ts'
import { wrapDeviceSent } from '../../src/protocol/message/device-sent.ts'
import { createMessageId } from '../../src/protocol/message/message-id.ts'
import { padMessage } from '../../src/protocol/message/padding.ts'
import { REPORTING_DIFFERENCES, buildReporting } from '../../src/protocol/message/reporting-token.ts'
import {
  CLIENT_PAYLOAD_DIFFERENCES,
  buildRegistrationPayload,
} from '../../src/protocol/noise/client-payload.ts'
import { acceptPairSuccess } from '../../src/protocol/pairing/device-identity.ts'
import { buildAck } from '../../src/protocol/stanza/ack.ts'
import { buildPairDeviceSign, parsePairSuccess } from '../../src/protocol/stanza/iq/pairing.ts'
import { uploadPreKeys } from '../../src/protocol/stanza/iq/pre-keys.ts'
import { DEVICES, LID, usync } from '../../src/protocol/stanza/iq/usync/index.ts'
import { buildMessage } from '../../src/protocol/stanza/message.ts'

const self = '15550000001:3@s.whatsapp.net'
const peer = '15550000002@s.whatsapp.net'

/** Plain byte arrays and plain objects, so that only the content decides. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries.map(([name, entry]) => [name, plain(entry)]))
}

/** Both stanzas must read the same, whoever reads them. */
async function expectSameOnTheWire(ours: BinaryNode, theirs: BaileysNode): Promise<void> {
  const ourBytes = encodeNode(ours)
  const theirBytes = new Uint8Array(encodeBinaryNode(theirs))
  expect(plain(decodeNode(ourBytes))).toEqual(plain(decodeNode(theirBytes)))
  const readByThem = await Promise.all(
    [ourBytes, theirBytes].map((bytes) => decodeBinaryNode(Buffer.from(bytes))),
  )
  expect(plain(readByThem[0])).toEqual(plain(readByThem[1]))
}

function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

describe('registering and linking', () => {
  it('registers with the bytes that Baileys registers with', () => {
    const creds = initAuthCreds()
    const { keyId, keyPair, signature } = creds.signedPreKey
    const config = {
      version: [2, 3000, 1],
      browser: ['Mac OS', 'Chrome', '1'],
      syncFullHistory: true,
      countryCode: 'US',
    }
    const keys = {
      registrationId: creds.registrationId,
      identityPublicKey: creds.signedIdentityKey.public,
      signedPreKey: { id: keyId, publicKey: keyPair.public, signature },
    }
    const ours = buildRegistrationPayload(keys, {
      version: { primary: 2, secondary: 3000, tertiary: 1 },
      device: { os: 'Mac OS', browser: 'Chrome' },
      history: 'full',
    })
    const theirs = generateRegistrationNode(creds, config as unknown as SocketConfig)
    expect(ours).toEqual(plainBytes(proto.ClientPayload.encode(theirs).finish()))
    expect(CLIENT_PAYLOAD_DIFFERENCES).toHaveLength(1)
  })

  it('answers pair-success with the stanza that Baileys answers with', async () => {
    const creds = initAuthCreds()
    const stanza = pairSuccessFor(creds)
    const { reply, creds: update } = configureSuccessfulPairing(stanza, creds)
    const success = parsePairSuccess(decodeNode(plainBytes(encodeBinaryNode(stanza))))
    const identity = {
      publicKey: creds.signedIdentityKey.public,
      privateKey: creds.signedIdentityKey.private,
    }
    const accepted = acceptPairSuccess({
      deviceIdentity: success.deviceIdentity,
      advSecret: fromBase64(creds.advSecretKey),
      identity,
      random: seededRandom('pair-success'),
    })
    expect(update.me).toMatchObject({ id: success.jid, lid: success.lid })
    // Signatures are randomised: Baileys' own goes into our identity before the stanzas are compared.
    const { deviceSignature } = update.account ?? {}
    const asTheirs = proto.ADVSignedDeviceIdentity.fromObject({
      ...proto.ADVSignedDeviceIdentity.toObject(proto.ADVSignedDeviceIdentity.decode(accepted.reply)),
      deviceSignature,
    })
    const ours = { ...accepted, reply: plainBytes(proto.ADVSignedDeviceIdentity.encode(asTheirs).finish()) }
    await expectSameOnTheWire(buildPairDeviceSign(success.id, ours), reply)
    const stored = proto.ADVSignedDeviceIdentity.fromObject({
      ...update.account,
      deviceSignature: deviceSignatureOf(accepted.stored),
    })
    expect(accepted.stored).toEqual(plainBytes(encodeSignedDeviceIdentity(stored, true)))
  })

  it('uploads pre-keys as Baileys does', async () => {
    const creds = initAuthCreds()
    const stored: Record<string, BaileysKeyPair> = {}
    const { node: theirs } = await getNextPreKeysNode({ creds, keys: storeIn(stored) }, 30)
    const { keyId: id, keyPair, signature } = creds.signedPreKey
    const ours = uploadPreKeys.build({
      registrationId: creds.registrationId,
      identityKey: creds.signedIdentityKey.public,
      preKeys: Object.entries(stored).map(([key, pair]) => ({ id: Number(key), publicKey: pair.public })),
      signedPreKey: { id, publicKey: keyPair.public, signature },
    })
    await expectSameOnTheWire(ours, theirs)
  })
})

describe('sending', () => {
  it('asks for devices as Baileys does', async () => {
    const query = new USyncQuery().withContext('message').withDeviceProtocol().withLIDProtocol()
    const users = [peer, '15550000001@s.whatsapp.net']
    for (const user of users) query.withUser(new USyncUser().withId(user))
    const list = query.users.map((user) => ({
      tag: 'user',
      attrs: { jid: user.id ?? '' },
      content: query.protocols.flatMap((protocol) => protocol.getUserElement(user) ?? []),
    }))
    const content = [
      { tag: 'query', attrs: {}, content: query.protocols.map((protocol) => protocol.getQueryElement()) },
      { tag: 'list', attrs: {}, content: list },
    ]
    const attrs = { context: query.context, mode: query.mode, sid: '1.2-3', last: 'true', index: '0' }
    const element = { tag: 'usync', attrs, content }
    const iq = { tag: 'iq', attrs: { to: S_WHATSAPP_NET, type: 'get', xmlns: 'usync' }, content: [element] }
    await expectSameOnTheWire(
      usync([DEVICES, LID], { context: 'message' }).build({
        users: users.map((jid) => ({ jid })),
        sid: '1.2-3',
      }),
      iq,
    )
  })

  it('builds the message stanza that Baileys builds around the same ciphertexts', async () => {
    const random = seededRandom('message stanza')
    const [own, other, identity] = [random.bytes(100), random.bytes(120), random.bytes(150)]
    const ours = buildMessage({
      id: '3EB0A1',
      to: peer,
      type: 'text',
      copies: [
        { jid: '15550000001@s.whatsapp.net', type: 'msg', ciphertext: own },
        { jid: '15550000002:4@s.whatsapp.net', type: 'pkmsg', ciphertext: other },
      ],
      deviceIdentity: identity,
    })
    const enc = (jid: string, type: string, ciphertext: Uint8Array): BaileysNode => ({
      tag: 'to',
      attrs: { jid },
      content: [{ tag: 'enc', attrs: { v: '2', type }, content: ciphertext }],
    })
    const participants = [
      enc('15550000001@s.whatsapp.net', 'msg', own),
      enc('15550000002:4@s.whatsapp.net', 'pkmsg', other),
    ]
    // Shape of `Socket/messages-send.js` relayMessage, which is not exported by itself.
    await expectSameOnTheWire(ours, {
      tag: 'message',
      attrs: { id: '3EB0A1', to: peer, type: 'text' },
      content: [
        { tag: 'participants', attrs: {}, content: participants },
        { tag: 'device-identity', attrs: {}, content: identity },
      ],
    })
  })

  it('pads, wraps and names messages so that Baileys reads them back', () => {
    const message = {
      extendedTextMessage: { text: 'hi' },
      messageContextInfo: { messageSecret: new Uint8Array(32) },
    }
    const encoded = plainBytes(proto.Message.encode(message).finish())
    const padded = padMessage(wrapDeviceSent(peer, encoded), seededRandom('pad'))
    const read = proto.Message.decode(unpadRandomMax16(padded))
    expect(read.deviceSentMessage?.destinationJid).toBe(peer)
    expect(read.deviceSentMessage?.message?.extendedTextMessage?.text).toBe('hi')
    const id = createMessageId({ random: seededRandom('id'), nowMs: 1_700_000_000_000, self })
    expect(id).toHaveLength(generateMessageIDV2(self).length)
  })

  it('adds the reporting token that Baileys would add if it knew who sends', async () => {
    const message = {
      conversation: 'hi',
      messageContextInfo: { messageSecret: seededRandom('secret').bytes(32) },
    }
    const encoded = plainBytes(proto.Message.encode(message).finish())
    const key = { id: '3EB0A1', fromMe: false, participant: '15550000001@s.whatsapp.net', remoteJid: peer }
    const theirs = await getMessageReportingToken(Buffer.from(encoded), message, key)
    const ours = buildReporting({ message: encoded, id: '3EB0A1', to: peer, sender: self })
    expect(ours).toBeDefined()
    expect(theirs).not.toBeNull()
    if (ours !== undefined && theirs !== null) await expectSameOnTheWire(ours, theirs)
    expect(REPORTING_DIFFERENCES).toHaveLength(2)
  })
})

describe('receiving', () => {
  it.each([
    node('message', { id: 'A1', from: '15550000002:4@s.whatsapp.net', type: 'text' }),
    node('notification', { id: 'A2', from: S_WHATSAPP_NET, type: 'server_sync' }),
    node('receipt', { id: 'A3', from: '123@g.us', participant: '100000000002:4@lid', type: 'read' }),
    node('call', { id: 'A4', from: '15550000002@s.whatsapp.net' }),
  ])('acknowledges %o as Baileys does', async (stanza) => {
    for (const errorCode of [undefined, 487]) {
      const theirs = buildAckStanza({ ...stanza, attrs: { ...stanza.attrs }, content: [] }, errorCode, self)
      await expectSameOnTheWire(
        buildAck(stanza, { self, ...(errorCode === undefined ? {} : { errorCode }) }),
        theirs,
      )
    }
  })
})

/** `pair-success` as a phone and the server make it for these credentials. */
function pairSuccessFor(creds: AuthenticationCreds): BaileysNode {
  const account = Curve.generateKeyPair()
  const details = proto.ADVDeviceIdentity.encode({ rawId: 7, timestamp: 1_700_000_000, keyIndex: 3 }).finish()
  const signedBytes = concatBytes(Uint8Array.of(6, 0), details, creds.signedIdentityKey.public)
  const accountSignature = Curve.sign(account.private, signedBytes)
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: account.public,
    accountSignature,
  }).finish()
  const hmac = hmacSign(signed, Buffer.from(creds.advSecretKey, 'base64'))
  const identity = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish()
  const content: BaileysNode[] = [
    { tag: 'device-identity', attrs: {}, content: identity },
    { tag: 'device', attrs: { jid: self, lid: '100000000001:3@lid' } },
    { tag: 'platform', attrs: { name: 'android' } },
  ]
  const attrs = { from: S_WHATSAPP_NET, id: 'I1', type: 'set', xmlns: 'md' }
  return { tag: 'iq', attrs, content: [{ tag: 'pair-success', attrs: {}, content }] }
}

function deviceSignatureOf(identity: Uint8Array): Uint8Array | null | undefined {
  return proto.ADVSignedDeviceIdentity.decode(identity).deviceSignature
}

function storeIn(stored: Record<string, BaileysKeyPair>): SignalKeyStore {
  return {
    get: (_, ids) => Promise.resolve(Object.fromEntries(ids.map((id) => [id, stored[id]])) as never),
    set: (data) => {
      Object.assign(stored, data['pre-key'])
    },
  }
}
