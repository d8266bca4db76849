/** Queries about the account: server properties, privacy, blocklist, dirty bits and removal of linked devices. */
import { childrenOf, node, requireAttribute, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { REFUSAL } from '../stanza/iq.ts'
import { removeDevice } from './fan-out.ts'
import type { HandlerContext, IqHandler, IqOutcome } from './handler.ts'

/** Server properties given to clients: tokens on messages (on) and with pictures (off), tokens handed out to LIDs (off), tokens from a salt (on). */
const PROPERTIES: readonly (readonly [code: number, value: string])[] = [
  [10518, '1'],
  [9666, '0'],
  [14303, '0'],
  [24941, '1'],
]
const PROPERTIES_HASH = 'waton1'
const DAY_SECONDS = 86_400

const props: IqHandler = {
  xmlns: 'abt',
  type: 'get',
  child: 'props',
  content: { children: { props: { min: 1, required: ['protocol'], optional: ['hash', 'refresh_id'] } } },
  handle() {
    const children = PROPERTIES.map(([code, value]) =>
      node('prop', { config_code: code, config_value: value }),
    )
    const attributes = {
      protocol: 1,
      ab_key: 'simulator',
      hash: PROPERTIES_HASH,
      refresh: DAY_SECONDS,
      refresh_id: 1,
    }
    return { content: [node('props', attributes, children)] }
  },
}

const privacyGet: IqHandler = {
  xmlns: 'privacy',
  type: 'get',
  child: 'privacy',
  content: { children: { privacy: { min: 1 } } },
  handle: (_query, { sender }) => ({
    content: [node('privacy', {}, privacyChildren(sender.account.privacy))],
  }),
}

const privacySet: IqHandler = {
  xmlns: 'privacy',
  type: 'set',
  child: 'privacy',
  content: {
    children: {
      privacy: {
        min: 1,
        content: {
          children: { category: { min: 1, max: 16, required: ['name', 'value'], optional: ['dhash'] } },
        },
      },
    },
  },
  handle(query, { sender }) {
    const { privacy } = sender.account
    const categories = childrenOf(requireChild(query, 'privacy'), 'category')
    if (!categories.every((category) => privacy.has(category.attrs['name'] ?? '')))
      return { refusal: REFUSAL.badRequest }
    for (const { attrs } of categories) privacy.set(attrs['name'] ?? '', attrs['value'] ?? '')
    return { content: [node('privacy', {}, privacyChildren(privacy))] }
  },
}

const blocklistGet: IqHandler = {
  xmlns: 'blocklist',
  type: 'get',
  child: '',
  content: { children: { list: { optional: ['dhash', 'c_dhash'] } } },
  handle: (_query, { sender }) => ({ content: [blocklist(sender.account.blockedJids)] }),
}

const blocklistSet: IqHandler = {
  xmlns: 'blocklist',
  type: 'set',
  child: 'item',
  content: {
    children: {
      item: { min: 1, required: ['action', 'jid'], optional: ['pn_jid', 'dhash', 'display_name'] },
    },
  },
  handle(query, { world, sender }) {
    const { attrs } = requireChild(query, 'item')
    const jid = attrs['jid'] ?? ''
    if (world.resolve(jid) === undefined) return { refusal: REFUSAL.notFound }
    sender.account.setBlocked(jid, attrs['action'] === 'block', world.nowSeconds())
    return { content: [blocklist(sender.account.blockedJids)] }
  },
}

const dirtyClean: IqHandler = {
  xmlns: 'urn:xmpp:whatsapp:dirty',
  type: 'set',
  child: 'clean',
  content: { children: { clean: { min: 1, max: 8, required: ['type'], optional: ['timestamp'] } } },
  handle(query, { sender }) {
    for (const clean of childrenOf(query, 'clean')) sender.device.dirty.delete(clean.attrs['type'] ?? '')
    return {}
  },
}

const removeCompanion: IqHandler = {
  xmlns: 'md',
  type: 'set',
  child: 'remove-companion-device',
  content: {
    children: { 'remove-companion-device': { min: 1, required: ['jid', 'reason'], optional: ['all'] } },
  },
  handle: handleRemoveCompanion,
}

/** All queries of this file. */
export const ACCOUNT_HANDLERS: readonly IqHandler[] = [
  props,
  privacyGet,
  privacySet,
  blocklistGet,
  blocklistSet,
  dirtyClean,
  removeCompanion,
]

function privacyChildren(privacy: ReadonlyMap<string, string>): BinaryNode[] {
  return [...privacy].map(([name, value]) => node('category', { name, value }))
}

function blocklist(jids: readonly string[]): BinaryNode {
  return node(
    'list',
    { dhash: String(jids.length) },
    jids.map((jid) => node('item', { jid })),
  )
}

/** A linked device removes itself (logout); the phone removes any. */
function handleRemoveCompanion(query: BinaryNode, { world, sender }: HandlerContext): IqOutcome {
  const jid = requireAttribute(requireChild(query, 'remove-companion-device'), 'jid')
  const found = world.resolve(jid)
  if (found?.account !== sender.account || found.deviceId === 0) return { refusal: REFUSAL.badRequest }
  const device = sender.account.devices.get(found.deviceId)
  if (device === undefined) return { refusal: REFUSAL.notFound }
  if (sender.device.id !== 0 && sender.device !== device) return { refusal: REFUSAL.notAllowed }
  return {
    then: () => {
      removeDevice(world, sender.account, device)
    },
  }
}
