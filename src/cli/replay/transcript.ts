/**
 * A transcript: what one client was sent, and what it made of it. It is JSON, one object a line: first the header, then the
 * stanzas that come in, each with its time, then what is expected: events, answers, and the rows of the store afterwards.
 * The store that it begins with is a file of its own (`snapshot`), because many transcripts share it. Every key in it
 * belongs to an invented account.
 */
import { UsageError } from 'waton'
import { printNode } from 'waton/protocol'
import type { BinaryNode, NodeContent } from 'waton/protocol'

/** The first line. */
export interface TranscriptHeader {
  /** Version of the format. */
  readonly transcript: 1
  /** What it shows, as a sentence. */
  readonly about: string
  /** Who made the stanzas: `baileys 7.0.0-rc14 as sender`, or `shape: <source>` for what Baileys cannot send. */
  readonly origin: string
  /** Of every random number of the client and of the server's keys. */
  readonly seed: string
  /** The LID address of the device, as the server names it at the login. */
  readonly lid: string
  /** When it begins, in milliseconds since the epoch. */
  readonly startMs: number
  /** The store at the beginning: a file, relative to this one. */
  readonly snapshot: string
  /** Whose keys are in it. */
  readonly keys: string
  /** How long time goes on after the last stanza, in milliseconds. */
  readonly settleMs: number
  /** Texts that must be found in the events: what the sender was told to write. */
  readonly sent: readonly string[]
}

/** A stanza that comes in. */
export interface InboundLine {
  /** After the beginning, in milliseconds. */
  readonly atMs: number
  readonly in: BinaryNode
}

/** One line of what is expected: `event`, `answer` or `store`, with its value. */
export type ExpectedLine = Readonly<Record<string, unknown>>

/** See the file comment. */
export interface Transcript {
  readonly header: TranscriptHeader
  readonly inbound: readonly InboundLine[]
  readonly expected: readonly ExpectedLine[]
}

/** A node as it stands in JSON. */
interface JsonNode {
  readonly tag: string
  readonly attrs: Readonly<Record<string, string>>
  readonly content?: readonly JsonNode[] | string | { readonly base64: string }
}

/** The keys of lines that come after the header and the stanzas. */
const EXPECTED_KEYS: readonly string[] = ['event', 'answer', 'store']

/** @throws {UsageError} `WATON_TRANSCRIPT_FORMAT` when it is not one */
export function parseTranscript(text: string): Transcript {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [first, ...rest] = lines.map(parseLine)
  if (!isHeader(first)) throw malformed(1, 'the first line must be a header with "transcript": 1')
  const inbound: InboundLine[] = []
  const expected: ExpectedLine[] = []
  rest.forEach((line, index) => {
    if (isInbound(line)) inbound.push({ atMs: line.atMs, in: fromJson(line.in) })
    else if (EXPECTED_KEYS.some((key) => key in line)) expected.push(line)
    else throw malformed(index + 2, 'it is neither a stanza nor an event, answer or store')
  })
  return { header: first, inbound, expected }
}

/** The text of a transcript, ready to be written to a file. */
export function formatTranscript({ header, inbound, expected }: Transcript): string {
  const stanzas = inbound.map(({ atMs, in: stanza }) => ({ atMs, in: toJson(stanza) }))
  return [header, ...stanzas, ...expected].map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** A stanza as the text in which answers are compared: without its bytes, which are other keys in each run of keys. */
export function printAnswer(stanza: BinaryNode): string {
  return printNode(stanza, { maxBytes: 0 })
}

/** Bytes of a base64 text. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

/** Base64 of bytes. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

function parseLine(line: string, index: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // said below
  }
  throw malformed(index + 1, 'it is no JSON object')
}

function isHeader(line: unknown): line is TranscriptHeader {
  return typeof line === 'object' && line !== null && 'transcript' in line && line.transcript === 1
}

function isInbound(line: object): line is { readonly atMs: number; readonly in: JsonNode } {
  return 'in' in line && 'atMs' in line && typeof line.atMs === 'number'
}

function fromJson({ tag, attrs, content }: JsonNode): BinaryNode {
  return { tag, attrs, ...(content === undefined ? {} : { content: contentFromJson(content) }) }
}

function contentFromJson(content: NonNullable<JsonNode['content']>): NodeContent {
  if (typeof content === 'string') return content
  return 'base64' in content ? fromBase64(content.base64) : content.map(fromJson)
}

function toJson({ tag, attrs, content }: BinaryNode): JsonNode {
  if (content === undefined) return { tag, attrs }
  if (typeof content === 'string') return { tag, attrs, content }
  if (content instanceof Uint8Array) return { tag, attrs, content: { base64: toBase64(content) } }
  return { tag, attrs, content: content.map(toJson) }
}

function malformed(line: number, why: string): UsageError {
  return new UsageError(
    'WATON_TRANSCRIPT_FORMAT',
    `this file is no transcript of a version that waton knows: ${why}; record it anew, or look at the line`,
    { details: { line } },
  )
}
