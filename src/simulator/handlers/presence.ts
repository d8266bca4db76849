/**
 * Presence and typing: never stored, and shown only to devices that are connected right now.
 *
 * @source Baileys 7.0.0-rc14 `lib/Socket/chats.js` sendPresenceUpdate, presenceSubscribe
 */
import { childrenOf, node, requireAttribute } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Account, Addressing } from '../world/account.ts'
import type { HandlerContext, StanzaHandler } from './handler.ts'

const PRESENCE_TYPES = ['available', 'unavailable', 'subscribe', 'unsubscribe']

/** `<presence>` from a client. */
export const PRESENCE_HANDLER: StanzaHandler = {
  tag: 'presence',
  shape: {
    optional: ['name', 'type', 'to', 'id', 'last'],
    content: { children: { tctoken: { optional: ['t'], content: 'bytes' } } },
  },
  handle: handlePresence,
}

/** `<chatstate>` from a client. */
export const CHAT_STATE_HANDLER: StanzaHandler = {
  tag: 'chatstate',
  shape: {
    required: ['to'],
    optional: ['from', 'id'],
    content: { children: { composing: { optional: ['media'] }, paused: {} } },
  },
  handle: handleChatState,
}

function handlePresence(presence: BinaryNode, context: HandlerContext): void {
  const { sender } = context
  const { type, to } = presence.attrs
  if (type !== undefined && !PRESENCE_TYPES.includes(type)) {
    sender.violation(`<presence> has the unknown type "${type}"`)
  } else if (type === 'subscribe' || type === 'unsubscribe') {
    subscribe(to, type === 'subscribe', context)
  } else if (type !== undefined) {
    sender.device.isAvailable = type === 'available'
    announce(sender.account, context)
  }
}

function subscribe(to: string | undefined, isWanted: boolean, { world, sender }: HandlerContext): void {
  const found = world.resolve(to ?? '')
  if (found === undefined) {
    sender.note('unknown', `a presence subscription to ${to ?? 'nobody'} goes nowhere`)
    return
  }
  found.account.setWatcher(sender.account.facts.phoneNumber, isWanted ? found.addressing : undefined)
  if (isWanted) sender.send(presenceOf(found.account, found.addressing))
}

/** Tells everybody who asked. */
function announce(account: Account, { world }: HandlerContext): void {
  for (const [phoneNumber, addressing] of account.watchers) {
    for (const device of world.accountOf(phoneNumber)?.devices.values() ?? []) {
      device.outlet?.sendTransient(presenceOf(account, addressing))
    }
  }
}

function presenceOf(account: Account, addressing: Addressing): BinaryNode {
  const isAvailable = [...account.devices.values()].some((device) => device.isOnline && device.isAvailable)
  const from = account.jid(addressing)
  return node('presence', {
    from,
    type: isAvailable ? undefined : 'unavailable',
    last: isAvailable ? undefined : 'none',
  })
}

function handleChatState(chatState: BinaryNode, { world, sender }: HandlerContext): void {
  const found = world.resolve(requireAttribute(chatState, 'to'))
  const states = childrenOf(chatState)
  if (states.length !== 1) {
    sender.violation('<chatstate> carries not exactly one state')
  } else if (found === undefined) {
    sender.note('unknown', 'a chat state goes nowhere: nobody there')
  } else {
    const from = sender.account.jid(found.addressing)
    for (const device of found.account.devices.values()) {
      device.outlet?.sendTransient(node('chatstate', { from }, states))
    }
  }
}
