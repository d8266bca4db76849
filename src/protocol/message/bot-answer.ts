/**
 * What bots answer with: a `Message`, encrypted with the secret of the message that is answered, so that everybody who has
 * the question can read the answer. Finding that message is the caller's business. Keys are derived twice: once for all
 * answers to a question, and from that for each answer and the two who are in it.
 *
 * ```
 * all  = HKDF-SHA256(secret, info = "Bot Message", 32)
 * key  = HKDF-SHA256(all, info = answer id | asker | bot, 32)
 * text = AES-256-GCM(key, encIv, encPayload, additional data = answer id | 00 | bot)
 * ```
 *
 * @source WhatsApp Web `WAWebBotMessageSecret`; whatsmeow `msgsecret.go` decryptBotMessage, `message.go` decryptMessages;
 *   whatsapp-rust `wacore/src/bot_message.rs`
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { CryptoError } from '../../base/errors.ts'
import { aesGcmOpen, hkdfSha256 } from '../crypto/index.ts'
import { userJid } from '../jid.ts'
import { decodeProto } from '../proto/codec.ts'
import { MessageSecretMessage } from '../proto/message.ts'
import { MESSAGE_SECRET_BYTES } from './secret.ts'

const KEY_BYTES = 32

/** Ids that are tried: of the answer, and of the answer that it replaces. */
const MAX_IDS = 2

/** Addresses that are tried: phone number and LID. */
const MAX_ADDRESSES = 2

/** What the key of one answer follows from. */
export interface BotAnswerBinding {
  /** The secret of the message that is answered, 32 bytes. */
  readonly secret: Uint8Array
  /** The id of the answer; of its first part where it grows. */
  readonly answerId: string
  /** Who asked. */
  readonly asker: string
  /** Who answers. */
  readonly bot: string
}

/** Where it is not said which id and which address the bot has used. */
export interface BotAnswerCandidates extends Pick<BotAnswerBinding, 'secret' | 'bot'> {
  /** The likelier first. */
  readonly answerIds: readonly string[]
  /** Who asked, by phone number and LID; the likelier first. */
  readonly askers: readonly string[]
}

/** The key of one answer. */
export function botAnswerKey({ secret, answerId, asker, bot }: BotAnswerBinding): Uint8Array {
  const forAll = hkdfSha256(secret, KEY_BYTES, { info: 'Bot Message' })
  return hkdfSha256(forAll, KEY_BYTES, { info: `${answerId}${userJid(asker)}${userJid(bot)}` })
}

/**
 * Decrypts an answer with the first id and address that fit; at most four pairs are tried.
 *
 * @param sealed - serialised `MessageSecretMessage`
 * @returns serialised `Message`, which has no padding
 *
 * @throws {CryptoError} `WATON_BOT_ANSWER` when nothing fits
 *
 * @throws {ProtocolError} when the bytes are no `MessageSecretMessage`
 */
export function openBotAnswer(sealed: Uint8Array, candidates: BotAnswerCandidates): Uint8Array {
  const { encIv, encPayload } = decodeProto(MessageSecretMessage, sealed, 'MessageSecretMessage')
  const { secret, bot } = candidates
  if (encIv && encPayload && secret.length === MESSAGE_SECRET_BYTES) {
    for (const answerId of firstOf(candidates.answerIds, MAX_IDS)) {
      for (const asker of firstOf(candidates.askers.map(userJid), MAX_ADDRESSES)) {
        const opened = tryOpen({ encIv, encPayload }, { secret, answerId, asker, bot })
        if (opened !== undefined) return opened
      }
    }
  }
  throw new CryptoError(
    'WATON_BOT_ANSWER',
    'the answer of a bot does not fit to the message that it answers; it cannot be read, and the bot does not repeat it',
    { details: { bot } },
  )
}

function firstOf(values: readonly string[], limit: number): readonly string[] {
  return [...new Set(values)].slice(0, limit)
}

interface Sealed {
  readonly encIv: Uint8Array
  readonly encPayload: Uint8Array
}

function tryOpen({ encIv, encPayload }: Sealed, binding: BotAnswerBinding): Uint8Array | undefined {
  const additionalData = utf8Bytes(`${binding.answerId}\u0000${userJid(binding.bot)}`)
  try {
    return aesGcmOpen(botAnswerKey(binding), encIv, encPayload, additionalData)
  } catch (error) {
    // not this pair, or an IV that is none
    if (error instanceof CryptoError) return undefined
    throw error
  }
}
