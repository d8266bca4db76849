/** Requests for older messages against what Baileys sends. */
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { buildHistoryRequest } from './index.ts'

const { PeerDataOperationRequestType } = proto.Message
const REQUEST = {
  chat: '15550000002@s.whatsapp.net',
  oldest: { id: '3EB0A1', fromMe: true, sentAtMs: 1_700_000_000_123 },
  count: 50,
}

test('a request is byte for byte what Baileys sends', () => {
  const theirs = proto.Message.encode({
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_MESSAGE,
      peerDataOperationRequestMessage: {
        historySyncOnDemandRequest: {
          chatJid: REQUEST.chat,
          oldestMsgFromMe: true,
          oldestMsgId: '3EB0A1',
          oldestMsgTimestampMs: 1_700_000_000_123,
          onDemandMsgCount: 50,
        },
        peerDataOperationRequestType: PeerDataOperationRequestType.HISTORY_SYNC_ON_DEMAND,
      },
    },
  }).finish()
  expect(buildHistoryRequest(REQUEST)).toEqual(new Uint8Array(theirs))
})

test('a request says the LID of the account when it is given', () => {
  const bytes = buildHistoryRequest({ ...REQUEST, accountLid: '100000000000001@lid' })
  const { peerDataOperationRequestMessage: request } = proto.Message.decode(bytes).protocolMessage ?? {}
  expect(request?.historySyncOnDemandRequest).toMatchObject({
    chatJid: REQUEST.chat,
    accountLid: '100000000000001@lid',
  })
})
