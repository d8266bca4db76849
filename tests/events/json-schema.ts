/**
 * A small validator of JSON Schema, written from its specification and knowing nothing of zod: what waton publishes is checked
 * by somebody else. It refuses a schema with a keyword that it does not know.
 *
 * @source https://json-schema.org/draft/2020-12/json-schema-validation
 */

/** A schema as JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>

type Check = (rule: never, value: unknown, root: JsonSchema) => readonly string[]

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
}

const unless = (isRight: boolean, problem: string): readonly string[] => (isRight ? [] : [problem])

function within(name: string, problems: readonly string[]): readonly string[] {
  return problems.map((problem) => `${name}.${problem}`)
}

function oneOf(rules: readonly JsonSchema[], value: unknown, root: JsonSchema): readonly string[] {
  const fits = rules.filter((rule) => problemsOf(rule, value, root).length === 0)
  return unless(fits.length === 1, `fits ${String(fits.length)} of the branches, not one`)
}

const CHECKS: Readonly<Record<string, Check>> = {
  $ref: (path: string, value, root) => problemsOf(resolve(path, root), value, root),
  type: (type: string, value) => unless(TYPES[type]?.(value) ?? false, `is no ${type}`),
  const: (constant: unknown, value) => unless(value === constant, `is not ${String(constant)}`),
  enum: (values: readonly unknown[], value) => unless(values.includes(value), `is none of ${values.join()}`),
  minimum: (least: number, value) => unless(typeof value !== 'number' || value >= least, 'is too small'),
  maximum: (most: number, value) => unless(typeof value !== 'number' || value <= most, 'is too large'),
  required: (names: readonly string[], value) =>
    isObject(value)
      ? names.filter((name) => !Object.hasOwn(value, name)).map((name) => `${name} is missing`)
      : [],
  properties: (rules: Readonly<Record<string, JsonSchema>>, value, root) =>
    isObject(value)
      ? Object.entries(rules).flatMap(([name, rule]) =>
          Object.hasOwn(value, name) ? within(name, problemsOf(rule, value[name], root)) : [],
        )
      : [],
  additionalProperties: (rule: JsonSchema, value, root) =>
    isObject(value)
      ? Object.entries(value).flatMap(([name, inner]) => within(name, problemsOf(rule, inner, root)))
      : [],
  items: (rule: JsonSchema, value, root) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => within(String(index), problemsOf(rule, item, root)))
      : [],
  anyOf: (rules: readonly JsonSchema[], value, root) =>
    unless(
      rules.some((rule) => problemsOf(rule, value, root).length === 0),
      'fits no branch',
    ),
  oneOf,
}

/** Keywords that say nothing about values. */
const NOTES = new Set(['$schema', '$defs', 'title', 'description'])

function resolve(path: string, root: JsonSchema): JsonSchema {
  const name = path.replace('#/$defs/', '')
  const found = (root.$defs as Readonly<Record<string, JsonSchema>>)[name]
  if (found === undefined) throw new Error(`${path} leads nowhere`)
  return found
}

/** What is wrong with a value, as paths and sentences; nothing for a valid one. */
export function problemsOf(schema: JsonSchema, value: unknown, root: JsonSchema = schema): readonly string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (NOTES.has(keyword)) return []
    const check = CHECKS[keyword]
    if (check === undefined) throw new Error(`the keyword ${keyword} is not known here`)
    return check(rule as never, value, root)
  })
}
