// Writes docs/reference/errors.md: every error code of the sources with its class and the message at its first use. It
// reads syntax only, so it needs no build.
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TARGET = join(ROOT, 'docs', 'reference', 'errors.md')
const CODE = /^WATON_[A-Z0-9]+(_[A-Z0-9]+)*$/

const HEADER = `# Error codes

Everything that waton throws is a \`WatonError\` with a stable \`code\`. Branch on the code, never on the message. \`details\` hold ids, lengths and
offsets, never keys or text; \`retryable\` says whether the same call may succeed later.

| Class | Meaning |
| --- | --- |
| \`UsageError\` | the call cannot work like this; the message says what to do instead |
| \`ProtocolError\` | the other side sent something that the protocol does not allow |
| \`CryptoError\` | an authentication check failed |
| \`QueryError\` | the server refused a query |
| \`TimeoutError\` | a deadline passed |
| \`ClosedError\` | the object was closed, or the connection went away, before the work was done |
| \`TransportError\` | the network failed below the protocol |
| \`StorageError\` | the store failed or refused: nothing of the commit was written |

This table is made from the sources by \`npm run generate\`; an ellipsis stands for what varies.

| Code | Class | What it says |
| --- | --- | --- |
`

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
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return messageText(node.left) + messageText(node.right)
  }
  return ''
}

/** What stands around a code: `new XError(code, message)`, a helper call `fail(code, message)`, or nothing of the kind. */
function usageOf(literal) {
  const { parent } = literal
  if (!ts.isNewExpression(parent) && !ts.isCallExpression(parent)) return { className: '', message: '' }
  const position = parent.arguments?.indexOf(literal) ?? -1
  const name = parent.expression.getText()
  const message = position === -1 ? '' : messageText(parent.arguments[position + 1])
  return { className: ts.isNewExpression(parent) && /Error$/.test(name) ? name : '', message }
}

/** Whether a literal is only what codes begin with. */
function isPrefix({ parent }) {
  return ts.isCallExpression(parent) && /\.startsWith$/.test(parent.expression.getText())
}

const entries = new Map()
for (const path of sources()) {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true)
  const visit = (node) => {
    if (ts.isStringLiteralLike(node) && CODE.test(node.text) && !isPrefix(node)) {
      const known = entries.get(node.text) ?? { className: '', message: '' }
      const usage = usageOf(node)
      entries.set(node.text, {
        className: known.className || usage.className,
        message: known.message || usage.message,
      })
    }
    node.forEachChild(visit)
  }
  visit(file)
}

const escape = (text) =>
  text
    .replaceAll('|', '\\|')
    .replace(/\s+/g, ' ')
    .replace(/[<>*_]/g, '\\$&')
    .trim()
const rows = [...entries]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(
    ([code, { className, message }]) =>
      `| \`${code}\` | ${className && `\`${className}\``} | ${escape(message)} |\n`,
  )
mkdirSync(dirname(TARGET), { recursive: true })
writeFileSync(TARGET, HEADER + rows.join(''))
