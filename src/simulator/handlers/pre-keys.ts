/**
 * Queries about encryption keys (`xmlns="encrypt"`): how many one-time pre-keys are left, upload, digest, rotation of
 * the signed pre-key, and fetching the bundles of other devices.
 */
import { errorCode } from '../../base/errors.ts'
import { childrenOf, node, requireAttribute, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { ADVSignedDeviceIdentity, decodeProto, encodeProto } from '../../protocol/proto/index.ts'
import { errorChild, REFUSAL } from '../stanza/iq.ts'
import { bundleChildren, digestChild, readKeyUpload, readSignedPreKey, SKEY_SHAPE } from '../stanza/keys.ts'
import { UPLOAD_CHILDREN, verifySignedPreKey } from '../stanza/keys.ts'
import { identityChanged, preKeysLow } from '../stanza/notification.ts'
import type { Device } from '../world/device.ts'
import type { KeyQuery } from '../world/key-directory.ts'
import type { World } from '../world/world.ts'
import type { HandlerContext, IqHandler, IqOutcome } from './handler.ts'
import { contactDevices, removeDevice } from './fan-out.ts'

/** Devices asked for in one query. */
const MAX_USERS = 1_000

const count: IqHandler = {
  xmlns: 'encrypt',
  type: 'get',
  child: 'count',
  content: { children: { count: { min: 1 } } },
  handle: (_query, { sender }) => ({ content: [node('count', { value: sender.device.directory.count })] }),
}

const digest: IqHandler = {
  xmlns: 'encrypt',
  type: 'get',
  child: 'digest',
  content: { children: { digest: { min: 1 } } },
  handle(_query, { sender }) {
    const { keys, stock, isUsable } = sender.device.directory
    if (keys === undefined || !isUsable) return { refusal: REFUSAL.notFound }
    return { content: [digestChild(keys, stock)] }
  },
}

const upload: IqHandler = {
  xmlns: 'encrypt',
  type: 'set',
  child: 'registration',
  content: { children: UPLOAD_CHILDREN },
  handle: handleUpload,
}

const rotate: IqHandler = {
  xmlns: 'encrypt',
  type: 'set',
  child: 'rotate',
  content: { children: { rotate: { min: 1, content: { children: { skey: SKEY_SHAPE } } } } },
  handle(query, { sender }) {
    const { directory } = sender.device
    if (directory.keys === undefined) return { refusal: REFUSAL.notFound }
    const signedPreKey = readSignedPreKey(requireChild(requireChild(query, 'rotate'), 'skey'))
    verifySignedPreKey(directory.keys.identityKey, signedPreKey)
    directory.rotate(signedPreKey)
    return {}
  },
}

const fetch: IqHandler = {
  xmlns: 'encrypt',
  type: 'get',
  child: 'key',
  content: {
    children: {
      key: {
        min: 1,
        content: { children: { user: { min: 1, max: MAX_USERS, required: ['jid'], optional: ['reason'] } } },
      },
    },
  },
  handle(query, context) {
    const users = childrenOf(requireChild(query, 'key'), 'user')
    return {
      content: [
        node(
          'list',
          {},
          users.map((user) => fetchOne(requireAttribute(user, 'jid'), context)),
        ),
      ],
    }
  },
}

/** All queries of this file. */
export const PRE_KEY_HANDLERS: readonly IqHandler[] = [
  refusable('count', count),
  refusable('digest', digest),
  refusable('upload', upload),
  refusable('rotate', rotate),
  refusable('fetch', fetch),
]

/** The handler, except for the queries that a fault refuses. */
function refusable(name: KeyQuery, handler: IqHandler): IqHandler {
  return {
    ...handler,
    handle(query, context) {
      const { sender } = context
      const code = sender.device.directory.takeRefusal(name)
      if (code === undefined) return handler.handle(query, context)
      sender.note('fault', `the ${name} query about keys is refused with ${String(code)}`)
      return { refusal: { code, text: 'refused on purpose' } }
    },
  }
}

function handleUpload(query: BinaryNode, { world, sender }: HandlerContext): IqOutcome {
  const { directory, id } = sender.device
  try {
    const outcome = directory.upload(readKeyUpload(query), id === 0)
    if (outcome.ignoredSpent > 0) {
      sender.note(
        'warning',
        `${String(outcome.ignoredSpent)} uploaded pre-keys were handed out before and stay spent`,
      )
    }
    if (outcome.identityChanged) announceIdentity({ world, sender })
    return {}
  } catch (error) {
    if (errorCode(error) !== 'WATON_SIMULATOR_KEYS_CONFLICT') throw error
    sender.note('refusal', `key upload: ${error instanceof Error ? error.message : ''}`)
    return { refusal: REFUSAL.conflict }
  }
}

function announceIdentity({ world, sender }: HandlerContext): void {
  const { account } = sender
  const facts = { from: account.jid('pn'), lid: world.shownLid(account), nowSeconds: world.nowSeconds() }
  for (const device of contactDevices(world, account)) {
    world.post(device, identityChanged({ ...facts, id: world.nextStanzaId() }), 'ack')
  }
  // the devices were linked to the installation that is no more
  account.keyIndexList = undefined
  for (const device of account.devicesExcept(0)) removeDevice(world, account, device)
}

/** One `<user>` of the answer: the bundle, or why there is none. */
function fetchOne(jid: string, { world, sender }: HandlerContext): BinaryNode {
  const device = world.deviceOf(jid)
  if (device === undefined) return node('user', { jid }, [errorChild(REFUSAL.notFound)])
  const { directory } = device
  const code = directory.takeRefusal('bundle')
  if (code !== undefined) {
    sender.note('fault', `the keys of ${jid} are refused with ${String(code)}`)
    return node('user', { jid }, [errorChild({ code, text: 'refused on purpose' })])
  }
  const { keys } = directory
  if (keys === undefined || !directory.isUsable)
    return node('user', { jid }, [errorChild(REFUSAL.notAcceptable)])
  const preKey = directory.take()
  const { deviceIdentity: stored } = device.facts
  const deviceIdentity = stored === undefined ? undefined : withoutAccountKey(stored)
  const bundle = { ...keys, preKey, deviceIdentity }
  announceLowStock(device, world)
  return node('user', { jid }, bundleChildren(bundle))
}

/**
 * As it was signed when the device was linked, and without the key of the account: whoever wants to check it has that of the
 * phone.
 *
 * @source whatsapp-rust `src/prekeys.rs`: "the server omits that field"
 */
function withoutAccountKey(deviceIdentity: Uint8Array): Uint8Array {
  const signed = decodeProto(ADVSignedDeviceIdentity, deviceIdentity, 'ADVSignedDeviceIdentity')
  signed.accountSignatureKey = null
  return encodeProto(ADVSignedDeviceIdentity, signed, 'ADVSignedDeviceIdentity')
}

function announceLowStock(device: Device, world: World): void {
  if (!device.directory.claimLowNotice()) return
  const facts = { id: world.nextStanzaId(), count: device.directory.count, nowSeconds: world.nowSeconds() }
  world.post(device, preKeysLow(facts), 'ack')
}
