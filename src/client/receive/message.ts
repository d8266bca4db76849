/**
 * The `<message>` stanza, through the stages of the pipeline: recognise, decrypt, decode, normalise, record. The answer
 * is the same for a first delivery and for a redelivery; only what is new changes anything.
 */
import { utf8Bytes } from '../../base/bytes.ts'
import { StorageError, describeError, errorCode } from '../../base/errors.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { buildAck } from '../../protocol/stanza/ack.ts'
import { parseMessage } from '../../protocol/stanza/message.ts'
import type { EncryptedPart, ParsedMessage } from '../../protocol/stanza/message.ts'
import { receiptTargetFor } from '../../protocol/stanza/receipt.ts'
import { canonicalJid, learnMapping, personOf } from '../identity/addresses.ts'
import type { Unit } from '../state/unit.ts'
import type { Answer } from './answers.ts'
import type { ReceiveContext, StanzaHandler } from './context.ts'
import { decryptPart } from './decrypt.ts'
import { originOf, recordContent } from './record-content.ts'
import { askAgain } from './retry.ts'

/** The session has moved past this ciphertext: it was read before, so there is nothing to mend. */
const ALREADY_READ = 'WATON_SIGNAL_OLD_COUNTER'

/** Why a message could not be read, and whether its sender can help by sending it again. */
interface Failure {
  readonly code: string
  readonly canBeSentAgain: boolean
}

/** See the file comment. */
export const receiveMessage: StanzaHandler = async (unit, stanza, context) => {
  const me = context.self.me
  const message = parseMessage(stanza, {
    pn: context.self.pn,
    ...(me?.lid === undefined ? {} : { lid: me.lid }),
  })
  for (const { pn, lid } of message.addresses) await learnMapping(unit, pn, lid)
  let failure: Failure | undefined
  for (const part of message.encrypted)
    failure = (await readPart(unit, { part, message }, context)) ?? failure
  if (failure === undefined) return [answerTo(stanza, message, context)]
  return reportUnreadable(unit, { stanza, message, failure }, context)
}

/** One part: skipped when it was read before, else decrypted and recorded. Returns why it could not be read. */
async function readPart(
  unit: Unit,
  { part, message }: { part: EncryptedPart; message: ParsedMessage },
  context: ReceiveContext,
): Promise<Failure | undefined> {
  const hash = ciphertextHash(part, message)
  if (await unit.isRecognised(hash)) return undefined
  let canBeSentAgain = true
  try {
    const padded = await decryptPart(unit, part, message.author, {
      local: context.self.local,
      random: context.random,
    })
    unit.recognise(hash)
    canBeSentAgain = false
    await recordContent(unit, { parsed: message, padded }, context)
    return undefined
  } catch (error) {
    if (error instanceof StorageError) throw error
    const code = errorCode(error) ?? 'WATON_DECRYPT_FAILED'
    if (code === ALREADY_READ) return undefined
    context.logger.warn(
      { id: message.id, type: part.type, code, reason: describeError(error) },
      'a message could not be read',
    )
    return { code, canBeSentAgain }
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
  const request = failure.canBeSentAgain
    ? await askAgain(unit, { stanza, message, code: failure.code }, context)
    : undefined
  const isFirst = request === undefined || request.count === 1
  if (isFirst) {
    const { id, isFromMe, sentAtSeconds } = message
    const payload = {
      id,
      chat,
      sender,
      fromMe: isFromMe,
      origin: originOf(message),
      sentAtMs: sentAtSeconds * 1000,
      reason: failure.code,
    }
    unit.event('message.undecryptable', payload, chat)
  }
  const acknowledgement: Answer = {
    kind: 'stanza',
    stanza: buildAck(stanza, { self: context.self.devicePn }),
  }
  return request === undefined
    ? [acknowledgement]
    : [{ kind: 'stanza', stanza: request.stanza }, acknowledgement]
}
