/**
 * Every function that reads bytes from outside, with valid inputs that another implementation made: Baileys for frames,
 * protobuf, certificates and pairing, libsignal for ratchet messages. A new one is one entry here; a test finds those
 * that are missing.
 */
import { deflateSync } from 'node:zlib'
import { Curve, aesEncryptGCM, encodeBinaryNode, hkdf, proto } from '@whiskeysockets/baileys'
import { concatBytes, fromHex, utf8Bytes } from '../../../src/base/bytes.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { decodePage, summaryOf } from '../../../src/client/preview/html.ts'
import { decodeNode } from '../../../src/protocol/binary/decode.ts'
import { generateKeyPair } from '../../../src/protocol/crypto/index.ts'
import { createMediaDecryptor, openMediaRetryResult } from '../../../src/protocol/media/index.ts'
import { contentOf } from '../../../src/protocol/message/content.ts'
import { unwrapDeviceSent } from '../../../src/protocol/message/device-sent.ts'
import { readPiece } from '../../../src/client/history/piece.ts'
import { HistoryReader, readMessageDetails } from '../../../src/protocol/history/index.ts'
import { readHistorySalt } from '../../../src/protocol/message/history-salt.ts'
import { readLidMappings } from '../../../src/protocol/message/lid-mappings.ts'
import { unpadMessage } from '../../../src/protocol/message/padding.ts'
import { readWebMessageInfo } from '../../../src/protocol/history/web-message-info.ts'
import { checkCertificateChain } from '../../../src/protocol/noise/certificate.ts'
import { startHandshake } from '../../../src/protocol/noise/handshake.ts'
import { acceptPairSuccess } from '../../../src/protocol/pairing/device-identity.ts'
import { readKeyIndexList } from '../../../src/protocol/pairing/key-index-list.ts'
import { agreeByLinkCode } from '../../../src/protocol/pairing/link-code.ts'
import * as appStateProto from '../../../src/protocol/proto/app-state.ts'
import { decodeProto } from '../../../src/protocol/proto/codec.ts'
import * as connectionProto from '../../../src/protocol/proto/connection.ts'
import * as historyProto from '../../../src/protocol/proto/history.ts'
import * as mediaProto from '../../../src/protocol/proto/media.ts'
import * as messageProto from '../../../src/protocol/proto/message.ts'
import { decodeMessage } from '../../../src/protocol/proto/message.ts'
import {
  createSenderKey,
  decodeOwnSenderKey,
  decodeSenderKeyRecord,
  decryptSenderKey,
  encodeOwnSenderKey,
  readDistribution,
  readSenderKeyMessage,
  takeDistribution,
} from '../../../src/protocol/sender-key/index.ts'
import {
  decodeSessionRecord,
  decryptPreKeySignal,
  decryptSignal,
  encodeSessionRecord,
  readPreKeySignal,
} from '../../../src/protocol/signal/index.ts'
import { parseSignalMessage } from '../../../src/protocol/signal/message.ts'
import { readServiceWorker } from '../../../src/protocol/web-version.ts'
import { FrameParser } from '../../../src/transport/framing.ts'
import { baileysUpload } from '../../vectors/media/baileys-files.ts'
import { CHAIN_NOW_SECONDS, issueChain, newServerKeys } from '../../vectors/noise/scripted-server.ts'
import { baileysHistory, historyBytes } from '../../vectors/history/baileys-history.ts'
import { BaileysMember, WatonMember } from '../../vectors/sender-key/parties.ts'
import { LibsignalParty, NOW_MS, WatonParty } from '../../vectors/signal/parties.ts'
import { appStateParsers } from './app-state-parsers.ts'

/** A function that reads bytes, and bytes that it reads. */
export interface ByteParser {
  readonly name: string
  readonly parse: (bytes: Uint8Array) => unknown
  readonly valid: readonly Uint8Array[]
}

const random = seededRandom('byte parsers')
const identity = generateKeyPair(random)
const advSecret = random.bytes(32)

/** Messages as other clients send them, with many kinds of fields. */
const MESSAGES: readonly proto.IMessage[] = [
  { conversation: 'hello' },
  {
    extendedTextMessage: {
      text: 'a link',
      contextInfo: { stanzaId: 'X', mentionedJid: ['1@s.whatsapp.net'] },
    },
  },
  {
    imageMessage: {
      url: 'https://x',
      mediaKey: new Uint8Array(32),
      fileLength: 2 ** 40,
      height: 3,
      width: 4,
    },
  },
  { viewOnceMessage: { message: { videoMessage: { caption: 'once', seconds: 3 } } } },
  { ephemeralMessage: { message: { documentWithCaptionMessage: { message: { conversation: 'deep' } } } } },
  { deviceSentMessage: { destinationJid: '1@s.whatsapp.net', message: { conversation: 'mine' } } },
  {
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.REVOKE,
      key: { remoteJid: '1@s.whatsapp.net', id: 'A' },
    },
  },
  { pollCreationMessage: { name: 'poll', options: [{ optionName: 'a' }, { optionName: 'b' }] } },
  {
    senderKeyDistributionMessage: {
      groupId: '1@g.us',
      axolotlSenderKeyDistributionMessage: new Uint8Array(40),
    },
  },
]

const MESSAGE_BYTES = MESSAGES.map((message) => new Uint8Array(proto.Message.encode(message).finish()))

/** Announcements of history: with its content inside, and with a file. */
function historyNotifications(): readonly Uint8Array[] {
  const { HistorySyncNotification, HistorySyncType } = proto.Message
  const about = { syncType: HistorySyncType.RECENT, chunkOrder: 2, progress: 40 }
  const inside = { ...about, initialHistBootstrapInlinePayload: new Uint8Array(40) }
  const file = {
    mediaKey: new Uint8Array(32),
    directPath: '/v/t62/x',
    fileSha256: new Uint8Array(32),
    fileLength: 9,
  }
  return [inside, { ...about, ...file }].map(
    (notification) => new Uint8Array(HistorySyncNotification.encode(notification).finish()),
  )
}

/** What a phone puts into `pair-success`, signed by Baileys' curve. */
function pairSuccess(): Uint8Array {
  const account = Curve.generateKeyPair()
  const details = proto.ADVDeviceIdentity.encode({ rawId: 7, timestamp: 1_700_000_000, keyIndex: 3 }).finish()
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: account.public,
    accountSignature: Curve.sign(
      account.private,
      concatBytes(Uint8Array.of(6, 0), details, identity.publicKey),
    ),
  }).finish()
  return new Uint8Array(
    proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac: advSecret }).finish(),
  )
}

/** The devices that a phone vouches for, signed by Baileys' curve. */
function keyIndexList(): Uint8Array {
  const account = Curve.generateKeyPair()
  const content = { rawId: 77, timestamp: 1_700_000_000, currentIndex: 5, validIndexes: [2, 5] }
  const details = proto.ADVKeyIndexList.encode(content).finish()
  const accountSignature = Curve.sign(account.private, concatBytes(Uint8Array.of(6, 2), details))
  const list = { details, accountSignature, accountSignatureKey: account.public }
  return new Uint8Array(proto.ADVSignedKeyIndexList.encode(list).finish())
}

function frames(): readonly Uint8Array[] {
  const stanza = {
    tag: 'message',
    attrs: { from: '15550000001:3@s.whatsapp.net', id: '3EB0AB', t: '1700000000', type: 'text' },
    content: [
      { tag: 'enc', attrs: { v: '2', type: 'pkmsg' }, content: new Uint8Array(200) },
      { tag: 'participants', attrs: {}, content: [{ tag: 'to', attrs: { jid: '1234:5@lid' } }] },
    ],
  }
  const plain = new Uint8Array(encodeBinaryNode(stanza))
  return [plain, concatBytes(Uint8Array.of(2), deflateSync(plain.subarray(1)))]
}

function certificates(): ByteParser {
  const keys = newServerKeys()
  const trust = { serverStatic: keys.static.public, rootKey: keys.root.public, nowSeconds: CHAIN_NOW_SECONDS }
  return {
    name: 'checkCertificateChain',
    parse: (bytes) => checkCertificateChain(bytes, trust),
    valid: [issueChain(keys)],
  }
}

/** The hello of a server that is not ours to talk to: readable up to its proof, which never fits. */
function handshake(): ByteParser {
  const serverHello = {
    ephemeral: Curve.generateKeyPair().public,
    static: new Uint8Array(48),
    payload: new Uint8Array(300),
  }
  return {
    name: 'readServerHello',
    parse: (bytes) => {
      const options = { noiseKey: identity, random: seededRandom('handshake'), nowSeconds: CHAIN_NOW_SECONDS }
      return startHandshake(options).readServerHello(bytes, new Uint8Array(10))
    },
    valid: [new Uint8Array(proto.HandshakeMessage.encode({ serverHello }).finish())],
  }
}

/** Ratchet messages of libsignal, and a record of ours that has read some of them. */
async function signal(): Promise<readonly ByteParser[]> {
  const us = new WatonParty('fuzz, us')
  const them = new LibsignalParty('fuzz, them')
  const text = utf8Bytes('x'.repeat(60))
  await them.start(us.bundle())
  const first = await them.encrypt(text)
  const { local, signedPreKey } = us.keys
  const preKey = us.keys.preKeys.get(readPreKeySignal(first.body).preKeyId ?? 0)
  await us.decrypt(first)
  await them.decrypt(await us.encrypt(text))
  const second = await them.encrypt(text)
  const { record } = us
  if (record === undefined) throw new RangeError('no session')
  const context = { local, random: seededRandom('fuzz'), nowMs: NOW_MS }
  return [
    { name: 'parseSignalMessage', parse: parseSignalMessage, valid: [second.body] },
    { name: 'readPreKeySignal', parse: readPreKeySignal, valid: [first.body] },
    {
      name: 'decryptSignal',
      parse: (body) => decryptSignal({ record, body, ...context }),
      valid: [second.body],
    },
    {
      name: 'decryptPreKeySignal',
      parse: (body) =>
        decryptPreKeySignal({ body, signedPreKey, ...(preKey === undefined ? {} : { preKey }), ...context }),
      valid: [first.body],
    },
    { name: 'decodeSessionRecord', parse: decodeSessionRecord, valid: [encodeSessionRecord(record)] },
  ]
}

/** Group messages of Baileys, and keys of ours that have read some of them. */
async function senderKeys(): Promise<readonly ByteParser[]> {
  const them = new BaileysMember('fuzz, them')
  const us = new WatonMember('fuzz, us')
  const distribution = await them.distribute()
  await us.take(them.name, distribution)
  const text = utf8Bytes('x'.repeat(60))
  await them.encrypt(text)
  await us.decrypt(them.name, await them.encrypt(text))
  const next = await them.encrypt(text)
  const stored = us.recordOf(them.name) ?? new Uint8Array()
  const record = decodeSenderKeyRecord(stored)
  const own = encodeOwnSenderKey(createSenderKey(seededRandom('fuzz')))
  return [
    { name: 'readDistribution', parse: readDistribution, valid: [distribution] },
    { name: 'readSenderKeyMessage', parse: readSenderKeyMessage, valid: [next] },
    { name: 'takeDistribution', parse: (body) => takeDistribution(record, body), valid: [distribution] },
    { name: 'decryptSenderKey', parse: (body) => decryptSenderKey(record, body), valid: [next] },
    { name: 'decodeSenderKeyRecord', parse: decodeSenderKeyRecord, valid: [stored] },
    { name: 'decodeOwnSenderKey', parse: decodeOwnSenderKey, valid: [own] },
  ]
}

/** A compressed `HistorySync` that is nothing but a salt: field 19, 32 bytes. */
function historyWithSalt(): Uint8Array {
  return new Uint8Array(deflateSync(concatBytes(Uint8Array.of(0x9a, 0x01, 32), new Uint8Array(32).fill(7))))
}

/** A file that Baileys encrypted, read with and without what its message says of it; and a phone's answer to a retry. */
async function mediaFiles(): Promise<readonly ByteParser[]> {
  const file = random.bytes(100)
  const { mediaKey, uploaded, encSha256, sha256 } = await baileysUpload(file, 'image')
  const decrypt =
    (told: object) =>
    (bytes: Uint8Array): Uint8Array => {
      const decryptor = createMediaDecryptor({ mediaKey, kind: 'image', ...told })
      const half = bytes.length >> 1
      const first = decryptor.push(bytes.subarray(0, half))
      return concatBytes(first, decryptor.push(bytes.subarray(half)), decryptor.finish())
    }
  const iv = new Uint8Array(12)
  const answer = proto.MediaRetryNotification.encode({
    stanzaId: 'A',
    directPath: '/v/1',
    result: proto.MediaRetryNotification.ResultType.SUCCESS,
  }).finish()
  const retryKey = hkdf(Buffer.from(mediaKey), 32, { info: 'WhatsApp Media Retry Notification' })
  const sealed = new Uint8Array(aesEncryptGCM(answer, retryKey, iv, Buffer.from('A')))
  const told = { encSha256, sha256, lengthBytes: file.length }
  return [
    { name: 'createMediaDecryptor', parse: decrypt({}), valid: [uploaded] },
    { name: 'createMediaDecryptor, told', parse: decrypt(told), valid: [uploaded] },
    {
      name: 'openMediaRetryResult',
      parse: (ciphertext) => openMediaRetryResult({ mediaKey, messageId: 'A' }, { ciphertext, iv }),
      valid: [sealed],
    },
  ]
}

interface ProtoType {
  decode(reader: unknown): unknown
}

function isProtoType(value: unknown): value is ProtoType {
  return typeof value === 'function' && 'decode' in value && typeof value.decode === 'function'
}

/** Every generated message type, nested ones included. */
function protoTypes(): readonly ByteParser[] {
  const found = new Map<unknown, ByteParser>()
  const walk = (name: string, value: unknown): void => {
    if (!isProtoType(value) || found.has(value)) return
    const type = value as Parameters<typeof decodeProto>[0]
    found.set(value, { name, parse: (bytes) => decodeProto(type, bytes, name), valid: MESSAGE_BYTES })
    for (const [inner, nested] of Object.entries(value)) walk(`${name}.${inner}`, nested)
  }
  for (const part of [appStateProto, connectionProto, historyProto, mediaProto, messageProto])
    for (const [name, value] of Object.entries(part)) walk(name, value)
  return [...found.values()]
}

const LID_MAPPINGS = new Uint8Array(
  proto.LIDMigrationMappingSyncPayload.encode({
    pnToLidMappings: [{ pn: 15550000001, assignedLid: 100000000000001, latestLid: 100000000000002 }],
  }).finish(),
)

const WEB_MESSAGE_INFO = new Uint8Array(
  proto.WebMessageInfo.encode({
    key: { remoteJid: '15550000002@s.whatsapp.net', fromMe: false, id: 'P1' },
    message: { conversation: 'here it is' },
    messageTimestamp: 1_700_000_000,
  }).finish(),
)

/** Pieces of history with every field, as Baileys writes them, whole and in small pieces. */
function history(): readonly ByteParser[] {
  const valid = ['a', 'b', 'c'].map((seed) =>
    historyBytes(baileysHistory({ seed, share: 40, chats: 2, messages: 2 })),
  )
  const parse =
    (length: number) =>
    (bytes: Uint8Array): unknown => {
      const reader = new HistoryReader()
      const items: unknown[] = []
      for (let from = 0; from < bytes.length; from += length)
        items.push(...reader.push(bytes.subarray(from, from + length)))
      return { items, summary: reader.end() }
    }
  return [
    { name: 'HistoryReader', parse: parse(2 ** 20), valid },
    { name: 'HistoryReader, in pieces', parse: parse(5), valid },
    { name: 'readPiece', parse: (bytes) => readPiece('P', bytes), valid: historyNotifications() },
    { name: 'readWebMessageInfo', parse: readWebMessageInfo, valid: [WEB_MESSAGE_INFO] },
    {
      name: 'readMessageDetails',
      parse: (bytes) => readMessageDetails({ bytes }),
      valid: [WEB_MESSAGE_INFO],
    },
  ]
}

/** Generated message types: many, and all read by the same code. */
export const PROTO_TYPES: readonly ByteParser[] = protoTypes()

/** All the others. */
export async function byteParsers(): Promise<readonly ByteParser[]> {
  return [
    {
      name: 'FrameParser',
      parse: (bytes) => new FrameParser(1000).push(bytes),
      valid: [fromHex('00000301020300000109')],
    },
    { name: 'decodeNode', parse: decodeNode, valid: frames() },
    { name: 'decodeMessage', parse: decodeMessage, valid: MESSAGE_BYTES },
    { name: 'contentOf', parse: (bytes) => contentOf(decodeMessage(bytes)), valid: MESSAGE_BYTES },
    {
      name: 'unwrapDeviceSent',
      parse: (bytes) => unwrapDeviceSent(decodeMessage(bytes)),
      valid: MESSAGE_BYTES,
    },
    {
      name: 'unpadMessage',
      parse: unpadMessage,
      valid: MESSAGE_BYTES.map((bytes) => concatBytes(bytes, Uint8Array.of(1))),
    },
    { name: 'readLidMappings', parse: readLidMappings, valid: [LID_MAPPINGS] },
    ...history(),
    certificates(),
    handshake(),
    {
      name: 'acceptPairSuccess',
      parse: (deviceIdentity) => acceptPairSuccess({ deviceIdentity, advSecret, identity, random }),
      valid: [pairSuccess()],
    },
    {
      name: 'readKeyIndexList',
      parse: (bytes) => readKeyIndexList(bytes, undefined),
      valid: [keyIndexList()],
    },
    {
      name: 'agreeByLinkCode',
      parse: (primaryEphemeral) =>
        agreeByLinkCode({
          ephemeral: identity,
          identity,
          primaryEphemeral,
          primaryIdentity: identity.publicKey,
          random,
        }),
      valid: [Curve.generateKeyPair().public],
    },
    {
      name: 'readServiceWorker',
      parse: (bytes) => readServiceWorker(new TextDecoder().decode(bytes)),
      valid: [utf8Bytes(String.raw`self.x="{\"client_revision\":1045601094,\"other\":1}"`)],
    },
    {
      name: 'decodePage',
      parse: (bytes) => summaryOf(decodePage(bytes, 'text/html; charset=utf-8')),
      valid: [utf8Bytes('<html><head><title>hi</title><meta property="og:title" content="hi"></head><p>x')],
    },
    ...(await signal()),
    ...(await senderKeys()),
    ...(await mediaFiles()),
    ...(await appStateParsers()),
    { name: 'readHistorySalt', parse: readHistorySalt, valid: [historyWithSalt()] },
  ]
}
