/** From public content to the serialised `Message` and what its stanza must say about it. */
import { describeError, isWatonError, UsageError } from '../../base/errors.ts'
import type { RandomSource } from '../../base/random.ts'
import { KINDS } from '../../protocol/message/kinds/index.ts'
import type { KindName } from '../../protocol/message/kinds/index.ts'
import { withMessageSecret } from '../../protocol/message/secret.ts'
import { encodeMessage } from '../../protocol/proto/message.ts'
import type { OutgoingContent } from '../content.ts'

/** A message ready to be encrypted. */
export interface ComposedMessage {
  /** The content's name, e.g. `text`. */
  readonly kind: string
  /** The serialised `Message`, with the random secret that later edits and reactions refer to. */
  readonly message: Uint8Array
  /** The stanza's `type` attribute. */
  readonly stanzaType: string
}

/** Validates content and builds it. @throws {UsageError} `WATON_CONTENT_...` */
export function composeMessage(content: OutgoingContent, random: RandomSource): ComposedMessage {
  try {
    const name = contentKind(content)
    const kind = KINDS[name]
    const message = encodeMessage(withMessageSecret(kind.build(content), random))
    return { kind: kind.name, message, stanzaType: kind.stanzaType }
  } catch (error) {
    if (isWatonError(error)) throw error
    throw unreadableContent(error)
  }
}

/** A getter or proxy of the caller's threw, or a value is of no kind that could be written. */
function unreadableContent(cause: unknown): UsageError {
  return new UsageError(
    'WATON_CONTENT_UNREADABLE',
    `the content could not be read (${describeError(cause)}), so nothing was sent: pass a plain object`,
    { cause },
  )
}

/** The one key of the content that names its kind. */
function contentKind(content: OutgoingContent): KindName {
  const names = Object.keys(KINDS) as KindName[]
  const found = isObject(content) ? names.filter((name) => name in content) : []
  const [only] = found
  if (only === undefined || found.length > 1) {
    throw new UsageError('WATON_CONTENT_KIND', `content has exactly one of these keys: ${names.join(', ')}`, {
      details: { found: found.join(', ') },
    })
  }
  return only
}

/** Callers without types can pass anything. */
function isObject(content: unknown): boolean {
  return typeof content === 'object' && content !== null
}
