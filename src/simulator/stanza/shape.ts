/**
 * The grammar that makes the server strict: which attributes, children and content a stanza may have. A client that
 * sends anything else is told so by a stream error, and the trace names the place. Meaning is checked by the handlers;
 * this file knows structure only.
 */
import { childrenOf } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'

/** What a stanza may contain: nothing, bytes (or text), or the named children. */
export type ContentShape =
  | 'none'
  | 'bytes'
  | 'optional-bytes'
  | 'anything'
  | { readonly children: Readonly<Record<string, ChildShape>> }

/** The attributes and content that a stanza may have. */
export interface Shape {
  /** Attributes that must be there. */
  readonly required?: readonly string[]
  /** Attributes that may be there. */
  readonly optional?: readonly string[]
  /** @default 'none' */
  readonly content?: ContentShape
}

/** A child and how often it may occur. */
export interface ChildShape extends Shape {
  /** @default 0 */
  readonly min?: number
  /** @default 1 */
  readonly max?: number
}

/** Finds the first place where a stanza leaves its shape, as a sentence for the trace; `undefined` when it fits. */
export function findViolation(node: BinaryNode, shape: Shape, path: string = node.tag): string | undefined {
  return (
    findAttributeViolation(node, shape, path) ?? findContentViolation(node, shape.content ?? 'none', path)
  )
}

function findAttributeViolation(node: BinaryNode, shape: Shape, path: string): string | undefined {
  const required = shape.required ?? []
  const optional = shape.optional ?? []
  const missing = required.find((name) => node.attrs[name] === undefined || node.attrs[name] === '')
  if (missing !== undefined) return `<${path}> lacks the attribute "${missing}"`
  const unknown = Object.keys(node.attrs).find((name) => !required.includes(name) && !optional.includes(name))
  return unknown === undefined ? undefined : `<${path}> has the unknown attribute "${unknown}"`
}

function findContentViolation(node: BinaryNode, shape: ContentShape, path: string): string | undefined {
  const kind = kindOfContent(node)
  switch (shape) {
    case 'anything':
      return undefined
    case 'none':
      return kind === 'bytes'
        ? `<${path}> has bytes where nothing is allowed`
        : findChildViolation(node, {}, path)
    case 'optional-bytes':
      return kind === 'children' ? `<${path}> has children instead of bytes` : undefined
    case 'bytes':
      return kind === 'bytes' ? undefined : `<${path}> lacks its bytes`
    default:
      if (kind === 'bytes') return `<${path}> has bytes where only children are allowed`
      return findChildViolation(node, shape.children, path)
  }
}

function kindOfContent({ content }: BinaryNode): 'nothing' | 'bytes' | 'children' {
  if (content === undefined || content.length === 0) return 'nothing'
  return typeof content === 'string' || content instanceof Uint8Array ? 'bytes' : 'children'
}

function findChildViolation(
  node: BinaryNode,
  allowed: Readonly<Record<string, ChildShape>>,
  path: string,
): string | undefined {
  const counts = new Map<string, number>()
  for (const child of childrenOf(node)) {
    const shape = Object.hasOwn(allowed, child.tag) ? allowed[child.tag] : undefined
    if (shape === undefined) return `<${path}> has the unknown child <${child.tag}>`
    const count = (counts.get(child.tag) ?? 0) + 1
    counts.set(child.tag, count)
    const max = shape.max ?? 1
    if (count > max) return `<${path}> has more than ${String(max)} <${child.tag}>`
    const violation = findViolation(child, shape, `${path} > ${child.tag}`)
    if (violation !== undefined) return violation
  }
  const lacking = Object.entries(allowed).find(([tag, shape]) => (counts.get(tag) ?? 0) < (shape.min ?? 0))
  return lacking === undefined ? undefined : `<${path}> lacks its child <${lacking[0]}>`
}
