/**
 * The `<message>` stanza, through the stages of the pipeline: recognise, decrypt, decode, normalise, record. The answer
 * is the same for a first delivery and for a redelivery; only what is new changes anything.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { StorageError, describeError, errorCode } from '../../base/errors.ts'
import { seam } from '../../base/seams.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { unpadMessage } from '../../protocol/message/padding.ts'
import { NACK, buildAck } from '../../protocol/stanza/ack.ts'
import { BOT_ENCRYPTION, parseMessage } from '../../protocol/stanza/message.ts'
import type { EncryptedPart, ParsedMessage } from '../../protocol/stanza/message.ts'
import { receiptTargetFor } from '../../protocol/stanza/receipt.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import { wasRecorded } from '../identity/former-address.ts'
import { learnOwnName } from '../identity/own-name.ts'
import type { MessageKey } from '../../persistence/contract/index.ts'
import type { Unit } from '../state/unit.ts'
import type { Answer } from './answers.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'
import { openAnswer } from './bot-answer.ts'
import { decryptPart } from './decrypt.ts'
import type { DecryptContext } from './decrypt.ts'
import { notePlaceholder } from './placeholder.ts'
import { originOf, recordMessage } from './record-content.ts'
import { askAgain } from './retry.ts'

/**
 * The session has moved past this ciphertext. Where the message is recorded it was read before, and there is nothing to
 * mend; where it is not, its sender has used a key twice, and nobody can read it as it is.
 */
const ALREADY_READ = 'WATON_SIGNAL_OLD_COUNTER'

/** The server keeps the content from this device, or sent none. */
const NO_CONTENT: Failure = { code: 'WATON_MESSAGE_UNAVAILABLE', canBeSentAgain: false }

/** A kind of encryption that no repetition and no phone helps with. */
const NOT_KNOWN = 'WATON_DECRYPT_UNSUPPORTED'

/** Why a message could not be read, and whether its sender can help by sending it again. */
interface Failure {
  readonly code: string
  readonly canBeSentAgain: boolean
  /** What the server is told, where it waits for that: one of {@link NACK}. */
  readonly nack?: number
}

/** See the file comment. */
export const receiveMessage: StanzaHandler = async (unit, stanza, context) => {
  const me = context.self.me
  const message = parseMessage(stanza, {
    pn: context.self.pn,
    ...(me?.lid === undefined ? {} : { lid: me.lid }),
  })
  for (const { pn, lid } of message.addresses) await learnMapping(unit, pn, lid)
  // what is not encrypted counts in channels only: anywhere else the server itself could write it
  const plaintext = message.kind === 'newsletter' ? message.plaintext : undefined
  let failure = message.encrypted.length > 0 || plaintext !== undefined ? undefined : NO_CONTENT
  if (plaintext !== undefined) failure = await readPlaintext(unit, { plaintext, message }, context)
  for (const part of message.encrypted)
    failure = (await readPart(unit, { part, message }, context)) ?? failure
  if (failure !== undefined) return reportUnreadable(unit, { stanza, message, failure }, context)
  return [answerTo(stanza, message, context), ...(await ownName(unit, message, context))]
}

/** A readable message from another own device may tell the account's name for the first time. */
async function ownName(
  unit: Unit,
  { isFromMe, encrypted, pushName }: ParsedMessage,
  { self }: ReceiveContext,
): Promise<readonly Answer[]> {
  if (!isFromMe || encrypted.length === 0 || !pushName) return []
  const stanza = await learnOwnName(unit, self, pushName)
  return stanza === undefined ? [] : [{ kind: 'stanza', stanza }]
}

/** One part: skipped when it was read before, else decrypted and recorded. Returns why it could not be read. */
async function readPart(
  unit: Unit,
  { part, message }: { part: EncryptedPart; message: ParsedMessage },
  context: ReceiveContext,
): Promise<Failure | undefined> {
  const hash = ciphertextHash(part, message)
  if (await unit.isRecognised(hash)) return undefined
  seam('receive:recognised')
  const isOfBot = part.type === BOT_ENCRYPTION
  // bots encrypt with the secret of the message that they answer, for everybody alike: there is no other copy
  let canBeSentAgain = !isOfBot
  try {
    const decrypted = await (isOfBot
      ? openAnswer(unit, { part, message }, context.self)
      : decryptPart(unit, part, message.author, decryptContextOf(context)))
    unit.recognise(hash)
    canBeSentAgain = false
    seam('receive:decrypted')
    const plaintext = isOfBot ? decrypted : unpadMessage(decrypted)
    await recordMessage(unit, { parsed: message, plaintext }, context)
    seam('receive:decoded')
    return undefined
  } catch (error) {
    if (error instanceof StorageError) throw error
    const code = errorCode(error) ?? 'WATON_DECRYPT_FAILED'
    if (code === ALREADY_READ && message.category === 'peer') return undefined
    context.logger.warn(
      { id: message.id, type: part.type, code, reason: describeError(error) },
      'a message could not be read',
    )
    return { code, canBeSentAgain, ...(isOfBot ? { nack: NACK.MISSING_MESSAGE_SECRET } : {}) }
  }
}

function decryptContextOf({ self, random, effects }: ReceiveContext): DecryptContext {
  return {
    local: self.local,
    random,
    onPreKeySpent: () => {
      effects.preKeySpent()
    },
  }
}

/** The content of a channel's message. Returns why it could not be read. */
async function readPlaintext(
  unit: Unit,
  { plaintext, message }: { plaintext: Uint8Array; message: ParsedMessage },
  context: ReceiveContext,
): Promise<Failure | undefined> {
  try {
    await recordMessage(unit, { parsed: message, plaintext }, context)
    return undefined
  } catch (error) {
    if (error instanceof StorageError) throw error
    const code = errorCode(error) ?? 'WATON_DECRYPT_FAILED'
    context.logger.warn({ id: message.id, code }, 'a message of a channel could not be read')
    return { code, canBeSentAgain: false }
  }
}

/** What a ciphertext is recognised by for as long as the server may deliver it again. Ids collide; ciphertexts do not. */
function ciphertextHash(part: EncryptedPart, { author }: ParsedMessage): Uint8Array {
  return sha256(part.ciphertext, utf8Bytes(`\u0000${part.type}\u0000${author}`))
}

function answerTo(stanza: BinaryNode, message: ParsedMessage, { self, markOnline }: ReceiveContext): Answer {
  if (message.kind === 'newsletter' || message.encrypted.length === 0) {
    return { kind: 'stanza', stanza: buildAck(stanza, { self: self.devicePn }) }
  }
  return { kind: 'receipt', id: message.id, target: receiptTargetFor(message, markOnline) }
}

/** A message that cannot be read is visible, its sender is asked for it again where that helps, and it is answered. */
async function reportUnreadable(
  unit: Unit,
  { stanza, message, failure }: { stanza: BinaryNode; message: ParsedMessage; failure: Failure },
  context: ReceiveContext,
): Promise<readonly Answer[]> {
  const chat = await canonicalJid(unit, message.chat)
  const sender = await personOf(unit, message.author)
  const { id, isFromMe, sentAtSeconds } = message
  // another copy was read: nothing is missing
  if (await wasRecorded(unit, { chat, sender: sender.jid, id })) return [answerTo(stanza, message, context)]
  const hash = failureHash({ chat, sender: sender.jid, id })
  if (!(await unit.isRecognised(hash))) {
    unit.recognise(hash)
    const at = { origin: originOf(message), sentAtMs: sentAtSeconds * 1000 }
    const payload = { id, chat, sender, fromMe: isFromMe, ...at, reason: failure.code }
    unit.event('message.undecryptable', payload, chat)
    if (failure.code !== NOT_KNOWN && failure.nack === undefined)
      await notePlaceholder(unit, { message, key: { chat, sender: sender.jid, id } }, context)
  }
  const asked = failure.canBeSentAgain
    ? await askAgain(unit, { stanza, message, code: failure.code }, context)
    : 'enough'
  // not answered: the server keeps it, and delivers it again
  if (asked === 'later') return []
  const acknowledgement: Answer = {
    kind: 'stanza',
    stanza: buildAck(stanza, {
      self: context.self.devicePn,
      ...(failure.nack === undefined ? {} : { errorCode: failure.nack }),
    }),
  }
  if (asked !== 'enough') return [{ kind: 'stanza', stanza: asked }, acknowledgement]
  // the server forgets a copy from another own device at nothing but a receipt
  return [isFromMe && message.encrypted.length > 0 ? answerTo(stanza, message, context) : acknowledgement]
}

/** What a message that could not be read is remembered by: its event comes once, however often it does. */
function failureHash({ chat, sender, id }: MessageKey): Uint8Array {
  return sha256(utf8Bytes(['unreadable', chat, sender, id].join('\u0000')))
}
