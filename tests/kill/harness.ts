/**
 * Kills a bot's process again and again while texts flow both ways, live and after it was offline. The other side are two
 * people, each with a simulated phone and an unmodified Baileys linked to it: half of what comes is written by Baileys.
 * `judge.ts` says what is left afterwards. Each run leaves its evidence as JSON.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import type { Seam } from '../../src/base/seams.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { isWhole, judge } from './judge.ts'
import type { KillEvidence } from './judge.ts'
import { Ledger } from './ledger.ts'

/** Where any client may be killed. `random` is a kill from outside, at a stanza of the record. */
export const KILL_POINTS = [
  'commit:before',
  /** Before a commit, after everything that does not wait for it has happened. */
  'commit:slow',
  'commit:after',
  'write:before',
  'write:after',
  'read:before',
  'read:after',
  'random',
] as const

/** One of {@link KILL_POINTS}, or a seam. */
export type KillPoint = (typeof KILL_POINTS)[number] | Seam

/** One planned kill: at the `nth` passage of a point. */
export interface PlannedKill {
  readonly point: KillPoint
  readonly nth: number
}

/**
 * A person who writes to the bot. One of them writes from Baileys, and what that one reads is not judged: a Baileys that
 * sends opens a new session each time and breaks it when something comes in the old one, so that it reads nothing more
 * (rows W2 and W3 of `tests/baileys-failures`). The other's Baileys only reads.
 */
export interface Writer {
  readonly writesBy: 'phone' | 'Baileys'
  readonly phone: SimulatedPhone
  readonly baileys: Baileys
}

/** A run under way. */
export interface Run {
  readonly simulator: Simulator
  readonly owner: SimulatedPhone
  /** The first of them gets the numbered texts. */
  readonly writers: readonly [Writer, Writer]
  readonly ledger: Ledger
  readonly folder: string
  /** Texts in each direction between two kills. */
  readonly textsPerRound: number
  /** What was written to the bot, in the order of writing. */
  readonly written: Written[]
}

/** A text that somebody wrote to the bot. */
export interface Written {
  readonly id: string
  readonly text: string
  readonly writer: Writer
}

/** What the bot's process says of itself at the end. */
export interface ChildReport {
  readonly events: readonly {
    readonly type: string
    readonly id: string
    readonly chat: string
    readonly sender?: string
    readonly fromMe: boolean
  }[]
  /** SQLite's own word for what a commit survives. */
  readonly synchronous: number
}

export const OWNER = '15550000001@s.whatsapp.net'
const PEER = '15550000002@s.whatsapp.net'

/** Fewer texts make a round too short to die in. */
const MIN_TEXTS_PER_ROUND = 6

/** Loaded machines take their time. */
const DEADLINE_MS = 60_000

/** Runs all planned kills, one after the other, and a last round without one. */
export async function runKills(
  seed: number,
  kills: readonly PlannedKill[],
  messages: number = 0,
): Promise<KillEvidence> {
  const simulator = await startSimulator({ seed })
  const folder = mkdtempSync(join(tmpdir(), 'waton-kill-'))
  try {
    const owner = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Owner' })
    const writers = [
      await addWriter(simulator, '15550000002', 'phone'),
      await addWriter(simulator, '15550000003', 'Baileys'),
    ] as const
    const textsPerRound = Math.max(MIN_TEXTS_PER_ROUND, Math.ceil(messages / (kills.length + 2)))
    const ledger = new Ledger(simulator, '15550000001:1@s.whatsapp.net')
    return await rounds(
      { simulator, owner, writers, ledger, folder, textsPerRound, written: [] },
      seed,
      kills,
    )
  } finally {
    await simulator.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function addWriter(
  simulator: Simulator,
  phoneNumber: string,
  writesBy: Writer['writesBy'],
): Promise<Writer> {
  const phone = await simulator.addPhone({ phoneNumber, name: `writes by ${writesBy}` })
  return { writesBy, phone, baileys: await Baileys.link(simulator, phone) }
}

async function rounds(run: Run, seed: number, kills: readonly PlannedKill[]): Promise<KillEvidence> {
  const { ledger, textsPerRound } = run
  let sent = textsPerRound
  // the first round links the device and makes all sides know each other
  await round(run, sent)
  ledger.firstKill()
  const proofs: KillEvidence['kills'][number][] = []
  for (const kill of kills) {
    sent += textsPerRound
    proofs.push({ ...kill, signal: await killedRound(run, sent, kill) })
  }
  const report = await round(run, sent)
  const facts = { seed, kills: proofs, sent, report, handled: new Set(journal(run)) }
  // what has not come by then is judged as lost
  await until('Baileys to have it all', () => isWhole(judge(run, facts))).catch(() => undefined)
  return judge(run, facts)
}

/** A round that ends in good order, when everything has arrived on both sides. */
async function round(run: Run, sendUpTo: number): Promise<ChildReport> {
  const child = start(run, { sendUpTo })
  // before it has sent, a device that is just being linked has no keys on the server, and nobody could write to it
  await waitFor(child, 'sent')
  for (let count = 0; count < run.textsPerRound; count += 1) await write(run)
  await until('every text to be handled', () => isAllHandled(run), DEADLINE_MS)
  await until('every answer to arrive', () => isAllAnswered(run), DEADLINE_MS)
  child.send({ command: 'report' })
  const report = (await waitFor(child, 'report')) as unknown as ChildReport
  child.send({ command: 'stop' })
  await exitOf(child)
  return report
}

/** A round that ends with the planned kill: half of its texts wait for the bot. Returns the signal that ended it. */
async function killedRound(run: Run, sendUpTo: number, kill: PlannedKill): Promise<string | null> {
  const waiting = Math.floor(run.textsPerRound / 2)
  for (let count = 0; count < waiting; count += 1) await write(run)
  const child = start(run, { sendUpTo, ...(kill.point === 'random' ? {} : { kill }) })
  const exit = exitOf(child)
  if (kill.point === 'random') killAtStanza(run, child, kill.nth)
  for (let count = waiting; count < run.textsPerRound; count += 1) await write(run)
  // a point that is passed once per batch may need more texts
  while (isAlive(child)) {
    const what = `${kill.point} to be passed ${String(kill.nth)} times, or everything to be handled`
    await until(what, () => !isAlive(child) || isAllHandled(run), DEADLINE_MS)
    if (isAlive(child)) await write(run)
  }
  return exit
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

/** Kills from outside when the device has exchanged `nth` stanzas. */
function killAtStanza({ ledger }: Run, child: ChildProcess, nth: number): void {
  ledger.onStanzaOfDevice(nth, () => {
    child.kill('SIGKILL')
  })
}

/** The next text, by both people in turn. */
async function write({ writers, written }: Run): Promise<void> {
  const number = written.length
  const writer = writers[number % 2 === 0 ? 0 : 1]
  const text = `in ${String(number + 1)}`
  const { id } =
    writer.writesBy === 'phone'
      ? await writer.phone.send(OWNER, { text })
      : await writer.baileys.send(OWNER, text)
  written.push({ id, text, writer })
}

function isAllHandled(run: Run): boolean {
  const handled = new Set(journal(run))
  return run.written.every(({ id }) => handled.has(id))
}

function isAllAnswered({ written }: Run): boolean {
  const shown = new Map<Writer, Set<string>>()
  for (const { writer } of written)
    shown.set(writer, shown.get(writer) ?? new Set(writer.phone.messages.map(({ text }) => text ?? '')))
  return written.every(({ writer, text }) => shown.get(writer)?.has(`echo of ${text}`) === true)
}

function start(run: Run, plan: { sendUpTo: number; kill?: PlannedKill }): ChildProcess {
  const { url, rootKey, rootSerial } = run.simulator.endpoint
  const argument = JSON.stringify({
    ...plan,
    sendFrom: firstMissing(run.writers[0].phone),
    database: join(run.folder, 'account.db'),
    journal: journalPath(run),
    endpoint: { url, rootKey: Buffer.from(rootKey).toString('base64'), rootSerial },
    peer: PEER,
  })
  const child = fork(join(dirname(fileURLToPath(import.meta.url)), 'child.mjs'), [argument], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  })
  child.on('message', (message: { event: string; qr?: string }) => {
    if (message.event === 'qr' && run.owner.devices.length === 0) void run.owner.linkDevice(message.qr ?? '')
  })
  return child
}

/** The first numbered text that the peer does not show: earlier ones need not be sent again. */
function firstMissing({ messages }: SimulatedPhone): number {
  const shown = new Set(messages.map(({ text }) => text))
  let number = 1
  while (shown.has(`out ${String(number)}`)) number += 1
  return number
}

function waitFor(child: ChildProcess, event: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: Record<string, unknown>) => {
      if (message.event === event) resolve(message)
    })
    child.on('exit', (code, signal) => {
      reject(new Error(`the client ended (${String(code ?? signal)}) before it said "${event}"`))
    })
  })
}

function exitOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) =>
    child.once('exit', (_code, signal) => {
      resolve(signal)
    }),
  )
}

function journalPath({ folder }: Run): string {
  return join(folder, 'journal.txt')
}

function journal(run: Run): string[] {
  return existsSync(journalPath(run))
    ? readFileSync(journalPath(run), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : []
}

/** Keeps the evidence of a run beside the project, outside version control. */
export function keepEvidence(name: string, evidence: object): void {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.evidence')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`)
}
