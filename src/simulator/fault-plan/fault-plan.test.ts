import { describe, expect, test } from 'vitest'
import { concatBytes, toHex } from '../../base/bytes.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { encodeFrame } from '../server/frame-reader.ts'
import { createMemoryConnection } from '../server/wire.ts'
import type { MemorySocket, Wire } from '../server/wire.ts'
import { Trace } from '../trace.ts'
import { drawFaults } from './draw.ts'
import { FaultInjector } from './injector.ts'
import { checkPlan } from './plan.ts'
import type { FaultPlan, PlannedFault } from './plan.ts'

const HEADER = Uint8Array.of(0x57, 0x41, 6, 3)
const DEVICE = '15550000001:1@s.whatsapp.net'

function setUp(): {
  clock: VirtualClock
  trace: Trace
  injector: FaultInjector
  restarts: number[]
} {
  const clock = new VirtualClock(0)
  const trace = new Trace(clock)
  const restarts: number[] = []
  const injector = new FaultInjector({
    clock,
    trace,
    restart: () => restarts.push(clock.nowMs()),
    nameOf: (jid) => jid,
  })
  return { clock, trace, injector, restarts }
}

/** A connection with everything that came out of it, as hex, and how it ended. */
interface Pair {
  readonly socket: MemorySocket
  readonly wire: Wire
  readonly toServer: string[]
  readonly toClient: string[]
  readonly ends: string[]
}

function connect(injector: FaultInjector, device?: string): Pair {
  const { wire: inner, socket } = createMemoryConnection()
  const wire = injector.wire(inner, () => ({ connectionId: 1, device }))
  const pair: Pair = { socket, wire, toServer: [], toClient: [], ends: [] }
  wire.onData = (bytes) => pair.toServer.push(toHex(bytes))
  wire.onClose = () => pair.ends.push('server')
  socket.onData = (bytes) => pair.toClient.push(toHex(bytes))
  socket.onClose = ({ code }) => pair.ends.push(`client ${String(code)}`)
  return pair
}

const frame = (value: number): Uint8Array => encodeFrame(new Uint8Array(4).fill(value))
const hex = (value: number): string => toHex(frame(value))
const settle = (clock: VirtualClock, ms = 0): Promise<void> => clock.advanceAndSettle(ms)

describe('a fault plan', () => {
  const at = { direction: 'server-to-client', frame: 1 } as const
  test.each<[string, unknown]>([
    ['a fault that does not exist', { fault: 'explode', at }],
    ['a name of every object', { fault: 'toString', at }],
    ['no place', { fault: 'cut' }],
    ['two places', { fault: 'cut', at: { ...at, byte: 1 } }],
    ['a place that the fault cannot happen at', { fault: 'duplicate', at }],
    ['no direction', { fault: 'cut', at: { frame: 1 } }],
    ['another direction', { fault: 'cut', at: { direction: 'up', frame: 1 } }],
    ['a direction of time', { fault: 'cut', at: { direction: 'server-to-client', afterMs: 1 } }],
    ['frame 0', { fault: 'cut', at: { ...at, frame: 0 } }],
    ['half a frame', { fault: 'cut', at: { ...at, frame: 1.5 } }],
    ['a delay of unknown length', { fault: 'delay', at }],
    ['a field that it does not have', { fault: 'cut', at, forMs: 1 }],
    ['tags of a frame', { fault: 'cut', at: { ...at, tags: ['iq'] } }],
    ['attributes of a frame', { fault: 'cut', at: { ...at, attributes: { id: 'A' } } }],
    [
      'attributes that are no text',
      { fault: 'lose', at: { direction: 'server-to-client', stanza: 1, attributes: { id: 7 } } },
    ],
    ['a refusal without a number', { fault: 'refuse', at: { direction: 'client-to-server', stanza: 1 } }],
    [
      'a refusal by the client',
      { fault: 'refuse', at: { direction: 'server-to-client', stanza: 1 }, code: 463 },
    ],
    ['a device that is no JID', { fault: 'cut', at, device: 'Alice' }],
    ['nothing', null],
  ])('is refused for %s', (_what, fault) => {
    expect(() => {
      checkPlan({ seed: 1, faults: [fault as PlannedFault] })
    }).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_FAULT_PLAN' }))
  })

  test('is refused without a seed, with unknown fields, and when it is no list', () => {
    for (const plan of [{ faults: [] }, { seed: 1, faults: [], every: 2 }, { seed: 1, faults: 'all' }]) {
      expect(() => {
        checkPlan(plan as unknown as FaultPlan)
      }).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_FAULT_PLAN' }))
    }
  })

  test('is refused while another is in progress', () => {
    const { injector } = setUp()
    const run = injector.start({ seed: 1, faults: [] })
    expect(() => injector.start({ seed: 1, faults: [] })).toThrow(
      expect.objectContaining({ code: 'WATON_SIMULATOR_FAULT_PLAN_RUNNING' }),
    )
    run.stop()
    injector.start({ seed: 1, faults: [] }).stop()
  })

  test('is not drawn from numbers that make none', () => {
    for (const wrong of [{ count: 0 }, { count: 1.5 }, { count: 1, kinds: [] }, { count: 1_001 }]) {
      expect(() => drawFaults({ seed: 1, ...wrong })).toThrow(
        expect.objectContaining({ code: 'WATON_SIMULATOR_FAULT_DRAW' }),
      )
    }
  })

  test('that is drawn can be followed, has every kind, and follows from its seed', () => {
    const plan = drawFaults({ seed: 1, count: 200 })
    checkPlan(plan)
    expect(new Set(plan.faults.map(({ fault }) => fault)).size).toBe(9)
    expect(drawFaults({ seed: 1, count: 200 })).toEqual(plan)
    expect(drawFaults({ seed: 2, count: 200 }).faults).not.toEqual(plan.faults)
  })

  test('refuses and loses only when that was asked for', () => {
    const plan = drawFaults({ seed: 1, count: 50, kinds: ['lose', 'refuse'] })
    checkPlan(plan)
    expect(new Set(plan.faults.map(({ fault }) => fault))).toEqual(new Set(['lose', 'refuse']))
  })
})

describe('the bytes of a connection', () => {
  test('pass unchanged without a plan', async () => {
    const { clock, injector } = setUp()
    const pair = connect(injector)
    pair.socket.send(concatBytes(HEADER, frame(1)))
    pair.wire.send(frame(2))
    await settle(clock)
    pair.wire.end()
    await settle(clock)
    expect(pair).toMatchObject({
      toServer: [toHex(concatBytes(HEADER, frame(1)))],
      toClient: [hex(2)],
      ends: ['client 1000', 'server'],
    })
  })

  test('are cut behind a frame, and nothing passes in either direction from then on', async () => {
    const { clock, injector, trace } = setUp()
    const run = injector.start({
      seed: 1,
      faults: [{ fault: 'cut', at: { direction: 'client-to-server', frame: 2 } }],
    })
    const pair = connect(injector)
    pair.socket.send(concatBytes(HEADER, frame(1), frame(2), frame(3)))
    await settle(clock)
    pair.wire.send(frame(4))
    await settle(clock)
    expect(pair.toServer.join('')).toBe(toHex(concatBytes(HEADER, frame(1), frame(2))))
    expect([pair.toClient, pair.ends]).toEqual([[], ['client 1006', 'server']])
    expect(run.happened).toMatchObject([{ number: 1, traceIndex: 0 }])
    expect(run.pending).toEqual([])
    expect(trace.faults.map(({ text }) => text)).toEqual(['planned fault 1: cut, frame 2 client-to-server'])
  })

  test('are cut inside of a frame, behind a byte that is counted over all connections', async () => {
    const { clock, injector } = setUp()
    injector.start({ seed: 1, faults: [{ fault: 'cut', at: { direction: 'server-to-client', byte: 9 } }] })
    const first = connect(injector)
    first.wire.send(frame(1))
    const second = connect(injector)
    second.wire.send(frame(2))
    await settle(clock)
    expect(first.toClient).toEqual([hex(1)])
    expect(second).toMatchObject({ toClient: [hex(2).slice(0, 4)], ends: ['client 1006', 'server'] })
  })

  test('are swallowed from a frame on, and the connection ends later', async () => {
    const { clock, injector } = setUp()
    const faults: PlannedFault[] = [
      { fault: 'drop', at: { direction: 'server-to-client', frame: 2 }, cutAfterMs: 500 },
    ]
    injector.start({ seed: 1, faults })
    const pair = connect(injector)
    for (const value of [1, 2, 3]) pair.wire.send(frame(value))
    pair.socket.send(HEADER)
    await settle(clock, 499)
    expect(pair).toMatchObject({ toClient: [hex(1)], toServer: [toHex(HEADER)], ends: [] })
    await settle(clock, 1)
    expect(pair.ends).toEqual(['client 1006', 'server'])
  })

  test('are held up in order, also when the server ends the connection meanwhile', async () => {
    const { clock, injector } = setUp()
    injector.start({
      seed: 1,
      faults: [{ fault: 'delay', at: { direction: 'server-to-client', frame: 2 }, forMs: 300 }],
    })
    const pair = connect(injector)
    for (const value of [1, 2, 3]) pair.wire.send(frame(value))
    pair.wire.end()
    await settle(clock, 299)
    expect(pair).toMatchObject({ toClient: [hex(1)], ends: [] })
    await settle(clock, 1)
    expect(pair).toMatchObject({ toClient: [hex(1), hex(2), hex(3)], ends: ['client 1000', 'server'] })
  })

  test('are changed in one byte behind the length, the same one for the same seed', async () => {
    const corrupted = async (seed: number): Promise<string> => {
      const { clock, injector } = setUp()
      injector.start({
        seed,
        faults: [{ fault: 'corrupt', at: { direction: 'server-to-client', frame: 1 } }],
      })
      const pair = connect(injector)
      pair.wire.send(frame(0))
      await settle(clock)
      return pair.toClient.join()
    }
    const seen = await Promise.all([1, 2, 3, 4].map(corrupted))
    for (const bytes of seen) expect(bytes).toMatch(/^000004(?!0{8})(00)*[0-9a-f]{2}(00)*$/)
    expect(await corrupted(1)).toBe(seen[0])
    expect(new Set(seen).size).toBeGreaterThan(1)
  })

  test('are counted for the device that a fault is planned for', async () => {
    const { clock, injector } = setUp()
    const run = injector.start({
      seed: 1,
      faults: [{ fault: 'cut', at: { direction: 'server-to-client', frame: 1 }, device: DEVICE }],
    })
    const [stranger, device] = [connect(injector, 'other@s.whatsapp.net'), connect(injector, DEVICE)]
    stranger.wire.send(frame(1))
    device.wire.send(frame(1))
    await settle(clock)
    expect([stranger.ends, device.ends]).toEqual([[], ['client 1006', 'server']])
    expect(run.happened).toHaveLength(1)
  })

  test('meet one ending at a time: what is due at the same place happens to the next frame', async () => {
    const { clock, injector } = setUp()
    const cut = { fault: 'cut', at: { direction: 'server-to-client', frame: 1 } } as const
    const run = injector.start({ seed: 1, faults: [cut, cut] })
    const pairs = [connect(injector), connect(injector), connect(injector)]
    for (const { wire } of pairs) wire.send(frame(1))
    await settle(clock)
    expect(pairs.map(({ ends }) => ends.length)).toEqual([2, 2, 0])
    expect(run.happened.map(({ number }) => number)).toEqual([1, 2])
  })
})

describe('the server', () => {
  test('refuses connections for a while', () => {
    const { clock, injector, trace } = setUp()
    const run = injector.start({
      seed: 1,
      faults: [{ fault: 'refuse-connections', at: { afterMs: 10 }, forMs: 100 }],
    })
    const seen = [9, 1, 99, 1].map((ms) => {
      clock.advance(ms)
      return injector.isRefusing
    })
    expect(seen).toEqual([false, true, true, false])
    expect([run.happened.length, trace.faults.length]).toEqual([1, 1])
  })

  test('restarts at a time and at a frame', async () => {
    const { clock, injector, restarts } = setUp()
    injector.start({
      seed: 1,
      faults: [
        { fault: 'restart', at: { afterMs: 10 } },
        { fault: 'restart', at: { direction: 'server-to-client', frame: 1 } },
      ],
    })
    await settle(clock, 20)
    const pair = connect(injector)
    pair.wire.send(frame(1))
    await settle(clock)
    expect(restarts).toEqual([10, 20])
    expect(pair).toMatchObject({ toClient: [hex(1)], ends: ['client 1006', 'server'] })
  })

  test('does nothing more once the plan is stopped', async () => {
    const { clock, injector, restarts } = setUp()
    const run = injector.start({
      seed: 1,
      faults: [
        { fault: 'restart', at: { afterMs: 10 } },
        { fault: 'cut', at: { direction: 'server-to-client', frame: 1 } },
      ],
    })
    run.stop()
    const pair = connect(injector)
    pair.wire.send(frame(1))
    await settle(clock, 20)
    expect([restarts, pair.ends, run.happened, run.pending]).toEqual([[], [], [], []])
  })
})

describe('the stanzas of a connection', () => {
  function lane(...faults: PlannedFault[]): {
    clock: VirtualClock
    trace: Trace
    push: Push
    seen: string[]
  } {
    const { clock, injector, trace } = setUp()
    injector.start({ seed: 1, faults })
    const seen: string[] = []
    const stanzas = injector.lane('server-to-client', () => ({ connectionId: 1, device: DEVICE }), {
      pass: (stanza) => seen.push(stanza.attrs['id'] ?? ''),
    })
    const push = (tag: string, id: string, type = 'text'): void => {
      stanzas.push(node(tag, { id, type }))
    }
    return { clock, trace, push, seen }
  }
  type Push = (tag: BinaryNode['tag'], id: string, type?: string) => void

  test('come twice', () => {
    const { push, seen, trace } = lane({
      fault: 'duplicate',
      at: { direction: 'server-to-client', stanza: 2 },
    })
    push('message', 'a')
    push('iq', 'not counted')
    push('receipt', 'b')
    push('message', 'c')
    expect(seen).toEqual(['a', 'not counted', 'b', 'b', 'c'])
    expect(trace.faults).toHaveLength(1)
  })

  test('are overtaken by as many as planned', () => {
    const { push, seen } = lane({
      fault: 'reorder',
      at: { direction: 'server-to-client', stanza: 1, tags: ['message'] },
      behind: 2,
    })
    for (const id of ['a', 'b', 'c', 'd']) push('message', id)
    expect(seen).toEqual(['b', 'c', 'a', 'd'])
  })

  test('come a second later when none overtakes them', () => {
    const { push, seen, clock } = lane({ fault: 'reorder', at: { direction: 'server-to-client', stanza: 1 } })
    push('message', 'a')
    clock.advance(999)
    expect(seen).toEqual([])
    clock.advance(1)
    expect(seen).toEqual(['a'])
  })

  test('meet one fault at a time: what is due at the same stanza happens to the next, and is in the trace', () => {
    const at = { direction: 'server-to-client', stanza: 1 } as const
    const { push, seen, trace } = lane({ fault: 'duplicate', at }, { fault: 'reorder', at })
    for (const id of ['a', 'b', 'c']) push('message', id)
    expect(seen).toEqual(['a', 'a', 'c', 'b'])
    expect(trace.faults).toHaveLength(2)
  })

  test('do not come when they answer a query whose answer is held', () => {
    const { push, seen, trace } = lane({ fault: 'hold-answers', at: { answer: 2 }, count: 2 })
    push('iq', 'a', 'result')
    push('iq', 'ping', 'get')
    for (const id of ['b', 'c', 'd']) push('iq', id, 'result')
    expect(seen).toEqual(['a', 'ping', 'd'])
    expect(trace.faults).toHaveLength(1)
  })

  test('do not come when they are lost, as many as asked for, and each is named', () => {
    const { push, seen, trace } = lane({
      fault: 'lose',
      at: { direction: 'server-to-client', stanza: 2, tags: ['ack'] },
      count: 2,
    })
    for (const id of ['a', 'b', 'c', 'd']) push('ack', id)
    expect(seen).toEqual(['a', 'd'])
    expect(trace.faults.map(({ text }) => text)).toEqual([
      expect.stringContaining('<ack> b'),
      'lose again: <ack> c',
    ])
  })

  test('count only with the attributes that were named', () => {
    const attributes = { type: ['text', 'poll'], id: 'c' }
    const at = { direction: 'server-to-client', stanza: 1, attributes } as const
    const { push, seen } = lane({ fault: 'lose', at })
    push('message', 'a')
    push('message', 'c', 'media')
    push('message', 'c')
    expect(seen).toEqual(['a', 'c'])
  })

  test('that are refused are answered with the number, and go no further', () => {
    const { clock, injector } = setUp()
    const seen: string[] = []
    const answers: BinaryNode[] = []
    injector.request({
      fault: 'refuse',
      at: { direction: 'client-to-server', stanza: 1, attributes: { to: ['b@lid', 'b@s.whatsapp.net'] } },
      code: 463,
    })
    const run = injector.start({
      seed: 1,
      faults: [{ fault: 'refuse', at: { direction: 'client-to-server', stanza: 2 }, code: 479 }],
    })
    const stanzas = injector.lane('client-to-server', () => ({ connectionId: 1, device: DEVICE }), {
      pass: (stanza) => seen.push(stanza.attrs['id'] ?? ''),
      answer: (stanza) => answers.push(stanza),
    })
    const to = { a: 'a@s.whatsapp.net', b: 'b@s.whatsapp.net', c: 'a@s.whatsapp.net', d: 'b@s.whatsapp.net' }
    for (const [id, jid] of Object.entries(to)) stanzas.push(node('message', { id, to: jid }))
    // what a requested fault happens to is not counted by the plan
    expect(seen).toEqual(['a', 'd'])
    expect(run.pending).toEqual([])
    const t = clock.nowMs() / 1000
    expect(answers).toEqual([
      node('ack', { class: 'message', id: 'b', from: to.b, t, error: 463 }),
      node('ack', { class: 'message', id: 'c', from: to.c, t, error: 479 }),
    ])
  })

  test('cannot be given more faults than a plan holds', () => {
    const { injector } = setUp()
    const request = (): void => {
      injector.request({ fault: 'lose', at: { direction: 'server-to-client', stanza: 1 } })
    }
    for (let count = 0; count < 1_000; count += 1) request()
    expect(request).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_FAULTS_PENDING' }))
  })
})
