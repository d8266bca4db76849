/** Messages of a phone against what Baileys' schema encodes. */
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../base/errors.ts'
import { decodeMessage } from '../proto/message.ts'
import { readMessageDetails, readWebMessageInfo } from './web-message-info.ts'

test('bytes that are none are refused', () => {
  for (const bytes of [Uint8Array.of(0xff), Uint8Array.of(0x0a, 9, 1), Uint8Array.of(0x0a, 1, 0xff)])
    expect(() => readWebMessageInfo(bytes)).toThrow(ProtocolError)
})

test('what every message has is read; everything else is there for who asks', () => {
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
  expect(info).toMatchObject({ hasAddOns: false, pushName: 'Bob' })
  expect(readMessageDetails(info)).toMatchObject({
    labels: ['a', 'b'],
    userReceipt: [{ userJid: '15550000003@s.whatsapp.net', receiptTimestamp: 5 }],
  })
  const nothing = readWebMessageInfo(new Uint8Array(0))
  expect(nothing).toEqual({ bytes: new Uint8Array(0), hasAddOns: false, unknownFields: 0 })
})
