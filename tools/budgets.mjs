// The budgets of the sources, in one place: eslint.config.mjs and tests/architecture/budgets.test.ts read them from here.
// Run it to see the table: `node tools/budgets.mjs` (exit code 1 past a budget), or `--json` for programs. It reads syntax
// only; generated files are left out, and so are blank lines and comments.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** What no source file may exceed. */
export const BUDGETS = {
  fileLines: 400,
  functionLines: 60,
  /** 90 of 100 functions are no longer than this. */
  functionLinesP90: 30,
  parameters: 4,
  complexity: 12,
  /** The word `any` as a type. */
  anyTypes: 0,
  /** Lines of tests for each line of source, at least. */
  testLinesPerSourceLine: 0.5,
}

function typescriptFiles(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.d)\.ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => !path.includes('/generated/'))
    .sort()
}

function parse(path) {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
}

/** The lines on which code stands: those of a token, or inside a text that goes over several lines. */
function codeLines(file) {
  const lines = new Set()
  const visit = (node) => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    if (node.getChildCount(file) > 0) {
      for (const child of node.getChildren(file)) visit(child)
    } else if (node.getWidth(file) > 0 && node.kind !== ts.SyntaxKind.EndOfFileToken) {
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line
      const last = file.getLineAndCharacterOfPosition(node.end).line
      for (let line = first; line <= last; line += 1) lines.add(line)
    }
  }
  visit(file)
  return lines
}

const isFunction = (node) => ts.isFunctionLike(node) && node.body !== undefined

const DECISIONS = new Set([
  ts.SyntaxKind.IfStatement,
  ts.SyntaxKind.ConditionalExpression,
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForInStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.DoStatement,
  ts.SyntaxKind.CaseClause,
])
const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
])

/** Cyclomatic complexity as ESLint counts it, without that of the functions inside. */
function complexityOf(declaration) {
  let count = 1
  const visit = (node) => {
    if (isFunction(node)) return
    if (DECISIONS.has(node.kind)) count += 1
    else if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) count += 1
    else if (node.questionDotToken !== undefined) count += 1
    else if ((ts.isBindingElement(node) || ts.isParameter(node)) && node.initializer !== undefined) count += 1
    node.forEachChild(visit)
  }
  declaration.forEachChild(visit)
  return count
}

function functionsOf(file, lines) {
  const found = []
  const visit = (node) => {
    if (isFunction(node)) {
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line
      const last = file.getLineAndCharacterOfPosition(node.end).line
      let length = 0
      for (let line = first; line <= last; line += 1) if (lines.has(line)) length += 1
      const place = `${file.fileName}:${first + 1}`
      found.push({ place, lines: length, parameters: node.parameters.length, complexity: complexityOf(node) })
    }
    node.forEachChild(visit)
  }
  visit(file)
  return found
}

function anyTypesOf(file) {
  const found = []
  const visit = (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword)
      found.push(`${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`)
    node.forEachChild(visit)
  }
  visit(file)
  return found
}

/** Median, 90th percentile and maximum, with the place of the maximum. */
function spread(items, valueOf) {
  const sorted = [...items].sort((a, b) => valueOf(a) - valueOf(b))
  const at = (share) => valueOf(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))])
  return { median: at(0.5), p90: at(0.9), max: at(1), place: sorted.at(-1).place }
}

/** Measures the sources. */
export function measure() {
  const isTest = (path) => path.endsWith('.test.ts')
  const sources = typescriptFiles('src').filter((path) => !isTest(path))
  const tests = [...typescriptFiles('src').filter(isTest), ...typescriptFiles('tests')]
  const measured = sources.map((path) => {
    const file = parse(path)
    const lines = codeLines(file)
    return { place: path, lines: lines.size, functions: functionsOf(file, lines), any: anyTypesOf(file) }
  })
  const functions = measured.flatMap((one) => one.functions)
  const sourceLines = measured.reduce((sum, one) => sum + one.lines, 0)
  const testLines = tests.reduce((sum, path) => sum + codeLines(parse(path)).size, 0)
  return {
    files: measured.length,
    functions: functions.length,
    sourceLines,
    testLines,
    fileLines: spread(measured, ({ lines }) => lines),
    functionLines: spread(functions, ({ lines }) => lines),
    parameters: spread(functions, ({ parameters }) => parameters),
    complexity: spread(functions, ({ complexity }) => complexity),
    anyTypes: measured.flatMap(({ any }) => any),
    testLinesPerSourceLine: testLines / sourceLines,
  }
}

/** What is past its budget, as sentences. */
export function exceeded(measured) {
  const problems = []
  for (const name of ['fileLines', 'functionLines', 'parameters', 'complexity']) {
    const { max, place } = measured[name]
    if (max > BUDGETS[name]) problems.push(`${name}: ${max} of at most ${BUDGETS[name]} at ${place}`)
  }
  const { p90 } = measured.functionLines
  if (p90 > BUDGETS.functionLinesP90)
    problems.push(`functionLinesP90: ${p90} of at most ${BUDGETS.functionLinesP90}`)
  if (measured.anyTypes.length > BUDGETS.anyTypes) problems.push(`anyTypes: ${measured.anyTypes.join(', ')}`)
  const ratio = measured.testLinesPerSourceLine
  if (ratio < BUDGETS.testLinesPerSourceLine)
    problems.push(`testLinesPerSourceLine: ${ratio.toFixed(2)} of at least ${BUDGETS.testLinesPerSourceLine}`)
  return problems
}

function table(measured) {
  const spreadRow = (title, name, budget) => {
    const { median, p90, max, place } = measured[name]
    return [title, `${median} · ${p90} · ${max}`, budget, place]
  }
  const rows = [
    ['', 'median · p90 · max', 'budget', 'where the maximum is'],
    spreadRow('lines of a file', 'fileLines', `max ${BUDGETS.fileLines}`),
    spreadRow(
      'lines of a function',
      'functionLines',
      `p90 ${BUDGETS.functionLinesP90}, max ${BUDGETS.functionLines}`,
    ),
    spreadRow('parameters', 'parameters', `max ${BUDGETS.parameters}`),
    spreadRow('complexity', 'complexity', `max ${BUDGETS.complexity}`),
    ['`any` types', String(measured.anyTypes.length), String(BUDGETS.anyTypes), ''],
    [
      'test lines / source line',
      `${measured.testLinesPerSourceLine.toFixed(2)} (${measured.testLines} / ${measured.sourceLines})`,
      `min ${BUDGETS.testLinesPerSourceLine}`,
      '',
    ],
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return `${measured.files} files, ${measured.functions} functions\n\n${rows.map(line).join('\n')}\n`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const measured = measure()
  const problems = exceeded(measured)
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ ...measured, budgets: BUDGETS, problems }))
  else {
    console.log(table(measured))
    for (const problem of problems) console.error(`past the budget: ${problem}`)
    process.exitCode = problems.length === 0 ? 0 : 1
  }
}
