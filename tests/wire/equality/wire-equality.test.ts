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
import { SCENARIOS } from './scenario.ts'
import type { Scenario } from './scenario.ts'

const PAGE = new URL('../../../docs/explanation/wire-equality.md', import.meta.url)

/** What both left behind, by scenario. */
const runs = new Map<Scenario, { readonly baileys: Recording; readonly waton: Recording }>()

beforeAll(async () => {
  for (const scenario of SCENARIOS) {
    const { steps } = scenario
    runs.set(scenario, { baileys: await record('baileys', steps), waton: await record('waton', steps) })
  }
})

function runOf(scenario: Scenario): { readonly baileys: Recording; readonly waton: Recording } {
  const run = runs.get(scenario)
  if (run === undefined) throw new Error(`the scenario "${scenario.name}" was not run`)
  return run
}

function differencesOf(scenario: Scenario, step: string): readonly Difference[] {
  const { baileys, waton } = runOf(scenario)
  return compareStep(step, baileys.steps.get(step) ?? [], waton.steps.get(step) ?? [])
}

describe.each(SCENARIOS)('a device that is $name', (scenario) => {
  const { steps } = scenario

  test('registers and logs in with the same bytes', () => {
    const { baileys, waton } = runOf(scenario)
    const shown = ({ payloads }: Recording): string[] => payloads.map(payloadText)
    expect(waton.payloads).toHaveLength(1 + steps.filter(({ logins }) => logins === true).length)
    expect(shown(waton)).toEqual(shown(baileys))
    expect(waton.payloads.map(toHex)).toEqual(baileys.payloads.map(toHex))
  })

  test('shows the same QR code', () => {
    const { baileys, waton } = runOf(scenario)
    expect(waton.qr).toMatch(/^https:\/\/wa\.me\/settings\/linked_devices#2@/)
    expect(waton.qr).toBe(baileys.qr)
  })

  test('writes to a server that objects to neither', () => {
    const { baileys, waton } = runOf(scenario)
    expect({ baileys: baileys.objections, waton: waton.objections }).toEqual({ baileys: [], waton: [] })
  })

  test.each(steps.map(({ name }) => name))('writes what Baileys writes in the step: %s', (name) => {
    const unlisted = differencesOf(scenario, name).filter((difference) => allowing(difference) === undefined)
    expect(unlisted.map(describeDifference)).toEqual([])
  })

  test.each(steps)('writes everything that the step is about: $name', ({ name, ends }) => {
    const run = runOf(scenario)
    for (const party of ['baileys', 'waton'] as const) {
      const names = (run[party].steps.get(name) ?? []).map(nameOf)
      const missing = [...ends.both, ...ends[party]].filter((end) => !names.includes(end))
      expect({ party, missing }).toEqual({ party, missing: [] })
    }
  })

  test('lets people see the same messages', () => {
    const { baileys, waton } = runOf(scenario)
    const shown = ({ seen }: Recording): unknown[] => seen.map(seenText)
    expect(shown(waton)).toEqual(shown(baileys))
  })
})

test('people see messages at all', () => {
  const seen = SCENARIOS.flatMap((scenario) => runOf(scenario).waton.seen)
  expect(seen.length).toBeGreaterThan(SCENARIOS.flatMap(({ steps }) => steps).length)
})

describe('the list of deliberate differences', () => {
  test('has nothing in it that no longer occurs', () => {
    const all = SCENARIOS.flatMap((scenario) =>
      scenario.steps.flatMap(({ name }) => differencesOf(scenario, name)),
    )
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

/** Times within messages: those of Baileys come from the machine's clock. */
const TIMES: ReadonlySet<string> = new Set(['senderTimestampMs', 'timestampMs'])

/** What a person sees; the id that the client made and the secret in the message are random. */
function seenText({ id, chat, sender, fromMe, content }: Recording['seen'][number]): unknown {
  const shape = id.startsWith('EQUALITY-') ? id : id.replace(/^3EB0[0-9A-F]{18}$/, 'id of the client')
  const hidden = JSON.stringify(content, (name, value: unknown) => {
    if (TIMES.has(name) && Number(value) >= 1_700_000_000_000) return 'a time in milliseconds'
    return name === 'messageSecret' ? `${String((value as Uint8Array).length)} bytes` : value
  })
  return { id: shape, chat, sender, fromMe, content: hidden }
}
