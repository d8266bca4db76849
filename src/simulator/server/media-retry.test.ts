/** A linked device asks its phone to upload a file again: what the server lets through, and how the answer comes back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import type { Account } from '../world/account.ts'
import type { Device } from '../world/device.ts'
import { SimulatedServer } from './server.ts'
import { Session } from './session.ts'

const seal = (sealedBytes: number, ivBytes: number): BinaryNode =>
  node('encrypt', {}, [
    node('enc_p', {}, new Uint8Array(sealedBytes)),
    node('enc_iv', {}, new Uint8Array(ivBytes)),
  ])
const BOB = '15550000002@s.whatsapp.net'
const SEALED = seal(40, 12)
const RMR = node('rmr', { jid: BOB, from_me: 'false' })

describe('a request to upload a file again', () => {
  let server: SimulatedServer
  let alice: Account
  let phone: Device
  let linked: Device
  let session: Session
  let received: BinaryNode[]

  beforeEach(() => {
    server = new SimulatedServer({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: seededRandom('media retry'),
      pingIntervalMs: 0,
      traceCapacity: 1_000,
    })
    const { world } = server
    world.createAccount('15550000002', 'Bob')
    alice = world.createAccount('15550000001', 'Alice')
    const facts = { platform: 'chrome', deviceIdentity: undefined, noiseKey: undefined, linkedAtSeconds: 0 }
    linked = world.addDevice(alice, { ...facts, id: 1, keyIndex: 1 })
    phone = world.deviceOf(alice.jid('pn')) ?? linked
    received = []
    const ignore = (): void => undefined
    const channel = {
      connectionId: 1,
      identify: ignore,
      write: (stanza: BinaryNode) => {
        received.push(stanza)
      },
      end: ignore,
      cut: ignore,
    }
    session = new Session(
      world,
      channel,
      { account: alice, device: linked },
      { isPulled: false, pingIntervalMs: 0 },
    )
    session.open()
    session.setActive(true)
    received.length = 0
  })

  afterEach(() => server.close())

  function ask(attributes: Record<string, string>, ...children: BinaryNode[]): void {
    const own = { id: 'M1', to: alice.jid('pn'), type: 'server-error' }
    session.receive(node('receipt', { ...own, ...attributes }, children))
  }

  const waiting = (device: Device): BinaryNode[] => device.mailbox.after(0).map(({ stanza }) => stanza)

  it.each<[string, Record<string, string>, BinaryNode[]]>([
    ['lacks its <encrypt>', {}, [RMR]],
    ['has no 12 bytes in <enc_iv>', {}, [seal(40, 16), RMR]],
    ['has no sealed request in <enc_p>', {}, [seal(16, 12), RMR]],
    ['lacks its <rmr>', {}, [SEALED]],
    ['has the from_me "1"', {}, [SEALED, node('rmr', { ...RMR.attrs, from_me: '1' })]],
    ['names no chat', {}, [SEALED, node('rmr', { ...RMR.attrs, jid: 'Bob' })]],
    ['has a participant outside a group', {}, [SEALED, node('rmr', { ...RMR.attrs, participant: BOB })]],
    ['goes from a linked device to its own phone', { to: BOB }, [SEALED, RMR]],
    ['names a message, which', { category: 'peer' }, [SEALED, RMR]],
  ])('that %s is a violation', (problem, attributes, children) => {
    ask(attributes, ...children)
    expect(received.at(-1)?.tag).toBe('stream:error')
    const [violation] = server.trace.notes.filter(({ kind }) => kind === 'violation')
    expect(violation?.text).toContain(problem)
    expect(waiting(phone)).toEqual([])
  })

  it('about history goes to the phone without a message that it names', () => {
    ask({ category: 'peer' }, SEALED)
    expect(received).toMatchObject([{ tag: 'ack', attrs: { id: 'M1' } }])
    expect(waiting(phone)).toMatchObject([{ attrs: { type: 'server-error' }, content: [SEALED] }])
  })

  it('goes to the phone and is acked; the answer waits until it is acked, too', () => {
    ask({}, SEALED, RMR)
    expect(received).toMatchObject([
      { tag: 'ack', attrs: { class: 'receipt', id: 'M1', type: 'server-error', from: alice.jid('pn') } },
    ])
    expect(waiting(phone)).toMatchObject([
      { attrs: { id: 'M1', type: 'server-error', from: alice.jid('pn', 1) }, content: [SEALED, RMR] },
    ])
    const answer = node('notification', { id: 'M1', type: 'mediaretry', from: alice.jid('pn'), t: '1' }, [
      RMR,
    ])
    server.servicesFor(alice).media?.answerRetry(1, answer)
    expect(received.at(-1)).toEqual(answer)
    expect(waiting(linked)).toEqual([answer])
    session.receive(node('ack', { id: 'M1', class: 'notification', to: alice.jid('pn'), type: 'mediaretry' }))
    expect(waiting(linked)).toEqual([])
  })
})
