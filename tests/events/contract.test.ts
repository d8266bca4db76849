/**
 * The schemas of durable events against `contract.json`, which holds each version as it was first committed. Logs of users are
 * full of events of these versions, so a version never changes: a change is a new version, with a step from the old one.
 */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createContract } from '../../src/client/events/contract.ts'
import { DURABLE_TYPES, EVENTS } from '../../src/client/events/registry.ts'
import { ROOT } from '../architecture/sources.ts'
import { committed, write } from './committed.ts'

const PATH = join(ROOT, 'tests/events/contract.json')
const contract = createContract(EVENTS)

type Versions = Readonly<Record<string, unknown>>
const known = committed<Readonly<Record<string, Versions>>>(PATH, () => ({}))

function currentSchema(type: string): unknown {
  const schema = contract.schemaOf(type)
  if (schema === undefined) throw new Error(`${type} has no schema`)
  return JSON.parse(
    JSON.stringify({ ...z.toJSONSchema(schema, { unrepresentable: 'any' }), $schema: undefined }),
  )
}

/** What to do about a schema that is not what its version says. */
function lesson(type: string, version: number): string {
  return `the payload of "${type}" has changed, and logs are full of its version ${String(version)}. In src/client/events:
  1. raise \`version\` of "${type}" to ${String(version + 1)};
  2. add the step from version ${String(version)} to the end of its \`upcasters\`: (payload) => ({ ...payload, what is new });
  3. run this test: it adds version ${String(version + 1)} to tests/events/contract.json and a fixture to tests/events/fixtures. Commit
     both, and leave what is there of version ${String(version)}: it stays readable.
A version that no release and nobody's log has yet may change instead: remove it from contract.json, with its fixture, and run this test.`
}

describe('the contract of events', () => {
  it.each(DURABLE_TYPES)('of %s is the one that its version was committed with', (type) => {
    const { version } = EVENTS[type]
    const written = known[type]?.[String(version)]
    const current = currentSchema(type)
    if (written === undefined && process.env.CI === undefined) {
      const before = committed<Record<string, Versions>>(PATH, () => ({}))
      write(PATH, { ...before, [type]: { ...before[type], [String(version)]: current } })
      return
    }
    expect(current, lesson(type, version)).toEqual(written)
  })

  it.each(DURABLE_TYPES)('of %s has a step from each of its older versions', (type) => {
    const { version, upcasters } = EVENTS[type]
    expect(upcasters).toHaveLength(version - 1)
    const versions = Array.from({ length: version }, (_, index) => String(index + 1))
    expect(Object.keys(known[type] ?? { [String(version)]: {} })).toEqual(versions)
  })

  it('forgets no event that a log may hold', () => {
    expect(Object.keys(known).filter((type) => !Object.hasOwn(EVENTS, type))).toEqual([])
  })

  it('names events by what they are about, then what happened', () => {
    for (const type of DURABLE_TYPES) {
      expect(type).toMatch(/^[a-z]+(-[a-z]+)*([.][a-z]+(-[a-z]+)*)?$/)
      expect(EVENTS[type].type).toBe(type)
    }
  })
})
