/** Ciphertexts of other implementations, read by what stands in front of them. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LibsignalParty, RustParty } from '../../tests/vectors/signal/parties.ts'
import type { Ciphertext, SignalParty } from '../../tests/vectors/signal/parties.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import { utf8Bytes } from '../base/bytes.ts'
import { node } from '../protocol/binary/node.ts'
import { CiphertextRecord, assertNoKeyReuse } from './ciphertexts.ts'
import { Trace } from './trace.ts'

const ALICE = '15550000001:1@s.whatsapp.net'
const BOB = '15550000002@s.whatsapp.net'

beforeEach(() => {
  // libsignal prints sessions to the console
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
})

function setUp(capacity?: number): {
  record: CiphertextRecord
  send: (id: string, ciphertext: Ciphertext, sender?: string) => void
} {
  const trace = new Trace(new VirtualClock(0))
  const record = new CiphertextRecord(trace, capacity === undefined ? {} : { capacity })
  const send = (id: string, { type, body }: Ciphertext, sender = ALICE): void => {
    const enc = node('enc', { v: '2', type }, body)
    const to = node('participants', {}, [node('to', { jid: BOB }, [enc])])
    trace.stanza(
      { connectionId: 1, device: sender },
      'client-to-server',
      node('message', { id, to: BOB, type: 'text' }, [to]),
    )
  }
  return { record, send }
}

describe('a record of ciphertexts', () => {
  test('proves nothing when something found no room in it, or could not be read', async () => {
    const us = new RustParty('full')
    await us.start(new RustParty('peer of full').bundle())
    const full = setUp(1)
    for (const id of ['1', '2']) full.send(id, await us.encrypt(utf8Bytes(id)))
    const unreadable = setUp()
    unreadable.send('1', { type: 'msg', body: Uint8Array.of(0x33, 1, 2, 3) })
    for (const { record } of [full, unreadable]) {
      expect(record.missed).toBe(1)
      expect(() => {
        assertNoKeyReuse(record)
      }).toThrow(expect.objectContaining({ code: 'WATON_SIMULATOR_RECORD_INCOMPLETE' }))
    }
  })

  test.each<[string, (name: string) => SignalParty]>([
    ['libsignal', (name) => new LibsignalParty(name)],
    ['the Rust library', (name) => new RustParty(name)],
  ])('knows chains and counters of %s, and that a repetition is none', async (_name, make) => {
    const [us, peer] = [make('us'), new RustParty('the peer')]
    const { record, send } = setUp()
    await us.start(peer.bundle())
    const first = await us.encrypt(utf8Bytes('1'))
    send('1', first)
    send('1', first)
    send('2', await us.encrypt(utf8Bytes('2')))
    await peer.decrypt(first)
    await us.decrypt(await peer.encrypt(utf8Bytes('an answer turns the ratchet')))
    send('3', await us.encrypt(utf8Bytes('3')))
    const all = [...record]
    expect(all.map(({ id, type, counter }) => [id, type, counter])).toEqual([
      ['1', 'pkmsg', 0],
      ['1', 'pkmsg', 0],
      ['2', 'pkmsg', 1],
      ['3', 'msg', 0],
    ])
    expect(new Set(all.map(({ ratchetKey }) => ratchetKey)).size).toBe(2)
    expect(all[0]).toMatchObject({ sender: ALICE, recipient: BOB, digest: all[1]?.digest })
    expect(() => {
      assertNoKeyReuse(record)
    }).not.toThrow()
  })

  test('tells of two texts under one key', async () => {
    const { record, send } = setUp()
    const us = new RustParty('goes back')
    await us.start(new RustParty('peer').bundle())
    const sealed = await us.encrypt(utf8Bytes('before the crash'))
    send('1', sealed)
    // the same header with another text behind it: what a device sends whose ratchet went back
    send('2', { type: sealed.type, body: withOtherText(sealed.body) })
    expect(() => {
      assertNoKeyReuse(record)
    }).toThrow(
      expect.objectContaining({
        code: 'WATON_SIMULATOR_KEY_REUSE',
        details: expect.objectContaining({ first: '1', second: '2', counter: 0 }) as unknown,
      }),
    )
  })
})

/** Changes a byte of the sealed text: it stands in front of the MAC, and that in front of the numbers at the end. */
function withOtherText(body: Uint8Array): Uint8Array {
  return body.map((byte, index) => (index === body.length - 30 ? byte ^ 1 : byte))
}
