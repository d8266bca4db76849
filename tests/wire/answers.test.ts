/**
 * The same stanza to an unmodified Baileys and to waton: both must answer it alike, attribute by attribute. Where waton
 * answers otherwise on purpose, the case says why.
 */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startSimulator } from 'waton/simulator'
import type { Simulator } from 'waton/simulator'
import { childOf, node } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { Baileys } from '../helpers/baileys.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

const WATON = '15550000001:1@s.whatsapp.net'
const BAILEYS = '15550000002:1@s.whatsapp.net'
const [CAROL, CAROL_LID] = ['15550000003@s.whatsapp.net', '100000000003@lid']
const GROUP = '120363000000000001@g.us'
const SERVER = '@s.whatsapp.net'
const T = '1700000000'

const notification = (type: string, from: string, children: BinaryNode[], attrs = {}): BinaryNode =>
  node('notification', { from, type, t: T, ...attrs }, children)
const call = (child: BinaryNode): BinaryNode => node('call', { from: CAROL_LID, t: T }, [child])
const about = { 'call-id': '1', 'call-creator': CAROL_LID }
const receipt = (attrs: Record<string, string>, children?: BinaryNode[]): BinaryNode =>
  node('receipt', { from: CAROL, t: T, ...attrs }, children)

/** Stanzas without their id, which each delivery gets anew. */
const SAME: Readonly<Record<string, BinaryNode>> = {
  'a subject': notification('w:gp2', GROUP, [node('subject', { subject: 'x' })], { participant: CAROL_LID }),
  'a new member': notification(
    'w:gp2',
    GROUP,
    [node('add', {}, [node('participant', { jid: CAROL_LID, phone_number: CAROL })])],
    { participant: CAROL_LID, participant_pn: CAROL },
  ),
  'plenty of pre-keys': notification('encrypt', SERVER, [node('count', { value: '500' })]),
  'a new identity': notification('encrypt', CAROL, [node('identity')]),
  'a device': notification('devices', CAROL, [
    node('add', {}, [node('device', { jid: '15550000003:4@s.whatsapp.net' })]),
  ]),
  'a picture': notification('picture', CAROL, [node('set', { jid: CAROL, id: '1' })]),
  'a text about somebody': notification('status', CAROL, [node('set', {}, 'x')]),
  'another number': notification('contacts', SERVER, [node('update', { jid: CAROL })]),
  'a business': notification('business', CAROL, [node('profile')]),
  'a blocked person': notification('account_sync', SERVER, [
    node('blocklist', {}, [node('item', { jid: CAROL, action: 'block' })]),
  ]),
  'a view of a newsletter': notification('newsletter', '1@newsletter', [
    node('view', { message_id: '1' }, '4'),
  ]),
  'something in JSON': notification('mex', SERVER, [node('update', { op_name: 'Novelty' }, '{"data":{}}')]),
  'a notification of a new type': notification('novelty', SERVER, []),
  'an offer of a call': call(node('offer', about)),
  'a call that nobody answered': call(node('terminate', { ...about, reason: 'timeout' })),
  'a call with a new step': call(node('novelty', about)),
  'a delivery receipt': receipt({}),
  'a receipt of a member': receipt({ from: GROUP, participant: CAROL_LID, type: 'read' }),
  'a receipt with a list': receipt({ type: 'read' }, [node('list', {}, [node('item', { id: 'X2' })])]),
  'a receipt of a new type': receipt({ type: 'novelty' }),
}

/** What waton answers otherwise, and why. */
const DELIBERATE: Readonly<
  Record<string, { readonly stanza: BinaryNode; readonly why: string; readonly error: string }>
> = {
  'a status stanza': {
    stanza: node('status', { from: CAROL, t: T }),
    why: 'Baileys leaves the server waiting; what is not answered is sent again at each login',
    error: '488',
  },
}

describe('an answer', () => {
  let simulator: Simulator
  let nextId = 1

  beforeAll(async () => {
    simulator = await startSimulator({ seed: 77 })
    return () => simulator.close()
  })

  /** Delivers it to one device and waits for what that writes under its id. */
  async function answers(device: string, stanza: BinaryNode, count = 1): Promise<readonly BinaryNode[]> {
    const id = `ANSWER-${String(nextId++)}`
    simulator.deliver(device, { ...stanza, attrs: { ...stanza.attrs, id } }, { keep: 'now' })
    const written = (): readonly BinaryNode[] =>
      simulator.trace
        .stanzas({ direction: 'client-to-server', device })
        .filter(({ node: { attrs } }) => attrs.id === id)
        .map(({ node: { tag, attrs, content } }) => {
          const plain = { tag, attrs: { ...attrs, id: 'ID' } }
          return content === undefined || content.length === 0 ? plain : { ...plain, content }
        })
    await until(`an answer of ${device}`, () => written().length >= count)
    return written()
  }

  test('of waton is the one of Baileys, and differs only on purpose', async () => {
    const { alice, bob } = await addPair(simulator)
    await simulator.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
    const client = await linkedClient(simulator, alice)
    const baileys = await Baileys.link(simulator, bob)
    onTestFinished(() => baileys.quit())
    for (const [name, stanza] of Object.entries(SAME)) {
      const theirs = await answers(BAILEYS, stanza)
      expect(await answers(WATON, stanza), name).toEqual(theirs)
    }
    for (const [name, { stanza, error }] of Object.entries(DELIBERATE)) {
      simulator.deliver(BAILEYS, { ...stanza, attrs: { ...stanza.attrs, id: name } }, { keep: 'now' })
      // by the time this is answered, that would have been
      await answers(BAILEYS, call(node('offer', about)))
      const written = simulator.trace.stanzas({ direction: 'client-to-server', device: BAILEYS })
      expect(written.filter((entry) => entry.node.attrs.id === name)).toEqual([])
      expect(await answers(WATON, stanza), name).toMatchObject([{ attrs: { error } }])
    }
    expect(client.state).toBe('open')
  }, 60_000)

  test('to what cannot be read asks for it as Baileys does: without keys, and then with them', async () => {
    const world = await startWorld(78)
    const alice = await world.addPhone({ phoneNumber: '15550000001', name: 'Alice' })
    const bob = await world.addPhone({ phoneNumber: '15550000002', name: 'Bob' })
    const carol = await world.addPhone({ phoneNumber: '15550000003', name: 'Carol' })
    const client = await linkedClient(world, alice)
    const baileys = await Baileys.link(world, bob)
    onTestFinished(() => baileys.quit())
    // a session that is there: without one waton sends its keys at once
    await carol.send(alice.pn, { text: 'to waton' })
    await carol.send(bob.pn, { text: 'to Baileys' })
    await baileys.waitForText('to Baileys')
    await until('the text', async () => {
      for await (const { type } of client.events.read()) if (type === 'message') return true
      return undefined
    })
    const requests = (device: string): readonly BinaryNode[] =>
      world.trace
        .stanzas({ direction: 'client-to-server', device, tag: 'receipt', type: 'retry' })
        .map(({ node: request }) => request)
    const garbage = node('enc', { v: '2', type: 'msg' }, Uint8Array.of(0x33, 1, 2, 3))
    for (const count of [1, 2]) {
      for (const device of [WATON, BAILEYS]) {
        const about = { from: CAROL, id: 'UNREADABLE', t: T, type: 'text' }
        world.deliver(device, node('message', about, [garbage]), { keep: 'now' })
        await until(`request ${String(count)} of ${device}`, () => requests(device).length >= count)
      }
      const [ours, theirs] = [WATON, BAILEYS].map((device) => requests(device)[count - 1])
      expect(ours && shapeOf(ours)).toEqual(theirs && shapeOf(theirs))
      expect(ours && childOf(ours, 'keys') !== undefined).toBe(count === 2)
      expect(theirs && childOf(theirs, 'retry')?.attrs.error).toBe('0')
      // waton says why, by the numbers that WhatsApp Web has for it
      expect(Number(ours && childOf(ours, 'retry')?.attrs.error)).toBeGreaterThan(0)
    }
  }, 60_000)
})

/** A request without what must differ between two devices: their keys, and the number of the reason. */
function shapeOf({ tag, attrs, content }: BinaryNode): unknown {
  const shown = tag === 'retry' ? { ...attrs, error: 'a number' } : attrs
  if (content === undefined || typeof content === 'string') return { tag, attrs: shown, content }
  if (!(content instanceof Uint8Array)) return { tag, attrs: shown, content: content.map(shapeOf) }
  return { tag, attrs: shown, bytes: tag === 'device-identity' ? 'some' : content.length }
}
