/** Messages of a phone against what Baileys' schema encodes. */
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { decodeMessage } from '../proto/message.ts'
import { readWebMessageInfo } from './web-message-info.ts'

test('bytes that are none are refused', () => {
  for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x0a, 9, 1), Uint8Array.of(0x0a, 1, 0xff)])
    expect(() => readWebMessageInfo(bytes)).toThrow(ProtocolError)
})

test('key, message and time are read; everything else is passed over', () => {
  const key = { remoteJid: '15550000002@s.whatsapp.net', fromMe: false, id: 'P1' }
  const bytes = proto.WebMessageInfo.encode({
    key,
    message: { conversation: 'here it is' },
    messageTimestamp: 1_700_000_000,
    pushName: 'Bob',
    labels: ['a', 'b'],
    userReceipt: [{ userJid: '15550000003@s.whatsapp.net', receiptTimestamp: 5 }],
  }).finish()
  const info = readWebMessageInfo(new Uint8Array(bytes))
  expect(info).toMatchObject({ key, sentAtSeconds: 1_700_000_000 })
  expect(decodeMessage(info.message ?? new Uint8Array())).toMatchObject({ conversation: 'here it is' })
  expect(readWebMessageInfo(new Uint8Array(0))).toEqual({})
})
