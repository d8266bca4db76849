/**
 * The answers of bots, e.g. of Meta AI: each is encrypted with the secret of the message that it answers, which must have
 * been recorded here, whichever own device sent it. There is no session and nothing to advance.
 *
 * @source WhatsApp Web `WAWebBotMessageSecret`; whatsmeow `message.go` decryptMessages
 */
import { CryptoError } from '../../base/errors.ts'
import { SERVER_BOT, isBot, parseJid } from '../../protocol/jid.ts'
import { messageSecretOf } from '../../protocol/message/addons/index.ts'
import { openBotAnswer } from '../../protocol/message/bot-answer.ts'
import { decodeMessage } from '../../protocol/proto/message.ts'
import type { EncryptedPart, ParsedMessage } from '../../protocol/stanza/message.ts'
import { personOf } from '../identity/addresses.ts'
import type { Self } from '../identity/self.ts'
import { storedMessage } from '../message-record.ts'
import { addressesOf, findTarget } from '../stored-target.ts'
import type { Unit } from '../state/unit.ts'

/** Parts of an answer that replace what it said before: they are bound to the id of its first part. */
const REPLACING: ReadonlySet<string | undefined> = new Set(['inner', 'last'])

/**
 * The serialised `Message` in a part that a bot has encrypted.
 *
 * @throws {CryptoError} `WATON_BOT_QUESTION` when the message that it answers is not here; `WATON_BOT_ANSWER` when it does
 *   not fit; `WATON_DECRYPT_UNSUPPORTED` when its sender is no bot
 *
 * @throws {ProtocolError} when the part is malformed
 */
export async function openAnswer(
  unit: Unit,
  { part, message }: { readonly part: EncryptedPart; readonly message: ParsedMessage },
  self: Self,
): Promise<Uint8Array> {
  const { author, botReply, chat, id } = message
  if (botReply === undefined || !isBot(author)) {
    // everybody in the chat has the secret: anybody could write such a thing
    throw new CryptoError(
      'WATON_DECRYPT_UNSUPPORTED',
      'a message came in the encryption of bots from somebody who is none',
      { details: { type: part.type } },
    )
  }
  const { targetId = '', targetSender = ownAddressFor(author, self), edit, editTargetId } = botReply
  const person = await personOf(unit, targetSender)
  const { pn, me } = self
  const own = self.isOwn(targetSender) ? { pn, ...(me?.lid === undefined ? {} : { lid: me.lid }) } : {}
  const asker = { ...person, ...own }
  const row = await findTarget(unit, { id: targetId, chat, sender: asker })
  const secret = row && messageSecretOf(decodeMessage(storedMessage(row).message))
  if (secret === undefined) {
    throw new CryptoError(
      'WATON_BOT_QUESTION',
      'a bot answers a message that is not in the store of this device, or that carries no secret, so the answer cannot be read; answers to what is sent from now on can',
      { details: { target: targetId.slice(0, 64) } },
    )
  }
  const ids = editTargetId === undefined ? [id] : [id, editTargetId]
  return openBotAnswer(part.ciphertext, {
    secret,
    answerIds: REPLACING.has(edit) ? ids.reverse() : ids,
    askers: [targetSender, ...addressesOf(asker)],
    bot: author,
  })
}

/** Who asked, when nobody says so: we, by the kind of address that the bot has. */
function ownAddressFor(bot: string, { pn, me }: Self): string {
  return (parseJid(bot).server === SERVER_BOT ? me?.lid : undefined) ?? pn
}
