/**
 * Kills a client process again and again while texts flow both ways, and lets the simulator's record judge: nothing
 * lost, nothing shown twice, no message asked for again, no key fetched again. The other side is a simulated phone and an
 * unmodified Baileys linked to it. Each run leaves its evidence as JSON.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'

/** Where the client may be killed. `random` is a kill from outside, at a stanza of the record. */
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

/** One of {@link KILL_POINTS}. */
export type KillPoint = (typeof KILL_POINTS)[number]

/** One planned kill: at the `nth` passage of a point. */
export interface PlannedKill {
  readonly point: KillPoint
  readonly nth: number
}

/** What one run showed. */
export interface KillEvidence {
  readonly seed: number
  /** The planned kills, each with the proof that it happened. */
  readonly kills: readonly (PlannedKill & { readonly signal: string | null })[]
  readonly sent: number
  readonly received: number
  /** Sent texts that the peer does not show, shows twice, or shows out of order. */
  readonly lostByPeer: readonly string[]
  readonly doubledAtPeer: readonly string[]
  readonly peerOrderKept: boolean
  /** The same for the Baileys that is linked to the peer's phone. */
  readonly lostByBaileys: readonly string[]
  readonly doubledAtBaileys: readonly string[]
  readonly unreadableAtBaileys: number
  /** Received texts that the log lacks or has twice, or that the consumer never handled. */
  readonly lostInLog: readonly string[]
  readonly doubledInLog: readonly string[]
  readonly unhandled: readonly string[]
  readonly retryReceipts: number
  readonly keyFetchesAfterFirstKill: number
}

interface Run {
  readonly simulator: Simulator
  readonly owner: SimulatedPhone
  readonly peer: SimulatedPhone
  readonly baileys: Baileys
  readonly folder: string
  readonly device: string
}

interface ChildReport {
  readonly events: readonly {
    readonly type: string
    readonly id: string
    readonly fromMe: boolean
    readonly text?: string
  }[]
}

const OWNER = '15550000001@s.whatsapp.net'
const PEER = '15550000002@s.whatsapp.net'

/** Baileys is the first device that the peer's phone links. */
const BAILEYS_DEVICE = '15550000002:1@s.whatsapp.net'

/** Texts in each direction between two kills. */
const TEXTS_PER_ROUND = 6

/** Runs all planned kills, one after the other, and a last round without one. */
export async function runKills(seed: number, kills: readonly PlannedKill[]): Promise<KillEvidence> {
  const simulator = await startSimulator({ seed })
  const folder = mkdtempSync(join(tmpdir(), 'waton-kill-'))
  try {
    const owner = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Owner' })
    const peer = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Peer' })
    const baileys = await Baileys.link(simulator, peer)
    const run: Run = { simulator, owner, peer, baileys, folder, device: '15550000001:1@s.whatsapp.net' }
    return await rounds(run, seed, kills)
  } finally {
    await simulator.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rounds(run: Run, seed: number, kills: readonly PlannedKill[]): Promise<KillEvidence> {
  const received: string[] = []
  let sent = TEXTS_PER_ROUND
  // the first round links the device and makes both sides know each other
  await round(run, { received, sendUpTo: sent })
  const firstKill = run.simulator.trace.stanzas().length
  const proofs: KillEvidence['kills'][number][] = []
  for (const kill of kills) {
    sent += TEXTS_PER_ROUND
    proofs.push({ ...kill, signal: await killedRound(run, { received, sendUpTo: sent, kill }) })
  }
  const report = await round(run, { received, sendUpTo: sent })
  await run.baileys.waitForText(`out ${String(sent)}`)
  return judge(run, { seed, kills: proofs, sent, received, report, firstKill })
}

/** A round that ends in good order, when everything has arrived on both sides. */
async function round(
  run: Run,
  { received, sendUpTo }: { received: string[]; sendUpTo: number },
): Promise<ChildReport> {
  const child = start(run, { sendUpTo })
  // before it has sent, a device that is just being linked has no keys on the server, and nobody could write to it
  await waitFor(child, 'sent')
  await peerWrites(run, received)
  await until('the consumer to handle everything', () => {
    const handled = new Set(journal(run))
    return received.every((id) => handled.has(id))
  })
  child.send({ command: 'report' })
  const report = (await waitFor(child, 'report')) as unknown as ChildReport
  child.send({ command: 'stop' })
  await exitOf(child)
  return report
}

/** A round that ends with the planned kill. Returns the signal that ended the process. */
async function killedRound(
  run: Run,
  { received, sendUpTo, kill }: { received: string[]; sendUpTo: number; kill: PlannedKill },
): Promise<string | null> {
  const child = start(run, { sendUpTo, ...(kill.point === 'random' ? {} : { kill }) })
  const exit = exitOf(child)
  if (kill.point === 'random') killAtStanza(run, child, kill.nth)
  await peerWrites(run, received)
  return exit
}

/** Kills from outside when the device has exchanged `nth` stanzas. */
function killAtStanza(run: Run, child: ChildProcess, nth: number): void {
  let seen = 0
  const stop = run.simulator.trace.subscribe((entry) => {
    if (entry.device !== run.device) return
    seen += 1
    if (seen !== nth) return
    child.kill('SIGKILL')
    stop()
  })
}

/** The peer writes from the phone and from Baileys in turn. */
async function peerWrites({ peer, baileys }: Run, received: string[]): Promise<void> {
  for (let number = 0; number < TEXTS_PER_ROUND; number += 1) {
    const text = `in ${String(received.length + 1)}`
    const { id } = number % 2 === 0 ? await peer.send(OWNER, { text }) : await baileys.send(OWNER, text)
    received.push(id)
  }
}

function start(run: Run, plan: { sendUpTo: number; kill?: PlannedKill }): ChildProcess {
  const { url, rootKey, rootSerial } = run.simulator.endpoint
  const argument = JSON.stringify({
    ...plan,
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

function judge(
  run: Run,
  facts: {
    seed: number
    kills: KillEvidence['kills']
    sent: number
    received: readonly string[]
    report: ChildReport
    firstKill: number
  },
): KillEvidence {
  const { seed, kills, sent, received, report, firstKill } = facts
  const { peer, simulator, device } = run
  const atBaileys = run.baileys.messages.filter(({ key }) => !key.fromMe)
  const shownByBaileys = atBaileys.filter(({ text }) => text !== undefined).map(({ key }) => key.id)
  const textsAtBaileys = atBaileys.flatMap(({ text }) => (text === undefined ? [] : [text]))
  const shown = peer.messages.filter((message) => !message.fromMe).map((message) => message.text ?? '')
  const expected = Array.from({ length: sent }, (_, index) => `out ${String(index + 1)}`)
  const logged = report.events.filter(({ type, fromMe }) => type === 'message' && !fromMe).map(({ id }) => id)
  const handled = new Set(journal(run))
  const later = simulator.trace.stanzas().slice(firstKill)
  return {
    seed,
    kills,
    sent,
    received: received.length,
    lostByPeer: expected.filter((text) => !shown.includes(text)),
    doubledAtPeer: repeated(shown),
    peerOrderKept: shown.join() === expected.join(),
    lostByBaileys: expected.filter((text) => !textsAtBaileys.includes(text)),
    doubledAtBaileys: repeated(textsAtBaileys),
    unreadableAtBaileys: atBaileys.filter(
      ({ text, key }) => text === undefined && !shownByBaileys.includes(key.id),
    ).length,
    lostInLog: received.filter((id) => !logged.includes(id)),
    doubledInLog: repeated(logged),
    unhandled: received.filter((id) => !handled.has(id)),
    retryReceipts: retryRequests(run, new Set(shownByBaileys)),
    keyFetchesAfterFirstKill: later.filter(({ node, device: from, direction }) => {
      if (from !== device || direction !== 'client-to-server' || node.attrs.xmlns !== 'encrypt') return false
      return Array.isArray(node.content) && node.content.some((child: { tag: string }) => child.tag === 'key')
    }).length,
  }
}

/**
 * Requests to send a message again. One kind does not count: Baileys opens new sessions although it has healthy ones, and
 * with several of them it takes the repetition of a ciphertext that it has already shown for one that it cannot read.
 */
function retryRequests({ simulator }: Run, shownByBaileys: ReadonlySet<string>): number {
  const requests = simulator.trace.stanzas({ tag: 'receipt', type: 'retry', direction: 'client-to-server' })
  return requests.filter(
    ({ device, node }) => device !== BAILEYS_DEVICE || !shownByBaileys.has(node.attrs.id ?? ''),
  ).length
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index)
}

/** Keeps the evidence of a run beside the project, outside version control. */
export function keepEvidence(name: string, evidence: KillEvidence): void {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.evidence')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`)
}
