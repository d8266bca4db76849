/**
 * From public content to the serialised `Message` and what its stanza must say about it, in two steps: what the content
 * is about is named first, so that it can be looked for in the store, and then the message is built from both.
 */
import { UsageError, describeError, isWatonError } from '../../base/errors.ts'
import { checkKeys, nearestWord } from '../../protocol/message/kinds/check.ts'
import { KINDS } from '../../protocol/message/kinds/index.ts'
import type { BuildContext, Kind, KindName, OutgoingFile } from '../../protocol/message/kinds/index.ts'
import { OPTION_KEYS, optionTargets, withOptions } from '../../protocol/message/outgoing-options.ts'
import { targetSlot } from '../../protocol/message/reference.ts'
import type { OutgoingOptions } from '../../protocol/message/outgoing-options.ts'
import type { FoundMessage, MessageTarget } from '../../protocol/message/reference.ts'
import { MESSAGE_SECRET_BYTES, withMessageSecret } from '../../protocol/message/secret.ts'
import { mediaTypeOf, stanzaTypeOf } from '../../protocol/message/stanza-facts.ts'
import type { StanzaExtras, StanzaType } from '../../protocol/message/stanza-facts.ts'
import { encodeMessage } from '../../protocol/proto/message.ts'
import type { OutgoingContent } from '../content.ts'

/** Content that is of one kind and says which messages it is about. */
export interface PreparedContent {
  /** The content's name, e.g. `text`. */
  readonly kind: KindName
  readonly content: OutgoingContent
  /** The messages that {@link composeMessage} has to be given, where they exist. */
  readonly targets: readonly MessageTarget[]
  /** Whether these have to be messages of the chat that it is sent to. */
  readonly isAboutChat: boolean
  /** The file that has to be uploaded before {@link composeMessage}. */
  readonly file?: OutgoingFile
}

/** A message ready to be encrypted. */
export interface ComposedMessage {
  /** The content's name, e.g. `text`. */
  readonly kind: string
  /** The serialised `Message`, with the random secret that later edits and reactions refer to. */
  readonly message: Uint8Array
  /** The stanza's `type` attribute. */
  readonly stanzaType: StanzaType
  /** What else the stanza says. */
  readonly extras: StanzaExtras
  /** Whether it stays as long as the chat has it, because it does not say that itself. */
  readonly isTimed: boolean
}

/** What a message is built with. */
export type ComposeContext = Omit<BuildContext, 'secret' | 'find'>

type AnyKind = Kind<string, object>

/** Finds out what kind of content it is and what it is about. @throws {UsageError} `WATON_CONTENT_...` */
export function prepareContent(content: OutgoingContent): PreparedContent {
  return readable(() => {
    const name = contentKind(content)
    const kind = KINDS[name] as AnyKind
    checkKeys(`content of the kind "${name}"`, givenKeys(content), keysOf(kind))
    const options = takesOptions(kind) ? optionTargets(content as OutgoingOptions) : []
    const targets = [...(kind.targets?.(content) ?? []), ...options]
    const file = kind.file?.(content)
    // whoever waits for a target may change what they gave meanwhile
    const prepared = { kind: name, content: { ...content }, targets, isAboutChat: kind.isAboutChat === true }
    return file === undefined ? prepared : { ...prepared, file }
  })
}

/**
 * Checks content and builds it.
 *
 * @param found - the stored messages of `prepared.targets`, by {@link targetSlot}
 * @throws {UsageError} `WATON_CONTENT_...`
 */
export function composeMessage(
  { kind: name, content }: PreparedContent,
  context: ComposeContext,
  found: ReadonlyMap<string, FoundMessage> = new Map(),
): ComposedMessage {
  return readable(() => {
    const kind = KINDS[name] as AnyKind
    const secret = context.random.bytes(MESSAGE_SECRET_BYTES)
    const find = (target: MessageTarget): FoundMessage | undefined => found.get(targetSlot(target))
    const whole: BuildContext = { ...context, secret, find }
    const built = kind.build(content, whole)
    const plain = takesOptions(kind)
      ? withOptions(built.message, content as OutgoingOptions, whole)
      : built.message
    const message = built.hasSecret === false ? plain : withMessageSecret(plain, secret)
    const mediaType = mediaTypeOf(message)
    return {
      kind: name,
      message: sized(encodeMessage(message)),
      stanzaType: stanzaTypeOf(message),
      isTimed: takesOptions(kind) && (content as OutgoingOptions).expiresInSeconds === undefined,
      extras: { ...(mediaType === undefined ? {} : { mediaType }), ...built.stanza },
    }
  })
}

/**
 * Bytes of a message. A limit of waton: each device gets a copy of its own in one stanza, a frame holds 16 MiB, and
 * two people have ten devices at most. What is longer could be accepted, and would never leave.
 */
const MAX_MESSAGE_BYTES = 1024 * 1024

function sized(message: Uint8Array): Uint8Array {
  if (message.length <= MAX_MESSAGE_BYTES) return message
  throw new UsageError(
    'WATON_CONTENT_SIZE',
    `the message has ${String(message.length)} bytes, and at most ${String(MAX_MESSAGE_BYTES)} can be sent: make several messages of it`,
    { details: { sizeBytes: message.length, maxBytes: MAX_MESSAGE_BYTES } },
  )
}

function takesOptions(kind: AnyKind): boolean {
  return kind.takesOptions !== false
}

function keysOf(kind: AnyKind): readonly string[] {
  return [kind.name, ...(kind.keys ?? []), ...(takesOptions(kind) ? OPTION_KEYS : [])]
}

/** What is `undefined` is as good as left out. */
function givenKeys(content: object): readonly string[] {
  return Object.entries(content).flatMap(([key, value]) => (value === undefined ? [] : [key]))
}

/** A getter or proxy of the caller's threw, or a value is of no kind that could be written. */
function readable<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (isWatonError(error)) throw error
    throw new UsageError(
      'WATON_CONTENT_UNREADABLE',
      `the content could not be read (${describeError(error)}), so nothing was sent: pass a plain object`,
      { cause: error },
    )
  }
}

/** The one key of the content that names its kind. */
function contentKind(content: OutgoingContent): KindName {
  const names = Object.keys(KINDS) as KindName[]
  // bytes have as many keys as there are of them
  const keys = isObject(content) && !ArrayBuffer.isView(content) ? givenKeys(content) : []
  const [only, second] = names.filter((name) => keys.includes(name))
  if (only !== undefined && second === undefined) return only
  throw new UsageError(
    'WATON_CONTENT_KIND',
    `${kindProblem(keys, names, [only, second])} Content has exactly one of these keys: ${names.join(', ')}`,
    {
      details: { found: [only, second].filter((name) => name !== undefined).join(', ') },
    },
  )
}

function kindProblem(
  keys: readonly string[],
  names: readonly string[],
  [first, second]: readonly (string | undefined)[],
): string {
  if (first !== undefined && second !== undefined)
    return `the content has both "${first}" and "${second}", and a message is one of them: send two messages.`
  const meant = keys
    .slice(0, MAX_COMPARED)
    .map((key) => [key, nearestWord(key, names)] as const)
    .find(([, word]) => word !== undefined)
  if (meant === undefined) return `${missingKind(keys)}.`
  return `the content has a key "${meant[0].slice(0, 64)}"; did you mean "${String(meant[1])}"?`
}

/** Keys in which a typing error is looked for: more are no content. */
const MAX_COMPARED = 32

/** Kinds that others send and this version does not. */
const NOT_SENT: readonly string[] = ['album', 'stickerPack']

/** What the same content is called elsewhere. */
const OTHER_NAMES: Readonly<Record<string, string>> = { react: 'reaction', conversation: 'text' }

function missingKind(keys: readonly string[]): string {
  const notSent = keys.find((key) => NOT_SENT.includes(key))
  if (notSent !== undefined) return `this version cannot send content of the kind "${notSent}" yet`
  const other = keys.find((key) => Object.hasOwn(OTHER_NAMES, key))
  if (other !== undefined)
    return `the content has a key "${other}", which is "${String(OTHER_NAMES[other])}" here`
  return 'the content has no key that says what it is'
}

/** Callers without types can pass anything. */
function isObject(content: unknown): content is object {
  return typeof content === 'object' && content !== null
}
