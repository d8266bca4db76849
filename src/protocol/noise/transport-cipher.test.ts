import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, uintFromBytes, utf8Bytes } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { MAX_PAYLOAD_BYTES, TransportCipher, type TransportCounters } from './transport-cipher.ts'

const random = seededRandom('transport cipher')
const [clientKey, serverKey] = [random.bytes(32), random.bytes(32)]
const LAST = 2 ** 32 - 1

function client(counters?: TransportCounters): TransportCipher {
  return new TransportCipher({ sendKey: clientKey, receiveKey: serverKey }, counters)
}

function server(counters?: TransportCounters): TransportCipher {
  return new TransportCipher({ sendKey: serverKey, receiveKey: clientKey }, counters)
}

/** Frame number `counter` as `node:crypto` alone makes it: IV of 8 zero bytes and the counter, no additional data. */
function independentFrame(key: Uint8Array, counter: number, payload: Uint8Array): Uint8Array {
  const iv = Buffer.alloc(12)
  iv.writeUInt32BE(counter, 8)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const body = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()])
  const length = Buffer.alloc(3)
  length.writeUIntBE(body.length, 0, 3)
  return new Uint8Array(Buffer.concat([length, body]))
}

function refusal(code: string): unknown {
  return expect.objectContaining({ code })
}

describe('the transport cipher', () => {
  it('refuses a frame whose tag or ciphertext was altered, at every byte', () => {
    const frame = independentFrame(serverKey, 0, utf8Bytes('stanza')).subarray(3)
    for (let index = 0; index < frame.length; index++) {
      const altered = Uint8Array.from(frame)
      altered[index] = (altered[index] ?? 0) ^ 0x10
      expect(() => client().open(altered)).toThrow(refusal('WATON_CRYPTO_TAG'))
    }
  })

  it.each([
    ['repeated', [0, 0]],
    ['lost', [0, 2]],
    ['swapped', [1, 0]],
  ])('refuses a frame that was %s', (_name, order) => {
    const cipher = client()
    const open = (): void => {
      for (const counter of order) {
        cipher.open(independentFrame(serverKey, counter, utf8Bytes('stanza')).subarray(3))
      }
    }
    expect(open).toThrow(refusal('WATON_CRYPTO_TAG'))
  })

  it.each([0, 1, 15])('refuses a body of %i bytes, which cannot hold a tag', (length) => {
    expect(() => client().open(new Uint8Array(length))).toThrow(refusal('WATON_CRYPTO_TAG'))
  })

  it('refuses everything after one failure, in both directions', () => {
    const cipher = client()
    const good = independentFrame(serverKey, 1, utf8Bytes('next')).subarray(3)
    expect(() => cipher.open(new Uint8Array(40))).toThrow(refusal('WATON_CRYPTO_TAG'))
    expect(() => cipher.open(good)).toThrow(refusal('WATON_NOISE_BROKEN'))
    expect(() => cipher.seal(utf8Bytes('more'))).toThrow(refusal('WATON_NOISE_BROKEN'))
  })

  it('seals frame 2^32 - 1 and refuses the one after it, for good', () => {
    const cipher = client({ sent: LAST })
    expect(cipher.seal(utf8Bytes('last'))).toEqual(independentFrame(clientKey, LAST, utf8Bytes('last')))
    expect(() => cipher.seal(utf8Bytes('one more'))).toThrow(refusal('WATON_NOISE_COUNTER'))
    expect(() => cipher.seal(utf8Bytes('again'))).toThrow(refusal('WATON_NOISE_BROKEN'))
  })

  it('opens frame 2^32 - 1 and refuses the one after it, although it would authenticate as the first', () => {
    const cipher = client({ received: LAST })
    expect(cipher.open(independentFrame(serverKey, LAST, utf8Bytes('last')).subarray(3))).toEqual(
      utf8Bytes('last'),
    )
    const first = independentFrame(serverKey, 0, utf8Bytes('first')).subarray(3)
    expect(() => cipher.open(first)).toThrow(refusal('WATON_NOISE_COUNTER'))
  })

  it('refuses a payload that no frame can hold, and goes on', () => {
    const cipher = client()
    expect(() => cipher.seal(new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow(
      refusal('WATON_NOISE_PAYLOAD_TOO_LARGE'),
    )
    expect(cipher.seal(utf8Bytes('small'))).toEqual(independentFrame(clientKey, 0, utf8Bytes('small')))
  })

  it('seals none of several payloads when one of them fits no frame, and all of them otherwise', () => {
    const cipher = client()
    const [small, large] = [utf8Bytes('small'), new Uint8Array(MAX_PAYLOAD_BYTES + 1)]
    expect(() => cipher.sealAll([small, large])).toThrow(refusal('WATON_NOISE_PAYLOAD_TOO_LARGE'))
    const [first, second] = [
      independentFrame(clientKey, 0, small),
      independentFrame(clientKey, 1, utf8Bytes('other')),
    ]
    expect(cipher.sealAll([small, utf8Bytes('other')])).toEqual(concatBytes(first, second))
    expect(cipher.sealAll([])).toEqual(new Uint8Array(0))
  })

  it('seals the largest payload into the largest frame', () => {
    const frame = client().seal(new Uint8Array(MAX_PAYLOAD_BYTES))
    expect(uintFromBytes(frame.subarray(0, 3))).toBe(0xff_ff_ff)
    expect(frame.length).toBe(3 + 0xff_ff_ff)
  })

  it('hands out frames and payloads that later calls do not touch', () => {
    const [sender, receiver] = [server(), client()]
    const first = sender.seal(utf8Bytes('first'))
    const copy = Uint8Array.from(first)
    const opened = receiver.open(first.subarray(3))
    receiver.open(sender.seal(utf8Bytes('other')).subarray(3))
    expect(first).toEqual(copy)
    expect(opened).toEqual(utf8Bytes('first'))
  })

  it('makes exactly the frames that node:crypto makes, and opens those', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 })
    const start = fc.integer({ min: 0, max: LAST - 20 })
    fc.assert(
      fc.property(payloads, start, (sequence, counter) => {
        const cipher = client({ sent: counter, received: counter })
        sequence.forEach((payload, index) => {
          expect(cipher.seal(payload)).toEqual(independentFrame(clientKey, counter + index, payload))
          const body = independentFrame(serverKey, counter + index, payload).subarray(3)
          expect(cipher.open(body)).toEqual(payload)
        })
      }),
      { seed: 20_26, numRuns: 100 },
    )
  })
})
