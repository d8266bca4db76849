/**
 * Plays a transcript: a client with the recorded store, in virtual time, connected by a socket in memory to a server that
 * sends the recorded stanzas. Handshake, codec, decryption and commits are the real ones. What came of it is returned as the
 * lines that a transcript expects.
 */
import { Client } from 'waton'
import type { DurableEvent } from 'waton'
import type { BinaryNode } from 'waton/protocol'
import { ReplayServer } from 'waton/simulator'
import { VirtualClock, seededRandom } from 'waton/testing'
import { SnapshotStore } from './snapshot-store.ts'
import type { StoreSummary } from './snapshot-store.ts'
import { printAnswer } from './transcript.ts'
import type { ExpectedLine, Transcript } from './transcript.ts'

/** For what a client asks once it is open, before the first stanza comes. */
const LOGIN_MS = 2_000

/** Events without a place in the log that stanzas cause; those of the connection itself come with every transcript. */
const MOMENTS = [
  'sync.offline',
  'store.quarantined',
  'presence',
  'chat.state',
  'connection.expiring',
] as const

/** Ids that a client makes: `12345.6789-1`. */
const OWN_ID = /\b\d{1,5}\.\d{1,5}-\d+\b/g

/** Plays a transcript against the store that it begins with. */
export async function play(
  { header, inbound }: Transcript,
  snapshot: string,
): Promise<readonly ExpectedLine[]> {
  const clock = new VirtualClock(header.startMs)
  const store = await SnapshotStore.from(snapshot, header.startMs - LOGIN_MS)
  const server = new ReplayServer({ clock, seed: header.seed, lid: header.lid, name: 'Alice' })
  const client = new Client({
    store,
    clock,
    endpoint: { ...server.endpoint, resume: false },
    random: seededRandom(header.seed),
  })
  try {
    await clock.runUntil(client.connect())
    await clock.advanceAndSettle(LOGIN_MS)
    const before = await lastSeq(client)
    const said = server.stanzas.length
    const moments: ExpectedLine[] = []
    for (const type of MOMENTS) {
      client.on(type, (payload) => {
        moments.push({ event: { type, payload } })
      })
    }
    const startMs = clock.nowMs()
    for (const line of inbound) {
      await clock.advanceAndSettle(Math.max(0, startMs + line.atMs - clock.nowMs()))
      server.send(line.in)
    }
    await clock.advanceAndSettle(header.settleMs)
    const events = await eventsAfter(client, before)
    const answers = answerLines(server.stanzas.slice(said))
    await client.close()
    return [...events.map(eventLine), ...moments, ...answers, storeLine(store.summary())]
  } finally {
    await client.close()
    server.close()
  }
}

async function lastSeq(client: Client): Promise<number> {
  let last = 0
  for await (const { seq } of client.events.read()) last = seq
  return last
}

async function eventsAfter(client: Client, after: number): Promise<readonly DurableEvent[]> {
  const events: DurableEvent[] = []
  for await (const event of client.events.read()) if (event.seq > after) events.push(event)
  return events
}

function eventLine({ type, version, payload }: DurableEvent): ExpectedLine {
  return { event: { type, version, payload } }
}

/** Answers in order; ids that the client made are numbered, and pings, which depend on time alone, are left out. */
function answerLines(stanzas: readonly BinaryNode[]): readonly ExpectedLine[] {
  const names = new Map<string, string>()
  const rename = (id: string): string => {
    const name = names.get(id) ?? `#${String(names.size + 1)}`
    names.set(id, name)
    return name
  }
  return stanzas
    .filter(({ attrs }) => attrs['xmlns'] !== 'w:p')
    .map((stanza) => ({ answer: printAnswer(stanza).replace(OWN_ID, rename) }))
}

function storeLine(summary: StoreSummary): ExpectedLine {
  return { store: summary }
}
