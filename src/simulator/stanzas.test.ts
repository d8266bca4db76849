/** What the builders make is what an unmodified Baileys reads, and what the codec carries. */
import { describe, expect, it } from 'vitest'
import { decodeMessageNode, getCallStatusFromNode } from '@whiskeysockets/baileys'
import type { BinaryNode as BaileysNode } from '@whiskeysockets/baileys'
import { decodeNode } from '../protocol/binary/decode.ts'
import { encodeNode } from '../protocol/binary/encode.ts'
import { childrenOf, node } from '../protocol/binary/node.ts'
import type { BinaryNode } from '../protocol/binary/node.ts'
import * as stanzas from './stanzas.ts'

const BOB = '15550000002@s.whatsapp.net'
const GROUP = '120363000000000001@g.us'
const HEAD = { id: 'A1', from: BOB, atSeconds: 1_700_000_000 }
const CALL = { ...HEAD, callId: 'C1' }

const ALL: Readonly<Record<string, BinaryNode>> = {
  notification: stanzas.notification({ ...HEAD, type: 'picture' }, [node('set', { id: '1' })]),
  receipt: stanzas.receipt({ ...HEAD, type: 'read', moreIds: ['A2'] }),
  delivery: stanzas.receipt(HEAD),
  retry: stanzas.retryReceipt({ ...HEAD, count: 1, registrationId: 7 }),
  offer: stanzas.callOffer({ ...CALL, video: true }),
  notice: stanzas.callOfferNotice({ ...CALL, groupJid: GROUP }),
  terminate: stanzas.callTerminate({ ...CALL, reason: 'timeout' }),
  presence: stanzas.presence({ from: BOB, isAvailable: false, last: 'deny' }),
  typing: stanzas.chatState({ from: GROUP, participant: BOB, state: 'recording' }),
  bulletin: stanzas.bulletin(node('dirty', { type: 'groups', timestamp: '1' }), node('downgrade_webclient')),
  refusal: stanzas.ack({ ...HEAD, class: 'message', error: 479 }),
  newsletter: stanzas.newsletterMessage(
    { ...HEAD, from: '1@newsletter', serverId: 100 },
    Uint8Array.of(10, 0),
  ),
  unavailable: stanzas.unavailableMessage(HEAD),
  encrypted: stanzas.encryptedMessage({ ...HEAD, encryption: 'skmsg' }, Uint8Array.of(0x33, 1)),
  answer: stanzas.botReply(
    {
      ...{ ...HEAD, from: '867051314767696@bot', secret: new Uint8Array(32), targetId: 'B1' },
      ...{ targetSender: '100000000001@lid', edit: 'inner', editTargetId: 'A0' },
    },
    Uint8Array.of(10, 0),
  ),
  unknown: stanzas.unknown('surprise', HEAD),
}

describe('a built stanza', () => {
  it.each(Object.entries(ALL))('of the kind %s travels unchanged', (_kind, stanza) => {
    expect(encodeNode(decodeNode(encodeNode(stanza)))).toEqual(encodeNode(stanza))
  })

  it('carries the attributes that a test adds, in place of its own', () => {
    const stanza = stanzas.notification({ ...HEAD, type: 'picture', attributes: { t: '5', notify: 'Bob' } })
    expect(stanza.attrs).toEqual({ from: BOB, id: 'A1', t: '5', type: 'picture', notify: 'Bob' })
  })

  it.each([
    ['offer', 'offer'],
    ['terminate', 'timeout'],
  ])('of the kind %s is for Baileys a call that is %s', (kind, status) => {
    const [child] = childrenOf(ALL[kind] ?? node(''))
    expect(getCallStatusFromNode(child as unknown as BaileysNode)).toBe(status)
  })

  it('of a newsletter is for Baileys a message with its number there', () => {
    const { fullMessage } = decodeMessageNode(ALL['newsletter'] as unknown as BaileysNode, BOB, '1@lid')
    expect(fullMessage.key).toMatchObject({ remoteJid: '1@newsletter', id: 'A1', server_id: '100' })
  })
})
