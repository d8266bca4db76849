import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import protobuf from 'protobufjs/minimal.js'
import { proto } from '@whiskeysockets/baileys'
import { ProtocolError, UsageError } from '../../base/errors.ts'
import { fromHex, toBase64, toHex, utf8Bytes } from '../../base/bytes.ts'
import { MAX_PROTO_DEPTH, countUnknownFields, decodeProto, encodeProto } from './codec.ts'
import { ADVDeviceIdentity, ClientPayload, DeviceProps } from './connection.ts'
import { type MessageProperties, decodeMessage, encodeMessage } from './message.ts'

/** The same bytes as read by the schema classes that Baileys ships, as plain data. */
function asBaileysReads(bytes: Uint8Array): unknown {
  return proto.Message.toObject(proto.Message.decode(bytes), { longs: Number, bytes: String })
}

describe('reading protobuf from outside', () => {
  it('refuses bytes that are no message with a typed error', () => {
    expect(() => decodeMessage(Uint8Array.of(0x0a, 0xff))).toThrow(ProtocolError)
    expect(() => decodeMessage(Uint8Array.of(0x0a, 0xff))).toThrow(
      expect.objectContaining({ code: 'WATON_PROTO_MALFORMED' }),
    )
  })

  it('throws only protocol errors on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decodeMessage(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  it('refuses messages nested deeper than the bound instead of exhausting the stack', () => {
    const nest = (levels: number): Uint8Array => {
      let bytes: Uint8Array = new Uint8Array(0)
      for (let level = 0; level < levels; level++) {
        const inner = proto.Message.FutureProofMessage.encode({
          message: proto.Message.decode(bytes),
        }).finish()
        bytes = proto.Message.encode({
          viewOnceMessage: proto.Message.FutureProofMessage.decode(inner),
        }).finish()
      }
      return bytes
    }
    expect(() => decodeMessage(nest(MAX_PROTO_DEPTH / 2 - 1))).not.toThrow()
    expect(() => decodeMessage(nest(MAX_PROTO_DEPTH / 2 + 1))).toThrow(
      expect.objectContaining({ code: 'WATON_PROTO_MALFORMED' }),
    )
  })

  it('reads absent fields as null, never as the first value of an enum', () => {
    const decoded = decodeMessage(encodeMessage({ protocolMessage: {} }))
    expect(decoded.protocolMessage?.type).toBeNull()
    expect(decoded.conversation).toBeNull()
  })

  it('keeps enum values that are newer than the schema', () => {
    const bytes = fromHex('6202' + '1063') // protocolMessage { type: 99 }
    expect(decodeMessage(bytes).protocolMessage?.type).toBe(99)
  })

  it('counts fields that the schema does not know and writes them again unchanged', () => {
    const known = proto.Message.encode({ conversation: 'hi' }).finish()
    const bytes = Uint8Array.of(...known, 0xca, 0xbb, 0x01, 0x02, 0x61, 0x62) // field 3001, bytes "ab"
    const decoded = decodeMessage(bytes)
    expect(decoded.conversation).toBe('hi')
    expect(countUnknownFields(decoded)).toBe(1)
    expect(encodeMessage(decoded)).toEqual(bytes)
  })
})

/** Stands for the class of the `long` package: that there is one makes protobufjs hand out words instead of numbers. */
class LongStandIn {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean

  constructor(low: number, high: number, unsigned: boolean) {
    this.low = low
    this.high = high
    this.unsigned = unsigned
  }
}

describe.each([
  ['with the long package', LongStandIn],
  ['without it', null],
])('64-bit integers %s', (_, long) => {
  const before: unknown = protobuf.util.Long

  beforeAll(() => {
    Object.assign(protobuf.util, { Long: long })
    protobuf.configure()
  })

  afterAll(() => {
    Object.assign(protobuf.util, { Long: before })
    protobuf.configure()
  })

  it.each([-5, 0, 2 ** 31, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    'reads %d as it is',
    (value) => {
      const bytes = proto.Message.encode({ protocolMessage: { ephemeralSettingTimestamp: value } }).finish()
      expect(decodeMessage(bytes).protocolMessage?.ephemeralSettingTimestamp).toBe(value)
    },
  )

  it('reads large unsigned numbers as positive ones', () => {
    const bytes = Uint8Array.of(0x10, ...Array.from({ length: 9 }, () => 0xff), 0x01) // timestamp: 2^64 - 1
    expect(decodeProto(ADVDeviceIdentity, bytes, 'ADVDeviceIdentity').timestamp).toBe(2 ** 64)
  })
})

describe('writing protobuf', () => {
  it('refuses a message that contains itself as a mistake of the caller', () => {
    const message: MessageProperties = {}
    message.viewOnceMessage = { message }
    expect(() => encodeMessage(message)).toThrow(UsageError)
  })

  it('gives plain byte arrays that the schema classes of Baileys read the same way', () => {
    const bytes = encodeMessage({
      extendedTextMessage: {
        text: 'hello',
        contextInfo: { stanzaId: 'A1', mentionedJid: ['1@lid'], expiration: 0 },
      },
      messageContextInfo: { messageSecret: utf8Bytes('0123456789abcdef0123456789abcdef') },
    })
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
    expect(asBaileysReads(bytes)).toEqual({
      extendedTextMessage: {
        text: 'hello',
        contextInfo: { stanzaId: 'A1', mentionedJid: ['1@lid'], expiration: 0 },
      },
      messageContextInfo: { messageSecret: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
    })
  })

  it('writes the same bytes as Baileys for connecting types', () => {
    const payload = {
      username: 15550000001,
      passive: true,
      sessionId: -7,
      userAgent: { platform: 14, appVersion: { primary: 2, secondary: 3000, tertiary: 1 }, mcc: '000' },
    }
    expect(encodeProto(ClientPayload, payload, 'ClientPayload')).toEqual(
      new Uint8Array(proto.ClientPayload.encode(payload).finish()),
    )
    const props = {
      os: 'Ubuntu',
      requireFullSync: false,
      historySyncConfig: { storageQuotaMb: 10240 },
    }
    expect(
      encodeProto(DeviceProps, { ...props, platformType: DeviceProps.PlatformType.EDGE }, 'DeviceProps'),
    ).toEqual(
      new Uint8Array(
        proto.DeviceProps.encode({ ...props, platformType: proto.DeviceProps.PlatformType.EDGE }).finish(),
      ),
    )
  })
})

/** Texts and numbers around every limit at which our reader and writer change their way. */
const edgeTexts = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.integer({ min: 0, max: 300 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 0, max: 100 }).map((length) => 'ç'.repeat(length)),
)
const edgeNumbers = fc.oneof(
  fc.nat(),
  fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits - 1),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
)

/** The fields that were on the wire, bytes as base64. */
function asPlainData(message: unknown): unknown {
  const plain = (_name: string, value: unknown): unknown => {
    if (value instanceof Uint8Array) return toBase64(value)
    return Array.isArray(value) && value.length === 0 ? undefined : value
  }
  return JSON.parse(JSON.stringify(message, plain))
}

describe('hot messages', () => {
  it('have the bytes that Baileys gives them, and read as it reads them, whatever came before', () => {
    const messages = fc.record(
      {
        conversation: edgeTexts,
        extendedTextMessage: fc.record(
          {
            text: edgeTexts,
            contextInfo: fc.record(
              {
                stanzaId: edgeTexts,
                quotedMessage: fc.record({ conversation: edgeTexts }, { requiredKeys: [] }),
                expiration: fc.nat(),
              },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        ),
        messageContextInfo: fc.record(
          {
            messageSecret: fc.uint8Array({ maxLength: 70_000, size: 'max' }),
            deviceListMetadata: fc.record(
              { senderTimestamp: edgeNumbers, recipientTimestamp: edgeNumbers },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        ),
        deviceSentMessage: fc.record(
          { destinationJid: edgeTexts, message: fc.record({ conversation: edgeTexts }) },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message)
        expect(toHex(bytes)).toBe(toHex(proto.Message.encode(message).finish()))
        expect(toHex(encodeMessage(decodeMessage(bytes)))).toBe(toHex(bytes))
        expect(asPlainData(decodeMessage(bytes))).toEqual(asBaileysReads(bytes))
      }),
      { seed: 7, numRuns: 400 },
    )
  })

  it('are written from the start again after one that could not be written', () => {
    const expected = encodeMessage({ conversation: 'hello' })
    const circular: Record<string, unknown> = { conversation: 'x' }
    circular['deviceSentMessage'] = { message: circular }
    expect(() => encodeMessage(circular)).toThrow(UsageError)
    expect(encodeMessage({ conversation: 'hello' })).toEqual(expected)
  })

  it('do not share memory with the next one', () => {
    const first = encodeMessage({ conversation: 'first' })
    const copy = first.slice()
    encodeMessage({ conversation: 'again' })
    expect(first).toEqual(copy)
  })

  it('are refused when a long text leaves the message', () => {
    const cut = encodeMessage({ conversation: 'x'.repeat(100) }).subarray(0, 90)
    expect(() => decodeMessage(cut)).toThrow(expect.objectContaining({ code: 'WATON_PROTO_MALFORMED' }))
  })
})
