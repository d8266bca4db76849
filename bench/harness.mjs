// What runner and contestants share: laps on the clock, medians, the processes of the contestants, and the tables.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Laps of so many operations begin with a tidy heap. */
const LONG_LAP = 50

/** Longest that anything asked of another process may take, in milliseconds. */
const ANSWER_DEADLINE_MS = 180_000

/** The size of something in a subject: a small one with `--smoke`, where it only matters that everything works. */
export const sized = (full, small) => (process.env.WATON_BENCH_SMOKE === undefined ? full : small)

export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Where the numbers come from. */
export function machineLine() {
  const load = loadavg()[0].toFixed(1)
  return `${cpus()[0].model.trim()}, ${availableParallelism()} cores, load ${load}, Node ${process.versions.node}`
}

/** Rejects when `promise` takes longer than `limitMs`: a benchmark that hangs has failed. */
export async function within(limitMs, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms in vain for: ${what}`)), limitMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * A case of short operations, measured in microseconds of CPU time each (all threads of the process): on a machine
 * that others use too, the CPU time of an operation hardly changes while its duration does.
 *
 * @param batch - called again and again with `lap(count, work, operations = count)`, which times `work(0)` to
 *   `work(count - 1)` and counts them as so many operations; what the batch does outside of a lap is not timed
 */
export function timed(name, batch) {
  return {
    async run({ ms, isWarmUp }) {
      let [cpuUs, operations] = [0, 0]
      const lap = async (count, work, counted = count) => {
        // the other party's garbage is not this one's work
        if (count >= LONG_LAP) globalThis.gc({ type: 'minor' })
        const before = process.cpuUsage()
        for (let index = 0; index < count; index++) {
          const result = work(index)
          if (typeof result?.then === 'function') await result
        }
        const { user, system } = process.cpuUsage(before)
        cpuUs += user + system
        operations += counted
      }
      // set-up between laps must not make a round endless
      const wantedUs = (isWarmUp ? 3 : 1) * ms * 1000
      const end = performance.now() + 6 * ms
      do await batch(lap)
      while (cpuUs < wantedUs && performance.now() < end)
      return { [name]: cpuUs / operations }
    },
  }
}

/** One contestant of a subject, in a process of its own. */
export class Contestant {
  #child
  #calls = new Map()
  #lastCall = 0
  #answers

  constructor({ subject, name, shared, answers, flags }) {
    this.name = name
    this.#answers = answers
    const program = fileURLToPath(new URL('contestant.mjs', import.meta.url))
    this.#child = fork(program, [subject, name], {
      serialization: 'advanced',
      execArgv: ['--expose-gc', '--no-warnings', ...flags],
      // libsignal prints sessions to the console
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child.on('message', (message) => this.#take(message))
    this.#child.on('exit', (code) => this.#fail(new Error(`${name} left with code ${code}`)))
    this.ready = this.#ask({ do: 'prepare', shared })
  }

  /** Runs one case and resolves with its rows. */
  run(caseName, options) {
    return this.#ask({ do: 'run', caseName, options })
  }

  async close() {
    if (this.#child.exitCode !== null) return
    const gone = once(this.#child, 'exit')
    await this.#ask({ do: 'close' }).catch(() => undefined)
    this.#child.disconnect()
    await within(10_000, `${this.name} to end`, gone).catch(() => this.#child.kill('SIGKILL'))
  }

  #ask(request) {
    const call = ++this.#lastCall
    const answer = new Promise((resolve, reject) => this.#calls.set(call, { resolve, reject }))
    this.#child.send({ call, ...request })
    return within(ANSWER_DEADLINE_MS, `${this.name} to ${request.do}`, answer)
  }

  async #take({ call, question, input, result, error }) {
    if (question !== undefined) {
      const answer = await reply(() => this.#answers(question, input))
      this.#child.send({ answerTo: call, ...answer })
      return
    }
    const waiting = this.#calls.get(call)
    this.#calls.delete(call)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(`${this.name}: ${error}`))
  }

  #fail(error) {
    for (const waiting of this.#calls.values()) waiting.reject(error)
    this.#calls.clear()
  }
}

/** The outcome of `work` in a form that crosses to another process. */
export async function reply(work) {
  try {
    return { result: await work() }
  } catch (error) {
    return { error: String(error?.stack ?? error) }
  }
}

function digits(value) {
  if (!Number.isFinite(value)) return '-'
  const places = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
  return value.toFixed(places)
}

/** How many times better the first of a pair is than the second, by the median over rounds. */
export function advantage(row, [ours, theirs]) {
  const [a, b] = [row.values[ours], row.values[theirs]]
  if (a === undefined || b === undefined) return Number.NaN
  const ratios = a.map((value, round) => (row.isRate ? value / b[round] : b[round] / value))
  return median(ratios)
}

/** A subject's rows as a Markdown table: medians with the smallest and largest value, and ratios. */
export function table({ rows, names, pairs }) {
  const ratioNames = pairs.map(([ours, theirs]) => (pairs.length === 1 ? 'advantage' : `${ours} : ${theirs}`))
  const lines = [
    ['', 'unit', ...names, ...ratioNames],
    ['---', '---', ...[...names, ...ratioNames].map(() => '--:')],
  ]
  for (const row of rows) {
    const cells = names.map((name) => {
      const values = row.values[name]
      if (values === undefined) return ''
      return `${digits(median(values))} (${digits(Math.min(...values))}..${digits(Math.max(...values))})`
    })
    const ratios = pairs.map((pair) => {
      const ratio = advantage(row, pair)
      return Number.isFinite(ratio) ? `${digits(ratio)}x` : ''
    })
    lines.push([row.name, row.unit, ...cells, ...ratios])
  }
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
