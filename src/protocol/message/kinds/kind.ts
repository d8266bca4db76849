/**
 * A kind of message content that can be sent: what it takes, and how that becomes a protobuf `Message` and a stanza. The
 * options beside any content are in `../outgoing-options.ts`; how received content is read is in `reader.ts`.
 */
import type { RandomSource } from '../../../base/random.ts'
import type { MediaKind } from '../../media/index.ts'
import type { MessageProperties } from '../../proto/message.ts'
import type { FoundMessage, MessageTarget } from '../reference.ts'
import type { StanzaExtras } from '../stanza-facts.ts'

/** A file to send: its bytes, its path on the disk, or a stream of bytes, which is read once. */
export type MediaSource = Uint8Array | string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A file that has to be uploaded before its message can be built. */
export interface OutgoingFile {
  /** Where it comes from. */
  readonly source: MediaSource
  /** What it is encrypted as. */
  readonly kind: MediaKind
  /** Whether it can be played while it is fetched. */
  readonly sidecar: boolean
}

/** A file that is on the media servers. */
export interface UploadedFile {
  /** Where it is now. */
  readonly url: string
  /** Where it is below any media host. */
  readonly directPath: string
  /** What opens it, 32 bytes. */
  readonly mediaKey: Uint8Array
  /** When that was made. */
  readonly mediaKeyAtMs: number
  /** SHA-256 of the file. */
  readonly sha256: Uint8Array
  /** SHA-256 of what was uploaded. */
  readonly encSha256: Uint8Array
  /** Bytes of the file. */
  readonly lengthBytes: number
  /** What lets it be played while it is fetched. */
  readonly sidecar?: Uint8Array
}

/** What a kind may use besides the content itself. */
export interface BuildContext {
  /** The id that the message is going to have. */
  readonly id: string
  /** The chat as the stanza addresses it. */
  readonly chat: string
  /** This account in the form of address that the chat uses, without device. */
  readonly me: string
  readonly nowMs: number
  readonly random: RandomSource
  /** The secret of the message: 32 bytes that travel in it unless {@link Built.hasSecret} is `false`. */
  readonly secret: Uint8Array
  /** The stored message that {@link Kind.targets} asked for; `undefined` when it is not there. */
  readonly find: (target: MessageTarget) => FoundMessage | undefined
  /** The file that {@link Kind.file} named, uploaded. */
  readonly upload?: UploadedFile | undefined
}

/** A message, and what its stanza says beyond what follows from the message itself. */
export interface Built {
  /** Without secret and context, which are added. */
  readonly message: MessageProperties
  /** Attributes and children that do not follow from the message. */
  readonly stanza?: StanzaExtras
  /** Whether the message carries its secret. @default true */
  readonly hasSecret?: boolean
}

/** See the file comment. `Content` is the whole object that the caller gives, options included. */
export interface Kind<Name extends string, Content extends object> {
  /** The content key. */
  readonly name: Name
  /** Keys that this kind takes beside its own, e.g. `caption`. @default none */
  readonly keys?: readonly string[]
  /** Whether it takes the options of any content: `quoted`, `mentions` and so on. @default true */
  readonly takesOptions?: boolean
  /** The messages that this one is about and whose stored form `build` looks at. @throws {UsageError} `WATON_CONTENT_...` */
  readonly targets?: (content: Content) => readonly MessageTarget[]
  /** Whether `targets` are messages of the chat that it is sent to. @default false */
  readonly isAboutChat?: boolean
  /** Checks the content and names its file, which is uploaded before `build`. @throws {UsageError} `WATON_CONTENT_...` */
  readonly file?: (content: Content) => OutgoingFile
  /** Checks the content and builds the message. Pure. @throws {UsageError} `WATON_CONTENT_...` */
  readonly build: (content: Content, context: BuildContext) => Built
}

/** Declares a kind. */
export function defineKind<const Name extends string, Content extends object>(
  kind: Kind<Name, Content>,
): Kind<Name, Content> {
  return kind
}
