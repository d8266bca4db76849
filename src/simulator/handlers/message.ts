/**
 * Sending: a message from any device goes, copy by copy, into the mailboxes of the devices it is addressed to, and the
 * sender gets the server's ack. The server cannot read a copy; it checks everything around it.
 */
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { childOf, contentBytes, requireAttribute } from '../../protocol/binary/node.ts'
import {
  deliveredMessage,
  findBesideViolation,
  findEncViolation,
  isMisplacedRepeat,
  MESSAGE_SHAPE,
  MESSAGE_TYPES,
  messageAck,
} from '../stanza/message.ts'
import { hashParticipants } from '../stanza/participant-hash.ts'
import { readCopies } from '../stanza/message.ts'
import type { DeliveryFacts, MessageCopy } from '../stanza/message.ts'
import { otherAddressing } from '../world/account.ts'
import type { Device } from '../world/device.ts'
import type { Resolved } from '../world/world.ts'
import type { HandlerContext, StanzaHandler } from './handler.ts'

/** A copy whose device was found. */
interface Route {
  readonly copy: MessageCopy
  readonly found: Resolved
  readonly device: Device
}

/** `<message>` from a client. */
export const MESSAGE_HANDLER: StanzaHandler = { tag: 'message', shape: MESSAGE_SHAPE, handle: handleMessage }

const UNKNOWN_PERSON = 404
const NOT_SIMULATED = 501
/** A token is missing, or the account may write to nobody new. */
const NO_TRUST = 463
const MISPLACED_REPEAT = 479

function handleMessage(message: BinaryNode, context: HandlerContext): void {
  const { world, sender } = context
  const to = requireAttribute(message, 'to')
  const chat = world.resolve(to)
  const violation = findMessageViolation(message, chat, context)
  if (violation !== undefined) {
    sender.violation(violation)
    return
  }
  noteRepeat(message, context)
  if (chat === undefined) {
    const isPerson = to.endsWith('@s.whatsapp.net') || to.endsWith('@lid')
    sender.note(isPerson ? 'refusal' : 'unknown', `a message to ${to} is refused: nobody there`)
    sender.send(messageAck(message, world.nowSeconds(), isPerson ? UNKNOWN_PERSON : NOT_SIMULATED))
    return
  }
  const copies = readCopies(message)
  if (isMisplacedRepeat(message)) {
    sender.note('refusal', `message ${message.attrs['id'] ?? ''} is repeated for one device in a fan-out`)
    sender.send(messageAck(message, world.nowSeconds(), MISPLACED_REPEAT))
    return
  }
  // a copy for one device answers its request: whoever asks is no stranger
  const isAnswer = childOf(message, 'enc') !== undefined
  const facts = {
    token: bytesIn(message, 'tctoken'),
    saltToken: bytesIn(message, 'cstoken'),
    nowSeconds: world.nowSeconds(),
  }
  const objection = isAnswer ? undefined : world.strangers.objection(sender.account, chat.account, facts)
  if (objection !== undefined) {
    sender.note('refusal', `a message to ${to} is refused: ${objection}`)
    sender.send(messageAck(message, world.nowSeconds(), NO_TRUST))
    return
  }
  world.strangers.wrote(sender.account, chat.account)
  sender.account.meet(chat.account)
  chat.account.meet(sender.account)
  for (const copy of copies) {
    const route = findRoute(copy, context)
    if (route !== undefined) deliver(message, route, chat, context)
  }
  const phash = hashWhenMissed(message, { chat, copies }, context)
  sender.send(messageAck(message, world.nowSeconds(), undefined, phash))
}

/** The hash over all devices of both sides, when a fan-out leaves out one that could have been written to. */
function hashWhenMissed(
  message: BinaryNode,
  { chat, copies }: { readonly chat: Resolved; readonly copies: readonly MessageCopy[] },
  { world, sender }: HandlerContext,
): string | undefined {
  if (childOf(message, 'enc') !== undefined) return undefined
  const reached = new Set(copies.map(({ jid }) => world.deviceOf(jid)))
  const accounts = [...new Set([sender.account, chat.account])]
  const all = accounts.flatMap((account) =>
    [...account.devices.values()].map((device) => ({ account, device })),
  )
  const missed = all.filter(
    ({ device }) => device !== sender.device && device.directory.keys !== undefined && !reached.has(device),
  )
  if (missed.length === 0) return undefined
  const names = missed.map(({ account, device }) => account.jid('pn', device.id))
  sender.note('warning', `message ${message.attrs['id'] ?? ''} has no copy for ${names.join(', ')}`)
  return hashParticipants(all.map(({ account, device }) => account.jid(chat.addressing, device.id)))
}

function bytesIn(message: BinaryNode, tag: string): Uint8Array | undefined {
  const child = childOf(message, tag)
  return child === undefined ? undefined : contentBytes(child)
}

function findMessageViolation(
  message: BinaryNode,
  chat: Resolved | undefined,
  context: HandlerContext,
): string | undefined {
  const type = message.attrs['type'] ?? ''
  if (!MESSAGE_TYPES.includes(type)) return `<message> has the unknown type "${type}"`
  if (chat === undefined) return undefined
  if (message.attrs['category'] === 'peer' && chat.account !== context.sender.account) {
    return '<message> of category "peer" goes to somebody else'
  }
  const beside = findBesideViolation(message)
  if (beside !== undefined) return beside
  const copies = readCopies(message)
  const jids = copies.map((copy) => copy.jid)
  if (copies.length === 0) return '<message> carries no encrypted copy'
  if (new Set(jids).size !== jids.length) return '<message > participants> names a device twice'
  for (const copy of copies) {
    const violation = findCopyViolation(copy, chat, context)
    if (violation !== undefined) return violation
  }
  return undefined
}

function findCopyViolation(copy: MessageCopy, chat: Resolved, context: HandlerContext): string | undefined {
  const { world, sender } = context
  const found = world.resolve(copy.jid)
  const isOwn = found?.account === sender.account
  if (found === undefined) return `<message> has a copy for ${copy.jid}, who is nobody`
  if (!isOwn && found.account !== chat.account) {
    return `<message> has a copy for ${copy.jid}, who is neither the recipient nor the sender`
  }
  if (isOwn && found.deviceId === sender.device.id) {
    return `<message> has a copy for ${copy.jid}, the device that sends it`
  }
  return copy.encs.map(findEncViolation).find((problem) => problem !== undefined)
}

function noteRepeat(message: BinaryNode, { world, sender }: HandlerContext): void {
  const id = requireAttribute(message, 'id')
  const { sentIds } = sender.device
  // A repetition is legitimate: an unacknowledged send after a reconnect, or the answer to a retry receipt.
  if (sentIds.has(id)) sender.note('warning', `message ${id} was sent again`)
  sentIds.set(id, world.nowSeconds())
}

function findRoute(copy: MessageCopy, { sender, world }: HandlerContext): Route | undefined {
  const found = world.resolve(copy.jid)
  const device = found?.account.devices.get(found.deviceId)
  if (found !== undefined && device !== undefined) return { copy, found, device }
  sender.note('warning', `a copy for ${copy.jid} is dropped: that device is not linked`)
  return undefined
}

function deliver(message: BinaryNode, route: Route, chat: Resolved, { world, sender }: HandlerContext): void {
  const { account, device: senderDevice } = sender
  const { addressing } = route.found
  const isOwn = route.found.account === account
  const isPeer = message.attrs['category'] === 'peer'
  const pn = account.jid('pn')
  const lid = account.jid('lid')
  const facts: DeliveryFacts = {
    from: account.jid(addressing, senderDevice.id),
    nowSeconds: world.nowSeconds(),
    senderName: account.facts.name,
    senderAlt: {
      sender_pn: !isOwn && addressing === 'lid' ? pn : undefined,
      sender_lid: !isOwn && addressing === 'pn' && !world.hidesLids ? lid : undefined,
    },
    ...recipientFacts(message, chat, isOwn && !isPeer, { world, sender }),
    encs: route.copy.encs,
  }
  const clearedBy = isOwn && !isPeer ? 'sender-receipt' : 'receipt'
  world.post(route.device, deliveredMessage(message, facts), clearedBy)
}

/** The chat, as another device of the sender needs it. A copy sent to one own device names the chat in `recipient`. */
function recipientFacts(
  message: BinaryNode,
  chat: Resolved,
  isNeeded: boolean,
  { world }: HandlerContext,
): Pick<DeliveryFacts, 'recipient' | 'recipientAlt'> {
  const none = { peer_recipient_pn: undefined, peer_recipient_lid: undefined }
  if (!isNeeded) return { recipient: undefined, recipientAlt: none }
  const named = message.attrs['recipient']
  const { account, addressing } = (named === undefined ? undefined : world.resolve(named)) ?? chat
  const alternative = account.jid(otherAddressing(addressing))
  return {
    recipient: account.jid(addressing),
    recipientAlt: {
      peer_recipient_pn: addressing === 'lid' ? alternative : undefined,
      peer_recipient_lid: addressing === 'pn' && !world.hidesLids ? alternative : undefined,
    },
  }
}
