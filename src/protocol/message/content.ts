/**
 * What a decrypted `Message` is: content of a known kind with the options beside it, an encrypted add-on, a protocol
 * message between clients, or something that this version cannot name. Reading never fails: unknown content is a value,
 * and its bytes are the caller's to keep.
 */
import type { ContextInfo, MessageProperties } from '../proto/message.ts'
import { type SecretAddon, secretAddonOf } from './addons/read.ts'
import { COMPANION_FIELDS } from './companions.ts'
import { type FieldContent, READERS_BY_FIELD } from './kinds/index.ts'
import type { MessageField, ReadScope } from './kinds/reader.ts'
import { type ContentOptions, contextOptions, messageOptions } from './options.ts'
import { type ProtocolContent, protocolContent } from './protocol-content.ts'
import type { Perspective } from './reference.ts'
import { type WrapperName, flagsOf, unwrapMessage } from './wrappers.ts'

export { COMPANION_FIELDS } from './companions.ts'

/** Content as an object with one key for its kind; `unknown` for what has no kind. */
export type PlainContent = FieldContent | UnknownPlainContent

/** Content of a kind that this version cannot name yet. Its bytes are kept with the message. */
export interface UnknownPlainContent {
  /** What is known about it. */
  readonly unknown: {
    /** The schema's own name of the kind, when there is one, e.g. `imageMessage`. */
    readonly kind: string
  }
}

/** The content of a message within a message. */
export type NestedContent = PlainContent & ContentOptions

/** Content of a known kind. */
export interface KnownContent {
  /** Content that this version has a name for. */
  readonly kind: 'content'
  /** The name of the kind, e.g. `text`: the one key of `content` that it is about. */
  readonly name: string
  /** The content, read. */
  readonly content: FieldContent
}

/** An encrypted add-on: its kind is known when it has been opened with the secret of the message that it is about. */
export interface AddonContent {
  /** Something added to another message, encrypted with that message's secret. */
  readonly kind: 'addon'
  /** The schema's name of the field, e.g. `pollUpdateMessage`. */
  readonly name: string
  /** What it takes to open it. */
  readonly addon: SecretAddon
}

/** Content that this version has no kind for. */
export interface UnknownContent {
  /** Content that this version has no name for. */
  readonly kind: 'unknown'
  /** The schema's name of the field, e.g. `imageMessage`; `undefined` for a message without content. */
  readonly name?: string
}

/** What {@link contentOf} found, and in which wrappers. */
export type ReadContent = (KnownContent | AddonContent | ProtocolContent | UnknownContent) & {
  readonly wrappers: readonly WrapperName[]
  /** What stands beside the content. */
  readonly options: ContentOptions
}

/** Fields that are taken off or acted upon before content is looked for. */
export const ENVELOPE_FIELDS: readonly MessageField[] = ['deviceSentMessage', 'protocolMessage']

/** Fields that hold encrypted add-ons. */
export const ADDON_FIELDS: readonly MessageField[] = [
  'pollUpdateMessage',
  'encReactionMessage',
  'encCommentMessage',
  'encEventResponseMessage',
  'secretEncryptedMessage',
]

const COMPANIONS: ReadonlySet<string> = new Set(COMPANION_FIELDS)

/** Companions that say nothing by themselves. */
const SILENT: ReadonlySet<string> = new Set(['messageContextInfo', 'senderKeyDistributionMessage'])
const ADDONS: ReadonlySet<string> = new Set(ADDON_FIELDS)

/** Messages within messages (quotes, comments) that are read; real ones have one. */
const MAX_NESTED = 2

/**
 * Reads a decoded message. Take it out of a device-sent envelope first, where it may have one.
 *
 * @param perspective - who reads what whom wrote; without it references are as the writer sees them
 */
export function contentOf(outer: MessageProperties, perspective?: Perspective): ReadContent {
  return readMessage(outer, perspective, MAX_NESTED)
}

/** The protocol message in a message, in whatever wrappers; `undefined` when it is content. */
export function protocolOf(outer: MessageProperties): ProtocolContent | undefined {
  const { protocolMessage } = unwrapMessage(outer).message
  return protocolMessage ? protocolContent(protocolMessage) : undefined
}

/** The plain form of what was read: the content and the options beside it. */
export function plainContent(read: ReadContent): NestedContent {
  if (read.kind === 'content') return { ...read.content, ...read.options }
  const name = read.kind === 'protocol' ? 'protocolMessage' : (read.name ?? 'empty')
  return { unknown: { kind: name }, ...read.options }
}

function readMessage(
  outer: MessageProperties,
  perspective: Perspective | undefined,
  depth: number,
): ReadContent {
  const { message, wrappers } = unwrapMessage(outer)
  const scope: ReadScope = {
    perspective,
    addOnSeconds: message.messageContextInfo?.messageAddOnDurationInSecs ?? undefined,
    nested: (inner) => (depth > 0 ? plainContent(readMessage(inner, perspective, depth - 1)) : undefined),
  }
  const { found, field } = findContent(message, scope)
  // the outermost message has the context when a wrapper is around the content
  const info = message.messageContextInfo ?? outer.messageContextInfo
  const context = contextOf(message, field)
  const options = {
    ...(info ? messageOptions(info, scope) : undefined),
    ...(context ? contextOptions(context, scope) : undefined),
    ...(hasViewOnce(message, field) ? { viewOnce: true as const } : undefined),
    ...flagsOf(wrappers),
  }
  return { ...found, wrappers, options }
}

type Found = KnownContent | AddonContent | ProtocolContent | UnknownContent

/** The first field that holds content, by the order on the wire; a protocol message goes before all. */
function findContent(
  message: MessageProperties,
  scope: ReadScope,
): { readonly found: Found; readonly field?: string } {
  if (message.protocolMessage) {
    return { found: protocolContent(message.protocolMessage), field: 'protocolMessage' }
  }
  const fields = (Object.keys(message) as MessageField[]).filter((field) => !field.startsWith('$'))
  for (const field of fields) {
    const found = COMPANIONS.has(field) ? undefined : fieldContent(message, field, scope)
    if (found !== undefined) return { found, field }
  }
  const unread = fields.find((field) => !COMPANIONS.has(field)) ?? fields.find((field) => !SILENT.has(field))
  return { found: { kind: 'unknown', ...(unread === undefined ? {} : { name: unread }) } }
}

function fieldContent(
  message: MessageProperties,
  field: MessageField,
  scope: ReadScope,
): KnownContent | AddonContent | undefined {
  const reader = READERS_BY_FIELD.get(field)
  if (reader !== undefined) {
    const content = reader.read(message, field, scope)
    return content && { kind: 'content', name: reader.name, content }
  }
  const addon = ADDONS.has(field) ? secretAddonOf(message) : undefined
  return addon && { kind: 'addon', name: field, addon }
}

/** The context of the content of a message, in whatever wrappers; `undefined` when it has none. */
export function contextInfoOf(outer: MessageProperties): ContextInfo.$Properties | undefined {
  const { message } = unwrapMessage(outer)
  const fields = Object.keys(message) as MessageField[]
  return contextOf(
    message,
    fields.find((field) => !COMPANIONS.has(field) && !field.startsWith('$')),
  )
}

function contextOf(
  message: MessageProperties,
  field: string | undefined,
): ContextInfo.$Properties | undefined {
  const value: unknown = field === undefined ? undefined : message[field as MessageField]
  if (typeof value !== 'object' || value === null) return undefined
  const { contextInfo } = value as { readonly contextInfo?: ContextInfo.$Properties | null }
  return contextInfo ?? undefined
}

function hasViewOnce(message: MessageProperties, field: string | undefined): boolean {
  const value: unknown = field === undefined ? undefined : message[field as MessageField]
  return typeof value === 'object' && value !== null && (value as { viewOnce?: unknown }).viewOnce === true
}
