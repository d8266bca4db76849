/**
 * Session records of a restored backup: they read what they could read, and nothing is ever sent in them again. The other
 * side is a foreign implementation; so is the judge of what is sent, by the ratchet key and counter of each message.
 */
import { describe, expect, it, vi } from 'vitest'
import { LibsignalParty, NOW_MS, RustParty, WatonParty } from '../../../tests/vectors/signal/parties.ts'
import type { Ciphertext } from '../../../tests/vectors/signal/parties.ts'
import { toHex, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { parseSignalMessage, readPreKeySignal } from './message.ts'
import { decodeSessionRecord, encodeSessionRecord } from './record-codec.ts'
import { asCopy, SessionRecord, withoutCurrent } from './session-record.ts'
import { hasOpenSession } from './session.ts'

// libsignal prints sessions, keys included, to the console whenever it closes one.
for (const method of ['info', 'warn', 'log', 'error'] as const)
  vi.spyOn(console, method).mockImplementation(() => undefined)

/** What a message key is known by. */
function keyOf({ type, body }: Ciphertext): string {
  const { ratchetKey, counter } = parseSignalMessage(type === 'pkmsg' ? readPreKeySignal(body).message : body)
  return `${toHex(ratchetKey)} ${String(counter)}`
}

function restored(record: SessionRecord | undefined): SessionRecord {
  if (record === undefined) throw new TypeError('there is a session')
  return decodeSessionRecord(encodeSessionRecord(asCopy(record, NOW_MS)))
}

type Peer = RustParty | LibsignalParty

async function conversation(peer: Peer): Promise<WatonParty> {
  const ours = new WatonParty('copied')
  await peer.start(ours.bundle())
  await ours.decrypt(await peer.encrypt(utf8Bytes('hello')))
  await peer.decrypt(await ours.encrypt(utf8Bytes('answer')))
  return ours
}

describe.each([
  ['the Rust implementation', () => new RustParty('peer of a copy')],
  ['libsignal', () => new LibsignalParty('peer of a copy')],
])('a copied session, with %s', (_name, newPeer) => {
  it('has nothing to send in, also when the other side goes on writing in it', async () => {
    const peer = newPeer()
    const ours = await conversation(peer)
    ours.record = restored(ours.record)
    expect(hasOpenSession(ours.record)).toBe(false)
    for (const text of ['still on its chain', 'and again']) {
      expect(utf8Text(await ours.decrypt(await peer.encrypt(utf8Bytes(text))))).toBe(text)
      expect(hasOpenSession(ours.record)).toBe(false)
      ours.record = decodeSessionRecord(encodeSessionRecord(ours.record))
    }
    expect(() => ours.encrypt(utf8Bytes('never'))).toThrow(
      expect.objectContaining({ code: 'WATON_SIGNAL_NO_SESSION' }),
    )
  })

  it('reads the other side after its next step, and sends in a new session only', async () => {
    const peer = newPeer()
    const ours = await conversation(peer)
    const before = ours.record
    const original = [await ours.encrypt(utf8Bytes('the original goes on'))]
    for (const one of original) await peer.decrypt(one)
    original.push(await ours.encrypt(utf8Bytes('and on')))
    ours.record = restored(before)
    expect(utf8Text(await ours.decrypt(await peer.encrypt(utf8Bytes('a new step'))))).toBe('a new step')
    await ours.start(peer.bundle())
    const sent = [await ours.encrypt(utf8Bytes('from the copy')), await ours.encrypt(utf8Bytes('twice'))]
    expect(sent.map(({ type }) => type)).toEqual(['pkmsg', 'pkmsg'])
    const keys = [...original, ...sent].map(keyOf)
    expect(new Set(keys).size).toBe(keys.length)
    for (const one of sent) await peer.decrypt(one)
    expect(utf8Text(await ours.decrypt(await peer.encrypt(utf8Bytes('in the new session'))))).toBe(
      'in the new session',
    )
    expect(hasOpenSession(ours.record)).toBe(true)
  })

  it('that was set aside alone is read in, while sending waits for a new one', async () => {
    const peer = newPeer()
    const ours = await conversation(peer)
    const onItsWay = await peer.encrypt(utf8Bytes('on its way'))
    if (ours.record === undefined) throw new TypeError('there is a session')
    ours.record = decodeSessionRecord(encodeSessionRecord(withoutCurrent(ours.record, NOW_MS)))
    expect(hasOpenSession(ours.record)).toBe(false)
    await ours.start(peer.bundle())
    expect(utf8Text(await ours.decrypt(onItsWay))).toBe('on its way')
    const sent = await ours.encrypt(utf8Bytes('in the new session'))
    expect(sent.type).toBe('pkmsg')
    await peer.decrypt(sent)
  })
})
