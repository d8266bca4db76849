/**
 * Stanzas as text that looks like XML, for logs, traces, the command line and tests. It is a view, not a format: nothing
 * reads it back, and bytes appear as their length and their first few values.
 */
import { toHex } from '../../base/bytes.ts'
import type { BinaryNode } from './node.ts'
import { MAX_DEPTH } from './tags.ts'

/** How much {@link printNode} shows. */
export interface PrintOptions {
  /** Bytes of each binary content that are shown, in hexadecimal; its length is always shown. @default 16 */
  readonly maxBytes?: number
}

const DEFAULT_MAX_BYTES = 16
const INDENT = '  '
// What would end an attribute or a line, and everything invisible.

const SPECIAL = /[<>&"\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['&', '&amp;'],
  ['"', '&quot;'],
])

/**
 * A stanza on indented lines. Never throws, whatever it is given.
 *
 * @example
 * <message to="15550000001@s.whatsapp.net" id="3EB0" type="text">
 *   <enc v="2" type="msg">[148 bytes 33 0a 21 05 ...]</enc>
 * </message>
 */
export function printNode(node: BinaryNode, options: PrintOptions = {}): string {
  const lines: string[] = []
  printInto(lines, node, { depth: 0, maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES })
  return lines.join('\n')
}

interface Position {
  readonly depth: number
  readonly maxBytes: number
}

// Takes `unknown`: logs must survive what the type checker of a caller did not see.
function printInto(lines: string[], node: unknown, position: Position): void {
  const indent = INDENT.repeat(position.depth)
  if (typeof node !== 'object' || node === null) {
    lines.push(`${indent}(${typeof node} instead of a stanza)`)
    return
  }
  const { tag, attrs, content } = node as { tag?: unknown; attrs?: unknown; content?: unknown }
  const name = scalar(tag)
  const head = `${indent}<${name}${attributes(attrs)}`
  if (Array.isArray(content) && content.length > 0) {
    lines.push(`${head}>`)
    printChildren(lines, content, { ...position, depth: position.depth + 1 })
    lines.push(`${indent}</${name}>`)
  } else if (content === undefined || content === null || Array.isArray(content)) {
    lines.push(`${head}/>`)
  } else {
    lines.push(`${head}>${leaf(content, position.maxBytes)}</${name}>`)
  }
}

function printChildren(lines: string[], children: readonly unknown[], position: Position): void {
  if (position.depth >= MAX_DEPTH) {
    lines.push(`${INDENT.repeat(position.depth)}...`)
    return
  }
  for (const child of children) printInto(lines, child, position)
}

function attributes(attrs: unknown): string {
  if (typeof attrs !== 'object' || attrs === null) return ''
  let text = ''
  for (const [name, value] of Object.entries(attrs)) {
    if (value !== undefined) text += ` ${scalar(name)}="${scalar(value)}"`
  }
  return text
}

function leaf(content: unknown, maxBytes: number): string {
  if (!(content instanceof Uint8Array)) return scalar(content)
  const size = content.length === 1 ? '1 byte' : `${String(content.length)} bytes`
  const shown = content.subarray(0, Math.max(0, maxBytes))
  if (shown.length === 0) return `[${size}]`
  const hex = toHex(shown).replace(/..(?=.)/g, '$& ')
  return `[${size} ${hex}${shown.length < content.length ? ' ...' : ''}]`
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return `(${typeof value})`
  return value.replace(SPECIAL, (character) => {
    return ENTITIES.get(character) ?? `&#x${character.charCodeAt(0).toString(16)};`
  })
}
