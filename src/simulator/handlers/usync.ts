/**
 * The directory query (`xmlns="usync"`): which devices, LID and registration the named people have.
 *
 * ```xml
 * <iq type="get" xmlns="usync"><usync sid mode="query" last="true" index="0" context="message">
 *   <query><devices version="2"/><lid/></query> <list><user jid="15550000001@s.whatsapp.net"/></list>
 * </usync></iq>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `lib/WAUSync`; whatsmeow `user.go` usync
 */
import { childOf, childrenOf, contentText, node, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Shape } from '../stanza/shape.ts'
import type { Account } from '../world/account.ts'
import type { Resolved, World } from '../world/world.ts'
import type { HandlerContext, IqHandler, IqOutcome } from './handler.ts'

/** People asked for in one query. */
const MAX_USERS = 5_000
const MODES = ['query', 'full', 'delta']

const usync: IqHandler = {
  xmlns: 'usync',
  type: 'get',
  child: 'usync',
  content: {
    children: {
      usync: {
        min: 1,
        required: ['sid', 'mode', 'last', 'index', 'context'],
        content: {
          children: {
            query: {
              min: 1,
              content: {
                children: {
                  devices: { required: ['version'] },
                  lid: {},
                  contact: {},
                  status: {},
                  picture: {},
                  business: { content: 'anything' },
                  disappearing_mode: {},
                  username: {},
                  bot: { content: 'anything' },
                },
              },
            },
            list: { min: 1, content: { children: { user: { max: MAX_USERS, ...userShape() } } } },
          },
        },
      },
    },
  },
  handle: handleUsync,
}

/** All queries of this file. */
export const USYNC_HANDLERS: readonly IqHandler[] = [usync]

function userShape(): Shape {
  return {
    optional: ['jid', 'pn_jid'],
    content: {
      children: {
        contact: { optional: ['type', 'username', 'lid', 'pin'], content: 'optional-bytes' },
        lid: { required: ['jid'] },
        devices: { optional: ['device_hash', 'ts', 'expected_ts'] },
        bot: { content: 'anything' },
      },
    },
  }
}

function handleUsync(query: BinaryNode, { world, sender }: HandlerContext): IqOutcome {
  const request = requireChild(query, 'usync')
  const { sid, mode, index, last } = request.attrs
  if (!MODES.includes(mode ?? '')) {
    sender.note('unknown', `usync mode "${mode ?? ''}" is treated as "query"`)
  }
  const protocols = childrenOf(requireChild(request, 'query')).map((child) => child.tag)
  const users = childrenOf(requireChild(request, 'list')).map((user) => answerUser(user, protocols, world))
  const results = protocols.map((protocol) => node(protocol))
  const content = [node('result', {}, results), node('list', {}, users)]
  return { content: [node('usync', { sid, mode, index, last }, content)] }
}

function answerUser(user: BinaryNode, protocols: readonly string[], world: World): BinaryNode {
  const phone = phoneOf(user)
  const found = phone === undefined ? world.resolve(user.attrs['jid'] ?? '') : findPhone(phone, world)
  const jid =
    phone === undefined ? user.attrs['jid'] : (found?.account.jid('pn') ?? `${phone.slice(1)}@s.whatsapp.net`)
  const children = protocols
    .map((protocol) => answerProtocol(protocol, found, phone))
    .filter((child) => child !== undefined)
  return node('user', { jid }, children)
}

/** The phone number as the client wrote it (`+15550000001`), when the person is named that way. */
function phoneOf(user: BinaryNode): string | undefined {
  const contact = childOf(user, 'contact')
  const text = contact === undefined ? undefined : contentText(contact)
  return text === undefined || text === '' ? undefined : text
}

function findPhone(phone: string, world: World): Resolved | undefined {
  const account = world.accountOf(phone.replace(/\D/g, ''))
  return account === undefined ? undefined : { account, deviceId: 0, addressing: 'pn' }
}

function answerProtocol(
  protocol: string,
  found: Resolved | undefined,
  phone: string | undefined,
): BinaryNode | undefined {
  if (protocol === 'contact') return node('contact', { type: found === undefined ? 'out' : 'in' }, phone)
  if (found === undefined) return undefined
  if (protocol === 'devices') return devicesChild(found.account)
  // The way from a LID to the phone number is not given: it is what a LID hides.
  if (protocol === 'lid' && found.addressing === 'pn') return node('lid', { val: found.account.jid('lid') })
  return undefined
}

function devicesChild(account: Account): BinaryNode {
  const devices = [...account.devices.values()].map(({ id, facts }) =>
    node('device', { id, 'key-index': id === 0 ? undefined : facts.keyIndex }),
  )
  const children = [node('device-list', {}, devices)]
  const { keyIndexList } = account
  if (keyIndexList !== undefined) {
    children.push(node('key-index-list', { ts: keyIndexList.atSeconds }, keyIndexList.signed))
  }
  return node('devices', {}, children)
}
