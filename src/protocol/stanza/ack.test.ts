import { describe, expect, it } from 'vitest'
import { buildAckStanza } from '@whiskeysockets/baileys/lib/Utils/stanza-ack.js'
import { ProtocolError } from '../../base/errors.ts'
import { node } from '../binary/node.ts'
import { NACK, buildAck, parseAck } from './ack.ts'

const self = '15550000001:3@s.whatsapp.net'
const stanzas = [
  node('message', {
    id: 'A1',
    from: '15550000002:4@s.whatsapp.net',
    type: 'text',
    recipient: '15550000009@s.whatsapp.net',
  }),
  node('message', { id: 'A1', from: '1@g.us', participant: '2@lid', type: 'text' }),
  node('notification', { id: 'A1', from: '15550000002@s.whatsapp.net', type: 'devices' }),
  node('notification', { id: 'A1', from: '@s.whatsapp.net', type: 'encrypt' }, [
    node('count', { value: '3' }),
  ]),
  node('receipt', { id: 'A1', from: '1@g.us', participant: '2@lid', type: 'read' }),
  node('receipt', { id: 'A1', from: '15550000002:4@s.whatsapp.net' }),
  node('call', { id: 'A1', from: '15550000002@s.whatsapp.net' }),
]

describe('our ack', () => {
  it.each(stanzas)('of %o is the one that Baileys sends', (stanza) => {
    for (const errorCode of [undefined, NACK.PARSING_ERROR]) {
      const ours = buildAck(stanza, { self, ...(errorCode === undefined ? {} : { errorCode }) })
      expect(ours).toEqual(
        buildAckStanza({ ...stanza, attrs: { ...stanza.attrs }, content: [] }, errorCode, self),
      )
    }
  })
})

describe("the server's ack", () => {
  it.each<[string, Record<string, string>]>([
    ['no id', { class: 'message' }],
    ['no class', { id: 'A1' }],
    ['an odd error', { id: 'A1', class: 'message', error: 'no' }],
  ])('is refused with %s', (_, attrs) => {
    expect(() => parseAck(node('ack', attrs))).toThrow(ProtocolError)
  })

  it('tells acceptance and refusal apart', () => {
    const accepted = node('ack', {
      id: 'A1',
      class: 'message',
      from: '1@s.whatsapp.net',
      t: '1700000000',
      phash: '2:abc',
    })
    expect(parseAck(accepted)).toEqual({
      id: 'A1',
      class: 'message',
      from: '1@s.whatsapp.net',
      atSeconds: 1_700_000_000,
      participantHash: '2:abc',
    })
    expect(parseAck(node('ack', { id: 'A1', class: 'message', error: '479' })).errorCode).toBe(479)
  })
})
