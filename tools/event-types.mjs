// What the compiler knows of the event contract: every event with its payload, each member with its type, its sentence of
// documentation and its JSON Schema. Run it to see that as JSON. `tools/generate/events.mjs` makes the reference from it, and tests/events compares it with
// the schemas that check events at run time.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const CONTRACT = join(ROOT, 'src', 'client', 'events', 'index.ts')

/** Reads the contract: `{ durable, ephemeral, shared }`, each by name, in the order of the source. */
export function readEventTypes() {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
  const program = ts.createProgram([CONTRACT], options)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(CONTRACT)
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source))
  const reader = new TypeReader(checker)
  const listOf = (name) => {
    const symbol = exported.find((one) => one.name === name)
    return membersOf(checker, checker.getDeclaredTypeOfSymbol(resolved(checker, symbol))).map((member) => [
      member.name,
      reader.event(member),
    ])
  }
  const durable = Object.fromEntries(listOf('DurablePayloads'))
  const ephemeral = Object.fromEntries(listOf('EphemeralEvents'))
  return { durable, ephemeral, shared: reader.shared() }
}

const resolved = (checker, symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

const membersOf = (checker, type) => checker.getPropertiesOfType(type)

/** Whether a type is one of ours with a name: it is described once, under that name. */
function namedInterface(type) {
  const symbol = type.aliasSymbol ?? type.symbol
  const declaration = symbol?.declarations?.[0]
  if (declaration === undefined || !(ts.isInterfaceDeclaration(declaration) || type.aliasSymbol))
    return undefined
  const path = relative(ROOT, declaration.getSourceFile().fileName).replaceAll('\\', '/')
  return path.startsWith('src/') && !path.includes('..') ? { name: symbol.name, symbol } : undefined
}

class TypeReader {
  #checker
  #named = new Map()

  constructor(checker) {
    this.#checker = checker
  }

  shared() {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** One member of a list of events: its name, its sentence, and its payload. */
  event(symbol) {
    const type = this.#typeOf(symbol)
    const named = namedInterface(type)
    return {
      doc: docOf(this.#checker, symbol),
      ...(named === undefined ? {} : { name: named.name, about: docOf(this.#checker, named.symbol) }),
      fields: this.#fields(type),
      schema: this.#object(type),
    }
  }

  #typeOf(symbol) {
    const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0]
    return this.#checker.getTypeOfSymbolAtLocation(symbol, declaration)
  }

  #fields(type) {
    return membersOf(this.#checker, type).map((symbol) => {
      const isOptional = (symbol.flags & ts.SymbolFlags.Optional) !== 0
      const inner = this.#withoutUndefined(this.#typeOf(symbol), isOptional)
      return { name: symbol.name, isOptional, type: this.#text(inner), doc: docOf(this.#checker, symbol) }
    })
  }

  #text(type) {
    const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType
    return this.#checker.typeToString(type, undefined, flags)
  }

  #withoutUndefined(type, isOptional) {
    return isOptional ? this.#checker.getNonNullableType(type) : type
  }

  /** The JSON Schema of a type; types with a name become references into `shared`. */
  schema(type) {
    const named = namedInterface(type)
    if (named === undefined) return this.#inline(type)
    if (!this.#named.has(named.name)) {
      // noted before it is described, because it may contain itself
      const entry = { doc: docOf(this.#checker, named.symbol), fields: [], schema: {} }
      this.#named.set(named.name, entry)
      entry.schema = this.#inline(type)
      if (entry.schema.properties !== undefined) entry.fields = this.#fields(type)
      else entry.text = this.#expanded(type)
    }
    return { $ref: `#/$defs/${named.name}` }
  }

  #expanded(type) {
    if (!type.isUnion()) return this.#text(type)
    return type.types.map((one) => this.#text(one)).join(' | ')
  }

  #inline(type) {
    const { flags } = type
    if (flags & ts.TypeFlags.StringLiteral) return { const: type.value }
    if (flags & ts.TypeFlags.NumberLiteral) return { const: type.value }
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: this.#text(type) === 'true' }
    if (flags & ts.TypeFlags.String || flags & ts.TypeFlags.TemplateLiteral) return { type: 'string' }
    if (flags & ts.TypeFlags.Number) return { type: 'number' }
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' }
    if (flags & ts.TypeFlags.Unknown) return {}
    if (flags & ts.TypeFlags.Null) return { type: 'null' }
    if (type.isUnion()) return this.#union(type)
    if (this.#checker.isArrayType(type)) {
      const [item] = this.#checker.getTypeArguments(type)
      return { type: 'array', items: this.schema(item) }
    }
    return this.#object(type)
  }

  #union(type) {
    const branches = type.types.filter((one) => !(one.flags & ts.TypeFlags.Undefined))
    if (branches.every((one) => one.flags & ts.TypeFlags.BooleanLike)) return { type: 'boolean' }
    if (branches.every((one) => one.isStringLiteral()))
      return { type: 'string', enum: branches.map((one) => one.value) }
    const schemas = branches.map((one) => this.schema(one))
    return schemas.length === 1 ? schemas[0] : { anyOf: schemas }
  }

  #object(type) {
    const index = this.#checker.getIndexTypeOfType(type, ts.IndexKind.String)
    if (index !== undefined) return { type: 'object', additionalProperties: this.schema(index) }
    const members = membersOf(this.#checker, type)
    const isOptional = (symbol) => (symbol.flags & ts.SymbolFlags.Optional) !== 0
    const entries = members
      .map((symbol) => [symbol, this.#withoutUndefined(this.#typeOf(symbol), isOptional(symbol))])
      // `key?: never` says that it must not be there
      .filter(([, inner]) => !(inner.flags & ts.TypeFlags.Never))
      .map(([symbol, inner]) => {
        const description = docOf(this.#checker, symbol)
        return [symbol.name, { ...this.schema(inner), ...(description === '' ? {} : { description }) }]
      })
    const required = members.filter((symbol) => !isOptional(symbol)).map(({ name }) => name)
    return { type: 'object', properties: Object.fromEntries(entries), required }
  }
}

/** The documentation of a symbol as one paragraph, with links as plain code. */
function docOf(checker, symbol) {
  const flat = (parts) => ts.displayPartsToString(parts).replace(/\{@link ([^}]+)\}/g, '`$1`')
  const text = flat(symbol.getDocumentationComment(checker))
  const fallback = symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === 'default')
    .map(({ text: parts }) => `Default: ${flat(parts)}.`)
  return [text, ...fallback].join(' ').replace(/\s+/g, ' ').trim()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(readEventTypes()))
