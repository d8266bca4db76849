/**
 * The server seen from a device, over the in-memory link: what it refuses, what it routes, what it owes. Encryption is
 * not needed for that; `tests/e2e/baileys-simulator.test.ts` has real clients.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { childOf, childrenOf, node, requireChild } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { SERVER_JID } from '../../protocol/jid.ts'
import { createPhone } from '../peer/phone.ts'
import type { DeviceLink } from '../link.ts'
import type { Account } from '../world/account.ts'
import { SimulatedServer } from './server.ts'

const ENC = node('enc', { v: '2', type: 'msg' }, Uint8Array.of(0x33, 1, 2, 3))

/** A phone reduced to its link. */
class BareDevice {
  readonly received: BinaryNode[] = []
  isClosed = false
  readonly #link: DeviceLink

  constructor(server: SimulatedServer, account: Account) {
    this.#link = server.servicesFor(account).attach({
      onNode: (stanza) => this.received.push(stanza),
      onClose: () => {
        this.isClosed = true
      },
    })
  }

  send(stanza: BinaryNode): void {
    this.#link.send(stanza)
  }

  leave(): void {
    this.#link.close()
  }

  /** What came with this tag, in order. */
  all(tag: string): BinaryNode[] {
    return this.received.filter((stanza) => stanza.tag === tag)
  }
}

/** Lets everything that is on its way in memory arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

function iq(attributes: Record<string, string>, ...children: BinaryNode[]): BinaryNode {
  return node('iq', { id: 'q1', to: SERVER_JID, ...attributes }, children)
}

function messageTo(to: string, ...copies: string[]): BinaryNode {
  const participants = copies.map((jid) => node('to', { jid }, [ENC]))
  return node('message', { id: 'M1', to, type: 'text' }, [node('participants', {}, participants)])
}

describe('the simulated server', () => {
  let server: SimulatedServer
  let alice: Account
  let bob: Account
  let alicePhone: BareDevice
  let bobPhone: BareDevice

  beforeEach(async () => {
    server = new SimulatedServer({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: seededRandom('server test'),
      pingIntervalMs: 0,
      traceCapacity: 1_000,
    })
    alice = server.world.createAccount('15550000001', 'Alice')
    bob = server.world.createAccount('15550000002', 'Bob')
    alicePhone = new BareDevice(server, alice)
    bobPhone = new BareDevice(server, bob)
    await settle()
    alicePhone.received.length = 0
    bobPhone.received.length = 0
  })

  afterEach(() => server.close())

  const pnOf = (account: Account): string => account.jid('pn')
  const violations = (): string[] =>
    server.trace.notes.filter((note) => note.kind === 'violation').map((note) => note.text)

  describe('is strict', () => {
    it.each<[string, (own: string, other: string) => BinaryNode]>([
      ['<hello> is not a stanza that a client sends', () => node('hello')],
      [
        '<message> has the unknown attribute "colour"',
        (_own, to) => node('message', { id: 'M', to, type: 'text', colour: 'red' }),
      ],
      [
        '<message> has the unknown type "txt"',
        (_own, to) => node('message', { id: 'M', to, type: 'txt' }, [ENC]),
      ],
      ['<message> carries no encrypted copy', (_own, to) => node('message', { id: 'M', to, type: 'text' })],
      ['names a device twice', (_own, to) => messageTo(to, to, to)],
      ['the device that sends it', (own, to) => messageTo(to, to, own)],
      [
        'who is neither the recipient nor the sender',
        (_own, to) => messageTo(to, '15550000003@s.whatsapp.net'),
      ],
      [
        'has the unknown child <list>',
        () => node('ack', { id: 'A', class: 'receipt', to: SERVER_JID }, [node('list')]),
      ],
      ['<receipt> has the unknown type "seen"', (_own, to) => node('receipt', { id: 'R', to, type: 'seen' })],
      ['<receipt> lacks the attribute "to"', () => node('receipt', { id: 'R', type: 'sender' })],
      ['<iq> lacks its "id" or "xmlns"', () => node('iq', { type: 'get', xmlns: 'w:p' })],
      ['not to the server', (_own, to) => node('iq', { id: 'q', type: 'get', xmlns: 'w:p', to })],
      [
        '<iq> has the unknown child <pong>',
        () => iq({ type: 'get', xmlns: 'w:p' }, node('ping'), node('pong')),
      ],
      ['<presence> has the unknown type "busy"', () => node('presence', { type: 'busy' })],
      ['asks for 0 stanzas', () => node('ib', {}, [node('offline_batch', { count: '0' })])],
      ['is malformed', () => node('ib', {}, [node('offline_batch', { count: 'many' })])],
    ])('%s', async (text, build) => {
      server.world.createAccount('15550000003', 'Carol')
      alicePhone.send(build(pnOf(alice), pnOf(bob)))
      await settle()
      expect(violations()).toEqual([expect.stringContaining(text)])
      expect(alicePhone.received.at(-1)).toEqual(node('stream:error', {}, [node('xml-not-well-formed')]))
      expect(alicePhone.isClosed).toBe(true)
    })

    it('answers a query it does not know with 501, notes it, and goes on', async () => {
      alicePhone.send(iq({ type: 'get', xmlns: 'w:unheard' }, node('of')))
      alicePhone.send(iq({ id: 'q2', type: 'get', xmlns: 'w:p' }, node('ping')))
      await settle()
      const [refusal, pong] = alicePhone.all('iq')
      expect(childOf(refusal ?? node('none'), 'error')?.attrs).toEqual({
        code: '501',
        text: 'feature-not-implemented',
      })
      expect(pong?.attrs).toEqual({ from: SERVER_JID, type: 'result', id: 'q2' })
      expect(server.trace.notes.filter((note) => note.kind === 'unknown')).toHaveLength(1)
    })

    it('refuses a message to nobody with an error ack', async () => {
      alicePhone.send(messageTo('15559999999@s.whatsapp.net', pnOf(bob)))
      await settle()
      expect(alicePhone.all('ack')[0]?.attrs).toMatchObject({ class: 'message', id: 'M1', error: '404' })
      expect(bobPhone.received).toEqual([])
    })
  })

  describe('routes', () => {
    it('a message to the addressed device, with the other address of the sender, and acks it', async () => {
      alicePhone.send(messageTo(bob.jid('lid'), bob.jid('lid')))
      await settle()
      expect(bobPhone.all('message')[0]?.attrs).toEqual({
        from: alice.jid('lid'),
        id: 'M1',
        type: 'text',
        t: expect.stringMatching(/^\d+$/) as string,
        notify: 'Alice',
        sender_pn: pnOf(alice),
      })
      expect(alicePhone.all('ack')[0]?.attrs).toMatchObject({
        class: 'message',
        id: 'M1',
        from: bob.jid('lid'),
      })
    })

    it('drops a copy for a device that is not linked, and says so in the trace', async () => {
      alicePhone.send(messageTo(pnOf(bob), pnOf(bob), bob.jid('pn', 9)))
      await settle()
      expect(bobPhone.all('message')).toHaveLength(1)
      expect(server.trace.notes.at(-1)?.text).toContain(`a copy for ${bob.jid('pn', 9)} is dropped`)
    })

    it('delivery and read receipts to the sender, and acks each', async () => {
      alicePhone.send(messageTo(pnOf(bob), pnOf(bob)))
      bobPhone.send(node('receipt', { id: 'M1', to: pnOf(alice) }))
      bobPhone.send(node('receipt', { id: 'M1', to: pnOf(alice), type: 'read', t: '5' }))
      await settle()
      expect(alicePhone.all('receipt').map((receipt) => receipt.attrs['type'])).toEqual([undefined, 'read'])
      expect(bobPhone.all('ack').map((ack) => [ack.attrs['class'], ack.attrs['type']])).toEqual([
        ['receipt', undefined],
        ['receipt', 'read'],
      ])
    })

    it('typing and presence only to who is there, and keeps neither', async () => {
      bobPhone.send(node('presence', { type: 'subscribe', to: pnOf(alice) }))
      alicePhone.send(node('presence', { type: 'available', name: 'Alice' }))
      alicePhone.send(node('chatstate', { to: pnOf(bob) }, [node('composing')]))
      await settle()
      expect(bobPhone.all('presence').map((presence) => presence.attrs['type'])).toEqual([
        'unavailable',
        undefined,
      ])
      expect(bobPhone.all('chatstate')).toEqual([
        node('chatstate', { from: pnOf(alice) }, [node('composing')]),
      ])
      expect(bob.devices.get(0)?.mailbox.size).toBe(0)
    })
  })

  describe('owes', () => {
    it('a message until it is answered, and sends it at every login', async () => {
      alicePhone.send(messageTo(pnOf(bob), pnOf(bob)))
      await settle()
      bobPhone.leave()
      const second = new BareDevice(server, bob)
      await settle()
      expect(second.all('message')[0]?.attrs).toMatchObject({ id: 'M1', offline: '0' })
      second.send(node('receipt', { id: 'M1', to: pnOf(alice) }))
      await settle()
      second.leave()
      const third = new BareDevice(server, bob)
      await settle()
      expect(third.all('message')).toEqual([])
    })

    it('a receipt until it is acked', async () => {
      alicePhone.send(messageTo(pnOf(bob), pnOf(bob)))
      bobPhone.send(node('receipt', { id: 'M1', to: pnOf(alice) }))
      await settle()
      alicePhone.leave()
      const back = new BareDevice(server, alice)
      await settle()
      expect(back.all('receipt')).toHaveLength(1)
      back.send(node('ack', { id: 'M1', class: 'receipt', to: pnOf(bob) }))
      await settle()
      expect(alice.devices.get(0)?.mailbox.size).toBe(0)
    })
  })

  describe('hands out keys', () => {
    const fetch = (...jids: string[]): BinaryNode =>
      iq(
        { type: 'get', xmlns: 'encrypt' },
        node(
          'key',
          {},
          jids.map((jid) => node('user', { jid })),
        ),
      )

    it('refuses unknown devices with 404 and devices without keys with 406, each for itself', async () => {
      alicePhone.send(fetch(bob.jid('lid'), bob.jid('pn', 7), '15558888888@s.whatsapp.net'))
      await settle()
      const users = childrenOf(requireChild(alicePhone.all('iq')[0] ?? node('none'), 'list'))
      expect(users.map((user) => [user.attrs['jid'], requireChild(user, 'error').attrs['code']])).toEqual([
        [bob.jid('lid'), '406'],
        [bob.jid('pn', 7), '404'],
        ['15558888888@s.whatsapp.net', '404'],
      ])
    })

    it('gives each one-time key once and tells the device when few are left', async () => {
      const carol = server.world.createAccount('15550000003', 'Carol')
      const phone = await createPhone({
        phoneNumber: '15550000003',
        name: 'Carol',
        lid: carol.jid('lid'),
        random: seededRandom('carol'),
        clock: systemClock,
        services: server.servicesFor(carol),
        preKeyCount: 6,
      })
      for (const id of ['q1', 'q2'])
        alicePhone.send({ ...fetch(carol.jid('pn')), attrs: { ...fetch().attrs, id } })
      await settle()
      const ids = alicePhone.all('iq').map((answer) => {
        const [user] = childrenOf(requireChild(answer, 'list'))
        return requireChild(requireChild(user ?? node('none'), 'key'), 'id').content
      })
      expect(ids).toEqual([Uint8Array.of(0, 0, 1), Uint8Array.of(0, 0, 2)])
      const [notice] = server.trace.stanzas({ device: carol.jid('pn'), tag: 'notification' })
      expect(notice?.node).toMatchObject({ attrs: { type: 'encrypt', from: SERVER_JID } })
      await phone.idle()
      expect(carol.devices.get(0)?.directory.count).toBeGreaterThan(4)
      phone.close()
    })
  })

  describe('fails on purpose', () => {
    it('cuts a connection', async () => {
      expect(server.faults.disconnect(pnOf(alice))).toBe(true)
      await settle()
      expect(alicePhone.isClosed).toBe(true)
      expect(server.faults.disconnect(pnOf(alice))).toBe(false)
      expect(server.trace.notes.some((note) => note.kind === 'fault')).toBe(true)
    })

    it('cuts a connection instead of sending the next stanza but two', async () => {
      server.faults.dropAfter(pnOf(alice), 2)
      for (const id of ['q1', 'q2', 'q3'])
        alicePhone.send({
          ...iq({ type: 'get', xmlns: 'w:p' }),
          attrs: { id, to: SERVER_JID, type: 'get', xmlns: 'w:p' },
        })
      await settle()
      expect(alicePhone.all('iq').map((answer) => answer.attrs['id'])).toEqual(['q1', 'q2'])
      expect(alicePhone.isClosed).toBe(true)
    })
  })

  it('names its media servers with all that a client looks for, and a token that is good', async () => {
    server.faults.media.habits({ deadHosts: ['localhost:1'], ttlSeconds: 60 })
    alicePhone.send(iq({ xmlns: 'w:m', type: 'set' }, node('media_conn')))
    await settle()
    const [answer] = alicePhone.all('iq')
    const connection = requireChild(answer ?? node('none'), 'media_conn')
    expect(connection.attrs).toMatchObject({ ttl: '60', auth_ttl: '21600', max_buckets: '12', is_new: '1' })
    expect(server.world.media.checkAuth(connection.attrs['auth'] ?? '')).toBe('good')
    const hosts = childrenOf(connection, 'host')
    expect(hosts.map(({ attrs }) => [attrs['hostname'], attrs['type']])).toEqual([
      ['localhost:1', 'primary'],
      ['localhost:0', 'primary'],
      ['127.0.0.1:0', 'fallback'],
    ])
    for (const host of hosts)
      expect(childrenOf(host).map(({ tag }) => tag)).toEqual(['upload', 'download', 'download_buckets'])
  })

  it('refuses the question for media servers as often as it is told to', async () => {
    server.faults.media.refuseConnections(429, 2)
    for (const id of ['q1', 'q2', 'q3'])
      alicePhone.send(node('iq', { id, to: SERVER_JID, xmlns: 'w:m', type: 'set' }, [node('media_conn')]))
    await settle()
    expect(alicePhone.all('iq').map(({ attrs }) => attrs['type'])).toEqual(['error', 'error', 'result'])
    expect(server.trace.faults).toHaveLength(2)
  })
})
