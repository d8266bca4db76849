/**
 * What content to be sent says of the message that it is about: checked, written as a key from our point of view, and
 * used to encrypt for those who have that message. Reading keys is the business of `../reference.ts`.
 *
 * @source Baileys 7.0.0-rc14 `Utils/process-message.js` event responses; whatsmeow `msgsecret.go` encryptMsgSecret,
 *   getKeyFromInfo
 */
import { OBJECT } from '../../../base/check.ts'
import { UsageError } from '../../../base/errors.ts'
import type { MessageKey, MessageProperties } from '../../proto/message.ts'
import { messageSecretOf } from '../addons/open.ts'
import type { AddonUse, SecretAddon } from '../addons/read.ts'
import { sealAddon } from '../addons/seal.ts'
import { type OutgoingTarget, addressLike, requireSent, withOptions } from '../outgoing-options.ts'
import type { FoundMessage, MessageTarget } from '../reference.ts'
import { type Part, checkKeys, checkParts, checkValue, checkedTarget } from './check.ts'
import type { BuildContext } from './kind.ts'
import { type OutgoingText, text } from './text.ts'

/** Content that is about a message. */
export interface AboutMessage {
  /** The message: the payload of its event, the event, a reference, or what `client.send` gave. */
  readonly target: OutgoingTarget
}

/** A text within an addition. */
export type AddedText = Pick<OutgoingText, 'text' | 'linkPreview' | 'mentions' | 'mentionsAll'>

const TEXT_KEYS: readonly (keyof AddedText)[] = ['text', 'linkPreview', 'mentions', 'mentionsAll']

/** The message that an addition is about. @throws {UsageError} `WATON_CONTENT_VALUE` */
export function targetsOf(name: string, addition: AboutMessage): readonly MessageTarget[] {
  checkValue(name, addition, OBJECT)
  return [checkedTarget(`${name}.target`, addition.target)]
}

/**
 * An addition that is made of these parts, and the message that it is about.
 *
 * @throws {UsageError} `WATON_CONTENT_VALUE`, `WATON_CONTENT_KEY`
 */
export function checkAddition<Addition extends AboutMessage>(
  name: string,
  addition: Addition,
  parts: Readonly<Record<string, Part>> = {},
): Omit<Addition, 'target'> & { readonly target: MessageTarget } {
  checkParts(name, addition, { target: OBJECT, ...parts })
  return { ...addition, target: checkedTarget(`${name}.target`, addition.target) }
}

/** The message of a text within an addition. @throws {UsageError} `WATON_CONTENT_VALUE`, `WATON_CONTENT_KEY` */
export function addedText(what: string, content: AddedText, context: BuildContext): MessageProperties {
  checkValue(what, content, OBJECT)
  checkKeys(what, Object.keys(content), TEXT_KEYS)
  return withOptions(text.build(content, context).message, content, context)
}

/** The key of the target as we see it. @throws {UsageError} `WATON_CONTENT_TARGET` when nobody knows who wrote it */
export function keyOf(target: MessageTarget, context: BuildContext): MessageKey.$Properties {
  const found = context.find(target)
  const fromMe = found === undefined ? target.fromMe : requireSent(found).fromMe
  if (fromMe === undefined) throw unknownTarget('who wrote it is not said')
  return { remoteJid: context.chat, fromMe, id: target.id }
}

/** The target as it was recorded. @throws {UsageError} `WATON_CONTENT_TARGET` */
export function storedTarget(target: MessageTarget, context: BuildContext): FoundMessage {
  const found = context.find(target)
  if (found === undefined) throw unknownTarget('its content is needed')
  return requireSent(found)
}

function unknownTarget(why: string): UsageError {
  return new UsageError(
    'WATON_CONTENT_TARGET',
    `the message that this is about is not in the store of this device, and ${why}: pass the payload of its event, or what client.send returned`,
  )
}

const HOUR_MS = 60 * 60_000

/**
 * The key of a message that only its author may change, and only for a while.
 *
 * @param rule - what is done, e.g. `edited`, and for how long after sending that is possible
 * @throws {UsageError} `WATON_CONTENT_TARGET_OWN`, `WATON_CONTENT_TOO_LATE`, `WATON_CONTENT_TARGET`
 */
export function ownKeyOf(
  target: MessageTarget,
  context: BuildContext,
  rule: { readonly done: string; readonly windowMs: number },
): MessageKey.$Properties {
  const key = keyOf(target, context)
  if (key.fromMe !== true) {
    throw new UsageError(
      'WATON_CONTENT_TARGET_OWN',
      `a message of somebody else cannot be ${rule.done}: pass one that this account wrote`,
      { details: { id: target.id } },
    )
  }
  const found = context.find(target)
  const ageMs = found === undefined ? 0 : context.nowMs - found.sentAtMs
  if (ageMs > rule.windowMs) {
    const { windowMs } = rule
    const time =
      windowMs < HOUR_MS ? `${String(windowMs / 60_000)} minutes` : `${String(windowMs / HOUR_MS)} hours`
    throw new UsageError(
      'WATON_CONTENT_TOO_LATE',
      `a message can be ${rule.done} for ${time} after it was sent; the other side ignores it later: send a new message`,
      { details: { id: target.id, ageMs, windowMs } },
    )
  }
  return key
}

/**
 * Encrypts for those who have the target. Both people are named by the kind of address that the chat uses, like its
 * stanzas: the readers of other implementations try no other.
 *
 * @throws {UsageError} `WATON_CONTENT_TARGET`; `WATON_CONTENT_TARGET_KIND` when the target has no secret
 */
export function sealAbout(
  use: AddonUse,
  plaintext: Uint8Array,
  { target, context }: { readonly target: MessageTarget; readonly context: BuildContext },
): Pick<SecretAddon, 'payload' | 'iv'> {
  const found = storedTarget(target, context)
  const secret = messageSecretOf(found.message)
  if (secret === undefined) {
    throw wrongTarget(target, 'carries no secret, so nothing can be encrypted for those who have it')
  }
  const originalSender = found.fromMe ? context.me : addressLike(found, context.chat)
  const binding = { use, secret, targetId: target.id, originalSender, sender: context.me }
  return sealAddon(plaintext, binding, context.random)
}

/** The target cannot have this added to it. */
export function wrongTarget({ id }: MessageTarget, why: string): UsageError {
  return new UsageError('WATON_CONTENT_TARGET_KIND', `the message that this is about ${why}`, {
    details: { id },
  })
}
