/**
 * The directory query (`xmlns="usync"`): what the server tells of the named people. What one protocol answers about one
 * person is in `usync-protocols.ts`.
 *
 * ```xml
 * <iq type="get" xmlns="usync"><usync sid mode="query" last="true" index="0" context="message">
 *   <query><devices version="2"/><lid/></query> <list><user jid="15550000001@s.whatsapp.net"/></list>
 * </usync></iq>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `lib/WAUSync`; whatsmeow `user.go` usync; whatsapp-rust `iq/usync.rs`
 */
import { childOf, childrenOf, contentText, node, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Shape } from '../stanza/shape.ts'
import type { Resolved, World } from '../world/world.ts'
import type { DirectoryFault } from '../world/world.ts'
import type { HandlerContext, IqHandler, IqOutcome } from './handler.ts'
import { answerProtocol, isUnchanged } from './usync-protocols.ts'

/** People asked for in one query. */
const MAX_USERS = 5_000
const MODES = ['query', 'full', 'delta']
const CONTEXTS = ['interactive', 'background', 'message', 'notification']

const ONE_PROFILE: Shape = {
  content: { children: { profile: { min: 1, optional: ['v', 'persona_id'] } } },
}

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
                  business: { content: { children: { verified_name: { min: 1 } } } },
                  disappearing_mode: {},
                  username: {},
                  bot: ONE_PROFILE,
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
        devices: { required: ['device_hash'], optional: ['ts', 'expected_ts'] },
        bot: ONE_PROFILE,
      },
    },
  }
}

function handleUsync(query: BinaryNode, { world, sender }: HandlerContext): IqOutcome {
  const request = requireChild(query, 'usync')
  const { sid, mode, index, last, context } = request.attrs
  if (!MODES.includes(mode ?? '')) sender.note('unknown', `usync mode "${mode ?? ''}" is treated as "query"`)
  if (!CONTEXTS.includes(context ?? '')) sender.note('unknown', `usync context "${context ?? ''}"`)
  const protocols = childrenOf(requireChild(request, 'query')).map((child) => child.tag)
  const list = childrenOf(requireChild(request, 'list'))
  const nameless = list.find((user) => user.attrs['jid'] === undefined && questionOf(user) === undefined)
  if (nameless !== undefined) sender.note('unknown', 'usync asks about somebody whom it does not name')
  const fault = sender.device.id === 0 ? undefined : world.takeDirectoryFault()
  const users =
    fault?.as === 'silence' ? [] : list.flatMap((user) => answerUser(user, protocols, world, fault))
  const results = protocols.map((protocol) =>
    fault?.as === 'refusal' && protocol === 'devices' ? node(protocol, {}, [errorOf(fault)]) : node(protocol),
  )
  const content = [node('result', {}, results), node('list', {}, users)]
  return { content: [node('usync', { sid, mode, index, last }, content)] }
}

function errorOf({ code }: DirectoryFault): BinaryNode {
  return node('error', { code, text: 'spoilt on purpose', backoff: 60 })
}

/** The answer about one person; none when the client has their list already. */
function answerUser(
  user: BinaryNode,
  protocols: readonly string[],
  world: World,
  fault: DirectoryFault | undefined,
): readonly BinaryNode[] {
  const question = questionOf(user)
  const found = question === undefined ? world.resolve(user.attrs['jid'] ?? '') : find(question, world)
  const jid =
    question === undefined
      ? user.attrs['jid']
      : (found?.account.jid('pn') ?? `${question.replace(/\D/g, '') || '0'}@s.whatsapp.net`)
  if (fault?.as === 'error') return [node('user', { jid }, [errorOf(fault)])]
  if (isUnchanged(childOf(user, 'devices'), found)) return []
  const asked = { jid: jid ?? '', question, found, world, isEmpty: fault?.as === 'empty' }
  const children = protocols.map((protocol) => answerProtocol(protocol, asked))
  const given = children.filter((child) => child !== undefined)
  return [node('user', { jid }, given)]
}

/** The phone number (`+15550000001`) or username by which the person is named, when it is not by JID. */
function questionOf(user: BinaryNode): string | undefined {
  const contact = childOf(user, 'contact')
  if (contact === undefined) return undefined
  const text = contact.attrs['username'] ?? contentText(contact)
  return text === '' ? undefined : text
}

function find(question: string, world: World): Resolved | undefined {
  const account = question.startsWith('+')
    ? world.accountOf(question.replace(/\D/g, ''))
    : world.accounts.find(({ profile }) => profile.username === question)
  return account === undefined ? undefined : { account, deviceId: 0, addressing: 'pn' }
}
