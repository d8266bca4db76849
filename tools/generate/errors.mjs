// Writes docs/reference/errors.md (every error code of the sources: class, action, what it says, where it is thrown) and
// src/base/generated/error-codes.ts (the same codes as a type). It reads syntax only, so it needs no build; what a class
// asks for by default is taken from src/base/errors.ts itself.
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = join(ROOT, 'docs', 'reference', 'errors.md')
const TYPE = join(ROOT, 'src', 'base', 'generated', 'error-codes.ts')
const CODE = /^WATON_[A-Z0-9]+(_[A-Z0-9]+)*$/

/** What codes mean that no message tells: they are told in events only, or their message is not fixed. */
const TOLD = {
  WATON_DECRYPT_FAILED: 'a message could not be decrypted, for a reason that has no code of its own',
  WATON_MESSAGE_UNAVAILABLE:
    'the server delivered a message without its content, which only the phone has: look at the phone',
  WATON_PHONE_NO_CONTENT: 'the simulated phone got a message without content',
  WATON_SEND_ADDRESSING:
    'the server did not take the devices or the addressing of the message, also after they were fetched again',
  WATON_SEND_CAPPED:
    'the account has begun as many new chats as it may: write to nobody new for a day; chats that exist go on',
  WATON_SEND_GIVEN_UP:
    'devices or keys of the other side could not be had for longer than `timing.sendTimeoutMs`: send it again when they were online',
  WATON_SEND_RATE_LIMITED:
    'too much was sent, and repeating it for a while did not help: send less, and slower',
  WATON_SEND_REFUSED: 'the server refused the message for good: `details.serverCode` says why',
  WATON_SEND_RESTRICTED:
    'the account may write to nobody new for now: chats that exist go on; look at the account on the phone',
  WATON_SEND_TOKEN_MISSING:
    'the other side has handed this account no privacy token: it can be written to when it has written first',
  WATON_SEND_TOO_LARGE:
    'with a copy for each device the message is larger than a connection can carry: send less at a time',
  WATON_SEND_UNLINKED:
    'the device was unlinked before the message could be sent: link again and send it again',
  WATON_SIMULATOR_LINK_CODE: 'a companion broke the rules of linking by code: the message says which',
  WATON_UNKNOWN: 'something that is no error was thrown underneath: its text is the message',
  WATON_PHONE_BUG: 'the simulated phone failed in a way that it should not: please report this',
}

const CLASSES = {
  UsageError: 'the call cannot work like this; the message says what to do instead',
  ProtocolError: 'the other side sent something that the protocol does not allow',
  CryptoError: 'an authentication check failed',
  QueryError: 'the server refused a query',
  TimeoutError: 'a deadline passed',
  ClosedError: 'the object was closed, or the connection went away, before the work was done',
  TransportError: 'the network failed below the protocol',
  StorageError: 'the store failed or refused: nothing of the commit was written',
}

/** `src/base/errors.ts` as a module: it imports nothing at run time. */
async function loadErrors() {
  const source = readFileSync(join(ROOT, 'src', 'base', 'errors.ts'), 'utf8')
  const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(source, { compilerOptions: options })
  return import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`)
}

/** Source files in a stable order, without tests and generated code. */
function sources() {
  return readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(ROOT, path).split(/[\\/]/).includes('generated'))
    .sort()
}

/** The text of a message expression; what varies becomes an ellipsis. */
function messageText(node) {
  if (node === undefined) return ''
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('')
  }
  if (ts.isIdentifier(node)) return messageText(declaredAs(node))
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return messageText(node.left) + messageText(node.right)
  }
  return ''
}

/** The first `new XError(code, ...)` of a file whose code is a parameter: the helper that a code is handed to. */
function helperClass(file) {
  let found
  const visit = (node) => {
    if (ts.isNewExpression(node) && /Error$/.test(node.expression.getText())) {
      const [first] = node.arguments ?? []
      if (first !== undefined && ts.isIdentifier(first)) found ??= node.expression.getText()
    }
    node.forEachChild(visit)
  }
  visit(file)
  return found
}

function optionsOf(node) {
  const options = node !== undefined && ts.isObjectLiteralExpression(node) ? node.properties : []
  const value = (name) => options.find((one) => one.name?.getText() === name)?.initializer
  const action = value('action')
  const retryable = value('retryable')
  return {
    action: action !== undefined && ts.isStringLiteral(action) ? action.text : undefined,
    retryable: retryable?.kind === ts.SyntaxKind.TrueKeyword,
    varies:
      (action !== undefined && !ts.isStringLiteral(action)) ||
      (retryable !== undefined &&
        retryable.kind !== ts.SyntaxKind.TrueKeyword &&
        retryable.kind !== ts.SyntaxKind.FalseKeyword),
  }
}

/** What a name that is used at `node` was declared with in the functions around it. */
function declaredAs(node) {
  for (let scope = node.parent; scope !== undefined; scope = scope.parent) {
    if (!ts.isBlock(scope)) continue
    for (const statement of scope.statements) {
      if (!ts.isVariableStatement(statement)) continue
      const found = statement.declarationList.declarations.find((one) => one.name.getText() === node.text)
      if (found !== undefined) return found.initializer
    }
  }
  return undefined
}

/** The construction of an error with this code: around it, or where the constant goes that holds it. */
function constructionOf(literal) {
  let code = literal
  while (ts.isBinaryExpression(code.parent) || ts.isConditionalExpression(code.parent)) code = code.parent
  const { parent } = code
  if ((ts.isNewExpression(parent) && isErrorClass(parent)) || ts.isCallExpression(parent))
    return [parent, code]
  if (!ts.isVariableDeclaration(parent)) return undefined
  let found
  const visit = (node) => {
    const [first] = ts.isNewExpression(node) && isErrorClass(node) ? (node.arguments ?? []) : []
    if (first !== undefined && ts.isIdentifier(first) && declaredAs(first) === literal)
      found ??= [node, first]
    node.forEachChild(visit)
  }
  visit(parent.parent.parent.parent)
  return found
}

const isErrorClass = (construction) => /Error$/.test(construction.expression.getText())

/** What stands around a code: `new XError(code, message, options)`, a helper call `fail(code, message)`, or neither. */
function usageOf(literal, file) {
  const [call, code] = constructionOf(literal) ?? []
  if (call === undefined) return undefined
  const position = call.arguments?.indexOf(code) ?? -1
  if (position === -1) return undefined
  const message = messageText(call.arguments[position + 1])
  if (ts.isNewExpression(call))
    return { className: call.expression.getText(), message, ...optionsOf(call.arguments[position + 2]) }
  return message === '' ? undefined : { className: helperClass(file), message, ...optionsOf(undefined) }
}

/** Whether a literal is only what codes begin with. */
function isPrefix({ parent }) {
  return ts.isCallExpression(parent) && /\.startsWith$/.test(parent.expression.getText())
}

/** Every code with the places that throw it. */
function collect() {
  const entries = new Map()
  for (const path of sources()) {
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true)
    const visit = (node) => {
      if (ts.isStringLiteralLike(node) && CODE.test(node.text) && !isPrefix(node)) {
        const usages = entries.get(node.text) ?? []
        const usage = usageOf(node, file)
        if (usage !== undefined) usages.push({ ...usage, place: relative(ROOT, path).replaceAll('\\', '/') })
        entries.set(node.text, usages)
      }
      node.forEachChild(visit)
    }
    visit(file)
  }
  return entries
}

const escape = (text) =>
  text
    .replaceAll('|', '\\|')
    .replace(/\s+/g, ' ')
    .replace(/[<>*_]/g, '\\$&')
    .trim()

const unique = (values) => [...new Set(values)]
const quoted = (values) => unique(values).map((value) => `\`${value}\``)

/** The actions of one throw. Where the code decides at run time, both defaults of the class are possible. */
function actionsOf(usage, { [usage.className]: constructor }) {
  const { final, retryable } = constructor.actions
  if (usage.action !== undefined) return [usage.action]
  if (usage.varies) return [retryable, final]
  return [usage.retryable ? retryable : final]
}

function row(code, usages, errors) {
  const thrown = usages.filter(({ className }) => className !== undefined && className !== '')
  if (thrown.length === 0) {
    return `| \`${code}\` | | | ${escape(TOLD[code] ?? '')} | told in events |\n`
  }
  const classes = quoted(thrown.map(({ className }) => className)).join(', ')
  const actions = quoted(thrown.flatMap((usage) => actionsOf(usage, errors))).join(', ')
  const texts = thrown.map(({ message }) => message).filter((message) => message !== '')
  const messages = unique(texts.length === 0 ? [TOLD[code] ?? ''] : texts).map(escape)
  const places = unique(thrown.map(({ place }) => place)).map(
    (place) => `[${place.replace(/^src\//, '').replace(/\.ts$/, '')}](../../${place})`,
  )
  return `| \`${code}\` | ${classes} | ${actions} | ${messages.join('<br>')} | ${places.join('<br>')} |\n`
}

function page(codes, errors) {
  const classRows = Object.entries(CLASSES).map(([name, meaning]) => {
    const { final, retryable } = errors[name].actions
    return `| \`${name}\` | ${meaning} | \`${final}\` | \`${retryable}\` |\n`
  })
  const actionRows = Object.entries(errors.ERROR_ACTIONS).map(
    ([name, meaning]) =>
      `| \`${name}\` | ${name === 'retry' || name === 'wait' ? 'yes' : 'no'} | ${meaning} |\n`,
  )
  const rows = codes.map(([code, usages]) => row(code, usages, errors))
  return `# Error codes

Everything that waton throws is a \`WatonError\` with a stable \`code\`. Branch on the code, or on \`action\`; never on the message. \`details\` hold ids, lengths and
offsets, never keys or text; \`retryable\` says whether the same call may succeed later; \`toJSON()\` gives what may be written to a log.

\`isWatonError(error)\` also knows the errors of another copy of the package; \`hasCode(error, 'WATON_…')\` narrows to one code.

| Class | Meaning | Action when final | when retryable |
| --- | --- | --- | --- |
${classRows.join('')}
## Actions

| Action | \`retryable\` | What to do |
| --- | --- | --- |
${actionRows.join('')}
## Codes

This table is made from the sources by \`npm run generate\`; an ellipsis stands for what varies. Where a code has two actions, the error itself says which.

| Code | Class | Action | What happened, why, and what to do | Thrown in |
| --- | --- | --- | --- | --- |
${rows.join('')}`
}

function typeModule(codes) {
  return `/**
 * Every error code of the sources, for the compiler: a comparison with a code that does not exist is a mistake it can see.
 * Made by \`npm run generate\`; do not edit.
 */

/** A stable code of an error that waton throws or tells; \`docs/reference/errors.md\` explains each. */
export type ErrorCode =
${codes.map(([code]) => `  | '${code}'\n`).join('')}`
}

const codes = [...collect()].sort(([a], [b]) => (a < b ? -1 : 1))
for (const target of [PAGE, TYPE]) mkdirSync(dirname(target), { recursive: true })
writeFileSync(TYPE, typeModule(codes))
writeFileSync(PAGE, page(codes, await loadErrors()))
