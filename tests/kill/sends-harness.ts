/**
 * Kills a client's process again and again while it sends. Half of the texts go to a simulated phone, which answers now and
 * then so that ratchets turn in both directions; half go to a person with an unmodified Baileys, which only reads. What is
 * left afterwards is judged by what the peers show, and by every ciphertext that passed.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CiphertextRecord, assertNoKeyReuse, startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { errorCode } from '../../src/base/errors.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import type { PlannedKill } from './harness.ts'
import { disorder, missing, repeated } from './lists.ts'
import { Ledger } from './ledger.ts'

const OWNER = '15550000001'
const DEVICE = `${OWNER}:1@s.whatsapp.net`

/** What one run showed. */
export interface SendEvidence {
  readonly seed: number
  /** The planned kills, each with the proof that it happened. */
  readonly kills: readonly (PlannedKill & { readonly signal: string | null })[]
  /** Texts that were sent; `send` may have resolved for them or not when the process died. */
  readonly sent: number
  /** Texts that were written to the server more than once: the same ciphertext again. */
  readonly repeated: number
  /** Ciphertexts of everybody, no message key of which was used twice. */
  readonly ciphertexts: number
  readonly keyReuse: string
  /** By peer: what it does not show, shows twice, or shows out of order. */
  readonly lost: Readonly<Record<string, readonly string[]>>
  readonly doubled: Readonly<Record<string, readonly string[]>>
  readonly disordered: Readonly<Record<string, readonly string[]>>
  /** Texts that a phone got under two ciphertexts. */
  readonly encryptedTwice: readonly string[]
  /** What a peer could not read at first, or at all. */
  readonly undecryptable: readonly string[]
  readonly retryReceipts: number
  readonly violations: readonly string[]
}

interface Run {
  readonly simulator: Simulator
  readonly owner: SimulatedPhone
  /** Gets the texts with even numbers. */
  readonly bob: SimulatedPhone
  /** Gets the others, on this phone and on a Baileys. */
  readonly carol: SimulatedPhone
  readonly baileys: Baileys
  readonly ledger: Ledger
  readonly record: CiphertextRecord
  readonly folder: string
  readonly violations: string[]
}

/** Texts that are asked for beyond the plan when a kill has not happened yet. */
const MORE = 6
/** Loaded machines take their time. */
const DEADLINE_MS = 60_000

/** Sends at least `sends` texts over all planned kills, and a last stretch without one. */
export async function runSendKills(
  seed: number,
  kills: readonly PlannedKill[],
  sends: number,
): Promise<SendEvidence> {
  const simulator = await startSimulator({ seed })
  const folder = mkdtempSync(join(tmpdir(), 'waton-kill-sends-'))
  try {
    const owner = await simulator.addPhone({ phoneNumber: OWNER, name: 'Owner' })
    const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const carol = await simulator.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
    const baileys = await Baileys.link(simulator, carol)
    const violations: string[] = []
    simulator.trace.subscribe((entry) => {
      if ('kind' in entry && entry.kind === 'violation') violations.push(entry.text)
    })
    const record = new CiphertextRecord(simulator.trace)
    const ledger = new Ledger(simulator, DEVICE)
    const run = { simulator, owner, bob, carol, baileys, ledger, record, folder, violations }
    return await rounds(run, { seed, kills, sends })
  } finally {
    await simulator.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rounds(
  run: Run,
  { seed, kills, sends }: { seed: number; kills: readonly PlannedKill[]; sends: number },
): Promise<SendEvidence> {
  const perRound = Math.max(1, Math.floor(sends / (kills.length + 2)))
  let sent = perRound
  // the first round links the device and makes all sides know each other
  await quietRound(run, sent)
  const proofs: SendEvidence['kills'][number][] = []
  for (const kill of kills) {
    const round = await killedRound(run, sent + perRound, kill)
    sent = round.sent
    proofs.push({ ...kill, signal: round.signal })
    // an answer now and then: from here on another chain is sent in
    await run.bob.send(run.owner.pn, { text: `answer ${String(proofs.length)}` })
  }
  sent = Math.max(sends, sent)
  await quietRound(run, sent)
  const facts = { seed, kills: proofs, sent }
  // what has not come by then is judged as lost
  await until('everybody to have it all', () => isWhole(judge(run, facts)), DEADLINE_MS).catch(
    () => undefined,
  )
  return judge(run, facts)
}

/** A round that ends in good order, when the server has everything. */
async function quietRound(run: Run, upTo: number): Promise<void> {
  const child = start(run, { upTo })
  const exit = exitOf(child)
  const sent = new Promise<void>((resolve) => {
    child.on('message', (message: { event: string; last?: number }) => {
      if (message.event === 'sent' && message.last === upTo) resolve()
    })
  })
  const ended = exit.then((signal) => {
    throw new Error(`the client ended (${String(signal)}) before it had sent everything`)
  })
  await Promise.race([sent, ended])
  ended.catch(() => undefined)
  child.send({ command: 'stop' })
  await exit
}

/** A round that ends with the planned kill. When everything is sent before it comes, more is sent. */
async function killedRound(
  run: Run,
  upTo: number,
  kill: PlannedKill,
): Promise<{ signal: string | null; sent: number }> {
  let sent = upTo
  const child = start(run, { upTo, ...(kill.point === 'random' ? {} : { kill }) })
  const exit = exitOf(child)
  if (kill.point === 'random') {
    run.ledger.onStanzaOfDevice(kill.nth, () => {
      child.kill('SIGKILL')
    })
  }
  child.on('message', ({ event }: { event: string }) => {
    if (event !== 'sent' || !child.connected) return
    sent += MORE
    child.send({ command: 'send', last: sent }, () => undefined)
  })
  const what = `${kill.point} to be passed ${String(kill.nth)} times`
  await until(what, () => child.exitCode !== null || child.signalCode !== null, DEADLINE_MS)
  return { signal: await exit, sent }
}

function start(run: Run, plan: { upTo: number; kill?: PlannedKill }): ChildProcess {
  const { url, rootKey, rootSerial } = run.simulator.endpoint
  const journal = join(run.folder, 'journal.txt')
  const argument = JSON.stringify({
    ...plan,
    // what was not written down may have been accepted all the same: it is sent again under its id
    from: firstMissing(journal),
    chats: [run.bob.pn, run.carol.pn],
    database: join(run.folder, 'account.db'),
    journal,
    endpoint: { url, rootKey: Buffer.from(rootKey).toString('base64'), rootSerial },
  })
  const child = fork(fileURLToPath(new URL('send-child.mjs', import.meta.url)), [argument], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  })
  child.on('message', ({ event, qr }: { event: string; qr?: string }) => {
    if (event === 'qr' && run.owner.devices.length === 0) void run.owner.linkDevice(qr ?? '')
  })
  return child
}

/** The first text that is not known to be accepted. */
function firstMissing(journal: string): number {
  const accepted = new Set(existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : [])
  let number = 1
  while (accepted.has(String(number))) number += 1
  return number
}

function exitOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) =>
    child.once('exit', (_code, signal) => {
      resolve(signal)
    }),
  )
}

function judge(
  run: Run,
  { seed, kills, sent }: { seed: number; kills: SendEvidence['kills']; sent: number },
): SendEvidence {
  const { bob, carol, owner, baileys, ledger, record } = run
  const numbers = Array.from({ length: sent }, (_, index) => index + 1)
  const idsFor = (rest: number): string[] =>
    numbers.filter((number) => number % 2 === rest).map((number) => `SEND${String(number)}`)
  const views: Readonly<Record<string, { expected: readonly string[]; shown: readonly string[] }>> = {
    bob: { expected: idsFor(0), shown: idsShown(bob) },
    carol: { expected: idsFor(1), shown: idsShown(carol) },
    baileys: { expected: idsFor(1), shown: idsRead(baileys) },
    'own phone, to Bob': { expected: idsFor(0), shown: idsShown(owner) },
    'own phone, to Carol': { expected: idsFor(1), shown: idsShown(owner) },
  }
  const look = (
    what: (expected: readonly string[], shown: readonly string[]) => string[],
  ): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(views)
        .map(([name, { expected, shown }]) => [name, what(expected, shown)] as const)
        .filter(([, found]) => found.length > 0),
    )
  const phones = [bob, carol, owner]
  return {
    seed,
    kills,
    sent,
    repeated: ledger.repeatedSends,
    ciphertexts: record.size,
    keyReuse: keyReuse(record),
    lost: look(missing),
    doubled: look((_expected, shown) => repeated(shown)),
    disordered: look(disorder),
    encryptedTwice: phones.flatMap(({ duplicates }) =>
      duplicates.filter(({ kind }) => kind === 'new-ciphertext').map(({ id }) => id),
    ),
    undecryptable: [
      ...phones.flatMap(({ undecryptable }) => undecryptable.map(({ id, code }) => `${id} ${code}`)),
      ...unreadable(baileys),
    ],
    retryReceipts: ledger.retries.length,
    violations: run.violations,
  }
}

function isWhole({ lost, undecryptable }: SendEvidence): boolean {
  return Object.keys(lost).length === 0 && undecryptable.length === 0
}

function idsShown({ messages }: SimulatedPhone): readonly string[] {
  return messages.filter(({ id }) => id.startsWith('SEND')).map(({ id }) => id)
}

function idsRead({ messages }: Baileys): readonly string[] {
  return messages.flatMap(({ key, text }) =>
    key.id.startsWith('SEND') && text !== undefined ? [key.id] : [],
  )
}

/** Copies that Baileys announced without a text and never with one. */
function unreadable(baileys: Baileys): string[] {
  const read = new Set(idsRead(baileys))
  return baileys.messages.flatMap(({ key, text }) =>
    !key.fromMe && text === undefined && !read.has(key.id) ? [`${key.id} at Baileys`] : [],
  )
}

function keyReuse(record: CiphertextRecord): string {
  try {
    assertNoKeyReuse(record)
    return 'none'
  } catch (error) {
    return `${errorCode(error) ?? ''} ${(error as Error).message}`
  }
}
