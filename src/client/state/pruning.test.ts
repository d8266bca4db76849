import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { RECORD_RULES, REDELIVERY_DAYS, TABLE_RULES, expiringKinds } from './pruning.ts'

const CLIENT = fileURLToPath(new URL('../', import.meta.url))

/** The names of all kinds of record that the sources of the client make, wherever they are. */
function kindsInSources(): { readonly kind: string; readonly file: string }[] {
  const files = readdirSync(CLIENT, { recursive: true, encoding: 'utf8' })
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return sources.flatMap((file) => {
    const text = readFileSync(`${CLIENT}/${file}`, 'utf8')
    const calls = text.matchAll(/(?:json|bytes|text)Record(?:<[^(]*>)?\(\s*'([a-z-]+)'/g)
    const literals = text.matchAll(/RecordKind<[^=]*> = \{\s*(?:\.\.\.[^,]*,\s*)?kind: '([a-z-]+)'/g)
    return [...calls, ...literals].map((match) => ({ kind: match[1] ?? '', file }))
  })
}

/** The body of an outbox row is encoded like a record, and is none. */
const NO_RECORDS = ['outbox']

describe('what grows', () => {
  test('has a rule by which it is forgotten, or a reason to be kept', () => {
    const found = kindsInSources().filter(({ kind }) => !NO_RECORDS.includes(kind))
    expect(found.length).toBeGreaterThan(20)
    expect(found.filter(({ kind }) => !RECORD_RULES.has(kind))).toEqual([])
    const kinds = found.map(({ kind }) => kind)
    expect([...RECORD_RULES.keys()].filter((kind) => !kinds.includes(kind))).toEqual([])
    for (const { because } of RECORD_RULES.values()) expect(because.length).toBeGreaterThan(5)
  })

  test('is named with whoever keeps it short, and that one exists', () => {
    for (const [kind, rule] of RECORD_RULES) {
      if (rule.keep !== 'bounded') continue
      expect(readFileSync(`${CLIENT}/../${rule.by}`, 'utf8'), kind).toMatch(/\bdelete\(/)
    }
  })

  test('is kept for as long as the server may deliver again, and tables have their rules, too', () => {
    for (const { kind, days } of expiringKinds()) expect(days, kind).toBeGreaterThanOrEqual(REDELIVERY_DAYS)
    expect(Object.keys(TABLE_RULES).sort()).toEqual(['events', 'messages', 'outbox', 'recognised'])
  })
})
