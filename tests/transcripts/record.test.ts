/**
 * Records the transcripts: `WATON_RECORD=1 npx vitest run tests/transcripts/record.test.ts`. An unmodified Baileys writes to
 * a linked waton that is away; what waits for it becomes the inbound side. What is expected is whatever waton makes of it
 * now: read the difference before you commit it. Without the variable nothing is recorded.
 *
 * `waton replay --update tests/transcripts` renews the expectations alone and keeps the recorded stanzas.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { node } from 'waton/protocol'
import type { BinaryNode } from 'waton/protocol'
import { stanzas } from 'waton/simulator'
import type { Simulator } from 'waton/simulator'
import { seededRandom } from 'waton/testing'
import { replayFile } from '../../src/cli/commands/replay.ts'
import { SnapshotStore } from '../../src/cli/replay/snapshot-store.ts'
import { formatTranscript } from '../../src/cli/replay/transcript.ts'
import type { InboundLine, TranscriptHeader } from '../../src/cli/replay/transcript.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { linkedClient, startWorld } from '../helpers/world.ts'
import { BAILEYS_KINDS } from './baileys-kinds.ts'
import { SHAPES } from './shapes.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const SEED = 41
const DEVICE = '15550000001:1@s.whatsapp.net'
const BY_BAILEYS = 'baileys 7.0.0-rc14 as sender'

/** Writes one transcript, with what happens now as its expectation. */
class Recorder {
  readonly #startMs: number
  readonly #lid: string

  constructor(startMs: number, lid: string) {
    this.#startMs = startMs
    this.#lid = lid
  }

  async write(
    name: string,
    facts: Pick<TranscriptHeader, 'about' | 'origin'> & {
      readonly sent?: readonly string[]
      readonly settleMs?: number
    },
    inbound: readonly BinaryNode[],
  ): Promise<void> {
    const header: TranscriptHeader = {
      transcript: 1,
      about: facts.about,
      origin: facts.origin,
      seed: `transcript ${name}`,
      lid: this.#lid,
      startMs: this.#startMs,
      snapshot: 'accounts/alice.jsonl',
      keys: 'invented: accounts of a simulator, used nowhere else',
      settleMs: facts.settleMs ?? 5_000,
      sent: facts.sent ?? [],
    }
    const lines: InboundLine[] = inbound.map((stanza, index) => ({ atMs: index * 10, in: stanza }))
    const file = `${FOLDER}${name}.transcript.jsonl`
    await writeFile(file, formatTranscript({ header, inbound: lines, expected: [] }))
    await replayFile(file, true)
    const { difference } = await replayFile(file)
    expect(difference, name).toEqual([])
  }
}

/** The stanzas that wait for the device under an id. */
function waiting(simulator: Simulator, id: string): readonly BinaryNode[] {
  return simulator.unanswered(DEVICE).filter(({ tag, attrs }) => tag === 'message' && attrs['id'] === id)
}

async function sendKind(baileys: Baileys, chat: string, name: string): Promise<string> {
  const { content, message = {} } = BAILEYS_KINDS[name] ?? {}
  const id = `3EB0${Buffer.from(name).toString('hex').toUpperCase()}`
  if (content !== undefined) return (await baileys.sendContent(chat, content, { messageId: id })).id
  return (await baileys.relay(chat, message, id)).id
}

test.skipIf(process.env['WATON_RECORD'] === undefined)('transcripts', { timeout: 600_000 }, async () => {
  const simulator = await startWorld(SEED)
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  const store = new SnapshotStore()
  const client = await linkedClient(simulator, alice, {
    store,
    random: seededRandom(`recorded ${String(SEED)}`),
  })
  await until('everything to be answered', () => simulator.unanswered(DEVICE).length === 0)
  const lid = (client.me?.lid ?? '').replace('@', ':1@')
  await client.close()
  const startMs = Date.now()
  await mkdir(`${FOLDER}accounts`, { recursive: true })
  await writeFile(`${FOLDER}accounts/alice.jsonl`, store.toText())
  const recorder = new Recorder(startMs, lid)

  const other = await Baileys.link(simulator, bob)
  const kinds: BinaryNode[] = []
  for (const name of Object.keys(BAILEYS_KINDS)) {
    const id = await sendKind(other, alice.pn, name)
    const inbound = await until(`${name} to wait`, () => {
      const found = waiting(simulator, id)
      return found.length > 0 && found
    })
    kinds.push(...inbound)
    const { about, sent = [] } = BAILEYS_KINDS[name] ?? { about: name }
    await recorder.write(`message-${name}`, { about, sent, origin: BY_BAILEYS }, inbound)
  }
  const [first, second, third] = kinds
  if (first === undefined || second === undefined || third === undefined) throw new Error('nothing was sent')
  await recordSequences(recorder, [first, second, third])

  const own = await Baileys.link(simulator, alice)
  const { id } = await own.send(bob.pn, 'Written on another device')
  const copy = await until('the own copy to wait', () => {
    const found = waiting(simulator, id)
    return found.length > 0 && found
  })
  const about = 'a text that another own device sent'
  await recorder.write('own-text', { about, sent: ['Written on another device'], origin: BY_BAILEYS }, copy)

  for (const [name, shape] of Object.entries(SHAPES))
    await recorder.write(name, { about: shape.about, origin: `shape: ${shape.source}` }, shape.inbound)
})

/** What is about more than one stanza. */
async function recordSequences(
  recorder: Recorder,
  [first, second, third]: readonly [BinaryNode, BinaryNode, BinaryNode],
): Promise<void> {
  const offline = (stanza: BinaryNode, place: number): BinaryNode => ({
    ...stanza,
    attrs: { ...stanza.attrs, offline: String(place) },
  })
  const preview = (count: number): BinaryNode =>
    stanzas.bulletin(
      node('offline_preview', { count, message: count, receipt: 0, notification: 0, appdata: 0 }),
    )
  const end = (count: number): BinaryNode => stanzas.bulletin(node('offline', { count }))
  const sequences: Readonly<Record<string, readonly [about: string, inbound: readonly BinaryNode[]]>> = {
    'sequence-in-order': ['three messages', [first, second, third]],
    'sequence-out-of-order': ['three messages in the wrong order', [third, first, second]],
    'sequence-redelivered': ['a message that is delivered three times', [first, first, first]],
    'sequence-redelivered-later': ['a message that comes again behind another', [first, second, first]],
    'offline-drain': [
      'three messages that waited',
      [preview(3), offline(first, 0), offline(second, 1), offline(third, 2), end(3)],
    ],
    'offline-no-end': [
      'messages that waited, and no end',
      [preview(2), offline(first, 0), offline(second, 1)],
    ],
    'offline-then-live': [
      'a message that waited and one that did not',
      [preview(1), offline(first, 0), end(1), offline(second, 0)],
    ],
    'offline-unreadable-first': [
      'a message behind one that cannot be read',
      [
        preview(2),
        offline(
          stanzas.encryptedMessage(
            { id: 'BAD', from: '15550000002@s.whatsapp.net', atSeconds: 1_700_000_000, encryption: 'msg' },
            Uint8Array.of(0x33, 1),
          ),
          0,
        ),
        offline(first, 1),
        end(2),
      ],
    ],
  }
  for (const [name, [about, inbound]] of Object.entries(sequences))
    await recorder.write(name, { about, origin: BY_BAILEYS, settleMs: 15_000 }, inbound)
}
