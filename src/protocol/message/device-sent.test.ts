import { describe, expect, it } from 'vitest'
import { proto } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { decodeMessage } from '../proto/message.ts'
import { unwrapDeviceSent, wrapDeviceSent } from './device-sent.ts'

const chat = '15550000002@s.whatsapp.net'
const messageSecret = seededRandom('device sent').bytes(32)
const inner: proto.IMessage = { extendedTextMessage: { text: 'hi' }, messageContextInfo: { messageSecret } }

function encoded(message: proto.IMessage): Uint8Array {
  return new Uint8Array(proto.Message.encode(message).finish())
}

describe('the envelope for own devices', () => {
  it('refuses to wrap bytes that are no message', () => {
    expect(() => wrapDeviceSent(chat, Uint8Array.of(0x0a, 0xff))).toThrow(ProtocolError)
  })

  it('is absent from ordinary messages and from empty envelopes', () => {
    expect(unwrapDeviceSent(decodeMessage(encoded(inner)))).toBeUndefined()
    expect(
      unwrapDeviceSent(decodeMessage(encoded({ deviceSentMessage: { destinationJid: chat } }))),
    ).toBeUndefined()
  })

  it('is byte for byte the one that Baileys builds, with the context info inside and outside', () => {
    const expected = {
      deviceSentMessage: { destinationJid: chat, message: inner },
      messageContextInfo: { messageSecret },
    }
    expect(wrapDeviceSent(chat, encoded(inner))).toEqual(encoded(expected))
  })

  it('keeps fields that the schema does not know', () => {
    const bytes = Uint8Array.of(...encoded({ conversation: 'hi' }), 0xca, 0xbb, 0x01, 0x02, 0x61, 0x62)
    const { deviceSentMessage } = decodeMessage(wrapDeviceSent(chat, bytes))
    expect(deviceSentMessage?.message?.$unknowns).toHaveLength(1)
  })

  it('gives back the chat and the message, with the secret also where it stood only outside', () => {
    const envelope = {
      deviceSentMessage: { destinationJid: chat, message: { conversation: 'hi' } },
      messageContextInfo: { messageSecret },
    }
    const sent = unwrapDeviceSent(decodeMessage(encoded(envelope)))
    expect(sent?.destinationJid).toBe(chat)
    expect(sent?.message.conversation).toBe('hi')
    expect(sent?.message.messageContextInfo?.messageSecret).toEqual(messageSecret)
  })
})
