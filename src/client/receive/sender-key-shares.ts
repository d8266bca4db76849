/**
 * Keys for groups that their members' devices hand out, each inside a message to this device: kept as they came, with the
 * message that brought them, because a device hands out a key once. Reading with them is done elsewhere.
 *
 * @source whatsmeow `message.go` handleSenderKeyDistributionMessage; libsignal keeps five sender keys of a device
 */
import { toHex } from '../../base/bytes.ts'
import { isBroadcast, isGroup, signalAddress } from '../../protocol/jid.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { ParsedMessage } from '../../protocol/stanza/message.ts'
import { canonicalJid } from '../identity/addresses.ts'
import { SENDER_KEY_SHARES } from '../state/records.ts'
import type { Unit } from '../state/unit.ts'
import type { ReceiveContext } from './context.ts'

/** Of one device for one group. */
export const MAX_SHARES = 5

/** Bytes of one; real ones have about a hundred. */
export const MAX_SHARE_BYTES = 1024

/** Keeps the key that a message hands out. It counts for the group of the stanza, which the server vouches for, alone. */
export async function keepSenderKey(
  unit: Unit,
  { parsed, message }: { readonly parsed: ParsedMessage; readonly message: MessageProperties },
  { drops }: ReceiveContext,
): Promise<void> {
  const { groupId, axolotlSenderKeyDistributionMessage: share } = message.senderKeyDistributionMessage ?? {}
  if (!share || share.length === 0) return
  const { author, chat, id } = parsed
  const isForThisChat = (isGroup(chat) || isBroadcast(chat)) && (!groupId || groupId === chat)
  if (!isForThisChat || share.length > MAX_SHARE_BYTES) {
    drops.drop('sender-key-of-another-chat', { id, chat, from: author, bytes: share.length })
    return
  }
  const key = `${signalAddress(await canonicalJid(unit, author))}\u0000${chat}`
  const before = (await unit.read(SENDER_KEY_SHARES, key))?.shares ?? []
  const others = before.filter((one) => toHex(one) !== toHex(share))
  unit.put(SENDER_KEY_SHARES, key, { shares: [...others, share].slice(-MAX_SHARES) })
}
