/** Signal messages as bytes: refusals on any input, and the same fields as libsignal's protobuf classes in both directions. */
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { asBuffer, concatBytes, toHex } from '../../base/bytes.ts'
import { ProtocolError } from '../../base/errors.ts'
import { randomInteger, seededRandom } from '../../base/random.ts'
import { generateKeyPair } from '../crypto/index.ts'
import {
  checkSignalMac,
  encodePreKeySignalMessage,
  encodeSignalMessage,
  parseSignalMessage,
  readPreKeySignal,
} from './message.ts'

interface ForeignMessage {
  readonly [field: string]: Uint8Array | number | undefined
}

interface ForeignClass {
  encode(fields: ForeignMessage): { finish(): Uint8Array }
  decode(bytes: Uint8Array): ForeignMessage
}

const { WhisperMessage, PreKeyWhisperMessage } = createRequire(import.meta.url)(
  'libsignal/src/protobufs.js',
) as {
  readonly WhisperMessage: ForeignClass
  readonly PreKeyWhisperMessage: ForeignClass
}

const seed = 'signal messages'
const random = seededRandom(seed)
const [sender, receiver, ratchet] = [
  generateKeyPair(random),
  generateKeyPair(random),
  generateKeyPair(random),
]
const context = {
  macKey: random.bytes(32),
  senderIdentity: sender.publicKey,
  receiverIdentity: receiver.publicKey,
}
const content = {
  ratchetKey: ratchet.publicKey,
  counter: 300,
  previousCounter: 0xffffffff,
  ciphertext: random.bytes(48),
}
const body = encodeSignalMessage(content, context)
const withoutPreKey = {
  registrationId: 16380,
  signedPreKeyId: 0,
  baseKey: ratchet.publicKey,
  identityKey: sender.publicKey,
  message: body,
}
const envelope = { ...withoutPreKey, preKeyId: 0xffffff }

function typed(publicKey: Uint8Array, type = 5): Buffer {
  return asBuffer(concatBytes(Uint8Array.of(type), publicKey))
}

/** Any message of ours around fields that libsignal encodes. */
function foreignBody(fields: ForeignMessage): Uint8Array {
  return concatBytes(Uint8Array.of(0x33), WhisperMessage.encode(fields).finish(), new Uint8Array(8))
}

function refusesWith(code: string, action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ name: 'ProtocolError', code }))
}

const required = {
  ephemeralKey: typed(ratchet.publicKey),
  counter: 1,
  ciphertext: asBuffer(random.bytes(16)),
}

describe('parsing an ordinary message', () => {
  it('throws nothing but ProtocolError on random and on damaged bytes', () => {
    for (let round = 0; round < 3000; round++) {
      const input = round % 2 === 0 ? random.bytes(randomInteger(random, 120)) : Uint8Array.from(body)
      const at = randomInteger(random, Math.max(input.length, 1))
      if (round % 2 === 1) input[at] = randomInteger(random, 256)
      if (round % 4 === 0) input[0] = 0x33
      try {
        parseSignalMessage(input)
      } catch (error) {
        expect(error, `seed ${seed}, round ${String(round)}`).toBeInstanceOf(ProtocolError)
      }
      try {
        readPreKeySignal(input)
      } catch (error) {
        expect(error, `seed ${seed}, round ${String(round)}`).toBeInstanceOf(ProtocolError)
      }
    }
  })

  it('refuses every truncation', () => {
    for (let length = 0; length < body.length - 48; length++) {
      expect(() => parseSignalMessage(body.subarray(0, length))).toThrow(ProtocolError)
    }
  })

  it('refuses other versions', () => {
    for (const version of [0x00, 0x13, 0x23, 0x43, 0xff]) {
      const other = Uint8Array.from(body).fill(version, 0, 1)
      refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(other))
    }
  })

  it('refuses a message without one of its required fields', () => {
    for (const field of Object.keys(required)) {
      const rest = Object.fromEntries(Object.entries(required).filter(([name]) => name !== field))
      const whole = { ...required, ...rest }
      expect(parseSignalMessage(foreignBody(whole)).counter).toBe(1)
      refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(foreignBody(rest)))
    }
  })

  it('refuses ratchet keys of another type or length', () => {
    for (const ephemeralKey of [typed(ratchet.publicKey, 6), typed(ratchet.publicKey).subarray(0, 32)]) {
      refusesWith('WATON_SIGNAL_INVALID_KEY', () =>
        parseSignalMessage(foreignBody({ ...required, ephemeralKey })),
      )
    }
  })

  it('refuses numbers beyond 64 bits and fields beyond the message', () => {
    const tail = new Uint8Array(8)
    const endless = concatBytes(Uint8Array.of(0x33, 0x10), new Uint8Array(11).fill(0xff), tail)
    refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(endless))
    const tooLong = concatBytes(Uint8Array.of(0x33, 0x22, 0xff, 0xff, 0xff, 0xff, 0x7f), tail)
    refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(tooLong))
    const complete = foreignBody(required).subarray(0, -8)
    for (const field of [
      [0x7a, 9, 1],
      [0x79, 1, 2, 3],
      [0x7d, 1],
    ]) {
      const overrun = concatBytes(complete, Uint8Array.from(field), tail)
      refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(overrun))
    }
    const groupType = concatBytes(Uint8Array.of(0x33, 0x0b), tail)
    refusesWith('WATON_SIGNAL_MALFORMED', () => parseSignalMessage(groupType))
  })

  it('steps over fields that it does not know, of every wire type', () => {
    const unknown = Uint8Array.of(0x78, 1, 0x7a, 2, 9, 9, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4)
    const known = foreignBody(required)
    const mixed = concatBytes(known.subarray(0, 1), unknown, known.subarray(1))
    expect(parseSignalMessage(mixed)).toMatchObject({ counter: 1, previousCounter: 0 })
  })

  it('reads what libsignal encodes', () => {
    const parsed = parseSignalMessage(foreignBody({ ...required, previousCounter: 70_000 }))
    expect(parsed).toMatchObject({ counter: 1, previousCounter: 70_000, ratchetKey: ratchet.publicKey })
    expect(toHex(parsed.ciphertext)).toBe(toHex(required.ciphertext))
  })
})

describe('the MAC of a message', () => {
  it('refuses every altered bit, other identities and swapped roles', () => {
    const badMac = expect.objectContaining({ name: 'CryptoError', code: 'WATON_SIGNAL_BAD_MAC' }) as Error
    const parsed = parseSignalMessage(body)
    for (let bit = 0; bit < body.length * 8; bit++) {
      const altered = Uint8Array.from(body)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const end = body.length - 8
      const message = { ...parsed, authenticated: altered.subarray(0, end), mac: altered.subarray(end) }
      expect(() => {
        checkSignalMac(message, context)
      }).toThrow(badMac)
    }
    const { senderIdentity, receiverIdentity } = context
    const swapped = { ...context, senderIdentity: receiverIdentity, receiverIdentity: senderIdentity }
    for (const other of [swapped, { ...context, senderIdentity: ratchet.publicKey }]) {
      expect(() => {
        checkSignalMac(parsed, other)
      }).toThrow(badMac)
    }
  })

  it('accepts what was encoded', () => {
    checkSignalMac(parseSignalMessage(body), context)
  })
})

describe('encoding', () => {
  it('gives the bytes that libsignal gives for the same fields', () => {
    const expected = WhisperMessage.encode({
      ephemeralKey: typed(content.ratchetKey),
      counter: content.counter,
      previousCounter: content.previousCounter,
      ciphertext: asBuffer(content.ciphertext),
    }).finish()
    expect(toHex(body.subarray(1, -8))).toBe(toHex(expected))
  })

  it.each([0, 127, 128, 16_383, 16_384, 0xffffffff])(
    'writes the counter %i as libsignal reads it',
    (counter) => {
      const bytes = encodeSignalMessage({ ...content, counter }, context)
      expect(WhisperMessage.decode(asBuffer(bytes.subarray(1, -8)))).toMatchObject({ counter })
    },
  )

  it.each([envelope.preKeyId, undefined])(
    'gives the envelope that libsignal gives (one-time pre-key: %s)',
    (preKeyId) => {
      const { registrationId, signedPreKeyId, message } = envelope
      const ids = preKeyId === undefined ? {} : { preKeyId }
      const expected = PreKeyWhisperMessage.encode({
        ...ids,
        baseKey: typed(envelope.baseKey),
        identityKey: typed(envelope.identityKey),
        message: asBuffer(message),
        registrationId,
        signedPreKeyId,
      }).finish()
      const fields = { ...withoutPreKey, ...ids }
      const bytes = encodePreKeySignalMessage(fields)
      expect(toHex(bytes)).toBe(`33${toHex(expected)}`)
      expect(readPreKeySignal(bytes)).toEqual(fields)
    },
  )
})

describe('parsing an envelope', () => {
  it('refuses one without a required field, but not one without a registration id', () => {
    const fields = {
      baseKey: typed(envelope.baseKey),
      identityKey: typed(envelope.identityKey),
      message: asBuffer(body),
      signedPreKeyId: 7,
    }
    const encode = (some: ForeignMessage): Uint8Array =>
      concatBytes(Uint8Array.of(0x33), PreKeyWhisperMessage.encode(some).finish())
    expect(readPreKeySignal(encode(fields))).toMatchObject({ registrationId: 0, signedPreKeyId: 7 })
    for (const field of Object.keys(fields)) {
      const rest = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== field))
      refusesWith('WATON_SIGNAL_MALFORMED', () => readPreKeySignal(encode(rest)))
    }
  })

  it('refuses keys without their type byte', () => {
    const bytes = encodePreKeySignalMessage(envelope)
    const at = asBuffer(bytes).indexOf(asBuffer(envelope.baseKey)) - 1
    bytes[at] = 4
    refusesWith('WATON_SIGNAL_INVALID_KEY', () => readPreKeySignal(bytes))
  })
})
