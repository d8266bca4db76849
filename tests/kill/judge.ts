/** What a kill run must leave behind: every text once, in order, on every side, and nothing asked for again. */
import { disorder, missing, repeated } from './lists.ts'
import type { ChildReport, PlannedKill, Run, Writer } from './harness.ts'

/** What one run showed. */
export interface KillEvidence {
  readonly seed: number
  /** The planned kills, each with the proof that it happened. */
  readonly kills: readonly (PlannedKill & { readonly signal: string | null })[]
  readonly sent: number
  readonly received: number
  /** Numbered texts and answers that a phone does not show, shows twice, or shows out of order. */
  readonly lostAtPhones: readonly string[]
  readonly doubledAtPhones: readonly string[]
  readonly disorderAtPhones: readonly string[]
  /** The same for the Baileys that only reads. */
  readonly lostAtBaileys: readonly string[]
  readonly doubledAtBaileys: readonly string[]
  readonly unreadableAtBaileys: number
  /** Received texts that the log lacks, has twice, or has in another order than the server within a chat. */
  readonly lostInLog: readonly string[]
  readonly doubledInLog: readonly string[]
  readonly disorderInLog: readonly string[]
  readonly undecryptable: number
  /** Received texts that the handler never finished. */
  readonly unhandled: readonly string[]
  readonly retryReceipts: number
  /**
   * Received texts that Baileys wrote in a chain that it had broken itself, as its own records show; what was asked for
   * again because of that counts here alone, and the texts have to come all the same.
   */
  readonly brokenByBaileys: number
  readonly keyFetchesAfterFirstKill: number
  /** `PRAGMA synchronous` of the connection that writes. */
  readonly synchronous: number
}

/** What a run that lost nothing shows. */
export const NOTHING_LOST: Omit<KillEvidence, 'seed' | 'kills' | 'sent' | 'received' | 'brokenByBaileys'> = {
  lostAtPhones: [],
  doubledAtPhones: [],
  disorderAtPhones: [],
  lostAtBaileys: [],
  doubledAtBaileys: [],
  unreadableAtBaileys: 0,
  lostInLog: [],
  doubledInLog: [],
  disorderInLog: [],
  undecryptable: 0,
  unhandled: [],
  retryReceipts: 0,
  keyFetchesAfterFirstKill: 0,
  synchronous: 2,
}

interface Facts {
  readonly seed: number
  readonly kills: KillEvidence['kills']
  readonly sent: number
  readonly report: ChildReport
  readonly handled: ReadonlySet<string>
}

/** Texts of one side that must come in this order. */
interface Expected {
  readonly writer: Writer
  readonly texts: readonly string[]
}

/** Whether Baileys, which takes its time, has shown everything. */
export function isWhole({ lostAtBaileys, unreadableAtBaileys }: KillEvidence): boolean {
  return lostAtBaileys.length === 0 && unreadableAtBaileys === 0
}

/** See the file comment. */
export function judge(run: Run, { seed, kills, sent, report, handled }: Facts): KillEvidence {
  const received = report.events.filter(({ type, fromMe }) => type === 'message' && !fromMe)
  const logged = received.map(({ id }) => id)
  const inLog = new Set(logged)
  const outgoing = expectedOf(run, sent, logged)
  const reader = run.writers[0]
  const broken = brokenByBaileys(run)
  return {
    seed,
    kills,
    sent,
    received: run.written.length,
    lostAtPhones: outgoing.flatMap(({ writer, texts }) => missing(texts, shownBy(writer))),
    doubledAtPhones: run.writers.flatMap((writer) => repeated(shownBy(writer))),
    disorderAtPhones: outgoing.flatMap(({ writer, texts }) => disorder(texts, shownBy(writer))),
    lostAtBaileys: outgoing
      .filter(({ writer }) => writer === reader)
      .flatMap(({ texts }) => missing(texts, readByBaileys(reader))),
    doubledAtBaileys: repeated(readByBaileys(reader)),
    unreadableAtBaileys: unreadableBy(reader),
    lostInLog: run.written.flatMap(({ id }) => (inLog.has(id) ? [] : [id])),
    doubledInLog: repeated(received.map(({ chat, sender, id }) => [chat, sender, id].join(' '))),
    disorderInLog: run.writers.flatMap((writer) => {
      const ids = new Set(
        run.written.filter((text) => text.writer === writer && !broken.has(text.id)).map(({ id }) => id),
      )
      return disorder(
        run.ledger.arrived.filter((id) => ids.has(id)),
        logged,
      )
    }),
    undecryptable: report.events.filter(({ type, id }) => type === 'message.undecryptable' && !broken.has(id))
      .length,
    unhandled: run.written.flatMap(({ id }) => (handled.has(id) ? [] : [id])),
    retryReceipts: retryRequests(run, broken),
    brokenByBaileys: broken.size,
    keyFetchesAfterFirstKill: run.ledger.keyFetches,
    synchronous: report.synchronous,
  }
}

/** The numbered texts for the first person, and for each the answers in the order of the log. */
function expectedOf({ writers, written }: Run, sent: number, logged: readonly string[]): readonly Expected[] {
  const numbered = Array.from({ length: sent }, (_, index) => `out ${String(index + 1)}`)
  const byId = new Map(written.map((text) => [text.id, text]))
  const inOrder = [...new Set(logged)].flatMap((id) => byId.get(id) ?? [])
  const answers = writers.map((writer) => ({
    writer,
    texts: inOrder.filter((text) => text.writer === writer).map(({ text }) => `echo of ${text}`),
  }))
  return [{ writer: writers[0], texts: numbered }, ...answers]
}

function shownBy({ phone }: Writer): readonly string[] {
  return phone.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text ?? '')
}

function readByBaileys({ baileys }: Writer): readonly string[] {
  return baileys.messages.flatMap(({ key, text }) => (key.fromMe || text === undefined ? [] : [text]))
}

function unreadableBy({ baileys }: Writer): number {
  const read = new Set(baileys.messages.flatMap(({ key, text }) => (text === undefined ? [] : [key.id])))
  return baileys.messages.filter(({ key, text }) => !key.fromMe && text === undefined && !read.has(key.id))
    .length
}

/**
 * Requests to send a message again, by anybody but the Baileys that writes, which asks for repetitions of what it has shown.
 */
function retryRequests({ writers, ledger }: Run, broken: ReadonlySet<string>): number {
  const writing = writers.find(({ writesBy }) => writesBy === 'Baileys')?.phone.pn.replace('@', ':1@')
  return ledger.retries.filter(({ device, id }) => device !== writing && !broken.has(id)).length
}

/** The ids of texts that came in a chain which the Baileys that wrote them had broken. */
function brokenByBaileys({ writers, written, ledger }: Run): ReadonlySet<string> {
  return new Set(
    writers.flatMap((writer) => {
      const ids = written.filter((text) => text.writer === writer).map(({ id }) => id)
      return ledger.brokenBy(writer.baileys, ids)
    }),
  )
}
