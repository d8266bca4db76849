// `npm run bench`: waton beside Baileys, in the same minutes on the same machine. Prints Markdown tables; `--help`
// says how to choose.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Contestant, machineLine, table } from './harness.mjs'

const SUBJECTS = [
  'stanzas',
  'noise',
  'curve',
  'session',
  'messages',
  'app-state',
  'stalls',
  'import',
  'start',
  'idle',
  'accounts',
  'end-to-end',
  'backlog',
  'media',
  'history',
]

const HELP = `npm run bench -- [options]: waton beside Baileys, about ten minutes for everything

  --only session,import   some subjects; --list shows them
  --case REGEX            only the cases of these subjects that match
  --quick                 fewer and shorter rounds
  --smoke                 waton alone, once and as small as it can be: whether every row has a value, not which
  --rounds N, --ms N      so many rounds, each of so many milliseconds of work
  --json FILE             every value of every round
  --profile DIRECTORY     a CPU profile of every process
  --list                  what there is
  --help                  this text

Compare ratios of one run: another machine, or a busy one, has other times.`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    case: { type: 'string', default: '' },
    rounds: { type: 'string' },
    ms: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}
// read by the subjects and inherited by their processes
if (options.smoke) process.env.WATON_BENCH_SMOKE = '1'
const rounds = Number(options.rounds ?? (options.smoke ? 1 : options.quick ? 3 : 7))
const ms = Number(options.ms ?? (options.smoke ? 1 : options.quick ? 100 : 250))
const only = options.only?.split(',')
const chosen = SUBJECTS.filter((name) => only?.includes(name) ?? true)
const unknown = (only ?? []).filter((name) => !SUBJECTS.includes(name))
if (unknown.length > 0 || !(rounds >= 1) || !(ms >= 1)) {
  console.error(`unknown: ${unknown.join(', ')}\nsubjects: ${SUBJECTS.join(', ')}`)
  process.exit(2)
}

/** Rounds of all cases; in each round every contestant has its turn, and each begins equally often. */
async function measure(subject, contestants) {
  const rows = new Map(
    Object.entries(subject.rows).map(([name, row]) => [name, { name, values: {}, ...row }]),
  )
  const cases = [...new Set((await Promise.all(contestants.map(({ ready }) => ready))).flat())]
  for (const caseName of cases) {
    if (!new RegExp(options.case).test(caseName)) continue
    const able = []
    for (const contestant of contestants)
      if ((await contestant.ready).includes(caseName)) able.push(contestant)
    if (!options.smoke) for (const contestant of able) await contestant.run(caseName, { ms, isWarmUp: true })
    for (let round = 0; round < (subject.rounds?.(rounds) ?? rounds); round++) {
      for (let turn = 0; turn < able.length; turn++) {
        const contestant = able[(turn + round) % able.length]
        const measured = await contestant.run(caseName, { ms, isWarmUp: false })
        for (const [name, value] of Object.entries(measured)) {
          const { values } = rows.get(name)
          ;(values[contestant.name] ??= []).push(value)
        }
      }
    }
  }
  return [...rows.values()].filter(({ values }) => Object.keys(values).length > 0)
}

/** A row that nobody measures, or whose value is none, would leave the tables without being noticed. */
function requireValues(subject, rows) {
  const measured = rows.filter(({ values }) => Object.values(values).flat().every(Number.isFinite))
  const missing = Object.keys(subject.rows).filter((name) => measured.every((row) => row.name !== name))
  if (missing.length > 0) throw new Error(`no value for: ${missing.join(', ')}`)
}

async function runSubject(id) {
  const url = new URL(`subjects/${id}.mjs`, import.meta.url).href
  const subject = await import(url)
  const names = Object.keys(subject.contestants).filter((name) => !options.smoke || name.startsWith('waton'))
  const shared = await subject.start?.()
  const flags = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}/${id}`]
  const contestants = []
  try {
    for (const name of names) {
      const answers = (question, input) => shared.answer(question, input)
      const contestant = new Contestant({ subject: url, name, shared: shared?.value, answers, flags })
      contestants.push(contestant)
      await contestant.ready
    }
    const rows = await measure(subject, contestants)
    if (options.smoke) requireValues(subject, rows)
    console.log(`\n## ${subject.title}\n\n${subject.about}\n`)
    console.log(table({ rows, names, pairs: subject.pairs ?? [['waton', 'Baileys']] }))
    return { subject: id, rows }
  } finally {
    for (const contestant of contestants) await contestant.close()
    await shared?.close()
  }
}

if (options.list) {
  for (const id of SUBJECTS) {
    const { title, rows } = await import(new URL(`subjects/${id}.mjs`, import.meta.url).href)
    console.log(`${id.padEnd(12)} ${title}: ${Object.keys(rows).join(', ')}`)
  }
  process.exit(0)
}
console.log(`${machineLine()}\n${rounds} rounds, median (smallest..largest); above 1x waton is better`)
const results = []
for (const id of chosen) {
  try {
    results.push(await runSubject(id))
  } catch (error) {
    console.error(`\n${id} failed: ${error.stack}`)
    process.exitCode = 1
  }
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify({ machine: machineLine(), rounds, ms, results }, undefined, 1))
}
