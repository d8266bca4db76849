/**
 * USync: the server's directory of people. A query asks for several protocols about several people; the answer has, for
 * each person and each protocol, a value or an error. An error spoils only what it is about.
 *
 * @source Baileys 7.0.0-rc14 `WAUSync/USyncQuery.js`, `Socket/socket.js` executeUSyncQuery; whatsmeow `user.go`;
 *   whatsapp-rust `iq/usync.rs`
 */
import { ProtocolError } from '../../../../base/errors.ts'
import { childOf, childrenOf, node, requireChild, type BinaryNode } from '../../../binary/node.ts'
import { tryParseJid } from '../../../jid.ts'
import { defineIq, type IqQuery } from '../../iq.ts'
import { serverIq } from '../server-iq.ts'
import { MALFORMED_ANSWER, errorIn } from './protocol.ts'
import type { UsyncError, UsyncProtocol, UsyncTarget } from './protocol.ts'

/** Any protocol. */
type AnyProtocol = UsyncProtocol<string, unknown>

/** Why the directory is asked: WhatsApp Web says so. */
export type UsyncContext = 'interactive' | 'background' | 'message' | 'notification'

/** How a query is made besides its protocols. */
export interface UsyncOptions {
  /** @default 'interactive' */
  readonly context?: UsyncContext
  /** @default 'query' */
  readonly mode?: 'query' | 'full' | 'delta'
}

/** Whom to ask about. */
export interface UsyncRequest {
  readonly users: readonly UsyncTarget[]
  /** A fresh id, e.g. one made like a stanza id; it names this synchronisation to the server. */
  readonly sid: string
}

/** The values about one person by the names of the protocols; what the server did not tell is absent. */
export type UsyncValues<Protocols extends readonly AnyProtocol[]> = {
  readonly [Protocol in Protocols[number] as Protocol['name']]?: NonNullable<ReturnType<Protocol['parse']>>
}

/** What the server said about one person. */
export interface UsyncUser<Protocols extends readonly AnyProtocol[]> {
  /** User JID, in the form of address that was asked with. */
  readonly jid: string
  /** The phone-number address, where the server answers a question about a number with a LID. */
  readonly pn?: string
  readonly values: UsyncValues<Protocols>
  /** Errors by the names of the protocols; `user` for the whole entry. Absent when there were none. */
  readonly errors?: Readonly<Record<string, UsyncError>>
}

/** What the server said. */
export interface UsyncAnswer<Protocols extends readonly AnyProtocol[]> {
  /** Those who were asked about, in the order of the answer. Somebody may be missing. */
  readonly users: readonly UsyncUser<Protocols>[]
  /** Others whom the server mentions besides. */
  readonly side: readonly UsyncUser<Protocols>[]
  /** Protocols that the server refuses for everybody, by their names. */
  readonly errors: Readonly<Record<string, UsyncError>>
  /** Paths of elements that nobody here knows, e.g. `user/hat`, each once. */
  readonly unknown: readonly string[]
}

/** Unknown elements that are named at most. */
const MAX_UNKNOWN = 100

/**
 * A query for some protocols.
 *
 * ```xml
 * <iq to="@s.whatsapp.net" type="get" xmlns="usync">
 *   <usync context="message" mode="query" sid="..." last="true" index="0">
 *     <query><devices version="2"/><lid/></query>
 *     <list><user jid="15550000002@s.whatsapp.net"/><user><contact>+15550000003</contact></user></list>
 *   </usync>
 * </iq>
 * <iq type="result"><usync>
 *   <result><devices/><lid><error code="429" text="rate-overlimit" backoff="3600"/></lid></result>
 *   <list><user jid="15550000002@s.whatsapp.net"><devices>...</devices><lid val="100000000002@lid"/></user>
 *     <user jid="15550000003@s.whatsapp.net"><error code="404"/></user></list>
 *   <side_list><user jid="..."/></side_list>
 * </usync></iq>
 * ```
 */
export function usync<const Protocols extends readonly AnyProtocol[]>(
  protocols: Protocols,
  { context = 'interactive', mode = 'query' }: UsyncOptions = {},
): IqQuery<UsyncRequest, UsyncAnswer<Protocols>> {
  return defineIq({
    name: `usync.${protocols.map(({ name }) => name).join('+')}`,
    build: ({ users, sid }) =>
      serverIq('get', 'usync', [
        node('usync', { context, mode, sid, last: 'true', index: '0' }, [
          node(
            'query',
            {},
            protocols.map((protocol) => protocol.query()),
          ),
          node(
            'list',
            {},
            users.map((user) => buildTarget(user, protocols)),
          ),
        ]),
      ]),
    parse: (answer) => new AnswerReader(protocols).read(requireChild(answer, 'usync')),
  })
}

function buildTarget(target: UsyncTarget, protocols: readonly AnyProtocol[]): BinaryNode {
  const { jid, phone, username } = target
  const children = protocols.map((protocol) => protocol.target?.(target))
  const isByJid = phone === undefined && username === undefined
  return node(
    'user',
    { jid: isByJid ? jid : undefined },
    children.filter((child) => child !== undefined),
  )
}

class AnswerReader<Protocols extends readonly AnyProtocol[]> {
  readonly #protocols: ReadonlyMap<string, AnyProtocol>
  readonly #unknown = new Set<string>()

  constructor(protocols: Protocols) {
    this.#protocols = new Map(protocols.map((protocol) => [protocol.tag, protocol]))
  }

  read(element: BinaryNode): UsyncAnswer<Protocols> {
    for (const { tag } of childrenOf(element))
      if (tag !== 'result' && tag !== 'list' && tag !== 'side_list') this.#note(tag)
    const errors = this.#resultErrors(childOf(element, 'result'))
    const users = this.#users(childOf(element, 'list'))
    const side = this.#users(childOf(element, 'side_list'))
    return { users, side, errors, unknown: [...this.#unknown] }
  }

  #resultErrors(result: BinaryNode | undefined): Record<string, UsyncError> {
    const errors: Record<string, UsyncError> = {}
    for (const element of result === undefined ? [] : childrenOf(result)) {
      const protocol = this.#protocols.get(element.tag)
      const error = errorIn(element)
      if (protocol === undefined) this.#note(`result/${element.tag}`)
      else if (error !== undefined) errors[protocol.name] = error
    }
    return errors
  }

  #users(list: BinaryNode | undefined): readonly UsyncUser<Protocols>[] {
    const users: UsyncUser<Protocols>[] = []
    for (const element of list === undefined ? [] : childrenOf(list)) {
      const { jid } = element.attrs
      if (element.tag !== 'user') this.#note(`list/${element.tag}`)
      else if (jid === undefined || tryParseJid(jid) === undefined) this.#note('list/user without an address')
      else users.push(this.#user(element, jid))
    }
    return users
  }

  #user(element: BinaryNode, jid: string): UsyncUser<Protocols> {
    const values: Record<string, unknown> = {}
    const errors: Record<string, UsyncError> = {}
    for (const child of childrenOf(element)) {
      const protocol = this.#protocols.get(child.tag)
      if (protocol !== undefined) readValue(protocol, child, { values, errors })
      else if (child.tag !== 'error') this.#note(`user/${child.tag}`)
    }
    const whole = errorIn(element)
    if (whole !== undefined) errors.user = whole
    const pn = element.attrs.pn_jid
    return {
      jid,
      ...(pn === undefined || tryParseJid(pn) === undefined ? {} : { pn }),
      values: values as UsyncValues<Protocols>,
      ...(Object.keys(errors).length === 0 ? {} : { errors }),
    }
  }

  #note(path: string): void {
    if (this.#unknown.size < MAX_UNKNOWN) this.#unknown.add(path)
  }
}

function readValue(
  protocol: AnyProtocol,
  element: BinaryNode,
  into: { readonly values: Record<string, unknown>; readonly errors: Record<string, UsyncError> },
): void {
  const error = errorIn(element)
  if (error !== undefined) {
    into.errors[protocol.name] = error
    return
  }
  try {
    const value = protocol.parse(element)
    if (value !== undefined) into.values[protocol.name] = value
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    into.errors[protocol.name] = { code: MALFORMED_ANSWER, text: cause.code }
  }
}
