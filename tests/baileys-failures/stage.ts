/**
 * Where Baileys and waton meet the same trouble: one simulated server, a client of waton for Alice in this process, and an
 * unmodified Baileys for Carol in its own, with its auth folder. Bob writes to both.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { BinaryNode } from 'waton/protocol'
import type { SimulatedPhone, TracedStanza } from 'waton/simulator'
import { node } from '../../src/protocol/binary/node.ts'
import { WEB_VERSION } from '../../src/protocol/version.ts'
import { seededRandom } from '../../src/base/random.ts'
import { World } from '../client/support.ts'
import { until } from '../helpers/until.ts'

export const CAROL = '15550000003@s.whatsapp.net'
/** The device that Baileys becomes. */
export const BAILEYS = '15550000003:1@s.whatsapp.net'

/** See the file comment. */
export interface Stage {
  readonly world: World
  readonly url: string
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly carol: SimulatedPhone
}

/** Starts the server, with everybody's phone. */
export async function startStage(seed: string): Promise<Stage> {
  const world = new World(seed)
  const url = await world.server.start()
  const { alice, bob } = await world.addPair()
  return { world, url, alice, bob, carol: await world.addPhone('15550000003', 'Carol') }
}

/** Loading Baileys takes seconds, and many of them on a busy machine. */
export const START_MS = 60_000

/** What Baileys announced. */
interface Announced {
  readonly type: 'notify' | 'append'
  readonly id: string
  readonly text?: string
}

/** How a query of Baileys ended. */
interface QueryEnd {
  readonly ended: 'resolved' | 'rejected'
  readonly isUndefined?: boolean
}

interface ChildEvent extends Partial<Announced> {
  readonly event: 'qr' | 'open' | 'close' | 'message' | 'answer'
  readonly qr?: string
  readonly atMs?: number
  readonly code?: number
  readonly call?: number
  readonly result?: QueryEnd
}

/** One process of Baileys. */
export class Victim {
  readonly #child: ChildProcess
  readonly #answers = new Map<number, QueryEnd>()
  #calls = 0
  readonly messages: Announced[] = []
  readonly qrs: string[] = []
  readonly closedAtMs: number[] = []
  /** Why its connections ended, by its own numbers. */
  readonly closeCodes: number[] = []
  opened = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (event: ChildEvent) => {
      if (event.event === 'open') this.opened += 1
      if (event.event === 'message') this.messages.push(event as Announced)
      if (event.qr !== undefined) this.qrs.push(event.qr)
      if (event.event === 'close') {
        this.closedAtMs.push(event.atMs ?? 0)
        this.closeCodes.push(event.code ?? 0)
      }
      if (event.result !== undefined) this.#answers.set(event.call ?? 0, event.result)
    })
  }

  /** Starts Baileys on a folder; it connects at once. */
  static start(url: string, folder: string, settings: object = {}): Victim {
    const { primary, secondary, tertiary } = WEB_VERSION
    const plan = JSON.stringify({ url, folder, settings, version: [primary, secondary, tertiary] })
    const child = fork(fileURLToPath(new URL('child.mjs', import.meta.url)), [plan], {
      // libsignal prints sessions, and a crash is part of the test
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    return new Victim(child)
  }

  /** Starts Baileys, has Carol's phone scan its code, and resolves when it is open. */
  static async link({ url, carol }: Stage, folder: string, settings: object = {}): Promise<Victim> {
    const victim = Victim.start(url, folder, settings)
    await carol.linkDevice(await until('a QR code of Baileys', () => victim.qrs[0], START_MS))
    await until('Baileys to be open', () => victim.opened > 0, START_MS)
    return victim
  }

  /** How the process ended, or `undefined` while it runs. */
  get end(): { readonly code: number | null; readonly signal: string | null } | undefined {
    const { exitCode: code, signalCode: signal } = this.#child
    return code === null && signal === null ? undefined : { code, signal }
  }

  get texts(): readonly string[] {
    return this.messages.flatMap(({ text }) => text ?? [])
  }

  /** Asks the server; look at `endOf` for how that ended. */
  ask(stanza: BinaryNode): { endOf: () => QueryEnd | undefined } {
    const call = this.#tell('ask', { stanza })
    return { endOf: () => this.#answers.get(call) }
  }

  /** Sends a text; resolves with how that ended. */
  async send(chat: string, text: string, id: string): Promise<QueryEnd['ended']> {
    const call = this.#tell('send', { chat, text, id })
    return (await until(`Baileys to have sent ${id}`, () => this.#answers.get(call), START_MS)).ended
  }

  /** Sends a picture; resolves with how that ended. */
  async sendPicture(chat: string, trusted: string): Promise<QueryEnd['ended']> {
    const call = this.#tell('sendPicture', { chat, trusted })
    return (await until('Baileys to have sent a picture', () => this.#answers.get(call), START_MS)).ended
  }

  /** Asks for a code that links it; resolves with how that ended. */
  async requestPairingCode(phoneNumber: string): Promise<QueryEnd['ended']> {
    const call = this.#tell('requestPairingCode', { phoneNumber })
    return (await until('Baileys to have a code', () => this.#answers.get(call), START_MS)).ended
  }

  /** Writes of sessions into its folder fail from now on, or do no longer. */
  failSessionWrites(failing: boolean): void {
    this.#tell('failSessionWrites', { failing })
  }

  /** Dies with its answer to a message. @param isWritten - whether that answer still reaches the server */
  dieAtAnswer(id: string, isWritten: boolean): void {
    this.#tell('dieAtAnswer', { isWritten, id })
  }

  /** Ends the process. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await until('the process to end', () => this.end)
  }

  #tell(command: string, input: object): number {
    this.#calls += 1
    this.#child.send({ call: this.#calls, command, ...input })
    return this.#calls
  }
}

/** What a device sent with this id, each time. */
export function sentBy({ world }: Stage, device: string, id: string): readonly BinaryNode[] {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device, tag: 'message' })
    .filter(({ node: { attrs } }) => attrs.id === id)
    .map((entry) => entry.node)
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waton-failures-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** What a device answered to a message: acks, and receipts that are no requests to send it again. */
export function answersOf({ world }: Stage, device: string, id: string): readonly TracedStanza[] {
  return world.server.trace
    .stanzas({ direction: 'client-to-server', device })
    .filter(
      ({ node: { tag, attrs, content } }) =>
        ((tag === 'ack' && attrs.class === 'message') || (tag === 'receipt' && attrs.type !== 'retry')) &&
        (attrs.id === id || JSON.stringify(content ?? '').includes(`"${id}"`)),
    )
}

/** Sends a device a stanza as it is, now and once. */
export function inject({ world }: Stage, device: string, stanza: BinaryNode): void {
  const { outlet } = world.device(device)
  if (outlet === undefined) throw new Error(`${device} is not connected`)
  outlet.sendTransient(stanza)
}

/** The server leaves every question of a device unanswered from now on. */
export function goSilent({ world }: Stage, device: string): void {
  world.server.faults.plan({
    seed: 1,
    faults: [{ fault: 'hold-answers', device, at: { answer: 1 }, count: 1000 }],
  })
}

/** A message whose ciphertext nobody can read. */
export function unreadable(id: string, from: string): BinaryNode {
  const t = String(Math.floor(Date.now() / 1000))
  const body = Uint8Array.of(0x33, ...seededRandom(id).bytes(90))
  return node('message', { from, id, t, type: 'text', notify: 'X' }, [
    node('enc', { v: '2', type: 'msg' }, body),
  ])
}

/** Changes the messages that the server delivers to a device from now on. */
export function tamper({ world }: Stage, jid: string, change: (stanza: BinaryNode) => BinaryNode): void {
  const device = world.device(jid)
  const { outlet } = device
  if (outlet === undefined) throw new Error(`${jid} is not connected`)
  const deliver = outlet.deliver.bind(outlet)
  outlet.deliver = (entry) =>
    deliver(entry.stanza.tag === 'message' ? { ...entry, stanza: change(entry.stanza) } : entry)
}
