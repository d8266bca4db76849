/**
 * A disk that is full while a client on SQLite is open (promises G1 and G4): the operating system refuses to let any file
 * grow, as it does on a full disk, and lets it again later. Nothing is simulated but the reason for the refusal.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { until } from '../helpers/until.ts'

const ALICE = '15550000001@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'
const DEVICE = '15550000001:1@s.whatsapp.net'

/** Whether the limits of another process can be changed here: Linux with util-linux. */
const canLimit = spawnSync('prlimit', ['--pid', String(process.pid), '--fsize']).status === 0

interface Said {
  readonly event: 'qr' | 'state' | 'sent' | 'log'
  readonly qr?: string
  readonly state?: string
  readonly reason?: string
  readonly id?: string
  readonly code?: string
  readonly ids?: readonly string[]
}

/** The client's process. */
class DiskChild {
  readonly said: Said[] = []
  readonly #child: ChildProcess

  constructor(simulator: Simulator, phone: SimulatedPhone, database: string) {
    const { url, rootKey, rootSerial } = simulator.endpoint
    const endpoint = { url, rootSerial, rootKey: Buffer.from(rootKey).toString('base64') }
    const program = join(dirname(fileURLToPath(import.meta.url)), 'disk-child.mjs')
    const plan = JSON.stringify({ database, endpoint })
    // with SIGXFSZ ignored, which a child inherits, a write beyond the limit fails instead of ending the process
    const shell = `trap '' XFSZ; exec "$0" "$@"`
    this.#child = spawn('bash', ['-c', shell, process.execPath, program, plan], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    onTestFinished(() => {
      this.#child.kill('SIGKILL')
    })
    this.#child.on('message', (message: Said) => {
      this.said.push(message)
      if (message.event === 'qr' && phone.devices.length === 0) void phone.linkDevice(message.qr ?? '')
    })
  }

  get state(): string | undefined {
    return this.said.filter(({ event }) => event === 'state').at(-1)?.state
  }

  /** No file may become larger than this many bytes, until it is lifted. */
  limitFiles(bytes: number | 'unlimited'): void {
    const limit = `--fsize=${String(bytes)}:unlimited`
    const { status } = spawnSync('prlimit', ['--pid', String(this.#child.pid), limit])
    expect(status).toBe(0)
  }

  /** Asks for a text to be sent; resolves with what became of it. */
  async send(id: string, text: string): Promise<Said> {
    this.#child.send({ command: 'send', chat: BOB, id, text })
    const from = this.said.length
    return until(`${id} to be accepted or refused`, () =>
      this.said.slice(from).find((one) => one.event === 'sent' && one.id === id),
    )
  }

  async log(): Promise<readonly string[]> {
    const from = this.said.length
    this.#child.send({ command: 'log' })
    const { ids } = await until('the log', () => this.said.slice(from).find(({ event }) => event === 'log'))
    return ids ?? []
  }

  stop(): Promise<unknown> {
    const exit = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.send({ command: 'stop' })
    return exit
  }
}

test.skipIf(!canLimit)(
  'a full disk has nothing answered or sent; with room again, everything goes on where it was',
  { timeout: 180_000 },
  async () => {
    const simulator = await startSimulator({ seed: 'full disk' })
    const folder = await mkdtemp(join(tmpdir(), 'waton-disk-'))
    onTestFinished(async () => {
      await simulator.close()
      await rm(folder, { recursive: true, force: true })
    })
    const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const child = new DiskChild(simulator, alice, join(folder, 'account.db'))
    await until('the client to be open', () => child.state === 'open')
    expect(await child.send('OUT0', 'out 0')).not.toHaveProperty('code')
    const ids = [(await bob.send(ALICE, { text: 'in 0' })).id]
    await until('the first message', async () => (await child.log()).length === 1)
    await bob.waitForMessage(({ text }) => text === 'out 0')

    child.limitFiles(4096)
    const after = simulator.trace.entries.at(-1)?.index ?? -1
    for (const number of [1, 2, 3]) ids.push((await bob.send(ALICE, { text: `in ${String(number)}` })).id)
    await until('the client to wait', () => child.state === 'waiting', 60_000)
    expect(child.said.at(-1)).toMatchObject({ state: 'waiting', reason: 'store-failed' })
    expect(await child.send('OUT1', 'out 1')).toMatchObject({ code: 'WATON_STORE_WRITE' })
    expect(await child.send('OUT1', 'out 1')).toMatchObject({ code: 'WATON_STORE_WRITE' })
    expect(await child.log()).toEqual(ids.slice(0, 1))
    expect(child.state).toBe('waiting')
    const told = { after, direction: 'client-to-server', device: DEVICE } as const
    // an answer that needs nothing written, to what came before the disk was full, may still leave
    const meanwhile = simulator.trace.stanzas(told).map(({ node }) => node)
    expect(meanwhile.filter(({ tag }) => tag === 'message')).toEqual([])
    for (const id of ids.slice(1)) expect(JSON.stringify(meanwhile)).not.toContain(id)

    child.limitFiles('unlimited')
    await until('the client to be open', () => child.state === 'open')
    await until('the messages', async () => (await child.log()).length >= ids.length)
    for (const number of [1, 2]) await child.send(`OUT${String(number)}`, `out ${String(number)}`)
    await bob.waitForMessage(({ text }) => text === 'out 2')
    expect(await child.log()).toEqual(ids)
    const shown = bob.messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text)
    expect(shown).toEqual(['out 0', 'out 1', 'out 2'])
    const answered = JSON.stringify(simulator.trace.stanzas({ ...told, tag: 'receipt' }))
    for (const id of ids.slice(1)) expect(answered).toContain(id)
    await child.stop()
  },
)
