// waton for a side-by-side benchmark of WhatsApp Web libraries (its adapter interface, version 1): the built package
// through its public names only. `npm run bench` does not use this file.
//
// What stands for the client: `waton/protocol` is pure, so records live in a Map as they live in the client's staged
// state, one new record per operation. The client encodes a record once per commit, not per message; that cost is in
// the `auth` workloads and in the end-to-end rows of `npm run bench`.
import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  appState,
  crypto,
  decodeNode,
  encodeNode,
  media,
  messageProto,
  messages,
  noise,
  senderKey,
  signal,
} from 'waton/protocol'
import { createWatonAppState } from './parties/waton-app-state.mjs'

const random = { bytes: (length) => randomFillSync(new Uint8Array(length)) }
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const nameOf = ({ user, device }) => `${user}_1.${device}`
const pairOf = ({ priv, pub }) => ({ privateKey: priv, publicKey: pub })
const preKeyOf = ({ id, priv, pub }) => ({ id, privateKey: priv, publicKey: pub })

function bundleOf({ registrationId, identityKey, signedPreKey, preKey }) {
  return {
    registrationId,
    identityKey,
    signedPreKey: {
      id: signedPreKey.id,
      publicKey: signedPreKey.pub,
      signature: signedPreKey.signature,
    },
    ...(preKey === undefined ? {} : { preKey: { id: preKey.id, publicKey: preKey.pub } }),
  }
}

/**
 * The library keeps a bounded number of imported keys. A benchmark that meets the same strangers again would find
 * theirs there, which a real account does not: other keys push them out. Never timed.
 */
function forgetImportedKeys() {
  const message = new Uint8Array(33)
  const signature = new Uint8Array(64)
  for (let count = 0; count < 1100; count++) {
    const publicKey = random.bytes(32)
    publicKey[31] &= 0x7f
    crypto.verify(publicKey, message, signature)
    if (count < 600) crypto.sharedSecret(crypto.generateKeyPair(random).privateKey, publicKey)
  }
}

/** The sender keys of one account: its own by group, and those of others by group and device. */
function createGroups() {
  const own = new Map()
  const others = new Map()
  const ownOf = (group) => own.get(group) ?? senderKey.createSenderKey(random)
  const placeOf = (group, address) => `${group} ${nameOf(address)}`
  return {
    reset() {
      own.clear()
      others.clear()
    },
    async groupSkdm(group) {
      own.set(group, ownOf(group))
      return senderKey.senderKeyDistribution(own.get(group))
    },
    async groupEncrypt(group, plaintext) {
      const encrypted = senderKey.encryptSenderKey(ownOf(group), plaintext, random)
      own.set(group, encrypted.senderKey)
      return encrypted.body
    },
    async groupProcessSkdm(group, address, distribution) {
      const place = placeOf(group, address)
      others.set(place, senderKey.takeDistribution(others.get(place), distribution))
    },
    async groupDecrypt(group, address, body) {
      const place = placeOf(group, address)
      const { record, plaintext } = senderKey.decryptSenderKey(others.get(place), body)
      others.set(place, record)
      return plaintext
    },
  }
}

/** One account: its keys and its sessions. */
function createParty(person) {
  const local = { registrationId: person.registrationId, identityKey: pairOf(person.identityKey) }
  const signedPreKey = preKeyOf(person.signedPreKey)
  const sessions = new Map()
  const groups = createGroups()
  let preKeys

  const fill = () => {
    preKeys = new Map(person.preKeys.map((key) => [key.id, preKeyOf(key)]))
  }
  const reset = () => {
    sessions.clear()
    groups.reset()
    fill()
    forgetImportedKeys()
  }
  const context = () => ({ local, random, nowMs: Date.now() })

  const establish = (address, bundle) => {
    const name = nameOf(address)
    const started = signal.startSession({
      ...context(),
      record: sessions.get(name),
      bundle: bundleOf(bundle),
    })
    sessions.set(name, started)
  }

  const encrypt = (address, plaintext) => {
    const name = nameOf(address)
    const { record, type, body } = signal.encryptSignal({
      ...context(),
      record: sessions.get(name),
      plaintext,
    })
    sessions.set(name, record)
    return { type, body }
  }

  const decryptFirst = (name, body) => {
    const { preKeyId } = signal.readPreKeySignal(body)
    const preKey = preKeys.get(preKeyId)
    const opened = signal.decryptPreKeySignal({
      ...context(),
      record: sessions.get(name),
      body,
      signedPreKey,
      preKey,
    })
    if (opened.isNewSession) preKeys.delete(preKeyId)
    return opened
  }

  const decrypt = (address, type, body) => {
    const name = nameOf(address)
    const opened =
      type === 'pkmsg'
        ? decryptFirst(name, body)
        : signal.decryptSignal({ ...context(), record: sessions.get(name), body })
    sessions.set(name, opened.record)
    return opened.plaintext
  }

  /** As `client.send` does: one encoding for all, padding and encryption per device. */
  const fanout = (addresses, message) => {
    const bytes = messageProto.encodeMessage(message)
    return addresses.map((address) => encrypt(address, messages.padMessage(bytes, random)))
  }

  const fanoutBundles = (entries, message) => {
    for (const { addr, bundle } of entries) establish(addr, bundle)
    return fanout(
      entries.map(({ addr }) => addr),
      message,
    )
  }

  fill()
  return {
    ...groups,
    establish,
    encrypt,
    decrypt,
    fanout,
    fanoutBundles,
    reset,
    sessionOf: (a) => sessions.get(nameOf(a)),
  }
}

/** A person who exists only here. */
function createPerson(user) {
  const raw = ({ privateKey, publicKey }) => ({ priv: privateKey, pub: publicKey })
  const identity = crypto.generateKeyPair(random)
  const signed = signal.generateSignedPreKey(identity, 1, random)
  return {
    user,
    device: 0,
    registrationId: signal.generateRegistrationId(random),
    identityKey: raw(identity),
    signedPreKey: { id: signed.id, ...raw(signed), signature: signed.signature },
    preKeys: signal.generatePreKeys(1, 1, random).map((key) => ({ id: key.id, ...raw(key) })),
  }
}

/** A session that has seen three turns of the ratchet on both sides, as one of a lively chat. */
function livelySession() {
  const [alice, bob] = [createPerson('100000000000001'), createPerson('100000000000002')]
  const [a, b] = [createParty(alice), createParty(bob)]
  const text = new Uint8Array(200).fill(7)
  const { preKeys, ...published } = bob
  a.establish(bob, { ...published, identityKey: bob.identityKey.pub, preKey: preKeys[0] })
  for (let turn = 0; turn < 3; turn++) {
    const there = a.encrypt(bob, text)
    b.decrypt(alice, there.type, there.body)
    const back = b.encrypt(alice, text)
    a.decrypt(bob, back.type, back.body)
  }
  return a.sessionOf(bob)
}

/** Reads a file in pieces of 1 MiB through an encryptor or a decryptor into another file. */
function pass(source, target, transform, lastOf) {
  const [from, to] = [openSync(source, 'r'), openSync(target, 'w')]
  const piece = new Uint8Array(1 << 20)
  for (let read; (read = readSync(from, piece)) > 0;) writeSync(to, transform.push(piece.subarray(0, read)))
  const end = transform.finish()
  writeSync(to, lastOf(end))
  closeSync(from)
  closeSync(to)
  return end
}

/** Files of the media servers, with all that a message says of one, so that every check is made. */
const files = {
  encryptFile(source, target) {
    const mediaKey = random.bytes(32)
    const encryptor = media.createMediaEncryptor({ mediaKey, kind: 'video' })
    const made = pass(source, target, encryptor, ({ chunk }) => chunk)
    return { path: target, mediaKey, ...made }
  },
  decryptFile({ path, mediaKey, sha256, encSha256, lengthBytes }, target) {
    const told = { mediaKey, kind: 'video', sha256, encSha256, lengthBytes }
    pass(path, target, media.createMediaDecryptor(told), (last) => last)
  },
}

/** The settings of an account, over a Map of value MACs. */
const settings = {
  ltHash: (base, removed, added) => appState.addToLtHash(appState.subtractFromLtHash(base, removed), added),
  open({ name, keyData }) {
    const party = createWatonAppState(name)
    let opened
    return {
      async snapshot(bytes) {
        opened = await party.open(keyData, bytes)
        return { count: opened.count }
      },
      patches: (list) => party.apply(opened, list),
    }
  },
}

/** The SQLite store with its defaults: a resolved write has been flushed to the drive. */
async function openAuth(directory) {
  const { openSqlite } = await import('waton/sqlite')
  const store = await openSqlite(join(directory, 'waton.db'))
  const claim = await store.claim('default', { owner: 'bench', nowMs: Date.now(), leaseMs: 600_000 })
  const session = livelySession()
  const change = (index) => ({
    op: 'put-record',
    row: {
      kind: 'session',
      key: `${900_000_000 + index}_1.0`,
      value: signal.encodeSessionRecord(session),
      at: Date.now(),
    },
  })
  return {
    write: (index) => store.commit(claim, [change(index)]),
    writeMany: (count) =>
      store.commit(
        claim,
        Array.from({ length: count }, (_, index) => change(index)),
      ),
    close: () => store.close(),
  }
}

/** Clients on their way to a server that accepts the socket and says nothing. */
async function createIdleFactory() {
  const { Client, MemoryStore } = await import('waton')
  const url = process.env.PEERBENCH_WS_URL
  return () => {
    const client = new Client({
      store: new MemoryStore(),
      ...(url === undefined ? {} : { endpoint: { url } }),
      timing: { connectTimeoutMs: 2 ** 31 - 1 },
    })
    if (url !== undefined) client.connect().catch(() => undefined)
    return client
  }
}

export default async function load() {
  return {
    name: 'waton',
    version,
    binary: { encode: encodeNode, decode: decodeNode },
    noise: {
      create({ writeKey, readKey }) {
        const cipher = new noise.TransportCipher({ sendKey: writeKey, receiveKey: readKey })
        return { seal: (payload) => cipher.seal(payload), open: (body) => cipher.open(body) }
      },
    },
    curve: {
      keyPair() {
        const { privateKey, publicKey } = crypto.generateKeyPair(random)
        return { priv: privateKey, pub: publicKey }
      },
      dh: crypto.sharedSecret,
      sign: (privateKey, message) => crypto.sign(privateKey, message, random),
      verify: crypto.verify,
    },
    signal: { party: createParty },
    appState: settings,
    proto: { encode: messageProto.encodeMessage, decode: messageProto.decodeMessage },
    auth: { open: openAuth },
    media: files,
    idle: { create: createIdleFactory },
  }
}
