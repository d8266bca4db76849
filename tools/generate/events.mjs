// Writes docs/reference/events.md (every event: when, members, example, and what it replaces in Baileys) and
// docs/reference/events.schema.json (JSON Schemas of the durable ones). Names, types and sentences come from
// src/client/events, the schemas from zod, the examples from tests/events/fixtures.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as z from 'zod'
import { readEventTypes } from '../event-types.mjs'
import { BAILEYS_EVENTS } from '../baileys-events.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = join(ROOT, 'docs', 'reference', 'events.md')
const SCHEMA = join(ROOT, 'docs', 'reference', 'events.schema.json')
const MILLISECONDS = { type: 'integer', minimum: 0, description: 'Milliseconds since the epoch.' }

async function definitions() {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'tools', 'build.mjs')], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed; see above')
  const { EVENTS } = await import(pathToFileURL(join(ROOT, 'dist/client/events/registry.js')).href)
  return EVENTS
}

/** The schema that zod makes, with the sentences of the interface; what zod leaves open is as the interface has it. */
function described(schema, documented, shared) {
  const { description, $ref, ...inline } = documented
  const about = description === undefined ? {} : { description }
  if (Object.keys(schema).length === 0) return documented
  const target = $ref === undefined ? inline : shared[$ref.split('/').at(-1)].schema
  const result = { ...about, ...schema }
  if (schema.properties !== undefined && target.properties !== undefined)
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, inner]) => [
        name,
        described(inner, target.properties[name] ?? {}, shared),
      ]),
    )
  if (schema.items !== undefined && target.items !== undefined)
    result.items = described(schema.items, target.items, shared)
  // what a newer version adds is allowed: a reader passes over it
  delete result.additionalProperties
  return result
}

function payloadSchema(definition, documented, shared) {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(definition.schema(z), { unrepresentable: 'any' })
  return described(schema, documented, shared)
}

function eventSchema(type, definition, event, shared) {
  return {
    title: type,
    description: event.doc,
    type: 'object',
    properties: {
      seq: { type: 'integer', minimum: 1, description: "Position in the account's log, from 1." },
      type: { const: type },
      version: { const: definition.version },
      at: { ...MILLISECONDS, description: 'When it was recorded, in milliseconds since the epoch.' },
      payload: payloadSchema(definition, event.schema, shared),
    },
    required: ['seq', 'type', 'version', 'at', 'payload'],
  }
}

/** Names that a schema refers to, also through others. */
function referenced(schema, shared, found = new Set()) {
  for (const [, name] of JSON.stringify(schema).matchAll(/"#\/\$defs\/([^"]+)"/g)) {
    if (found.has(name) || shared[name] === undefined) continue
    found.add(name)
    referenced(shared[name].schema, shared, found)
  }
  return found
}

function schemaFile(events, { durable, shared }) {
  const payloads = Object.fromEntries(
    Object.entries(durable).map(([type, event]) => [type, eventSchema(type, events[type], event, shared)]),
  )
  const names = [...referenced(payloads, shared)].sort()
  const types = names.map((name) => {
    const { doc, schema } = shared[name]
    return [name, { ...(doc === '' ? {} : { description: doc }), ...schema }]
  })
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Durable events of waton',
    description: 'One entry of the event log, as client.events.read gives it. Made by npm run generate.',
    oneOf: Object.keys(payloads).map((type) => ({ $ref: `#/$defs/${type}` })),
    $defs: { ...payloads, ...Object.fromEntries(types) },
  }
}

const escape = (text) => text.replaceAll('|', '\\|').replace(/[<>]/g, '\\$&')
const anchor = (title) =>
  title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')

/** A type as text, with the names in it that this page describes as links. */
function typeText(text, shared) {
  const plain = text.replace(/\breadonly /g, '').replace(/;(?= \})/g, '')
  const parts = plain.split(/\b([A-Z]\w+)\b/)
  return parts
    .map((part, index) => {
      if (index % 2 === 1 && shared[part] !== undefined) return `[\`${part}\`](#${anchor(part)})`
      return part === '' ? '' : `\`${part.replaceAll('|', '\\|')}\``
    })
    .join('')
}

function fieldTable(fields, shared) {
  if (fields.length === 0) return ''
  const rows = fields.map(({ name, isOptional, type, doc }) => {
    return `| \`${name}\`${isOptional ? ' (optional)' : ''} | ${typeText(type, shared)} | ${escape(doc)} |\n`
  })
  return `\n| Member | Type | |\n| --- | --- | --- |\n${rows.join('')}`
}

function exampleOf(type, version) {
  const path = join(ROOT, 'tests/events/fixtures', `${type}@${version}.json`)
  if (!existsSync(path)) return ''
  const { event, payload } = JSON.parse(readFileSync(path, 'utf8'))
  const shown = { seq: event.seq, type, version, at: event.at, payload }
  return `\n\`\`\`json\n${JSON.stringify(shown, undefined, 2)}\n\`\`\`\n`
}

function replaces(type) {
  const names = Object.entries(BAILEYS_EVENTS).filter(([, { events }]) => events.includes(type))
  return names.length === 0 ? '' : `\nIn Baileys: ${names.map(([name]) => `\`${name}\``).join(', ')}.\n`
}

function durableSection(type, event, { definition, shared }) {
  return `
### ${type}

${escape(event.about ?? event.doc)} Version ${definition.version}.
${replaces(type)}${fieldTable(event.fields, shared)}${exampleOf(type, definition.version)}`
}

function ephemeralSection(type, event, shared) {
  return `\n### ${type}\n\n${escape(event.doc)}\n${replaces(type)}${fieldTable(event.fields, shared)}`
}

function sharedSection(name, { doc, fields, text }, shared) {
  const values = text === undefined ? '' : `\n${typeText(text, shared)}\n`
  return `\n### ${name}\n\n${escape(doc)}\n${values}${fieldTable(fields, shared)}`
}

function baileysRow([name, { events, note }], { durable, ephemeral }) {
  const isThere = (type) => durable[type] !== undefined || ephemeral[type] !== undefined
  const there = events.filter(isThere).map((type) => `[\`${type}\`](#${anchor(type)})`)
  const missing = events.filter((type) => !isThere(type)).map((type) => `\`${type}\` (not there yet)`)
  const all = [...there, ...missing]
  return `| \`${name}\` | ${all.length === 0 ? 'not there yet' : all.join('<br>')} | ${escape(note ?? '')} |\n`
}

function page(events, contract) {
  const { durable, ephemeral, shared } = contract
  const durableSections = Object.entries(durable).map(([type, event]) =>
    durableSection(type, event, { definition: events[type], shared }),
  )
  const momentary = Object.entries(ephemeral).map(([type, event]) => ephemeralSection(type, event, shared))
  const types = Object.entries(shared).map(([name, one]) => sharedSection(name, one, shared))
  const rows = Object.entries(BAILEYS_EVENTS).map((entry) => baileysRow(entry, contract))
  return `# Events

This page is made from the sources by \`npm run generate\`.

An event is **durable** or **of the moment**. A durable one is an entry of the account's log, \`{ seq, type, version, at, payload }\`: it is written before anybody is told, comes to
\`client.on(type, listener)\`, to every \`client.consume(name, handler)\` and to \`bot.on(type, handler)\`, and can be read again with \`client.events.read()\`. One of the moment comes to
\`client.on\` only, as the bare payload, and whoever listens later has missed it.

- \`seq\` counts from 1 in each account. Events of one chat come in order.
- \`version\` is that of the payload's shape. What an older waton has written is brought to the newest version when it is read. An event that a newer waton has written is not read: it is
  reported by \`store.quarantined\` with \`WATON_STORE_RECORD_NEWER\`, and stays in the log for when that version is back.
- Bytes are base64 strings. Times end in \`AtMs\` and are milliseconds since the epoch.
- The JSON Schemas of the durable events are in [events.schema.json](events.schema.json). Members that you do not know may come with a newer version: pass over them.

## Durable events
${durableSections.join('')}
## Events of the moment
${momentary.join('')}
## Types
${types.join('')}
## Coming from Baileys

Every event of Baileys 7.0.0-rc14, and what takes its place. What is not there yet is named as such.

| Baileys | waton | |
| --- | --- | --- |
${rows.join('')}`
}

const events = await definitions()
const contract = readEventTypes()
writeFileSync(SCHEMA, `${JSON.stringify(schemaFile(events, contract), undefined, 2)}\n`)
writeFileSync(PAGE, page(events, contract))
