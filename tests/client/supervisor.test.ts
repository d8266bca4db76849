/** How a client comes back, and when it does not: the supervisor alone, with connections that end as the test says. */
import { describe, expect, test } from 'vitest'
import { VirtualClock } from 'waton/testing'
import { deferred } from '../../src/base/deferred.ts'
import { ClosedError, CryptoError, StorageError, errorCode } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { closeReason, endingFor, endingOfError, endingOfFailure } from '../../src/client/connection/ending.ts'
import type { Ending } from '../../src/client/connection/ending.ts'
import { StateMachine, TRANSITIONS } from '../../src/client/connection/machine.ts'
import { Supervisor } from '../../src/client/connection/supervisor.ts'
import type { ClientState, CloseReason } from '../../src/client/events.ts'
import type { StreamFailureReason } from '../../src/protocol/stanza/stream.ts'
import { node } from '../../src/protocol/binary/node.ts'
import { settle } from './support.ts'

const STATES = Object.keys(TRANSITIONS) as ClientState[]

/** A shortest way through the table from `idle` to each state. */
function wayTo(wanted: ClientState): readonly ClientState[] {
  const ways = new Map<ClientState, ClientState[]>([['idle', []]])
  for (const [state, way] of ways) {
    for (const next of TRANSITIONS[state]) if (!ways.has(next)) ways.set(next, [...way, next])
  }
  const way = ways.get(wanted)
  if (way === undefined) throw new Error(`no way to ${wanted}`)
  return way
}

function machineIn(state: ClientState): { machine: StateMachine; moves: string[] } {
  const moves: string[] = []
  const machine = new StateMachine((next, previous) => moves.push(`${previous} -> ${next}`))
  for (const next of wayTo(state)) machine.move(next)
  moves.length = 0
  return { machine, moves }
}

describe('the state machine', () => {
  test.each(STATES.flatMap((from) => STATES.map((to) => ({ from, to }))))(
    'from $from to $to does what the table says',
    ({ from, to }) => {
      const { machine, moves } = machineIn(from)
      const isAllowed = TRANSITIONS[from].includes(to)
      expect(machine.allows(to)).toBe(isAllowed)
      if (isAllowed) machine.move(to)
      else {
        const refusal = expect.objectContaining({ code: 'WATON_CLIENT_TRANSITION' }) as unknown
        expect(() => {
          machine.move(to)
        }).toThrow(refusal)
      }
      expect(machine.state).toBe(isAllowed ? to : from)
      expect(moves).toEqual(isAllowed ? [`${from} -> ${to}`] : [])
    },
  )

  test('can be stopped from every state but the two last', () => {
    for (const state of STATES) {
      if (state === 'closing') expect(TRANSITIONS[state]).toEqual(['closed'])
      else expect(TRANSITIONS[state], state).toContain('closing')
    }
  })
})

interface Run {
  readonly signal: AbortSignal
  readonly move: (state: ClientState) => void
  readonly end: (ending: Ending) => void
  readonly fail: (error: unknown) => void
}

interface SetUp {
  readonly clock: VirtualClock
  readonly supervisor: Supervisor
  readonly runs: Run[]
  readonly changes: { readonly state: ClientState; readonly reason: CloseReason | undefined }[]
  /** The newest run. */
  readonly run: () => Run
  /** Moves the newest run through login. */
  readonly open: () => void
}

/** How long the client will wait, by its clock. */
function waitsMs({ clock }: SetUp): number {
  return (clock.nextDueMs ?? 0) - clock.nowMs()
}

function setUp(
  onState: (state: ClientState) => void = () => undefined,
  tryStore?: () => Promise<void>,
): SetUp {
  const clock = new VirtualClock()
  const runs: Run[] = []
  const changes: SetUp['changes'] = []
  const supervisor = new Supervisor({
    clock,
    random: seededRandom('supervisor'),
    logger: silentLogger,
    ...(tryStore === undefined ? {} : { tryStore }),
    runOnce: ({ signal, move }) => {
      const ended = deferred<Ending>()
      runs.push({ signal, move, end: ended.resolve, fail: ended.reject })
      signal.addEventListener('abort', () => {
        ended.resolve(endingFor('closed'))
      })
      return ended.promise
    },
    onState: (state, _previous, reason) => {
      changes.push({ state, reason })
      onState(state)
    },
  })
  const run = (): Run => {
    const newest = runs.at(-1)
    if (newest === undefined) throw new Error('no run')
    return newest
  }
  const open = (): void => {
    for (const state of ['handshaking', 'authenticating', 'preparing', 'open'] as const) run().move(state)
  }
  return { clock, supervisor, runs, changes, run, open }
}

const LOST = endingFor('connection-lost')
const RESTART = endingFor('restart-required', { serverCode: 515 })
const LOGGED_OUT = endingFor('logged-out', { serverCode: 401 })
const UNAVAILABLE = endingFor('service-unavailable', { serverCode: 503 })

describe('the supervisor', () => {
  test('rejects connect with the reason when coming back is pointless, and starts anew when asked to', async () => {
    const { supervisor, runs, changes, run, open, clock } = setUp()
    const connecting = supervisor.connect()
    await settle(1)
    run().end(LOGGED_OUT)
    await expect(connecting).rejects.toMatchObject({
      code: 'WATON_CLIENT_CLOSED',
      details: { reason: 'logged-out', serverCode: 401 },
    })
    expect(supervisor.state).toBe('closed')
    expect(changes.at(-1)).toMatchObject({
      state: 'closed',
      reason: { reason: 'logged-out', retrying: false },
    })
    expect(clock.pending).toBe(0)
    const again = supervisor.connect()
    await settle(1)
    expect(runs).toHaveLength(2)
    open()
    await again
    expect(supervisor.state).toBe('open')
  })

  test('gives an open client up for good, too, and rejects who waits then', async () => {
    const { supervisor, run, open } = setUp()
    const connecting = supervisor.connect()
    open()
    await connecting
    run().end(endingFor('replaced', { serverCode: 440 }))
    await settle(1)
    expect(supervisor.state).toBe('closed')
  })

  test('comes back after a loss, later each time, and tells who waits when it is open', async () => {
    const { clock, supervisor, runs, changes, run, open } = setUp()
    let isOpen = false
    void supervisor.connect().then(() => {
      isOpen = true
    })
    const delays: number[] = []
    for (let loss = 0; loss < 8; loss += 1) {
      run().end(LOST)
      await settle(1)
      expect(supervisor.state).toBe('waiting')
      const delayMs = (clock.nextDueMs ?? 0) - clock.nowMs()
      delays.push(delayMs)
      await clock.advanceAndSettle(delayMs)
      expect(runs).toHaveLength(loss + 2)
    }
    for (const [index, seconds] of [1, 1, 2, 3, 5, 8, 13, 21].entries())
      expect(Math.abs((delays[index] ?? 0) / (seconds * 1000) - 1)).toBeLessThanOrEqual(0.1)
    expect(isOpen).toBe(false)
    open()
    await settle(1)
    expect(isOpen).toBe(true)
    expect(changes.find(({ state }) => state === 'waiting')?.reason).toMatchObject({
      reason: 'connection-lost',
      retrying: true,
    })
  })

  test('begins the back-off anew after a connection that held for half a minute', async () => {
    const { clock, supervisor, run, open } = setUp()
    void supervisor.connect()
    for (let loss = 0; loss < 6; loss += 1) {
      run().end(LOST)
      await clock.advanceAndSettle(60_000)
    }
    open()
    await clock.advanceAndSettle(30_000)
    run().end(LOST)
    await settle(1)
    expect(Math.round(((clock.nextDueMs ?? 0) - clock.nowMs()) / 1000)).toBe(1)
  })

  test('goes on with longer and longer pauses while connections hold for less than half a minute', async () => {
    const set = setUp()
    void set.supervisor.connect()
    for (const seconds of [1, 1, 2, 3, 5, 8]) {
      set.open()
      await set.clock.advanceAndSettle(29_999)
      set.run().end(LOST)
      await settle(1)
      expect(Math.abs(waitsMs(set) / (seconds * 1000) - 1)).toBeLessThanOrEqual(0.1)
      await set.clock.advanceAndSettle(waitsMs(set))
    }
  })

  test('does not count the time that connecting took as stable', async () => {
    const set = setUp()
    void set.supervisor.connect()
    for (let loss = 0; loss < 4; loss += 1) {
      await set.clock.advanceAndSettle(60_000)
      set.run().end(LOST)
      await settle(1)
      if (loss < 3) await set.clock.advanceAndSettle(waitsMs(set))
    }
    expect(Math.round(waitsMs(set) / 1000)).toBe(3)
  })

  test('waits longer when the server asks for patience, also after a good connection', async () => {
    const set = setUp()
    void set.supervisor.connect()
    for (const seconds of [8, 13, 21]) {
      set.open()
      await set.clock.advanceAndSettle(31_000)
      set.run().end(UNAVAILABLE)
      await settle(1)
      expect(Math.abs(waitsMs(set) / (seconds * 1000) - 1)).toBeLessThanOrEqual(0.1)
      await set.clock.advanceAndSettle(waitsMs(set))
    }
  })

  test('makes no attempt before the instant that an ending names, and tells when it will', async () => {
    const set = setUp()
    void set.supervisor.connect()
    const notBeforeMs = set.clock.nowMs() + 3_600_000
    set.run().end(endingFor('temporarily-banned', { pace: 'in turn', notBeforeMs }))
    await settle(1)
    const { reason } = set.changes.at(-1) ?? {}
    expect(reason).toMatchObject({ reason: 'temporarily-banned', retrying: true })
    expect(reason?.retryAtMs).toBe(set.clock.nowMs() + waitsMs(set))
    expect(reason?.retryAtMs).toBeGreaterThanOrEqual(notBeforeMs)
    await set.clock.advanceAndSettle(3_600_000)
    expect(set.runs).toHaveLength(1)
    await set.clock.advanceAndSettle(2_000)
    expect(set.runs).toHaveLength(2)
  })

  test('can be told to connect by whoever hears of a final end, after everybody has heard of it', async () => {
    const heard: string[] = []
    const set = setUp((state) => {
      if (state === 'closed' && set.runs.length < 2) {
        void set.supervisor.connect()
        heard.push(`told, ${String(set.runs.length)} runs`)
      }
    })
    set.supervisor.connect().catch(() => undefined)
    set.run().end(LOGGED_OUT)
    await settle(1)
    expect(heard).toEqual(['told, 1 runs'])
    expect(set.runs).toHaveLength(2)
    expect(set.supervisor.state).toBe('connecting')
    set.open()
    await set.supervisor.connect()
  })

  test('slows down a program that connects again whenever it is told that it is hopeless', async () => {
    const set = setUp((state) => {
      if (state === 'closed') set.supervisor.connect().catch(() => undefined)
    })
    set.supervisor.connect().catch(() => undefined)
    const waits: number[] = []
    for (let refusal = 0; refusal < 4; refusal += 1) {
      set.run().end(LOGGED_OUT)
      await settle(2)
      if (set.supervisor.state !== 'waiting') continue
      waits.push(Math.round(waitsMs(set) / 1000))
      await set.clock.advanceAndSettle(waitsMs(set))
    }
    expect(set.runs).toHaveLength(5)
    expect(waits).toHaveLength(3)
    expect(waits[0]).toBeGreaterThan(10)
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits)
    await set.supervisor.stop()
  })

  test('restarts at once when the server asks, but not for ever', async () => {
    const { clock, supervisor, runs, run } = setUp()
    void supervisor.connect().catch(() => undefined)
    for (let restart = 1; restart <= 3; restart += 1) {
      run().end(RESTART)
      await settle(1)
      expect(runs).toHaveLength(restart + 1)
    }
    run().end(RESTART)
    await settle(1)
    expect(runs).toHaveLength(4)
    expect(supervisor.state).toBe('waiting')
    await clock.advanceAndSettle(2_000)
    expect(runs).toHaveLength(5)
    await supervisor.stop()
  })

  test('takes an error that a connection throws for its end', async () => {
    const { supervisor, run, clock } = setUp()
    void supervisor.connect().catch(() => undefined)
    run().fail(new ClosedError('WATON_TRANSPORT_CLOSED', 'gone'))
    await settle(1)
    expect(supervisor.state).toBe('waiting')
    await supervisor.stop()
    expect(clock.pending).toBe(0)
  })

  test('is stopped out of a connection and out of a wait, and rejects who waits', async () => {
    for (const isWaiting of [false, true]) {
      const { clock, supervisor, run } = setUp()
      const connecting = supervisor.connect()
      connecting.catch(() => undefined)
      if (isWaiting) run().end(LOST)
      await settle(1)
      await supervisor.stop()
      await expect(connecting).rejects.toMatchObject({
        code: 'WATON_CLIENT_CLOSED',
        details: { reason: 'closed' },
      })
      expect(supervisor.state).toBe('closed')
      expect(clock.pending).toBe(0)
    }
  })

  test('is stopped out of the wait for a store that fails again and again', async () => {
    let tried = 0
    const set = setUp(undefined, () => {
      tried += 1
      return Promise.reject(new StorageError('WATON_STORE_WRITE', 'still full', { retryable: true }))
    })
    set.supervisor.connect().catch(() => undefined)
    set.run().end(endingFor('store-failed'))
    await settle(1)
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await set.clock.advanceAndSettle(waitsMs(set))
      expect(tried).toBe(attempt)
    }
    expect(set.runs).toHaveLength(1)
    await set.supervisor.stop()
    expect([set.supervisor.state, set.clock.pending]).toEqual(['closed', 0])
  })

  test('says why it was stopped, when it was not the user', async () => {
    const { supervisor, changes } = setUp()
    const connecting = supervisor.connect()
    connecting.catch(() => undefined)
    await supervisor.stop(closeReason(endingFor('ownership-lost')))
    await expect(connecting).rejects.toMatchObject({ details: { reason: 'ownership-lost' } })
    expect(changes.at(-1)?.reason).toMatchObject({ reason: 'ownership-lost' })
  })

  test('lets everybody who connects wait for the same thing', async () => {
    const { supervisor, runs, open } = setUp()
    const all = [supervisor.connect(), supervisor.connect(), supervisor.connect()]
    await settle(1)
    expect(runs).toHaveLength(1)
    open()
    await Promise.all(all)
  })

  test('makes a listener that connects, when it hears of the loss, wait for the next time', async () => {
    const waits: Promise<void>[] = []
    const set = setUp((state) => {
      if (state === 'waiting') waits.push(set.supervisor.connect())
    })
    void set.supervisor.connect()
    set.open()
    set.run().end(LOST)
    await settle(1)
    let isOpen = false
    void waits[0]?.then(() => {
      isOpen = true
    })
    await settle(1)
    expect(isOpen).toBe(false)
    await set.clock.advanceAndSettle(2_000)
    set.open()
    await settle(1)
    expect(isOpen).toBe(true)
  })
})

describe('what an end means', () => {
  test.each([
    [401, 'logged-out'],
    [402, 'temporarily-banned'],
    [403, 'account-locked'],
    [405, 'version-outdated'],
    [406, 'banned'],
    [409, 'bad-user-agent'],
    [411, 'multi-device-mismatch'],
    [440, 'replaced'],
    [516, 'logged-out'],
  ])('%i is final: %s', (serverCode, reason) => {
    const failure = {
      source: 'failure',
      reason: reason as StreamFailureReason,
      serverCode,
      raw: node('failure'),
    } as const
    expect(endingOfFailure(failure)).toMatchObject({ reason, serverCode, retrying: false })
  })

  test.each([
    [429, 'rate-limited'],
    [500, 'server-error'],
    [503, 'service-unavailable'],
    [400, 'bad-request'],
    [428, 'stream-end'],
    [999, 'unknown'],
  ])('%i (%s) is worth coming back for, in turn', (serverCode, reason) => {
    const failure = {
      source: 'failure',
      reason: reason as StreamFailureReason,
      serverCode,
      raw: node('failure'),
    } as const
    expect(endingOfFailure(failure)).toMatchObject({ reason, serverCode, retrying: true })
  })

  test('515 is a restart at once', () => {
    const failure = {
      source: 'stream-error',
      reason: 'restart-required',
      serverCode: 515,
      raw: node('x'),
    } as const
    expect(endingOfFailure(failure)).toMatchObject(RESTART)
    expect(RESTART.pace).toBe('at once')
  })

  const errors: readonly (readonly [unknown, string, boolean])[] = [
    [new StorageError('WATON_STORE_FENCED', ''), 'ownership-lost', false],
    [new StorageError('WATON_STORE_OWNERSHIP_LOST', ''), 'ownership-lost', false],
    [new StorageError('WATON_STORE_WRITE', ''), 'store-failed', true],
    [new CryptoError('WATON_NOISE_CERTIFICATE_SIGNATURE', ''), 'server-not-trusted', false],
    [new CryptoError('WATON_CRYPTO_TAG', ''), 'connection-lost', true],
    [new ClosedError('WATON_TRANSPORT_CLOSED', ''), 'connection-lost', true],
    [undefined, 'connection-lost', true],
    ['thrown text', 'connection-lost', true],
  ]

  test.each(errors.map(([error, reason, retrying]) => ({ code: errorCode(error), error, reason, retrying })))(
    'the error $code means $reason',
    ({ error, reason, retrying }) => {
      expect(endingOfError(error)).toMatchObject({ reason, retrying })
    },
  )
})
