/**
 * What is published of the events: that run-time schemas, interfaces and JSON Schemas say the same, that real events keep them,
 * and that nobody coming from Baileys looks for an event in vain.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DurableEvent } from 'waton'
import * as z from 'zod'
import { DURABLE_TYPES, EVENTS } from '../../src/client/events/registry.ts'
import { ROOT, textOf } from '../architecture/sources.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'
import { EXAMPLES } from './examples.ts'
import { problemsOf } from './json-schema.ts'
import type { JsonSchema } from './json-schema.ts'

interface Described {
  readonly doc: string
  readonly fields: readonly { readonly name: string; readonly doc: string }[]
  readonly schema: JsonSchema
}

type DescribedByName = Readonly<Record<string, Described>>

const types = JSON.parse(
  execFileSync(process.execPath, [join(ROOT, 'tools/event-types.mjs')], { encoding: 'utf8' }),
) as {
  readonly durable: DescribedByName
  readonly ephemeral: DescribedByName
  readonly shared: DescribedByName
}

const published = JSON.parse(textOf('docs/reference/events.schema.json')) as JsonSchema

/** What both zod and the compiler can say of a type: shapes, not ranges or sentences; references are replaced. */
function shapeOf(schema: JsonSchema): unknown {
  const { $ref, type, properties, required, items, anyOf, oneOf, additionalProperties } = schema
  if (typeof $ref === 'string') return shapeOf(types.shared[$ref.split('/').at(-1) ?? '']?.schema ?? {})
  const branches = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined
  if (branches !== undefined) return { branches: branches.map((one) => JSON.stringify(shapeOf(one))).sort() }
  const members = Object.entries((properties ?? {}) as Readonly<Record<string, JsonSchema>>)
  return {
    type: type === 'integer' ? 'number' : (type ?? typeof schema.const),
    ...(schema.const === undefined ? {} : { values: [schema.const] }),
    ...(Array.isArray(schema.enum) ? { values: [...(schema.enum as readonly string[])].sort() } : {}),
    ...(properties === undefined
      ? {}
      : {
          members: Object.fromEntries(
            members
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([name, inner]) => [name, name === 'content' ? '(content)' : shapeOf(inner)]),
          ),
          required: [...((required ?? []) as readonly string[])].sort(),
        }),
    ...(items === undefined ? {} : { items: shapeOf(items as JsonSchema) }),
    ...(typeof additionalProperties === 'object'
      ? { others: shapeOf(additionalProperties as JsonSchema) }
      : {}),
  }
}

function eventOf(type: keyof typeof EXAMPLES): unknown {
  return { seq: 1, type, version: EVENTS[type].version, at: 5, payload: EXAMPLES[type] }
}

describe('the interface of', () => {
  it.each(DURABLE_TYPES)('%s says what its schema says', (type) => {
    const schema = JSON.parse(
      JSON.stringify(z.toJSONSchema(EVENTS[type].schema(z), { unrepresentable: 'any' })),
    ) as JsonSchema
    expect(shapeOf(schema)).toEqual(shapeOf(types.durable[type]?.schema ?? {}))
  })

  it.each(Object.entries({ ...types.durable, ...types.ephemeral, ...types.shared }))(
    '%s explains each of its members',
    (_name, { doc, fields }) => {
      expect(doc).not.toBe('')
      expect(fields.filter((field) => field.doc === '').map(({ name }) => name)).toEqual([])
    },
  )
})

describe('the published schema', () => {
  it.each(DURABLE_TYPES)('of %s refuses one without what it has to have', (type) => {
    expect(problemsOf(published, { ...(eventOf(type) as object), payload: {} })).not.toEqual([])
  })

  it('refuses an event with a name that does not exist', () => {
    expect(problemsOf(published, { ...(eventOf('message') as object), type: 'mesage' })).not.toEqual([])
  })

  it.each(DURABLE_TYPES)('of %s takes its example', (type) => {
    expect(problemsOf(published, eventOf(type))).toEqual([])
    expect(problemsOf(published, { ...(eventOf(type) as object), isNewer: true })).toEqual([])
  })

  it('takes the events of a conversation', async () => {
    const simulator = await startWorld(41)
    const { alice, bob } = await addPair(simulator)
    const client = await linkedClient(simulator, alice, { endpoint: simulator.endpoint })
    const sent = await client.send('15550000002@s.whatsapp.net', { text: 'hello Bob' })
    await sent.delivered
    const reply = await bob.send('15550000001@s.whatsapp.net', { text: 'hello Alice' })
    const seen: DurableEvent[] = []
    await until('the reply', async () => {
      seen.length = 0
      for await (const event of client.events.read()) seen.push(event)
      return seen.some(({ payload }) => 'id' in payload && payload.id === reply.id)
    })
    expect(seen.map(({ type }) => type)).toEqual(expect.arrayContaining(['message', 'message.receipt']))
    for (const event of seen) expect(problemsOf(published, JSON.parse(JSON.stringify(event)))).toEqual([])
  })
})

describe('the reference', () => {
  const page = textOf('docs/reference/events.md')

  it('has a section for every event', () => {
    for (const name of [...DURABLE_TYPES, ...Object.keys(types.ephemeral)])
      expect(page).toContain(`### ${name}\n`)
  })

  it('names what takes the place of every event of Baileys', () => {
    const declared = textOf('node_modules/@whiskeysockets/baileys/lib/Types/Events.d.ts')
    const map = declared.slice(declared.indexOf('export type BaileysEventMap'), declared.indexOf('\n};'))
    const names = [...map.matchAll(/^ {4}'?([a-z.-]+)'?: /gm)].map(([, name]) => name ?? '')
    expect(names.length).toBeGreaterThan(30)
    for (const name of names) expect(page).toContain(`| \`${name}\` | `)
  })
})
