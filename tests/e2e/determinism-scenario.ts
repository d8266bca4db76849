/**
 * The story whose every run must be the same: two linked clients in virtual time, over the socket in memory. What it
 * leaves behind is kept as lines in the order in which it happened: stanzas with all their bytes, notes, the bytes of
 * each connection, and in the end the durable events.
 */
import { createHash } from 'node:crypto'
import { Client, MemoryStore } from 'waton'
import type { ClientEvents, Endpoint, Store } from 'waton'
import { drawFaults, startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator, TraceEntry } from 'waton/simulator'
import { VirtualClock, seededRandom } from 'waton/testing'
import { encodeNode } from '../../src/protocol/binary/encode.ts'
import { printNode } from '../../src/protocol/binary/print.ts'

const ALICE = '15550000001'
const BOB = '15550000002'
const HOUR_MS = 3_600_000
/** Readable beginning of a stanza in a line; its digest covers the rest. */
const SHOWN = 160

/** What a run leaves behind. */
export interface RunRecord {
  readonly lines: readonly string[]
  /** SHA-256 of the lines. */
  readonly digest: string
  /** Faults that happened. */
  readonly faults: number
}

/** Tells the story once. */
export async function tellStory(seed: string): Promise<RunRecord> {
  const story = await Story.begin(seed)
  try {
    await story.tell()
  } finally {
    await story.end()
  }
  const { lines, simulator } = story
  return { lines, digest: digestOf(lines.join('\n')), faults: simulator.trace.faults.length }
}

/** Where two runs differ first, with what came just before; `undefined` when they are the same. */
export function firstDifference(one: RunRecord, other: RunRecord): string | undefined {
  const length = Math.max(one.lines.length, other.lines.length)
  for (let index = 0; index < length; index += 1) {
    const [first, second] = [one.lines[index] ?? '(end)', other.lines[index] ?? '(end)']
    if (first === second) continue
    const before = one.lines.slice(Math.max(0, index - 3), index)
    return [
      `line ${String(index)} differs, after`,
      ...before,
      `one run:   ${first}`,
      `the other: ${second}`,
    ].join('\n')
  }
  return undefined
}

class Story {
  readonly lines: string[] = []
  readonly simulator: Simulator
  readonly #seed: string
  readonly #clock: VirtualClock
  readonly #alice: SimulatedPhone
  readonly #bob: SimulatedPhone
  readonly #clients: Client[] = []

  private constructor(seed: string, clock: VirtualClock, world: [Simulator, SimulatedPhone, SimulatedPhone]) {
    this.#seed = seed
    this.#clock = clock
    ;[this.simulator, this.#alice, this.#bob] = world
    for (const entry of this.simulator.trace.entries) this.#keep(entry)
    this.simulator.trace.subscribe((entry) => {
      this.#keep(entry)
    })
  }

  static async begin(seed: string): Promise<Story> {
    const clock = new VirtualClock()
    const simulator = await startSimulator({ seed, clock })
    const alice = await simulator.addPhone({ phoneNumber: ALICE, name: 'Alice' })
    // history in files comes over HTTPS, and then the moment is the operating system's
    alice.historyHabits({ firstMessages: 1_000 })
    const bob = await simulator.addPhone({ phoneNumber: BOB, name: 'Bob' })
    return new Story(seed, clock, [simulator, alice, bob])
  }

  async tell(): Promise<void> {
    const store = new MemoryStore()
    const laptop = await this.#link('laptop', store)
    await this.#talk(laptop, 'after linking')
    await this.#cut(laptop)
    await this.#talk(laptop, 'after a cut')
    await laptop.close()
    await this.#bob.send(this.#alice.pn, { text: 'while it is away' })
    const again = this.#client('laptop, started again', store)
    await this.#clock.runUntil(again.connect())
    const tablet = await this.#link('tablet', new MemoryStore())
    await Promise.all([this.#talk(again, 'to both'), this.#clock.runUntil(this.#next(tablet, 'message'))])
    await this.#sufferFaults(again)
    await this.#clock.advanceAndSettle(HOUR_MS)
    for (const client of [again, tablet]) await this.#keepEvents(client)
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.simulator.close()
  }

  #client(name: string, store: Store): Client {
    const client = new Client({
      store,
      endpoint: { ...this.simulator.endpoint, connect: this.#recorded(name) },
      clock: this.#clock,
      random: seededRandom(`${this.#seed} ${name}`),
    })
    this.#clients.push(client)
    return client
  }

  async #link(name: string, store: Store): Promise<Client> {
    const client = this.#client(name, store)
    client.once('pairing.qr', async ({ qr }) => {
      await this.#alice.linkDevice(qr)
    })
    await this.#clock.runUntil(client.connect())
    return client
  }

  /** A text each way. */
  async #talk(client: Client, about: string): Promise<void> {
    const sent = await client.send(this.#bob.pn, { text: `out, ${about}` })
    await sent.acked
    await this.#bob.waitForMessage(({ id }) => id === sent.id)
    const came = this.#next(client, 'message')
    await this.#bob.send(this.#alice.pn, { text: `in, ${about}` })
    await came
  }

  async #cut(client: Client): Promise<void> {
    const back = this.#next(client, 'connection.open')
    this.simulator.faults.disconnect(`${ALICE}:${String(client.me?.deviceId)}@s.whatsapp.net`)
    await this.#clock.runUntil(back)
  }

  /** Texts each way while things go wrong; time moves until everybody has everything. */
  async #sufferFaults(client: Client): Promise<void> {
    const run = this.simulator.faults.plan(drawFaults({ seed: this.#seed, count: 4, within: 12 }))
    const sending = async (): Promise<void> => {
      for (const number of ['1', '2', '3', '4']) {
        const sent = await client.send(this.#bob.pn, { text: `out, in trouble ${number}` })
        await this.#bob.send(this.#alice.pn, { text: `in, in trouble ${number}` }).catch(() => undefined)
        await sent.acked
      }
    }
    await this.#clock.runUntil(sending())
    run.stop()
  }

  #next(client: Client, name: keyof ClientEvents): Promise<void> {
    return new Promise((resolve) => {
      client.once(name, () => {
        resolve()
      })
    })
  }

  #recorded(name: string): NonNullable<Endpoint['connect']> {
    let connections = 0
    const note = (text: string): void => {
      this.#line(text)
    }
    return async () => {
      const socket = await this.simulator.endpoint.connect()
      connections += 1
      const wire = `${name} ${String(connections)}`
      return {
        get bufferedBytes() {
          return socket.bufferedBytes
        },
        send: (bytes) => {
          note(`${wire} > ${describeBytes(bytes)}`)
          socket.send(bytes)
        },
        close: () => {
          socket.close()
        },
        get onData() {
          return socket.onData
        },
        set onData(listener) {
          // bytes that nobody listens to are kept by the socket
          socket.onData =
            listener === undefined
              ? undefined
              : (bytes) => {
                  note(`${wire} < ${describeBytes(bytes)}`)
                  listener(bytes)
                }
        },
        get onClose() {
          return socket.onClose
        },
        set onClose(listener) {
          socket.onClose = listener
        },
      }
    }
  }

  #keep(entry: TraceEntry): void {
    const who = `${String(entry.connectionId)} ${String(entry.device)}`
    if ('kind' in entry) this.#line(`${who} ${entry.kind}: ${entry.text}`)
    else if ('payload' in entry) this.#line(`${who} payload ${describeBytes(entry.payload)}`)
    else {
      const shown = printNode(entry.node, { maxBytes: 8 }).replaceAll(/\s+/g, ' ').slice(0, SHOWN)
      this.#line(`${who} ${entry.direction} ${describeBytes(encodeNode(entry.node))} ${shown}`)
    }
  }

  async #keepEvents(client: Client): Promise<void> {
    for await (const event of client.events.read()) {
      this.#line(`event ${JSON.stringify(event, (_key, value: unknown) => readable(value))}`)
    }
  }

  #line(text: string): void {
    this.lines.push(`${String(this.#clock.nowMs())} ${text}`)
  }
}

function readable(value: unknown): unknown {
  return value instanceof Uint8Array ? describeBytes(value) : value
}

function describeBytes(bytes: Uint8Array): string {
  return `${String(bytes.length)} bytes ${digestOf(bytes).slice(0, 16)}`
}

function digestOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
