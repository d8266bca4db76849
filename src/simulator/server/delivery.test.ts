import { describe, expect, it } from 'vitest'
import { childrenOf, node } from '../../protocol/binary/node.ts'
import type { BinaryNode } from '../../protocol/binary/node.ts'
import { Mailbox } from '../world/mailbox.ts'
import { GOOD_HABITS } from '../world/offline.ts'
import type { OfflineHabits } from '../world/offline.ts'
import { Delivery } from './delivery.ts'

/** A device: its mailbox, and what it was sent as short words. */
function setUp(
  isPulled: boolean,
  habits: Partial<OfflineHabits> = {},
): {
  mailbox: Mailbox
  delivery: Delivery
  sent: string[]
  post: (id: string) => void
} {
  const mailbox = new Mailbox()
  const sent: string[] = []
  const delivery = new Delivery(
    mailbox,
    isPulled,
    (stanza) => sent.push(describeStanza(stanza)),
    () => ({ ...GOOD_HABITS, ...habits }),
  )
  const post = (id: string): void => {
    const stanza = node('message', { id, from: '15550000002@s.whatsapp.net' })
    delivery.deliver(mailbox.add(stanza, 'receipt').entry)
  }
  return { mailbox, delivery, sent, post }
}

function describeStanza(stanza: BinaryNode): string {
  const [bulletin] = childrenOf(stanza)
  if (stanza.tag === 'ib') return `${bulletin?.tag ?? ''} ${bulletin?.attrs['count'] ?? ''}`
  const offline = stanza.attrs['offline']
  return offline === undefined ? (stanza.attrs['id'] ?? '') : `${stanza.attrs['id'] ?? ''} offline ${offline}`
}

describe('delivery', () => {
  it('sends nothing while the device is passive', () => {
    const { delivery, sent, post } = setUp(true)
    post('A')
    expect(sent).toEqual([])
    delivery.activate()
    delivery.hold()
    sent.length = 0
    post('B')
    expect(sent).toEqual([])
  })

  it('stops after the primer until the device pulls, and keeps what is new behind the backlog', () => {
    const { delivery, sent, post } = setUp(true)
    for (let index = 1; index <= 8; index += 1) post(String(index))
    delivery.activate()
    expect(sent).toHaveLength(6)
    post('new')
    delivery.pull(2)
    expect(sent.slice(6)).toEqual(['6 offline 5', '7 offline 6'])
    delivery.pull(100)
    expect(sent.slice(8)).toEqual(['8 offline 7', 'offline 8', 'new'])
    delivery.pull(100)
    expect(sent).toHaveLength(11)
  })

  it('ends an empty backlog at once', () => {
    const { delivery, sent, post } = setUp(true)
    delivery.activate()
    post('A')
    expect(sent).toEqual(['offline 0', 'A'])
  })

  it('sends the whole backlog to a device that does not pull', () => {
    const { delivery, sent, post } = setUp(false)
    for (let index = 1; index <= 7; index += 1) post(String(index))
    delivery.activate()
    expect(sent[0]).toBe('offline_preview 7')
    expect(sent.at(-1)).toBe('offline 7')
    expect(sent).toHaveLength(9)
  })

  it('sends a stanza once per connection, and again on the next one until it is answered', () => {
    const { mailbox, delivery, sent, post } = setUp(false)
    delivery.activate()
    post('A')
    delivery.hold()
    delivery.activate()
    expect(sent).toEqual(['offline 0', 'A', 'offline 0'])
    const next = new Delivery(mailbox, false, (stanza) => sent.push(describeStanza(stanza)))
    next.activate()
    expect(sent.slice(3)).toEqual(['offline_preview 1', 'A offline 0', 'offline 1'])
  })

  it('sends no more at a time than its habit allows, whatever is asked for', () => {
    const { delivery, sent, post } = setUp(true, { primer: 1, batchLimit: 2 })
    for (let index = 1; index <= 4; index += 1) post(String(index))
    delivery.activate()
    delivery.pull(100)
    expect(sent).toEqual(['offline_preview 4', '1 offline 0', '2 offline 1', '3 offline 2'])
  })

  it('announces what it was told to, and tells no end when it has that habit', () => {
    const { delivery, sent, post } = setUp(true, { announced: 0, endMarker: false, liveSaysZero: true })
    delivery.activate()
    post('A')
    expect(sent).toEqual(['offline_preview 0', 'A offline 0'])
  })

  it('holds everything back behind a stanza that was refused, when it has that habit', () => {
    const { delivery, mailbox, sent, post } = setUp(true)
    post('A')
    post('B')
    expect(mailbox.refuse({ class: 'message', id: 'Z', to: '', type: undefined })).toBe(false)
    expect(mailbox.refuse({ class: 'message', id: 'A', to: '', type: undefined })).toBe(true)
    delivery.activate()
    delivery.pull(100)
    expect(sent.slice(0, 2)).toEqual(['offline_preview 2', 'A offline 0'])
    expect(sent).not.toContain('offline 2')
  })

  it('throws away what waited for too long', () => {
    const mailbox = new Mailbox()
    mailbox.add(node('message', { id: 'old' }), 'receipt', 10)
    mailbox.add(node('message', { id: 'new' }), 'receipt', 20)
    expect(mailbox.expire(20)).toBe(1)
    expect(mailbox.after(0).map(({ stanza }) => stanza.attrs['id'])).toEqual(['new'])
  })
})
