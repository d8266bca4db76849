/**
 * USync: the server's directory of people. Here: the device lists and LIDs of users, as asked before a message is sent.
 * What is not sendable is left out of `deviceIds` but kept in `devices`.
 *
 * @source Baileys 7.0.0-rc14 `WAUSync/USyncQuery.js`, `Utils/signal.js` extractDeviceJids; whatsmeow `user.go`
 */
import { ProtocolError } from '../../../base/errors.ts'
import { defineIq, type IqQuery } from '../iq.ts'
import {
  childOf,
  childrenOf,
  contentBytes,
  node,
  numberAttribute,
  requireAttribute,
  requireChild,
  type BinaryNode,
} from '../../binary/node.ts'
import { userJid } from '../../jid.ts'
import { serverIq } from './server-iq.ts'

/** What {@link usyncDevices} asks. */
export interface UsyncRequest {
  /** User JIDs, phone numbers or LIDs; the answer uses the same form of address. */
  readonly users: readonly string[]
  /** A fresh id, e.g. one made like a stanza id; it names this synchronisation to the server. */
  readonly sid: string
}

/** One device of a user. */
export interface UsyncDevice {
  /** 0 is the phone. */
  readonly id: number
  /** Which of the account's signed device keys it uses; linked devices without one cannot be sent to. */
  readonly keyIndex?: number
  /** Lives at the provider; addressed through the `hosted` servers. */
  readonly isHosted: boolean
}

/** The account's own signed word on which device keys are valid. */
export interface UsyncKeyIndex {
  readonly timestampSeconds: number
  /** Serialised `ADVSignedKeyIndexList`. */
  readonly signedList?: Uint8Array
  readonly expectedTimestampSeconds?: number
}

/** An error of the server about one user or one part of the answer. */
export interface UsyncError {
  readonly code: number
  readonly text?: string
  /** How long to wait before asking again. */
  readonly backoffSeconds?: number
}

/** What the server said about one user. */
export interface UsyncUser {
  readonly jid: string
  /** The user's LID, when the server gave it. */
  readonly lid?: string
  /** Absent when the server gave no device list (see `errors`); empty for a user without devices. */
  readonly devices?: readonly UsyncDevice[]
  /** Ids from `devices` that a message can go to: the phone, and linked devices with a key index that are not hosted. */
  readonly deviceIds?: readonly number[]
  readonly keyIndex?: UsyncKeyIndex
  /** Errors by protocol: `devices`, `lid`, or `user` for the whole entry. Absent when there were none. */
  readonly errors?: Readonly<Record<string, UsyncError>>
}

/**
 * Asks for the devices and the LID of users.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="usync">
 *   <usync context="message" index="0" last="true" mode="query" sid="...">
 *     <query><devices version="2"/><lid/></query>
 *     <list><user jid="15550000002@s.whatsapp.net"/></list>
 *   </usync>
 * </iq>
 * <iq type="result"><usync><result><devices/><lid/></result><list>
 *   <user jid="15550000002@s.whatsapp.net">
 *     <devices><device-list><device id="0"/><device id="3" key-index="2" is_hosted="true"/></device-list>
 *       <key-index-list ts="..." expected_ts="...">ADVSignedKeyIndexList</key-index-list></devices>
 *     <lid val="100000000002@lid"/>
 *   </user>
 * </list></usync></iq>
 * ```
 *
 * @throws {ProtocolError} `WATON_USYNC_REFUSED` when the server refuses one of the protocols for all users
 */
export const usyncDevices: IqQuery<UsyncRequest, readonly UsyncUser[]> = defineIq({
  name: 'usync.devices',
  build: ({ users, sid }) =>
    serverIq('get', 'usync', [
      node('usync', { context: 'message', mode: 'query', sid, last: 'true', index: '0' }, [
        node('query', {}, [node('devices', { version: '2' }), node('lid')]),
        node(
          'list',
          {},
          users.map((jid) => node('user', { jid }, [])),
        ),
      ]),
    ]),
  parse: (answer) => {
    const usync = requireChild(answer, 'usync')
    checkResult(childOf(usync, 'result'))
    const list = childOf(usync, 'list')
    return list === undefined ? [] : childrenOf(list, 'user').map(parseUser)
  },
})

/** `<result><devices><error code="429" text="rate-overlimit" backoff="3600"/></devices></result>` fails everything. */
function checkResult(result: BinaryNode | undefined): void {
  for (const protocol of result === undefined ? [] : childrenOf(result)) {
    const error = errorOf(protocol)
    if (error === undefined || protocol.tag !== 'devices') continue
    throw new ProtocolError(
      'WATON_USYNC_REFUSED',
      'the server refused to list devices; wait before asking again',
      {
        details: { serverCode: error.code, serverText: error.text, backoffSeconds: error.backoffSeconds },
        retryable: true,
      },
    )
  }
}

function parseUser(user: BinaryNode): UsyncUser {
  const jid = requireAttribute(user, 'jid')
  const errors: Record<string, UsyncError> = {}
  const note = (name: string, owner: BinaryNode | undefined): boolean => {
    const error = owner === undefined ? undefined : errorOf(owner)
    if (error !== undefined) errors[name] = error
    return error !== undefined
  }
  note('user', user)
  const devices = childOf(user, 'devices')
  const lid = childOf(user, 'lid')
  const hasDevices = devices !== undefined && !note('devices', devices)
  const hasLid = lid?.attrs.val !== undefined && !note('lid', lid)
  return {
    jid,
    ...(hasLid ? { lid: userJid(requireAttribute(lid, 'val')) } : {}),
    ...(hasDevices ? parseDevices(devices) : {}),
    ...(Object.keys(errors).length === 0 ? {} : { errors }),
  }
}

function parseDevices(owner: BinaryNode): Pick<UsyncUser, 'devices' | 'deviceIds' | 'keyIndex'> {
  const list = childOf(owner, 'device-list')
  if (list === undefined) return {}
  const devices = childrenOf(list, 'device').map(parseDevice)
  const sendable = devices.filter(
    ({ id, keyIndex, isHosted }) => !isHosted && (id === 0 || Boolean(keyIndex)),
  )
  const keyIndex = childOf(owner, 'key-index-list')
  return {
    devices,
    deviceIds: [...new Set(sendable.map(({ id }) => id))],
    ...(keyIndex === undefined ? {} : { keyIndex: parseKeyIndex(keyIndex) }),
  }
}

function parseDevice(device: BinaryNode): UsyncDevice {
  requireAttribute(device, 'id')
  const keyIndex = numberAttribute(device, 'key-index')
  return {
    id: numberAttribute(device, 'id') ?? 0,
    ...(keyIndex === undefined ? {} : { keyIndex }),
    isHosted: device.attrs.is_hosted === 'true',
  }
}

function parseKeyIndex(list: BinaryNode): UsyncKeyIndex {
  const expected = numberAttribute(list, 'expected_ts')
  const signedList = contentBytes(list)
  return {
    timestampSeconds: numberAttribute(list, 'ts') ?? 0,
    ...(signedList === undefined ? {} : { signedList }),
    ...(expected === undefined ? {} : { expectedTimestampSeconds: expected }),
  }
}

function errorOf(owner: BinaryNode): UsyncError | undefined {
  const error = childOf(owner, 'error')
  if (error === undefined) return undefined
  const backoffSeconds = numberAttribute(error, 'backoff')
  const { text } = error.attrs
  return {
    code: numberAttribute(error, 'code') ?? 0,
    ...(text === undefined ? {} : { text }),
    ...(backoffSeconds === undefined ? {} : { backoffSeconds }),
  }
}
