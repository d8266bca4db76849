/**
 * Wire equality: the same keys, seed and scenario, driven through an unmodified Baileys and through waton, leave the same
 * stanzas in the simulator's record, except for the differences that are meant to be. See
 * `docs/explanation/wire-equality.md`.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../../src/base/bytes.ts'
import { compareStep, describeDifference } from './compare.ts'
import type { Difference } from './compare.ts'
import { nameOf } from './canonical.ts'
import { DELIBERATE_DIFFERENCES, allowing } from './deliberate-differences.ts'
import { readFields } from './protobuf-fields.ts'
import { record } from './run.ts'
import type { Recording } from './run.ts'
import { STEPS } from './scenario.ts'

const PAGE = new URL('../../../docs/explanation/wire-equality.md', import.meta.url)

let baileys: Recording
let waton: Recording

beforeAll(async () => {
  baileys = await record('baileys')
  waton = await record('waton')
})

function differencesOf(step: string): readonly Difference[] {
  return compareStep(step, baileys.steps.get(step) ?? [], waton.steps.get(step) ?? [])
}

describe('the handshake', () => {
  test('registers and logs in with the same bytes', () => {
    const shown = ({ payloads }: Recording): string[] => payloads.map(payloadText)
    expect(waton.payloads).toHaveLength(1 + STEPS.filter(({ logins }) => logins === true).length)
    expect(shown(waton)).toEqual(shown(baileys))
    expect(waton.payloads.map(toHex)).toEqual(baileys.payloads.map(toHex))
  })

  test('leads to the same QR code', () => {
    expect(waton.qr).toMatch(/^https:\/\/wa\.me\/settings\/linked_devices#2@/)
    expect(waton.qr).toBe(baileys.qr)
  })
})

describe('waton writes what Baileys writes', () => {
  test('to a server that objects to neither', () => {
    expect({ baileys: baileys.objections, waton: waton.objections }).toEqual({ baileys: [], waton: [] })
  })

  test.each(STEPS.map(({ name }) => name))('in the step: %s', (name) => {
    const unlisted = differencesOf(name).filter((difference) => allowing(difference) === undefined)
    expect(unlisted.map(describeDifference)).toEqual([])
  })

  test.each(STEPS)('and everything that the step is about: $name', ({ name, ends }) => {
    for (const [party, recording] of [
      ['baileys', baileys],
      ['waton', waton],
    ] as const) {
      const names = (recording.steps.get(name) ?? []).map(nameOf)
      const missing = [...ends.both, ...ends[party]].filter((end) => !names.includes(end))
      expect({ party, missing }).toEqual({ party, missing: [] })
    }
  })

  test('and people see the same messages', () => {
    const shown = ({ seen }: Recording): unknown[] => seen.map(seenText)
    expect(waton.seen.length).toBeGreaterThan(STEPS.length)
    expect(shown(waton)).toEqual(shown(baileys))
  })
})

describe('the list of deliberate differences', () => {
  test('has nothing in it that no longer occurs', () => {
    const all = STEPS.flatMap(({ name }) => differencesOf(name))
    const gone = DELIBERATE_DIFFERENCES.filter(({ isByChance }) => isByChance !== true).flatMap(
      ({ id, marks }) =>
        marks.flatMap((isIt, index) => (all.some(isIt) ? [] : [`${id}, mark ${String(index + 1)}`])),
    )
    expect(gone).toEqual([])
  })

  test('is the table of the page about it', () => {
    const rows = readFileSync(PAGE, 'utf8')
      .split('\n')
      .filter((line) => /^\| `[a-z-]+` +\|/.test(line))
      .map((line) =>
        line
          .split(/(?<!\\)\|/)
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    expect(rows).toEqual(DELIBERATE_DIFFERENCES.map(({ id, what, reason }) => [`\`${id}\``, what, reason]))
  })
})

/** A payload's fields, so that a failure says which one differs. */
function payloadText(payload: Uint8Array): string {
  return readFields(payload)
    .map(
      ({ number, value }) => `${String(number)}=${typeof value === 'bigint' ? String(value) : toHex(value)}`,
    )
    .join(' ')
}

/** What a person sees; the id that the client made and the secret in the message are random. */
function seenText({ id, chat, sender, fromMe, content }: Recording['seen'][number]): unknown {
  const shape = id.startsWith('EQUALITY-') ? id : id.replace(/^3EB0[0-9A-F]{18}$/, 'id of the client')
  const hidden = JSON.stringify(content, (name, value: unknown) =>
    name === 'messageSecret' ? `${String((value as Uint8Array).length)} bytes` : value,
  )
  return { id: shape, chat, sender, fromMe, content: hidden }
}
