import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { generateWAMessageContent, proto } from '@whiskeysockets/baileys'
import type { MessageContentGenerationOptions } from '@whiskeysockets/baileys'
import { ProtocolError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { decodeMessage, encodeMessage } from '../proto/message.ts'
import { contentOf, type ReadContent } from './content.ts'
import { KINDS } from './kinds/index.ts'
import type { BuildContext } from './kinds/index.ts'
import { withMessageSecret } from './secret.ts'

function read(message: proto.IMessage): ReadContent {
  return contentOf(decodeMessage(new Uint8Array(proto.Message.encode(message).finish())))
}

const { Type } = proto.Message.ProtocolMessage

describe('content that cannot be named', () => {
  it('is unknown without a name when there is none', () => {
    expect(read({})).toEqual({ kind: 'unknown', wrappers: [], options: {} })
    expect(read({ messageContextInfo: { messageSecret: new Uint8Array(32) } }).kind).toBe('unknown')
    expect(read({ senderKeyDistributionMessage: { groupId: '1@g.us' } })).toEqual({
      kind: 'unknown',
      wrappers: [],
      options: {},
    })
  })

  it('is unknown by the name of its field', () => {
    expect(read({ reactionMessage: { text: 'x' } })).toEqual({
      kind: 'unknown',
      name: 'reactionMessage',
      wrappers: [],
      options: {},
    })
    // field 9999, which no schema has
    expect(contentOf(decodeMessage(new Uint8Array([0xfa, 0xf0, 0x04, 0x01, 0x41])))).toEqual({
      kind: 'unknown',
      wrappers: [],
      options: {},
    })
  })

  it('is never an error, whatever decodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(['content', 'addon', 'protocol', 'unknown']).toContain(contentOf(decodeMessage(bytes)).kind)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: 5, numRuns: 1000 },
    )
  })

  it('ends at a bound in wrappers within wrappers', () => {
    let message: proto.IMessage = { conversation: 'deep' }
    for (let level = 0; level < 20; level++) message = { ephemeralMessage: { message } }
    expect(read(message)).toMatchObject({ kind: 'unknown', name: 'ephemeralMessage' })
  })
})

describe('a protocol message', () => {
  it.each([
    [Type.REVOKE, 'revoke'],
    [Type.HISTORY_SYNC_NOTIFICATION, 'history-sync-notification'],
    [Type.APP_STATE_SYNC_KEY_SHARE, 'app-state-key-share'],
    [Type.APP_STATE_SYNC_KEY_REQUEST, 'app-state-key-request'],
    [Type.MESSAGE_EDIT, 'edit'],
    [Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE, 'peer-data-response'],
    [Type.LID_MIGRATION_MAPPING_SYNC, 'lid-migration-mapping'],
  ])('of number %i is named %s', (type, name) => {
    expect(read({ protocolMessage: { type } })).toMatchObject({
      kind: 'protocol',
      type: name,
      typeNumber: type,
    })
  })

  it('without a type is a revocation only when it says of what', () => {
    expect(read({ protocolMessage: {} })).toMatchObject({ kind: 'protocol', type: 'unknown' })
    expect(read({ protocolMessage: { key: { id: 'A1' } } })).toMatchObject({
      kind: 'protocol',
      type: 'revoke',
    })
  })

  it('of a newer type keeps its number and its data', () => {
    const content = read({ protocolMessage: { type: 99 as never, timestampMs: 5 } })
    expect(content).toMatchObject({
      kind: 'protocol',
      type: 'unknown',
      typeNumber: 99,
      protocol: { timestampMs: 5 },
    })
  })

  it('is found inside an edited message', () => {
    const protocolMessage = {
      type: Type.MESSAGE_EDIT,
      key: { id: 'A1' },
      editedMessage: { conversation: 'new' },
    }
    expect(read({ editedMessage: { message: { protocolMessage } } })).toMatchObject({
      kind: 'protocol',
      type: 'edit',
      wrappers: ['editedMessage'],
    })
  })
})

const TEXT = { kind: 'content', name: 'text', content: { text: 'hi' }, options: {} }

describe('text', () => {
  it('is read from both of its forms, also when it is empty', () => {
    expect(read({ conversation: 'hi' })).toEqual({ ...TEXT, wrappers: [] })
    expect(read({ extendedTextMessage: { text: 'hi' } })).toEqual({ ...TEXT, wrappers: [] })
    expect(read({ conversation: '' })).toMatchObject({ kind: 'content', name: 'text', content: { text: '' } })
  })

  it.each([
    'ephemeralMessage',
    'viewOnceMessage',
    'viewOnceMessageV2',
    'viewOnceMessageV2Extension',
  ] as const)('is read from inside a %s', (wrapper) => {
    expect(read({ [wrapper]: { message: { conversation: 'hi' } } })).toMatchObject({
      kind: 'content',
      content: { text: 'hi' },
      wrappers: [wrapper],
    })
  })

  it('is read from inside several wrappers, which are named from the outside in', () => {
    const inner = { viewOnceMessageV2: { message: { conversation: 'hi' } } }
    expect(read({ ephemeralMessage: { message: inner } })).toEqual({
      ...TEXT,
      options: { ephemeral: true, viewOnce: true },
      wrappers: ['ephemeralMessage', 'viewOnceMessageV2'],
    })
  })

  it('is built as Baileys builds it, secret included', async () => {
    const options = {} as MessageContentGenerationOptions
    const expected = await generateWAMessageContent({ text: 'hello there' }, options)
    const secret = expected.messageContextInfo?.messageSecret ?? new Uint8Array(0)
    expect(secret).toHaveLength(32)
    const context: BuildContext = {
      id: 'A1',
      chat: '15550000002@s.whatsapp.net',
      me: '15550000001@s.whatsapp.net',
      nowMs: 0,
      random: seededRandom(1),
      secret,
      find: () => undefined,
    }
    const { message } = KINDS.text.build({ text: 'hello there' }, context)
    const built = encodeMessage(withMessageSecret(message, secret))
    expect(built).toEqual(new Uint8Array(proto.Message.encode(expected).finish()))
  })

  it('keeps a secret that the message has', () => {
    const messageSecret = seededRandom(1).bytes(32)
    const message = { conversation: 'x', messageContextInfo: { messageSecret } }
    expect(withMessageSecret(message, new Uint8Array(32)).messageContextInfo?.messageSecret).toEqual(
      messageSecret,
    )
  })
})
