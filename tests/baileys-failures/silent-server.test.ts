/**
 * Where Baileys hangs, dies or hides what happened when a server is slow, silent or gone, and waton says so. Rows L1, L2,
 * L3, L6 and L12 of the list in README.md.
 */
import { createConnection, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Client, Endpoint } from 'waton'
import { node } from '../../src/protocol/binary/node.ts'
import { ALICE, DEVICE, linkedClient, untilLogged } from '../client/support.ts'
import type { World } from '../client/support.ts'
import { ROOT_SERIAL } from '../../src/simulator/server/certificate-authority.ts'
import { until } from '../helpers/until.ts'
import { BAILEYS, CAROL, Victim, goSilent, startStage, temporaryFolder } from './stage.ts'
import type { Stage } from './stage.ts'

const QUESTION = node('iq', { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' }, [node('ping')])

/** The world's endpoint at an address: a real socket in place of the one in memory. */
function overNetwork({ server }: World, url: string): Endpoint {
  return { url, rootKey: server.authority.rootKey, rootSerial: ROOT_SERIAL }
}

function ask(client: Client): Promise<unknown> {
  return client.query(QUESTION).then(
    () => 'answered',
    (error: unknown) => error,
  )
}

describe('a question that the server does not answer', () => {
  test('L1: Baileys resolves with undefined; waton rejects', async () => {
    const stage = await startStage('L1')
    const baileys = await Victim.link(stage, temporaryFolder(), { defaultQueryTimeoutMs: 700 })
    goSilent(stage, BAILEYS)
    const { endOf } = baileys.ask(QUESTION)
    expect(await until('the end of the question', endOf)).toEqual({ ended: 'resolved', isUndefined: true })

    const other = await startStage('L1 waton')
    const client = await linkedClient(other.world, other.alice, { timing: { queryTimeoutMs: 700 } })
    goSilent(other, DEVICE)
    expect(await ask(client)).toMatchObject({ code: 'WATON_QUERY_TIMEOUT' })
  })

  test('L2: Baileys lets it hang when the connection ends; waton rejects it', async () => {
    const stage = await startStage('L2')
    const baileys = await Victim.link(stage, temporaryFolder(), { defaultQueryTimeoutMs: 4_000 })
    goSilent(stage, BAILEYS)
    const { endOf } = baileys.ask(QUESTION)
    await until('the question', () => asked(stage, BAILEYS))
    const closings = baileys.closedAtMs.length
    stage.world.server.faults.streamError(BAILEYS, { code: 503 })
    await until('the end of the connection', () => baileys.closedAtMs.length > closings)
    // everybody has been told, and it still waits for an answer that cannot come any more
    expect(endOf()).toBeUndefined()
    expect(await until('its timeout', endOf)).toEqual({ ended: 'resolved', isUndefined: true })

    const other = await startStage('L2 waton')
    const client = await linkedClient(other.world, other.alice)
    goSilent(other, DEVICE)
    const question = ask(client)
    await until('the question', () => asked(other, DEVICE))
    other.world.server.faults.streamError(DEVICE, { code: 503 })
    expect(await question).toMatchObject({ code: 'WATON_QUERY_DISCONNECTED' })
  })
})

function asked({ world }: Stage, device: string): boolean {
  return world.server.trace
    .stanzas({ device, tag: 'iq', direction: 'client-to-server' })
    .some(({ node: { attrs } }) => attrs.xmlns === 'w:p' && attrs.type === 'get')
}

describe('a server that answers a question after the login', () => {
  test('L12: is not enough for Baileys, which asks several in a row; waton is open within two', async () => {
    const stage = await startStage('L12')
    const baileys = await Victim.link(stage, temporaryFolder())
    const { opened } = baileys
    stage.world.server.faults.plan({
      seed: 1,
      faults: [{ fault: 'hold-answers', device: BAILEYS, at: { answer: 2 }, count: 1000 }],
    })
    const before = stage.world.server.trace.nextIndex
    stage.world.server.faults.streamError(BAILEYS, { code: 515 })
    await until('its second question', () => questions(stage, BAILEYS, before) > 1)
    expect(baileys.opened).toBe(opened)

    const other = await startStage('L12 waton')
    const client = await linkedClient(other.world, other.alice)
    const { trace, faults } = other.world.server
    // the keys of a new device go to the server once; this is about every login after that
    await until('the first login to be over', () => areAnswered(other, DEVICE))
    const beforeWaton = trace.nextIndex
    const answers = new Promise<number>((resolve) => {
      client.on('connection.open', () => {
        const filter = { device: DEVICE, tag: 'iq', type: 'result', after: beforeWaton } as const
        resolve(trace.stanzas({ direction: 'server-to-client', ...filter }).length)
      })
    })
    faults.disconnect(DEVICE)
    expect(await answers).toBeLessThanOrEqual(2)
  })
})

/** Whether a device has the answer to its last question, which is the one about its keys. */
function areAnswered({ world }: Stage, device: string): boolean {
  const { trace } = world.server
  const asked = trace.stanzas({ device, tag: 'iq', direction: 'client-to-server' })
  const answered = trace.stanzas({ device, tag: 'iq', direction: 'server-to-client', type: 'result' })
  return (
    asked.length > 4 &&
    asked.every(({ node: { attrs } }) => answered.some((answer) => answer.node.attrs.id === attrs.id))
  )
}

function questions({ world }: Stage, device: string, after: number): number {
  return world.server.trace.stanzas({ device, tag: 'iq', direction: 'client-to-server', after }).length
}

describe('a peer that is gone without a word', () => {
  /** Notices within six seconds: the ping of Baileys and its five seconds, and the same for waton. */
  const NOTICED_MS = 6_000
  /** What `ws` waits for the other side to close, which it never does: Baileys tells nobody before. */
  const HIDDEN_MS = 25_000

  test(
    'L3: Baileys says so half a minute after it has noticed; waton at once',
    { timeout: 120_000 },
    async () => {
      const stage = await startStage('L3')
      const cable = await Cable.to(stage.url)
      const baileys = await Victim.link({ ...stage, url: cable.url }, temporaryFolder(), {
        keepAliveIntervalMs: 1_000,
      })
      const client = await linkedClient(stage.world, stage.alice, {
        endpoint: overNetwork(stage.world, cable.url),
        timing: { keepAliveMs: 1_000, pongTimeoutMs: 5_000 },
      })
      const closed = new Promise<number>((resolve) => {
        client.once('connection.closed', () => {
          resolve(Date.now())
        })
      })
      const before = baileys.closedAtMs.length
      const cutAtMs = cable.cut()
      const noticedAtMs = await closed
      expect(noticedAtMs - cutAtMs).toBeLessThan(NOTICED_MS + 4_000)
      const told = await until('Baileys to tell', () => baileys.closedAtMs[before], 90_000)
      expect(told - cutAtMs).toBeGreaterThan(NOTICED_MS + HIDDEN_MS)
    },
  )
})

/** A network in front of the server that can swallow everything, as a dead router does: no end, no error. */
class Cable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = createConnection(port, '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => undefined)
        from.on('data', (bytes) => {
          if (!this.#isCut) to.write(bytes)
        })
        from.on('close', () => {
          if (!this.#isCut) to.destroy()
        })
      }
    })
    onTestFinished(() => {
      for (const socket of this.#sockets) socket.destroy()
      this.#server.close()
    })
  }

  /** Lays a cable to a server. */
  static async to(url: string): Promise<Cable> {
    const cable = new Cable(Number(new URL(url).port))
    await new Promise<void>((resolve) => {
      cable.#server.listen(0, '127.0.0.1', resolve)
    })
    return cable
  }

  /** Where clients connect to. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `ws://127.0.0.1:${String(port)}/ws/chat`
  }

  /** From now on nothing passes. @returns when */
  cut(): number {
    this.#isCut = true
    return Date.now()
  }
}

describe('a frame that was damaged on the way', () => {
  test('L6: ends the process of Baileys with an unhandled rejection, and a connection of waton', async () => {
    const stage = await startStage('L6')
    const { bob } = stage
    const baileys = await Victim.link(stage, temporaryFolder())
    damageNext(stage, BAILEYS)
    await bob.send(CAROL, { text: 'damaged' })
    expect(await until('the process to end', () => baileys.end)).toEqual({ code: 1, signal: null })

    const other = await startStage('L6 waton')
    const endpoint = overNetwork(other.world, other.url)
    const client = await linkedClient(other.world, other.alice, { endpoint })
    const reasons: string[] = []
    client.on('connection.closed', ({ reason }) => {
      reasons.push(reason)
    })
    damageNext(other, DEVICE)
    const { id } = await other.bob.send(ALICE, { text: 'damaged' })
    await untilLogged(client, id)
    expect(reasons).toHaveLength(1)
  })
})

function damageNext({ world }: Stage, device: string): void {
  world.server.faults.plan({
    seed: 1,
    faults: [{ fault: 'corrupt', device, at: { direction: 'server-to-client', frame: 1 } }],
  })
}
