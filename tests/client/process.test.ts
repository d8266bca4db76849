/** Clients in processes of their own: two of them never run one account, and a closed one keeps no process alive. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { until } from '../helpers/until.ts'

interface Said {
  readonly event: 'qr' | 'done' | 'failed'
  readonly step?: string
  readonly code?: string
  readonly qr?: string
}

interface Running {
  readonly child: ChildProcess
  readonly said: Said[]
  readonly exit: Promise<number | string | null>
}

interface Place {
  readonly simulator: Simulator
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly database: string
}

async function place(seed: string): Promise<Place> {
  const simulator = await startSimulator({ seed })
  const folder = await mkdtemp(join(tmpdir(), 'waton-process-'))
  onTestFinished(async () => {
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  })
  const alice = await simulator.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
  const bob = await simulator.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
  return { simulator, alice, bob, database: join(folder, 'account.db') }
}

function run({ simulator, alice, database }: Place, steps: readonly string[]): Running {
  const { url, rootKey, rootSerial } = simulator.endpoint
  const endpoint = { url, rootSerial, rootKey: Buffer.from(rootKey).toString('base64') }
  const child = fork(
    join(dirname(fileURLToPath(import.meta.url)), 'child.mjs'),
    [JSON.stringify({ database, endpoint, steps })],
    { execArgv: [] },
  )
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const said: Said[] = []
  child.on('message', (message: Said) => {
    said.push(message)
    if (message.event === 'qr' && alice.devices.length === 0) void alice.linkDevice(message.qr ?? '')
  })
  const exit = new Promise<number | string | null>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal ?? code)
    })
  })
  return { child, said, exit }
}

function untilStep({ said }: Running, step: string): Promise<Said> {
  return until(`the step "${step}"`, () => said.find((one) => one.step === step))
}

test('a closed client lets its process end, also with sends that could not be made', async () => {
  const here = await place('exit')
  const running = run(here, ['connect', 'send', 'unknown', 'close', 'closeStore'])
  const { event } = await untilStep(running, 'closeStore')
  const closedAtMs = Date.now()
  expect(event).toBe('done')
  expect(await running.exit).toBe(0)
  // less than any timer of a client takes: nothing was left to wait for
  expect(Date.now() - closedAtMs).toBeLessThan(4_000)
  expect(running.said.filter((one) => one.event === 'failed')).toEqual([])
  await here.bob.waitForMessage(({ text }) => text === 'from a child')
})

test('the second process on an account is refused before it opens a socket, and has it when the first one is killed', async () => {
  const here = await place('two processes')
  const first = run(here, ['connect', 'wait'])
  expect(await untilStep(first, 'connect')).toMatchObject({ event: 'done' })
  const connects = (): number => here.simulator.trace.notes.filter(({ kind }) => kind === 'connect').length
  const before = connects()
  const second = run(here, ['connect', 'send', 'close', 'closeStore'])
  await untilStep(second, 'closeStore')
  expect(second.said).toMatchObject([
    { event: 'failed', step: 'connect', code: 'WATON_STORE_OWNED' },
    { event: 'failed', step: 'send', code: 'WATON_STORE_OWNED' },
    { event: 'done', step: 'close' },
    { event: 'done', step: 'closeStore' },
  ])
  expect(await second.exit).toBe(0)
  expect(connects()).toBe(before)
  first.child.kill('SIGKILL')
  await first.exit
  const third = run(here, ['connect', 'send', 'close', 'closeStore'])
  await untilStep(third, 'closeStore')
  expect(third.said.map((one) => one.event)).toEqual(['done', 'done', 'done', 'done'])
  expect(await third.exit).toBe(0)
})
