// Stanzas to bytes and back. Both sides read the same frames (made by Baileys, which waton equals byte for byte), and
// the decoder's result is walked, so that nothing can be put off.
import { timed } from '../harness.mjs'
import { groupStanza, messageStanza } from '../inputs.mjs'

export const title = 'Stanzas'
export const about =
  'A text message as it arrives, and a group of 1,024 members. Decoding reads every attribute.'
export const rows = {
  'encode a message': { unit: 'µs CPU' },
  'decode a message': { unit: 'µs CPU' },
  'encode a group': { unit: 'µs CPU' },
  'decode a group': { unit: 'µs CPU' },
}

function walk({ tag, attrs, content }) {
  let length = tag.length
  for (const name in attrs) length += attrs[name].length
  if (Array.isArray(content)) for (const child of content) length += walk(child)
  else if (content !== undefined) length += content.length
  return length
}

async function prepare(encode, decode) {
  const { encodeBinaryNode } = await import('@whiskeysockets/baileys')
  const cases = {}
  for (const [name, stanza, count] of [
    ['a message', messageStanza(), 400],
    ['a group', groupStanza(), 4],
  ]) {
    const frame = Buffer.from(encodeBinaryNode(stanza))
    if (Buffer.compare(Buffer.from(encode(stanza)), frame) !== 0)
      throw new Error(`${name} is encoded differently`)
    cases[`encode ${name}`] = timed(`encode ${name}`, (lap) => lap(count, () => void encode(stanza)))
    // Baileys decodes asynchronously
    const decodeAll = async (lap) =>
      lap(count, () => {
        const decoded = decode(frame)
        return typeof decoded.then === 'function' ? decoded.then(walk) : void walk(decoded)
      })
    cases[`decode ${name}`] = timed(`decode ${name}`, decodeAll)
  }
  return { cases }
}

export const contestants = {
  async waton() {
    const { decodeNode, encodeNode } = await import('waton/protocol')
    return prepare(encodeNode, decodeNode)
  },
  async Baileys() {
    const { decodeBinaryNode, encodeBinaryNode } = await import('@whiskeysockets/baileys')
    return prepare(encodeBinaryNode, decodeBinaryNode)
  },
}
