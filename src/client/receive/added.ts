/**
 * Messages that are about another one (votes, reactions, edits, deletions ...) and settings of a chat, as public content.
 * What is encrypted for those who have the other message is opened when it is here; when it is not, it is recorded as it
 * came and says so.
 */
import { describeError, errorCode } from '../../base/errors.ts'
import { isGroup } from '../../protocol/jid.ts'
import { secretAddonOf } from '../../protocol/message/addons/index.ts'
import type { SecretAddon } from '../../protocol/message/addons/index.ts'
import { protocolOf } from '../../protocol/message/content.ts'
import type { ProtocolContent, ProtocolType } from '../../protocol/message/protocol-content.ts'
import { unwrapMessage } from '../../protocol/message/wrappers.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import { editContent, openedWith, publicOf, sealedContent } from '../addition.ts'
import type { Added } from '../addition.ts'
import type { MessageRef } from '../events.ts'
import { addressesOf, findTarget } from '../stored-target.ts'
import type { TargetReader } from '../stored-target.ts'
import type { ReceiveContext } from './context.ts'
import { targetOf } from './target.ts'
import type { Referrer } from './target.ts'

/** Its sender may not write it. */
export const REFUSED = 'refused'

/** What reading it needs besides. */
export type AddedContext = Pick<ReceiveContext, 'self' | 'drops' | 'logger'>

/** The added content of a message; `undefined` when it is an ordinary one. */
export async function addedContent(
  reader: TargetReader,
  { message, id, referrer }: { message: MessageProperties; id: string; referrer: Referrer },
  context: AddedContext,
): Promise<Added | typeof REFUSED | undefined> {
  const { message: inner } = unwrapMessage(message)
  const read = protocolOf(message)
  if (read !== undefined) return fromProtocol(reader, { read, id, referrer }, context)
  const { reactionMessage: reaction, commentMessage: comment } = inner
  if (reaction?.key?.id) {
    const target = await targetOf(reader, reaction.key, referrer, context.self)
    return { kind: 'reaction', content: { reaction: { target, text: reaction.text ?? '' } } }
  }
  if (comment?.targetMessageKey?.id && comment.message) {
    const target = await targetOf(reader, comment.targetMessageKey, referrer, context.self)
    return { kind: 'comment', content: { comment: { target, content: publicOf(comment.message) } } }
  }
  const addon = secretAddonOf(inner)
  return addon === undefined ? undefined : fromAddon(reader, { addon, id, referrer }, context)
}

interface FromProtocol {
  readonly read: ProtocolContent
  readonly id: string
  readonly referrer: Referrer
}

type Protocol = ProtocolContent['protocol']

/** Settings of a chat that anybody in it may send, by type. */
const SETTINGS: ReadonlyMap<ProtocolType, (protocol: Protocol) => Added> = new Map([
  [
    'ephemeral-setting',
    ({ ephemeralExpiration }: Protocol): Added => {
      const expiresInSeconds = ephemeralExpiration ?? 0
      return { kind: 'disappearing', content: { disappearing: { expiresInSeconds } } }
    },
  ],
  ['share-phone-number', (): Added => ({ kind: 'phoneNumberShared', content: { phoneNumberShared: true } })],
  [
    'limit-sharing',
    ({ limitSharing }: Protocol): Added => {
      const limited = limitSharing?.sharingLimited === true
      return { kind: 'limitSharing', content: { limitSharing: { limited } } }
    },
  ],
  [
    'group-member-label',
    ({ memberLabel }: Protocol): Added => {
      return { kind: 'memberLabel', content: { memberLabel: { label: memberLabel?.label ?? '' } } }
    },
  ],
])

/** What others may say by protocol message; everything else is between own devices and never gets here. */
async function fromProtocol(
  reader: TargetReader,
  { read: { type, protocol }, id, referrer }: FromProtocol,
  context: AddedContext,
): Promise<Added | typeof REFUSED | undefined> {
  if (!protocol.key?.id || (type !== 'edit' && type !== 'revoke')) return SETTINGS.get(type)?.(protocol)
  const target = await targetOf(reader, protocol.key, referrer, context.self)
  const isAllowed = isAuthor(target, referrer)
  if (type === 'revoke') {
    if (isAllowed) return { kind: 'delete', content: { delete: { target } }, edited: { target, message: {} } }
    if (!isGroup(referrer.chat)) return refuse('deletion-of-another-author', { id, target }, context)
    return { kind: 'delete', content: { delete: { target, byAdmin: true } } }
  }
  if (!isAllowed) return refuse('edit-of-another-author', { id, target }, context)
  if (!protocol.editedMessage) return undefined
  return editContent(target, protocol.editedMessage)
}

function isAuthor({ sender }: MessageRef, referrer: Referrer): boolean {
  return sender?.jid === referrer.sender.jid
}

function refuse(
  reason: 'edit-of-another-author' | 'deletion-of-another-author',
  { id, target }: { id: string; target: MessageRef },
  { drops }: AddedContext,
): typeof REFUSED {
  drops.drop(reason, { id, target: target.id })
  return REFUSED
}

/** Edits only count from the author: they are sealed with the secret, which everybody in the chat has. */
const EDITS: ReadonlySet<SecretAddon['use']> = new Set(['message-edit', 'event-edit', 'poll-edit'])

async function fromAddon(
  reader: TargetReader,
  { addon, id, referrer }: { addon: SecretAddon; id: string; referrer: Referrer },
  context: AddedContext,
): Promise<Added | typeof REFUSED> {
  const target = await targetOf(reader, addon.target, referrer, context.self)
  if (EDITS.has(addon.use) && !isAuthor(target, referrer))
    return refuse('edit-of-another-author', { id, target }, context)
  const row = await findTarget(reader, target)
  if (row === undefined) return sealedContent(addon, target)
  try {
    const senders = addressesOf(referrer.sender)
    return openedWith(row, { addon, target, senders }) ?? sealedContent(addon, target)
  } catch (error) {
    const fields = { id, use: addon.use, code: errorCode(error), reason: describeError(error) }
    context.logger.warn(fields, 'what was added to a message could not be opened; it is kept as it came')
    return sealedContent(addon, target)
  }
}
