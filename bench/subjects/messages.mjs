// Message content as protobuf: a short text, and one that quotes another one with all that WhatsApp's clients add.
import { timed } from '../harness.mjs'
import { plainMessage, quotingMessage } from '../inputs.mjs'

export const title = 'Message content'
export const about = 'Texts to protobuf and back; decoding reads the text, the quote and the secret.'
export const rows = {
  'encode a text': { unit: 'µs CPU' },
  'decode a text': { unit: 'µs CPU' },
  'encode a quote': { unit: 'µs CPU' },
  'decode a quote': { unit: 'µs CPU' },
}

const COUNT = 400

function read({ conversation, extendedTextMessage: quote, messageContextInfo: info }) {
  const texts = quote ? [quote.text, quote.contextInfo.quotedMessage.conversation] : [conversation]
  for (const text of texts) if (text.length === 0) throw new Error('a text is missing')
  return info.messageSecret.length
}

function prepare(encode, decode) {
  const cases = {}
  for (const [name, message] of [
    ['a text', plainMessage()],
    ['a quote', quotingMessage()],
  ]) {
    const bytes = Buffer.from(encode(message))
    cases[`encode ${name}`] = timed(`encode ${name}`, (lap) => lap(COUNT, () => void encode(message)))
    cases[`decode ${name}`] = timed(`decode ${name}`, (lap) => lap(COUNT, () => void read(decode(bytes))))
  }
  return { cases }
}

export const contestants = {
  async waton() {
    const { messageProto } = await import('waton/protocol')
    return prepare(messageProto.encodeMessage, messageProto.decodeMessage)
  },
  async Baileys() {
    const { proto } = await import('@whiskeysockets/baileys')
    return prepare(
      (message) => proto.Message.encode(message).finish(),
      (bytes) => proto.Message.decode(bytes),
    )
  },
}
