/**
 * Events as versions of waton have written them, read by the waton of today. A fixture is written once, by the version that it
 * is of, and stays: what a log holds can be read as long as there are logs.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../src/base/bytes.ts'
import { decodeEvent, encodePayload } from '../../src/client/event-record.ts'
import { DURABLE_TYPES, EVENTS } from '../../src/client/events/registry.ts'
import { messageRow } from '../../src/client/message-record.ts'
import type { EventRow, MessageRow } from '../../src/persistence/contract/index.ts'
import type { DurableType } from 'waton'
import { ROOT } from '../architecture/sources.ts'
import { committed } from './committed.ts'
import { AT_MS, CHAT, EXAMPLES, MESSAGE_BYTES } from './examples.ts'

const FOLDER = join(ROOT, 'tests/events/fixtures')

/** A row with its bytes as base64. */
type Text<Row extends { readonly value: Uint8Array }> = Omit<Row, 'value'> & { readonly value: string }

interface Fixture {
  /** The row of the log as it was written. */
  readonly event: Text<EventRow>
  /** The row of the message that it refers to. */
  readonly message?: Text<MessageRow>
  /** The payload that it must be read as, in the newest version. */
  readonly payload: unknown
}

function fileOf(type: string, version: number): string {
  return join(FOLDER, `${type}@${String(version)}.json`)
}

/** What this version of waton writes. */
function written(type: DurableType): Fixture {
  const payload = EXAMPLES[type]
  const value = toBase64(encodePayload(type, payload))
  const event = { seq: 7, type, version: EVENTS[type].version, at: AT_MS, chat: CHAT, value }
  const [told] = type === 'history.chunk' ? EXAMPLES[type].messages : []
  const message = type === 'message' ? EXAMPLES.message : told
  if (message === undefined) return { event, payload }
  const { content, ...known } = message
  const kind = Object.keys(content)[0] ?? 'unknown'
  const row = messageRow({ ...known, kind, message: MESSAGE_BYTES }, AT_MS)
  const { id, chat, sender } = message
  return {
    event: type === 'message' ? { ...event, message: { chat, sender: sender.jid, id } } : event,
    message: { ...row, value: toBase64(row.value) },
    payload,
  }
}

for (const type of DURABLE_TYPES) committed(fileOf(type, EVENTS[type].version), () => written(type))

const files = readdirSync(FOLDER).sort()

describe('a stored event', () => {
  it.each(files)('of %s is read', async (file) => {
    const fixture = committed<Fixture>(join(FOLDER, file), () => {
      throw new Error('it was listed')
    })
    const { event: row, message } = fixture
    const event = await decodeEvent({ ...row, value: fromBase64(row.value) }, () =>
      Promise.resolve(message === undefined ? undefined : { ...message, value: fromBase64(message.value) }),
    )
    expect(event).toEqual({
      seq: row.seq,
      type: row.type,
      version: EVENTS[event.type].version,
      at: row.at,
      payload: fixture.payload,
    })
  })

  it('has a fixture for each version that was ever written', () => {
    const expected = DURABLE_TYPES.flatMap((type) =>
      Array.from({ length: EVENTS[type].version }, (_, index) => `${type}@${String(index + 1)}.json`),
    )
    expect(files).toEqual(expected.sort())
  })
})
