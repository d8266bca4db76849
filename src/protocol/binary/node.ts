/**
 * The stanza: a tag, string attributes and optional content. Everything on the wire after the handshake is one of
 * these. This file has the type and the accessors that parsers use; bytes are made in `encode.ts` and `decode.ts`.
 */
import { ProtocolError } from '../../base/errors.ts'
import { utf8Bytes, utf8Text } from '../../base/bytes.ts'

/** Content of a stanza: children, bytes, or (from the token table) text. */
export type NodeContent = readonly BinaryNode[] | Uint8Array | string

/** One stanza or a child of one. */
export interface BinaryNode {
  /** What it is, e.g. `message`. */
  readonly tag: string
  /** Its attributes, in the order in which they came. */
  readonly attrs: Readonly<Record<string, string>>
  /** Children, bytes or text; absent when there is none. */
  readonly content?: NodeContent
}

/** Attributes as a builder writes them: `undefined` entries are left out, numbers become decimal text. */
export type NodeAttributes = Readonly<Record<string, string | number | undefined>>

/** Builds a stanza; attributes that are `undefined` are left out. */
export function node(tag: string, attributes: NodeAttributes = {}, content?: NodeContent): BinaryNode {
  const attrs: Record<string, string> = {}
  for (const name in attributes) {
    const value = attributes[name]
    if (value !== undefined) attrs[name] = typeof value === 'number' ? String(value) : value
  }
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

/** All children, or only those named `tag`. */
export function childrenOf(parent: BinaryNode, tag?: string): readonly BinaryNode[] {
  const { content } = parent
  if (content === undefined || typeof content === 'string' || content instanceof Uint8Array) return []
  return tag === undefined ? content : content.filter((child) => child.tag === tag)
}

/** The first child named `tag`. */
export function childOf(parent: BinaryNode, tag: string): BinaryNode | undefined {
  return childrenOf(parent).find((child) => child.tag === tag)
}

/** The first child named `tag`. @throws {ProtocolError} `WATON_STANZA_CHILD` when there is none */
export function requireChild(parent: BinaryNode, tag: string): BinaryNode {
  const child = childOf(parent, tag)
  if (child === undefined) {
    throw new ProtocolError(
      'WATON_STANZA_CHILD',
      `a <${parent.tag}> stanza came without its <${tag}> child`,
      {
        details: { tag: parent.tag, child: tag },
      },
    )
  }
  return child
}

/** The attribute. @throws {ProtocolError} `WATON_STANZA_ATTRIBUTE` when it is absent */
export function requireAttribute(owner: BinaryNode, name: string): string {
  const value = owner.attrs[name]
  if (value === undefined) {
    throw new ProtocolError(
      'WATON_STANZA_ATTRIBUTE',
      `a <${owner.tag}> stanza came without its "${name}" attribute`,
      {
        details: { tag: owner.tag, attribute: name },
      },
    )
  }
  return value
}

/** Content as bytes (text content is encoded), or `undefined` when there is none. */
export function contentBytes(owner: BinaryNode): Uint8Array | undefined {
  const { content } = owner
  if (content instanceof Uint8Array) return content
  return typeof content === 'string' ? utf8Bytes(content) : undefined
}

/** Content as bytes. @throws {ProtocolError} `WATON_STANZA_CONTENT` when it is missing or has another length */
export function requireBytes(owner: BinaryNode, lengthBytes?: number): Uint8Array {
  const bytes = contentBytes(owner)
  if (bytes === undefined || (lengthBytes !== undefined && bytes.length !== lengthBytes)) {
    throw new ProtocolError('WATON_STANZA_CONTENT', `<${owner.tag}> came without the bytes it must carry`, {
      details: { tag: owner.tag, expectedBytes: lengthBytes, actualBytes: bytes?.length },
    })
  }
  return bytes
}

/** Content as text, or `undefined` when there is none. */
export function contentText(owner: BinaryNode): string | undefined {
  const { content } = owner
  if (typeof content === 'string') return content
  return content instanceof Uint8Array ? utf8Text(content) : undefined
}

/** A whole number attribute, or `undefined` when it is absent. @throws {ProtocolError} `WATON_STANZA_NUMBER` */
export function numberAttribute(owner: BinaryNode, name: string): number | undefined {
  const text = owner.attrs[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text === '' || !Number.isSafeInteger(value)) {
    throw new ProtocolError(
      'WATON_STANZA_NUMBER',
      `the "${name}" attribute of <${owner.tag}> is not a whole number`,
      {
        details: { tag: owner.tag, attribute: name },
      },
    )
  }
  return value
}
