/**
 * The story that is cut: a client is linked, by QR code or by a code that is typed in, logs in, sends a text that is
 * acknowledged, and gets one that it answers. Whatever the cut did, the story must end the same; {@link CutEvidence} says how
 * it ended. The human with the phone does what a human does: when a code is shown and the device is not on the list, they use it.
 */
import { Client, MemoryStore } from 'waton'
import type { ClientEvents } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { toHex } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { childrenOf } from '../../src/protocol/binary/node.ts'
import { until } from '../helpers/until.ts'
import { Cutter, describeCut } from './cut-socket.ts'
import type { Cut, CutProof, Direction, Passed } from './cut-socket.ts'
import { SPEED, fastClock } from './fast-clock.ts'

/** How the client is linked. */
export type Way = 'qr' | 'code'

/** How a story ended. */
export interface CutEvidence {
  readonly proof: CutProof | undefined
  /** The cuts that the trace shows. */
  readonly traced: readonly string[]
  readonly passed: Readonly<Record<Direction, Passed>>
  /** Ids of the devices that the phone lists. */
  readonly devices: readonly number[]
  /** Devices that the server ever linked. */
  readonly linked: number
  readonly me: number | undefined
  /** The reasons with which the client said that it stopped for good. */
  readonly stopped: readonly string[]
  /** Logins that were refused. */
  readonly refused: number
  /** How often the other person sees the text, and what they could not read. */
  readonly shown: number
  readonly unreadable: number
  /** Events for the text that came, and for messages that could not be read. */
  readonly events: number
  readonly undecryptable: number
  /** Different ciphertexts under which one message id left. */
  readonly ciphertexts: number
  /** What the cut swallowed when it left the link in doubt: the client's answer, or the server's word that it has it. */
  readonly doubt: 'answer' | 'word of it' | undefined
  /** What the client did that the server does not allow. */
  readonly violations: readonly string[]
}

/** What every story must end with. */
export const WHOLE: Omit<CutEvidence, 'proof' | 'traced' | 'passed' | 'devices' | 'me' | 'doubt'> = {
  linked: 1,
  stopped: [],
  refused: 0,
  shown: 1,
  unreadable: 0,
  events: 1,
  undecryptable: 0,
  ciphertexts: 1,
  violations: [],
}

/** In front of a cut's description in the trace. */
const CUT_NOTE = 'cut '

const ALICE = '15550000001'
const BOB = '15550000002'
const BOB_JID = `${BOB}@s.whatsapp.net`

/** More texts when a story would end before its cut: its length is not the same in each run. */
const MAX_EXTRA_TEXTS = 20

interface Story {
  readonly simulator: Simulator
  readonly cutter: Cutter
  readonly client: Client
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly stopped: string[]
  /** Why connections ended, in order. */
  readonly ends: string[]
  readonly received: string[]
  readonly undecryptable: string[]
}

/** Runs the story with one cut, or without. Rejects when it does not come to its end. */
export async function runStory(seed: string, way: Way, cut?: Cut): Promise<CutEvidence> {
  const simulator = await startSimulator({ seed, pingIntervalMs: 0 })
  const alice = await simulator.addPhone({ phoneNumber: ALICE, name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: BOB, name: 'Bob' })
  const cutter = new Cutter(simulator.endpoint.connect, cut, ({ cut: made }) => {
    simulator.trace.note('fault', `${CUT_NOTE}${describeCut(made)}`)
  })
  const story: Story = {
    simulator,
    cutter,
    client: makeClient(simulator, cutter, seed),
    alice,
    bob,
    stopped: [],
    ends: [],
    received: [],
    undecryptable: [],
  }
  try {
    watch(story)
    if (way === 'qr') scanCodes(story)
    else typeCodes(story)
    return await tell(story)
  } finally {
    await story.client.close()
    await simulator.close()
  }
}

/** Only the pauses between two connections are fast: a busy machine must not look like a silent server. */
function makeClient({ endpoint }: Simulator, cutter: Cutter, seed: string): Client {
  const patient = 60_000 * SPEED
  return new Client({
    store: new MemoryStore(),
    endpoint: { ...endpoint, connect: cutter.connect },
    random: seededRandom(`${seed} client`),
    clock: fastClock(),
    timing: {
      connectTimeoutMs: patient,
      queryTimeoutMs: patient,
      keepAliveMs: patient,
      pongTimeoutMs: patient,
      leaseMs: patient,
      qrMs: [patient, patient],
    },
  })
}

function watch({ client, stopped, ends, received, undecryptable }: Story): void {
  client.on('connection.closed', ({ reason, retrying }) => {
    ends.push(reason)
    if (!retrying || reason === 'logged-out') stopped.push(reason)
  })
  client.on('message', ({ payload }: ClientEvents['message']) => {
    received.push(payload.id)
  })
  client.on('message.undecryptable', ({ payload }) => {
    undecryptable.push(payload.id)
  })
}

/** The human looks at the newest QR code. */
function scanCodes({ client, alice }: Story): void {
  const show = useCodes(alice, (qr) => alice.linkDevice(qr))
  client.on('pairing.qr', ({ qr }) => show(qr))
}

/** The user asks each connection that shows codes for one to type, and the human types the newest. */
function typeCodes({ client, alice }: Story): void {
  const show = useCodes(alice, (code) => alice.linkDeviceByCode(code))
  client.on('pairing.code', ({ code }) => show(code))
  client.on('connection.state', async ({ state }) => {
    if (state === 'pairing') await client.requestPairingCode(ALICE).catch(() => undefined)
  })
}

/** What failed with one code is not tried again with the same one. */
function useCodes(
  phone: SimulatedPhone,
  link: (code: string) => Promise<unknown>,
): (code: string) => Promise<void> {
  let newest: string | undefined
  let isBusy = false
  return async (code) => {
    newest = code
    if (isBusy) return
    isBusy = true
    while (newest !== undefined && phone.devices.length === 0) {
      const next = newest
      newest = undefined
      await link(next).catch(() => undefined)
    }
    isBusy = false
  }
}

async function tell(story: Story): Promise<CutEvidence> {
  const { client, bob, received, simulator, cutter } = story
  await withDeadline('the client to open', client.connect())
  const sent = await client.send(BOB_JID, { text: 'out' })
  await withDeadline('the ack', sent.acked)
  await bob.waitForMessage(({ id }) => id === sent.id)
  const reply = await bob.send(`${ALICE}@s.whatsapp.net`, { text: 'in' })
  await until('the text that came', () => received.includes(reply.id))
  await until('its receipt', () => bob.receiptsFor(reply.id).delivered)
  for (let extra = 0; cutter.proof === undefined && isPlanned(story) && extra < MAX_EXTRA_TEXTS; extra += 1) {
    await withDeadline('one more ack', (await client.send(BOB_JID, { text: 'more' })).acked)
  }
  const device = `${ALICE}:${String(client.me?.deviceId)}@s.whatsapp.net`
  await until('everything to be answered', () => simulator.unanswered(device).length === 0)
  await until('the client to be open', () => client.state === 'open')
  return judge(story, sent.id, reply.id)
}

function isPlanned({ cutter }: Story): boolean {
  return cutter.plan !== undefined
}

/** The client says that its link is in doubt; the record says what had reached the server. */
function doubtOf({ simulator, ends }: Story): CutEvidence['doubt'] {
  if (!ends.includes('link-unconfirmed')) return undefined
  const linking = simulator.trace.stanzas({ tag: 'iq' }).flatMap(({ connectionId, node }) => {
    const step = childrenOf(node).find(({ tag }) => tag.startsWith('pair-'))?.tag
    return step === 'pair-success' || step === 'pair-device-sign' ? [{ connectionId, step }] : []
  })
  const [offered, answered] = linking
  const isTaken = answered?.step === 'pair-device-sign' && answered.connectionId === offered?.connectionId
  return isTaken ? 'word of it' : 'answer'
}

async function withDeadline(what: string, work: Promise<void>): Promise<void> {
  let isDone = false
  await Promise.race([
    work.then(() => {
      isDone = true
    }),
    until(what, () => isDone),
  ])
}

function judge(story: Story, sentId: string, replyId: string): CutEvidence {
  const { simulator, cutter, client, alice, bob, stopped, received, undecryptable } = story
  const { trace } = simulator
  const copies = trace
    .stanzas({ direction: 'client-to-server', tag: 'message' })
    .filter(({ node }) => node.attrs.id === sentId)
  return {
    proof: cutter.proof,
    traced: trace.notes.flatMap(({ kind, text }) =>
      kind === 'fault' && text.startsWith(CUT_NOTE) ? [text.slice(CUT_NOTE.length)] : [],
    ),
    passed: cutter.passed,
    devices: alice.devices.map(({ deviceId }) => deviceId),
    linked: trace.notes.filter(({ kind, text }) => kind === 'pairing' && text.endsWith('is linked')).length,
    me: client.me?.deviceId,
    stopped: [...stopped],
    refused: trace.notes.filter(({ kind }) => kind === 'refusal').length,
    shown: bob.messages.filter(({ id }) => id === sentId).length,
    unreadable: bob.undecryptable.length,
    events: received.filter((id) => id === replyId).length,
    undecryptable: undecryptable.length,
    doubt: doubtOf(story),
    ciphertexts: new Set(copies.map(({ node }) => toHex(encodeNode(node)))).size,
    violations: trace.notes
      .filter(({ kind }) => kind === 'violation' || kind === 'unknown')
      .map(({ text }) => text),
  }
}
