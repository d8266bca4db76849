import { proto } from '@whiskeysockets/baileys'
import { Writer } from 'protobufjs/minimal.js'
import { describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { ADDON_FIELDS, COMPANION_FIELDS, ENVELOPE_FIELDS, contentOf } from './content.ts'
import { READERS_BY_FIELD } from './kinds/index.ts'
import { WRAPPER_NAMES } from './wrappers.ts'
import { decodeMessage } from '../proto/message.ts'

/** The schema as text. */
const SCHEMA = readFileSync(
  createRequire(import.meta.url).resolve('@wppconnect/wa-proto/WAProto.proto'),
  'utf8',
)

/** The fields of `Message` itself, with their types. */
function messageFields(): readonly {
  readonly type: string
  readonly name: string
  readonly number: number
}[] {
  const start = SCHEMA.indexOf('\nmessage Message {\n')
  const body = SCHEMA.slice(start, SCHEMA.indexOf('\n}\n', start))
  return [...body.matchAll(/^ {4}optional (\S+) (\w+) = (\d+);/gm)].map(
    ([, type = '', name = '', number]) => ({ type, name, number: Number(number) }),
  )
}

const ALL: readonly string[] = [
  ...READERS_BY_FIELD.keys(),
  ...WRAPPER_NAMES,
  ...ADDON_FIELDS,
  ...COMPANION_FIELDS,
  ...ENVELOPE_FIELDS,
]

describe('the fields of Message in the schema', () => {
  it('are all read as something', () => {
    const fields = messageFields()
    expect(fields.length).toBeGreaterThan(100)
    expect(fields.map(({ name }) => name).filter((name) => !ALL.includes(name))).toEqual([])
  })

  it('are each read as one thing, and nothing is read that the schema does not have', () => {
    expect([...ALL].sort()).toEqual(
      messageFields()
        .map(({ name }) => name)
        .sort(),
    )
  })

  it('that only wrap another message are all wrappers', () => {
    const wrapping = messageFields().filter(({ type }) => type === 'FutureProofMessage')
    expect([...WRAPPER_NAMES].sort()).toEqual(wrapping.map(({ name }) => name).sort())
  })

  it.each(WRAPPER_NAMES)('are read through: %s', (wrapper) => {
    // Baileys does not know the newest of them: the field itself is written by its number
    const number = messageFields().find(({ name }) => name === wrapper)?.number ?? 0
    const inner = proto.Message.FutureProofMessage.encode({ message: { conversation: 'hi' } }).finish()
    const bytes = new Writer()
      .uint32(number * 8 + 2)
      .bytes(inner)
      .finish()
    expect(contentOf(decodeMessage(new Uint8Array(bytes)))).toMatchObject({
      kind: 'content',
      content: { text: 'hi' },
      wrappers: [wrapper],
    })
  })
})
