/**
 * Records the transcripts: `WATON_RECORD=1 npx vitest run tests/transcripts/record.test.ts`. An unmodified Baileys writes to
 * a linked waton that is away; what waits for it becomes the inbound side. What is expected is whatever waton makes of it
 * now: read the difference before you commit it. `WATON_RECORD=session` records only what is sent in a session that both
 * have used, `WATON_RECORD=first` only the rest. Without the variable nothing is recorded.
 *
 * `waton replay --update tests/transcripts` renews the expectations alone and keeps the recorded stanzas.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Client } from 'waton'
import { childrenOf, node } from 'waton/protocol'
import type { BinaryNode } from 'waton/protocol'
import { stanzas } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { seededRandom } from 'waton/testing'
import { SnapshotStore } from '../../src/cli/replay/snapshot-store.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'
import { ARRANGED_KINDS } from './arranged.ts'
import { BAILEYS_KINDS } from './baileys-kinds.ts'
import type { BaileysKind } from './baileys-kinds.ts'
import { BY_BAILEYS, DEVICE, FOLDER, Recorder, waiting } from './recorder.ts'
import { SESSION_KINDS } from './session-kinds.ts'
import { SHAPES } from './shapes.ts'

const SEED = 41
const WANTED = process.env['WATON_RECORD']

const isWanted = (part: string): boolean => WANTED === '1' || WANTED === part

interface Scene {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly client: Client
  /** Ends the client and keeps its store: what is written from now on waits. */
  readonly leave: (snapshot: string) => Promise<Recorder>
}

async function setUp(): Promise<Scene> {
  const simulator = await startWorld(SEED)
  const { alice, bob } = await addPair(simulator)
  const store = new SnapshotStore()
  const random = seededRandom(`recorded ${String(SEED)}`)
  const client = await linkedClient(simulator, alice, { store, random })
  const leave = async (snapshot: string): Promise<Recorder> => {
    await until('everything to be answered', () => simulator.unanswered(DEVICE).length === 0)
    const lid = (client.me?.lid ?? '').replace('@', ':1@')
    await client.close()
    const startMs = Date.now()
    await mkdir(`${FOLDER}accounts`, { recursive: true })
    await writeFile(`${FOLDER}accounts/${snapshot}`, store.toText())
    return new Recorder(startMs, lid, snapshot)
  }
  return { simulator, alice, bob, client, leave }
}

async function sendKind(baileys: Baileys, chat: string, kind: BaileysKind, id: string): Promise<string> {
  const { content, message = {} } = kind
  if (content !== undefined) return (await baileys.sendContent(chat, content, { messageId: id })).id
  return (await baileys.relay(chat, message, id)).id
}

const idOf = (name: string): string => `3EB0${Buffer.from(name).toString('hex').toUpperCase()}`

test.skipIf(!isWanted('first'))('transcripts of first messages', { timeout: 600_000 }, async () => {
  const { simulator, alice, bob, leave } = await setUp()
  const recorder = await leave('alice.jsonl')
  const other = await Baileys.link(simulator, bob)
  const kinds: BinaryNode[] = []
  for (const [name, kind] of Object.entries(BAILEYS_KINDS)) {
    const id = await sendKind(other, alice.pn, kind, idOf(name))
    const inbound = await waiting(simulator, id)
    kinds.push(...inbound)
    const { about, sent = [] } = kind
    await recorder.write(`message-${name}`, { about, sent, origin: BY_BAILEYS }, inbound)
  }
  const [first, second, third] = kinds
  if (first === undefined || second === undefined || third === undefined) throw new Error('nothing was sent')
  await recordSequences(recorder, [first, second, third])
  for (const [name, { about, source, of, arrange, sent }] of Object.entries(ARRANGED_KINDS)) {
    const recorded = kinds.find(({ attrs }) => attrs['id'] === idOf(of))
    if (recorded === undefined) throw new Error(`there is no kind "${of}"`)
    await recorder.write(name, { about, sent, origin: `shape: ${source}` }, arrange(recorded))
  }

  const own = await Baileys.link(simulator, alice)
  const { id } = await own.send(bob.pn, 'Written on another device')
  const about = 'a text that another own device sent'
  const facts = { about, sent: ['Written on another device'], origin: BY_BAILEYS }
  await recorder.write('own-text', facts, await waiting(simulator, id))

  for (const [name, shape] of Object.entries(SHAPES))
    await recorder.write(name, { about: shape.about, origin: `shape: ${shape.source}` }, shape.inbound)
})

test.skipIf(!isWanted('session'))('transcripts within a session', { timeout: 600_000 }, async () => {
  const { simulator, alice, bob, client, leave } = await setUp()
  const other = await Baileys.link(simulator, bob)
  // there and back twice: from then on neither begins a session with what it writes
  for (const [question, answer] of [
    ['One?', 'One.'],
    ['Two?', 'Two.'],
  ] as const) {
    await client.send(bob.pn, { text: question })
    await other.waitForText(question)
    const { id } = await other.send(alice.pn, answer)
    await until(`"${answer}" to come`, async () => {
      for await (const { type, payload } of client.events.read())
        if (type === 'message' && payload.id === id) return true
      return false
    })
  }
  await until('the answers of Bob', () => simulator.unanswered('15550000002:1@s.whatsapp.net').length === 0)
  const recorder = await leave('alice-with-bob.jsonl')
  for (const [name, { about, sends, arrange, sent = [] }] of Object.entries(SESSION_KINDS)) {
    const inbound: BinaryNode[] = []
    for (const [index, kind] of sends.entries()) {
      const id = await sendKind(other, alice.pn, kind, idOf(`${name}-${String(index)}`))
      inbound.push(...(await waiting(simulator, id)))
    }
    const types = inbound.flatMap((stanza) => childrenOf(stanza, 'enc').map(({ attrs }) => attrs['type']))
    expect(types, name).toEqual(sends.map(() => 'msg'))
    const arranged = arrange === undefined ? inbound : arrange(inbound)
    await recorder.write(`session-${name}`, { about, sent, origin: BY_BAILEYS }, arranged)
  }
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
